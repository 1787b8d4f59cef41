// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Budgets of work on files of others: what they refuse, count, and give back; and what readers make of it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/util.h"
#include "symbol/symtab.h"
#include "unwind/table.h"

#define SELF "/proc/self/exe"

static const struct budget_limits usual;

static void limit(size_t file_bytes, size_t all_bytes, uint64_t file_ns, uint64_t all_ns)
{
	const struct budget_limits l = {.file_bytes = file_bytes,
					.all_bytes = all_bytes,
					.file_ns = file_ns,
					.all_ns = all_ns};

	budget_set_limits(&l);
}

static int tear_down(void **state)
{
	(void)state;
	budget_set_limits(&usual);
	return 0;
}

static uint64_t stopped(enum budget_reason reason)
{
	struct budget_stops stops;

	budget_stops(&stops);
	return stops.cnt[reason];
}

static void memory(void **state)
{
	struct budget a = {.path = "/a"}, b = {.path = "/b"};
	struct budget_stops stops;

	(void)state;
	limit(100, 150, NSEC_PER_SEC, NSEC_PER_SEC);
	assert_true(budget_take(&a, 100));
	assert_false(budget_take(&a, 1));
	assert_false(budget_take(&a, SIZE_MAX));
	assert_int_equal(stopped(BUDGET_FILE_MEMORY), 1); /* a work is counted once */
	assert_true(budget_take(&b, 50));
	assert_false(budget_take(&b, 1));
	budget_stops(&stops);
	assert_int_equal(stops.cnt[BUDGET_ALL_MEMORY], 1);
	assert_string_equal(stops.first[BUDGET_FILE_MEMORY], "/a");
	assert_string_equal(stops.first[BUDGET_ALL_MEMORY], "/b");
	budget_close(&a);
	assert_true(budget_take(&b, 50));
	budget_forgive(&b);
	budget_stops(&stops);
	assert_int_equal(stops.cnt[BUDGET_ALL_MEMORY], 0);
	assert_string_equal(stops.first[BUDGET_ALL_MEMORY], "");
	budget_close(&b);
	assert_true(budget_take(NULL, SIZE_MAX));
}

static void spend(struct budget *b)
{
	for (uint32_t i = 0; i < 100000000 && budget_step(b); i++)
		;
}

static void time_of_a_thread(void **state)
{
	struct budget a = {0}, b = {0}, c = {0};

	(void)state;
	limit(100, 100, 10 * NSEC_PER_MSEC, 15 * NSEC_PER_MSEC);
	budget_begin(&a);
	budget_begin(&a); /* within itself */
	spend(&a);
	budget_end(&a);
	budget_end(&a);
	assert_int_equal(a.reason, BUDGET_FILE_TIME);
	usleep(20000); /* which is not CPU time */
	budget_begin(&b);
	assert_true(budget_has_time(&b));
	spend(&b);
	budget_end(&b);
	assert_true(b.reason == BUDGET_ALL_TIME || b.reason == BUDGET_FILE_TIME);
	spend(&c);
	assert_int_equal(c.reason, stopped(BUDGET_ALL_TIME) ? BUDGET_ALL_TIME : BUDGET_NONE);
}

static void growing(void **state)
{
	struct budget b = {0};
	uint32_t *list = NULL;
	size_t cap = 0, cnt = 0;
	int err;

	(void)state;
	limit(1 << 20, 1 << 20, NSEC_PER_SEC, NSEC_PER_SEC);
	while (!(err = budget_grow(&b, (void **)&list, &cap, cnt, sizeof(*list))))
		list[cnt++] = 1;
	assert_int_equal(err, -EDQUOT);
	assert_int_equal(b.held, cap * sizeof(*list));
	assert_true(cnt > (1 << 20) / sizeof(*list) / 2);
	free(list);
	budget_close(&b);
}

/* All that readers took is given back: as much as there is can be had. */
static void assert_none_held(size_t all)
{
	struct budget b = {0};

	assert_true(budget_take(&b, all));
	budget_close(&b);
}

