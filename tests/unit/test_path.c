// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Paths unfolded to tasks, laid on sites: what goes in as time comes out as time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "capture/unfold.h"
#include "model/path.h"
#include "model/stats.h"

static void add_thread(struct run *run, uint64_t id, const char *comm, uint64_t begin_ns)
{
	struct thread *t = run_add_thread(run);

	t->id = id;
	t->tid = (uint32_t)(1000 + id);
	t->begin_ns = begin_ns;
	t->end_ns = begin_ns + 100;
	strcpy(t->comm, comm);
}

static void add_part(struct wg_row *row, uint64_t id, uint64_t state, uint64_t ns)
{
	int i = 0;

	while (row->path.part[i].key)
		i++;
	row->path.part[i].key = id << WG_PATH_ID_SHIFT | state;
	row->path.part[i].ns = ns;
	if (state != WG_PATH_REF)
		row->path.ns[state] += ns;
}

static uint64_t part_ns(const struct run *run, uint32_t thread, enum wg_state state)
{
	for (size_t i = 0; i < run->path_part_cnt; i++) {
		if (run->path_parts[i].thread == thread && run->path_parts[i].state == state)
			return run->path_parts[i].ns;
	}
	return 0;
}

static void assert_sums(const struct run *run)
{
	uint64_t sum[WG_STATE_CNT] = {0};

	for (size_t i = 0; i < run->path_part_cnt; i++)
		sum[run->path_parts[i].state] += run->path_parts[i].ns;
	assert_memory_equal(sum, run->path_ns, sizeof(sum));
}

static void run_free(struct recording *r)
{
	recording_clear(r);
}

/* A main that waits for its child: the child's row has what the main only refers to. */
static void an_ended_task_is_unfolded(void **state)
{
	struct wg_row rows[2] = {{.id = 1, .now_ns = 900}, {.id = 2, .now_ns = 700}};
	struct recording r;
	struct run *run;

	(void)state;
	recording_init(&r);
	run = recording_add_run(&r);
	add_thread(run, 1, "main", 0);
	add_thread(run, 2, "child", 100);
	/* the child: 100 of main's CPU, then 500 of its own, 20 of them after it woke main */
	add_part(&rows[1], 1, WG_CPU, 100);
	add_part(&rows[1], 2, WG_CPU, 500);
	/* main: the child's 580, then its own */
	rows[0].path.part[0].key = 2 << WG_PATH_ID_SHIFT | WG_PATH_REF;
	rows[0].path.part[0].ns = 580;
	rows[0].path.ns[WG_CPU] = 580;
	add_part(&rows[0], 1, WG_RUNQ_WAKE, 30);
	add_part(&rows[0], 1, WG_CPU, 70);
	assert_int_equal(unfold_path(run, rows, 2), 0);
	assert_int_equal(part_ns(run, 0, WG_CPU), 170);
	assert_int_equal(part_ns(run, 1, WG_CPU), 480);
	assert_int_equal(part_ns(run, 0, WG_RUNQ_WAKE), 30);
	assert_int_equal(part_ns(run, NO_INDEX, WG_CPU), 0);
	assert_sums(run);
	run_free(&r);
}

/* What was lost on the way is nobody's, and the sum stays. */
static void what_is_missing_is_nobodys(void **state)
{
	struct wg_row rows[1] = {{.id = 1, .now_ns = 900}};
	struct recording r;
	struct run *run;

	(void)state;
	recording_init(&r);
	run = recording_add_run(&r);
	add_thread(run, 1, "main", 0);
	rows[0].path.part[0].key = 77 << WG_PATH_ID_SHIFT | WG_PATH_REF;
	rows[0].path.part[0].ns = 400;
	rows[0].path.ns[WG_IPC] = 400;
	add_part(&rows[0], 1, WG_CPU, 50);
	assert_int_equal(unfold_path(run, rows, 1), 0);
	assert_int_equal(part_ns(run, NO_INDEX, WG_IPC), 400);
	assert_int_equal(part_ns(run, 0, WG_CPU), 50);
	assert_sums(run);
	run_free(&r);
}

/* Whatever rows say, rings and junk included, the parts sum to the states of the last one's path. */
static void parts_always_sum_to_the_path(void **state)
{
	struct prng p = {.state = 5};

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct wg_row rows[12];
		size_t cnt = 1 + prng_below(&p, 12);
		struct recording r;
		struct run *run;

		memset(rows, 0, sizeof(rows));
		recording_init(&r);
		run = recording_add_run(&r);
		for (size_t i = 0; i < cnt; i++) {
			rows[i].id = i + 1;
			rows[i].now_ns = prng_below(&p, 1000);
			if (prng_below(&p, 5))
				add_thread(run, i + 1, "t", i);
			for (int s = 0; s < WG_STATE_CNT; s++)
				rows[i].path.ns[s] = prng_below(&p, 1u << 30);
			for (uint64_t n = prng_below(&p, WG_PATH_PARTS + 1), j = 0; j < n; j++) {
				rows[i].path.part[j].key = (1 + prng_below(&p, 14))
								   << WG_PATH_ID_SHIFT |
							   prng_below(&p, 16);
				rows[i].path.part[j].ns = prng_below(&p, 1u << 30);
			}
		}
		assert_int_equal(unfold_path(run, rows, cnt), 0);
		assert_sums(run);
		run_free(&r);
	}
}

