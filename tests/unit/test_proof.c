// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Proofs: two sides of crypto, of which b waits for a lock of libcrypto, and again with a switch set.
 * The gap is 100 ms, 90 of them the lock's; how much of both stays under the switch is each test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/proof.h"
#include "unit/named_stack.h"

#define MS 1000000ull
#define REPEATS 5

static struct recording r;
static struct paths p;
static struct locks l;
static struct summary s;
static uint32_t lock_path, arena_path;

static int begin(void **state)
{
	static const char *const lock[] = {"pthread_rwlock_wrlock", "CRYPTO_THREAD_write_lock",
					   "EVP_MD_fetch", "start_thread"};
	static const char *const arena[] = {"lll_lock_wait_private", "malloc", "CRYPTO_malloc",
					    "EVP_MD_fetch", "start_thread"};

	(void)state;
	recording_init(&r);
	r.host.cpus = 2;
	lock_path = add_named_stack(&r, lock, 4);
	arena_path = add_named_stack(&r, arena, 5);
	return 0;
}

static int end(void **state)
{
	(void)state;
	recording_clear(&r);
	return 0;
}

static struct run *add_run(const char *model, const char *variant, uint64_t cpu_ms,
			   uint64_t wait_ms, uint32_t path)
{
	struct run *run = recording_add_run(&r);

	run->label = strdup(model);
	run->workload = strdup("crypto");
	run->runtime = strdup("native");
	run->model = strdup(model);
	run->variant = strdup(variant);
	run->detail = strdup("5 of it");
	run->workers = run->task_cnt = 2;
	run->pinned = true;
	run->end_ns = (cpu_ms + wait_ms) * MS;
	for (int i = 0; i < 2; i++) {
		struct thread *t = run_add_thread(run);
		struct site *site;

		t->role = ROLE_WORKER;
		t->end_ns = run->end_ns;
		t->state_ns[WG_CPU] = cpu_ms * MS;
		t->state_ns[WG_FUTEX] = wait_ms * MS;
		t->count[WG_N_SAMPLE_USER] = 10;
		if (!wait_ms)
			continue;
		site = run_add_site(run);
		site->kind = SITE_WAIT;
		site->state = WG_FUTEX;
		site->role = ROLE_WORKER;
		site->stack = path;
		site->count = 7;
		site->total_ns = wait_ms * MS;
	}
	return run;
}

/* Repeats of both sides, a few ms apart: procs on the CPU for 100 ms, threads for so long more. */
static void add_sides(const char *variant, int cnt, uint64_t more_ms, uint64_t wait_ms)
{
	for (int i = 0; i < cnt; i++) {
		add_run("procs", variant, 100 + (uint64_t)i % 3, 0, lock_path);
		add_run("threads", variant, 100 + more_ms + (uint64_t)(i + 1) % 3, wait_ms,
			lock_path);
	}
}

static void build(struct gap *g, bool turned)
{
	const struct section *sec;

	assert_int_equal(paths_of(&p, &r), 0);
	assert_int_equal(locks_of(&l, &p), 0);
	assert_int_equal(summary_of(&s, &r), 0);
	assert_int_equal(s.section_cnt, 1);
	sec = &s.sections[0];
	assert_int_equal(sec->group_cnt, 2);
	/* fastest first */
	assert_int_equal(gap_of(g, &l, &sec->groups[turned], &sec->groups[!turned]), 0);
}

static void clear(struct gap *g)
{
	gap_clear(g);
	summary_clear(&s);
	locks_clear(&l);
	paths_clear(&p);
}

/* Predicted and the parts that are not the cause's sum to the gap. */
static void check_sum(const struct gap *g, const struct proof *proof, int repeats)
{
	double rest = g->unexplained_ns;

	for (size_t i = 0; i < g->part_cnt; i++)
		if (!switch_takes(proof->sw, g, &g->parts[i], &l))
			rest += g->parts[i].delta_ns;
	assert_true(fabs(rest + proof->predicted_ns - g->gap_ns) < 0.5);
	assert_true(proof->predicted.lo <= proof->predicted_ns &&
		    proof->predicted_ns <= proof->predicted.hi);
	assert_int_equal(interval_known(proof->gone), repeats >= INTERVAL_RUNS_MIN);
	assert_int_equal(interval_known(proof->left), repeats >= INTERVAL_RUNS_MIN);
	assert_int_equal(interval_known(proof->interval), repeats >= INTERVAL_RUNS_MIN);
	assert_false(proof->gone.lo > proof->gone_ns || proof->gone_ns > proof->gone.hi);
	assert_true(fabs(proof->gone_ns + proof->gap_ns - g->gap_ns) < 0.5);
}