/* Code whose CFI was not read is unsupported, and not taken for code that has frame pointers. */
static void tables_that_are_cut(void **state)
{
	struct budget b = {.path = SELF};
	struct unwind_table whole, cut;
	uint64_t addr;
	scoped_fd int fd = open(SELF, O_RDONLY | O_CLOEXEC);

	(void)state;
	limit(64 << 20, 64 << 20, 100 * NSEC_PER_SEC, 100 * NSEC_PER_SEC);
	assert_int_equal(unwind_table_build(&whole, fd, &b, NULL), 0);
	assert_true(b.held && b.held <= unwind_table_bytes(&whole));
	addr = whole.base + whole.start[whole.start_cnt / 2];
	assert_int_not_equal(unwind_table_find(&whole, addr).cfa, WG_CFA_UNSUPPORTED);
	budget_close(&b);
	limit(unwind_table_bytes(&whole) / 2, 64 << 20, 100 * NSEC_PER_SEC, 100 * NSEC_PER_SEC);
	assert_int_equal(unwind_table_build(&cut, fd, &b, NULL), 0);
	assert_int_equal(stopped(BUDGET_FILE_MEMORY), 1);
	assert_int_equal(unwind_table_find(&cut, addr).cfa, WG_CFA_UNSUPPORTED);
	assert_int_equal(unwind_table_start(&cut, addr), 0);
	unwind_table_clear(&whole);
	unwind_table_clear(&cut);
	budget_close(&b);
	limit(64 << 20, 64 << 20, 1, 1);
	b = (struct budget){0};
	assert_int_equal(unwind_table_build(&cut, fd, &b, NULL), 0);
	assert_int_equal(b.reason, BUDGET_FILE_TIME);
	assert_int_equal(unwind_table_find(&cut, addr).cfa, WG_CFA_UNSUPPORTED);
	unwind_table_clear(&cut);
	budget_close(&b);
	/* others have it all: not even its headers can be looked at */
	limit(64 << 20, 64, 100 * NSEC_PER_SEC, 100 * NSEC_PER_SEC);
	b = (struct budget){0};
	assert_int_equal(unwind_table_build(&cut, fd, &b, NULL), 0);
	assert_int_equal(stopped(BUDGET_ALL_MEMORY), 1);
	assert_int_equal(unwind_table_find(&cut, addr).cfa, WG_CFA_UNSUPPORTED);
	unwind_table_clear(&cut);
	budget_close(&b);
	limit(64 << 20, 64 << 20, NSEC_PER_SEC, NSEC_PER_SEC);
	assert_none_held(64 << 20);
}

static bool names_self(bool *wants_room)
{
	scoped_fd int fd = open(SELF, O_RDONLY | O_CLOEXEC);
	struct symtab *s;
	struct symbol f;
	bool found = false;

	assert_int_equal(symtab_open(&s, fd, SELF, "", NULL), 0);
	*wants_room = symtab_wants_room(s);
	for (uint64_t addr = 0x1000; addr < 0x400000 && !found; addr += 64)
		found = symtab_function(s, addr, &f);
	if (*wants_room)
		symtab_forget(s);
	else
		symtab_close(s);
	return found;
}

static void names_that_are_cut(void **state)
{
	struct budget others = {0};
	bool wants_room;

	(void)state;
	limit(64 << 20, 64 << 20, 100 * NSEC_PER_SEC, 100 * NSEC_PER_SEC);
	assert_true(names_self(&wants_room));
	assert_false(wants_room);
	assert_none_held(64 << 20);
	assert_true(budget_take(&others, (64 << 20) - 16384));
	assert_false(names_self(&wants_room));
	assert_true(wants_room);
	assert_int_equal(stopped(BUDGET_ALL_MEMORY), 0); /* it was to be opened anew */
	budget_close(&others);
	limit(16384, 64 << 20, 100 * NSEC_PER_SEC, 100 * NSEC_PER_SEC);
	assert_false(names_self(&wants_room));
	assert_int_equal(stopped(BUDGET_FILE_MEMORY), 1);
	limit(64 << 20, 64 << 20, 1, 1);
	assert_false(names_self(&wants_room));
	assert_none_held(64 << 20);
}

int main(void)
{
#define BUDGET_TEST(f) cmocka_unit_test_teardown(f, tear_down)
	const struct CMUnitTest tests[] = {
		BUDGET_TEST(memory),
		BUDGET_TEST(time_of_a_thread),
		BUDGET_TEST(growing),
		BUDGET_TEST(tables_that_are_cut),
		BUDGET_TEST(names_that_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