static struct site *add_site(struct run *run, enum site_kind kind, enum wg_state state,
			     uint32_t thread, uint64_t amount, bool kept)
{
	struct site *s = run_add_site(run);

	s->kind = kind;
	s->state = state;
	s->thread = thread;
	s->kept = kept;
	if (kind == SITE_WAIT)
		s->total_ns = amount;
	else
		s->count = amount;
	return s;
}

static void set_part(struct run *run, uint32_t thread, enum wg_state state, uint64_t ns)
{
	*run_add_path_part(run) = (struct path_part){.thread = thread, .state = state, .ns = ns};
	run->path_ns[state] += ns;
}

static void sites_count_as_far_as_they_are_on_it(void **state)
{
	struct recording r;
	struct run *run;
	double *w;

	(void)state;
	recording_init(&r);
	run = recording_add_run(&r);
	add_thread(run, 1, "main", 0);
	add_thread(run, 2, "lane", 10);
	run->threads[0].state_ns[WG_CPU] = 1000;
	run->threads[1].state_ns[WG_CPU] = 400;
	add_site(run, SITE_SAMPLE, WG_CPU, 0, 10, false);
	add_site(run, SITE_SAMPLE, WG_CPU, 1, 4, false);
	add_site(run, SITE_WAIT, WG_FUTEX, 1, 300, true);
	add_site(run, SITE_WAIT, WG_FUTEX, 1, 500,
		 false); /* a join: the path came from elsewhere */
	add_site(run, SITE_WAIT, WG_SLEEP, 0, 50, true);
	set_part(run, 0, WG_CPU, 250);
	set_part(run, 1, WG_CPU, 400);
	set_part(run, 1, WG_FUTEX, 300);
	w = path_site_weights(run);
	assert_non_null(w);
	assert_true(fabs(w[0] - 0.25) < 1e-12);
	assert_true(fabs(w[1] - 1) < 1e-12);
	assert_true(fabs(w[2] - 1) < 1e-12);
	assert_true(w[3] == 0);
	assert_true(w[4] == 0);
	free(w);
	/* what is nobody's is spread over what is left: 75 of main's 750 */
	set_part(run, NO_INDEX, WG_CPU, 75);
	w = path_site_weights(run);
	assert_non_null(w);
	assert_true(fabs(w[0] - (0.25 + 0.75 * 0.1)) < 1e-12);
	assert_true(fabs(w[1] - 1) < 1e-12);
	free(w);
	run_free(&r);
}

/* CPU of a thread is split by its own samples, and the buckets sum to the path. */
static void buckets_sum_to_the_path(void **state)
{
	struct recording r;
	struct run *run;
	double out[BUCKET_CNT], sum = 0;

	(void)state;
	recording_init(&r);
	run = recording_add_run(&r);
	add_thread(run, 1, "main", 0);
	add_thread(run, 2, "lane", 10);
	assert_false(path_buckets(run, out));
	run->threads[0].count[WG_N_SAMPLE_USER] = 3;
	run->threads[0].count[WG_N_SAMPLE_KERNEL] = 1;
	run->threads[1].count[WG_N_SAMPLE_KERNEL] = 5;
	set_part(run, 0, WG_CPU, 400);
	set_part(run, 1, WG_CPU, 100);
	set_part(run, 1, WG_IO, 10);
	assert_true(path_buckets(run, out));
	for (int b = 0; b < BUCKET_CNT; b++)
		sum += out[b];
	assert_true(fabs(sum - 510) < 1e-9);
	assert_true(fabs(out[B_CPU_USER] - 300) < 1e-9);
	assert_true(fabs(out[B_CPU_KERNEL] - 200) < 1e-9);
	run_free(&r);
}

static void links_are_in_order_and_joined_by_name(void **state)
{
	struct path_link *links;
	struct recording r;
	struct run *run;

	(void)state;
	recording_init(&r);
	run = recording_add_run(&r);
	add_thread(run, 1, "make", 0);
	for (uint64_t i = 0; i < 9; i++) {
		add_thread(run, 2 + i, i % 2 ? "as" : "cc1", 10 + i);
		set_part(run, (uint32_t)(9 - i), WG_CPU, 10 + i);
	}
	set_part(run, 0, WG_CPU, 5);
	set_part(run, NO_INDEX, WG_IPC, 1);
	assert_int_equal(path_links(run, &links), 4);
	assert_string_equal(links[0].comm, "make");
	assert_int_equal(links[0].task_cnt, 1);
	assert_string_equal(links[1].comm, "cc1");
	assert_int_equal(links[1].task_cnt, 5);
	assert_int_equal(links[1].ns, 18 + 16 + 14 + 12 + 10);
	assert_string_equal(links[2].comm, "as");
	assert_int_equal(links[3].thread, NO_INDEX);
	free(links);
	run_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ended_task_is_unfolded),
		cmocka_unit_test(what_is_missing_is_nobodys),
		cmocka_unit_test(parts_always_sum_to_the_path),
		cmocka_unit_test(sites_count_as_far_as_they_are_on_it),
		cmocka_unit_test(buckets_sum_to_the_path),
		cmocka_unit_test(links_are_in_order_and_joined_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