/* The verdict when under the switch threads take so much more than procs, both ways round. */
static void check(enum proof_verdict want, bool exceeds, int repeats, uint64_t more_ms,
		  uint64_t wait_ms)
{
	for (int turned = 0; turned < 2; turned++) {
		struct proof *list;
		struct gap g;

		begin(NULL);
		add_sides("", REPEATS, 10, 90);
		add_sides("private-contexts", repeats, more_ms, wait_ms);
		build(&g, turned);
		assert_int_equal(g.verdict, turned ? GAP_FASTER : GAP_SLOWER);
		assert_int_equal(proofs_of(&list, &l, &g), 1);
		assert_string_equal(list[0].variant, "private-contexts");
		assert_int_equal(list[0].causes, 1u << GAP_LOCK_WAIT);
		assert_true(fabs(fabs(list[0].predicted_ns) - 90. * MS) < MS);
		check_sum(&g, &list[0], repeats);
		if (list[0].verdict != want)
			fail_msg("%s, not %s", proof_verdict_name(list[0].verdict),
				 proof_verdict_name(want));
		assert_int_equal(proof_exceeds(&list[0]), exceeds);
		free(list);
		clear(&g);
		if (!turned)
			end(NULL);
	}
}

static void the_gap_goes_with_its_cause(void **state)
{
	(void)state;
	end(NULL);
	check(PROOF_CONFIRMED, false, REPEATS, 9, 0);
}

/* More than the lock's own share may go: others wait because of it. */
static void more_may_go_than_predicted(void **state)
{
	(void)state;
	end(NULL);
	check(PROOF_CONFIRMED, true, REPEATS, 0, 0);
}

static void half_of_the_predicted_is_confirmed_in_part(void **state)
{
	(void)state;
	end(NULL);
	check(PROOF_IN_PART, false, REPEATS, 55, 0);
}

static void a_gap_that_stays_refutes(void **state)
{
	(void)state;
	end(NULL);
	check(PROOF_REFUTED, false, REPEATS, 100, 0);
}

/* The lock is waited for as before: that the gap stays says nothing about the lock. */
static void a_switch_that_does_nothing_proves_nothing(void **state)
{
	(void)state;
	end(NULL);
	check(PROOF_NOT_TESTED, false, REPEATS, 10, 90);
}

static void two_repeats_prove_nothing(void **state)
{
	(void)state;
	end(NULL);
	check(PROOF_UNDECIDED, false, 2, 9, 0);
}

/* Runs with a switch set change nothing in the gap without it. */
static void variants_are_no_part_of_the_gap(void **state)
{
	struct gap g;
	double gap_ns;
	size_t part_cnt;

	(void)state;
	add_sides("", REPEATS, 10, 90);
	build(&g, false);
	gap_ns = g.gap_ns;
	part_cnt = g.part_cnt;
	clear(&g);
	add_sides("private-contexts", REPEATS, 77, 0);
	add_sides("of another time", REPEATS, 5, 5);
	build(&g, false);
	assert_true(g.gap_ns == gap_ns);
	assert_int_equal(g.part_cnt, part_cnt);
	assert_int_equal(g.a->run_cnt, REPEATS);
	clear(&g);
}

/* A switch of another version is measured, but nothing was predicted of it. */
static void an_unknown_switch_is_undecided(void **state)
{
	struct proof *list;
	struct gap g;

	(void)state;
	add_sides("", REPEATS, 10, 90);
	add_sides("of another time", REPEATS, 9, 0);
	build(&g, false);
	assert_int_equal(proofs_of(&list, &l, &g), 1);
	assert_null(list[0].sw);
	assert_true(list[0].predicted_ns == 0);
	assert_true(fabs(list[0].gone_ns - 91. * MS) < 2. * MS);
	assert_int_equal(list[0].verdict, PROOF_UNDECIDED);
	free(list);
	clear(&g);
}

/* Processes, which never waited, take half the time: the switch is about more than the lock. */
static void a_side_without_the_cause_should_stay(void **state)
{
	struct proof *list;
	struct gap g;

	(void)state;
	add_sides("", REPEATS, 10, 90);
	add_sides("private-contexts", REPEATS, 9, 0);
	for (uint64_t i = 0; i < REPEATS; i++) {
		add_run("procs", "fetched-once", 50 + i, 0, lock_path);
		add_run("threads", "fetched-once", 50 + i, 0, lock_path);
	}
	build(&g, false);
	assert_int_equal(proofs_of(&list, &l, &g), 2);
	assert_false(list[0].changes_more);
	assert_true(list[1].changes_more);
	assert_int_equal(list[1].verdict, PROOF_CONFIRMED);
	free(list);
	clear(&g);
}

static void one_side_is_no_proof(void **state)
{
	struct proof *list;
	struct gap g;

	(void)state;
	add_sides("", REPEATS, 10, 90);
	for (int i = 0; i < REPEATS; i++)
		add_run("threads", "private-contexts", 100, 0, lock_path);
	build(&g, false);
	assert_int_equal(proofs_of(&list, &l, &g), 0);
	free(list);
	clear(&g);
}

static void what_is_wanted_follows_from_the_cause(void **state)
{
	struct proof_want *wants;

	(void)state;
	add_sides("", REPEATS, 10, 90);
	assert_int_equal(proofs_wanted(&wants, &r, "crypto"), 2);
	assert_string_equal(wants[0].sw->id, "private-contexts");
	assert_string_equal(wants[1].sw->id, "fetched-once");
	assert_string_equal(wants[0].model[0], "procs");
	assert_string_equal(wants[0].model[1], "threads");
	assert_string_equal(wants[0].runtime[1], "native");
	free(wants);
	assert_int_equal(proofs_wanted(&wants, &r, "math"), 0);
	free(wants);
}

/* A lock of malloc under a look-up is malloc's. */
static void malloc_is_not_libcrypto(void **state)
{
	struct proof_want *wants;

	(void)state;
	for (int i = 0; i < REPEATS; i++) {
		add_run("procs", "", 100 + (uint64_t)i, 0, arena_path);
		add_run("threads", "", 100 + (uint64_t)i, 90, arena_path);
	}
	assert_int_equal(proofs_wanted(&wants, &r, "crypto"), 1);
	assert_string_equal(wants[0].sw->id, "many-arenas");
	free(wants);
}

/* Waiting for a lock makes b slower, but it is faster all the same: nothing to explain by it. */
static void what_points_the_other_way_is_not_tried(void **state)
{
	struct proof_want *wants;

	(void)state;
	for (int i = 0; i < REPEATS; i++) {
		add_run("procs", "", 300 + (uint64_t)i, 0, lock_path);
		add_run("threads", "", 100 + (uint64_t)i, 90, lock_path);
	}
	assert_int_equal(proofs_wanted(&wants, &r, "crypto"), 0);
	free(wants);
}

static void noise_is_not_tried(void **state)
{
	static const uint64_t wait[REPEATS] = {0, 40, 3, 60, 1};
	struct proof_want *wants;

	(void)state;
	for (int i = 0; i < REPEATS; i++) {
		add_run("procs", "", 100 + wait[i], 0, lock_path);
		add_run("threads", "", 100, wait[REPEATS - 1 - i], lock_path);
	}
	assert_int_equal(proofs_wanted(&wants, &r, "crypto"), 0);
	free(wants);
}

static void two_repeats_are_not_tried(void **state)
{
	struct proof_want *wants;

	(void)state;
	add_sides("", 2, 10, 90);
	assert_int_equal(proofs_wanted(&wants, &r, "crypto"), 0);
	free(wants);
}

static void the_table_is_sound(void **state)
{
	const struct switch_def *sw;
	char name[64];

	(void)state;
	for (size_t i = 0; (sw = switch_at(i)); i++) {
		assert_true(i < SWITCH_MAX);
		assert_ptr_equal(switch_find(sw->id), sw);
		assert_true(*sw->name);
		assert_int_equal(sw->kind == SWITCH_WORKLOAD || sw->kind == SWITCH_ENV,
				 sw->value != NULL);
		assert_int_equal(sw->kind == SWITCH_ENV,
				 sw->value && strchr(sw->value, '=') != NULL);
	}
	sw = switch_find("private-contexts");
	assert_string_equal(switch_workload(sw, "crypto-query", name, sizeof(name)),
			    "crypto-query-private");
	sw = switch_find("fetched-once");
	assert_string_equal(switch_workload(sw, "crypto-query", name, sizeof(name)),
			    "crypto-fetched");
	assert_null(switch_find(""));
	assert_null(switch_find("of another time"));
}

/* Pinned lanes can be let go, others pinned; workers are made fewer where there are more than CPUs. */
static void a_switch_must_have_something_to_do(void **state)
{
	const struct group *a, *b;
	struct gap g;

	(void)state;
	add_sides("", REPEATS, 10, 90);
	build(&g, false);
	a = g.a;
	b = g.b;
	assert_true(switch_can(switch_find("not-pinned"), &r, a, b));
	assert_false(switch_can(switch_find("pinned"), &r, a, b));
	assert_false(switch_can(switch_find("few-workers"), &r, a, b));
	assert_false(switch_can(switch_find("no-huge-pages"), &r, a, b));
	r.host.cpus = 1;
	assert_true(switch_can(switch_find("few-workers"), &r, a, b));
	r.runs[0].threads[0].count[WG_N_FAULT_HUGE] = 3;
	assert_true(switch_can(switch_find("no-huge-pages"), &r, a, b));
	clear(&g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_gap_goes_with_its_cause),
		TEST(more_may_go_than_predicted),
		TEST(half_of_the_predicted_is_confirmed_in_part),
		TEST(a_gap_that_stays_refutes),
		TEST(a_switch_that_does_nothing_proves_nothing),
		TEST(two_repeats_prove_nothing),
		TEST(variants_are_no_part_of_the_gap),
		TEST(an_unknown_switch_is_undecided),
		TEST(a_side_without_the_cause_should_stay),
		TEST(one_side_is_no_proof),
		TEST(what_is_wanted_follows_from_the_cause),
		TEST(malloc_is_not_libcrypto),
		TEST(what_points_the_other_way_is_not_tried),
		TEST(noise_is_not_tried),
		TEST(two_repeats_are_not_tried),
		TEST(the_table_is_sound),
		TEST(a_switch_must_have_something_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
