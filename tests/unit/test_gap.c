// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The gap: its parts sum to it whatever the recording, and say what made it where that is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/gap.h"
#include "model/gap_pairs.h"
#include "unit/named_stack.h"
#include "unit/random_recording.h"

#define MS 1000000ull

static struct recording r;
static struct paths p;
static struct locks l;
static struct summary s;

static int begin(void **state)
{
	(void)state;
	recording_init(&r);
	return 0;
}

static int end(void **state)
{
	(void)state;
	recording_clear(&r);
	return 0;
}

static void build(void)
{
	assert_int_equal(paths_of(&p, &r), 0);
	assert_int_equal(locks_of(&l, &p), 0);
	assert_int_equal(summary_of(&s, &r), 0);
}

static void clear(void)
{
	summary_clear(&s);
	locks_clear(&l);
	paths_clear(&p);
}

static struct run *add_run(const char *model, int workers, int tasks)
{
	struct run *run = recording_add_run(&r);

	run->label = strdup(model);
	run->workload = strdup("work");
	run->runtime = strdup("native");
	run->model = strdup(model);
	run->detail = strdup("5 of it");
	run->workers = workers;
	run->task_cnt = tasks;
	return run;
}

/* A lane with so many ms on the CPU and in futex waits. */
static void add_lane(struct run *run, uint64_t cpu_ms, uint64_t futex_ms)
{
	struct thread *t = run_add_thread(run);

	t->role = ROLE_WORKER;
	t->end_ns = (cpu_ms + futex_ms) * MS;
	t->state_ns[WG_CPU] = cpu_ms * MS;
	t->state_ns[WG_FUTEX] = futex_ms * MS;
	t->count[WG_N_SAMPLE_USER] = 10;
	if (t->end_ns > run->end_ns)
		run->end_ns = t->end_ns;
}

static struct site *add_site(struct run *run, enum site_kind kind, enum wg_state state,
			     uint32_t stack)
{
	struct site *site = run_add_site(run);

	site->kind = kind;
	site->state = state;
	site->role = ROLE_WORKER;
	site->stack = stack;
	site->user = kind == SITE_SAMPLE;
	return site;
}

static void check_identity(const struct gap *g)
{
	double sum = g->unexplained_ns, room = 0.5;

	for (size_t i = 0; i < g->part_cnt; i++) {
		sum += g->parts[i].delta_ns;
		room += (fabs(g->parts[i].a_ns) + fabs(g->parts[i].b_ns)) * 1e-15;
		assert_int_equal(interval_known(g->parts[i].interval), interval_known(g->interval));
		assert_false(g->parts[i].interval.lo > g->parts[i].interval.hi);
		assert_true(!i || fabs(g->parts[i - 1].delta_ns) >= fabs(g->parts[i].delta_ns));
	}
	if (fabs(sum - g->gap_ns) > room)
		fail_msg("parts sum to %.3f, the gap is %.3f", sum, g->gap_ns);
}

/* Whatever the figures: random recordings, all of whose runs are made one bench of two models. */
static void parts_sum_to_the_gap(void **state)
{
	static const char *const models[] = {"procs", "threads", "single"};
	struct prng seed = {.state = 7};
	size_t pairs_seen = 0;

	(void)state;
	for (int n = 0; n < 60; n++) {
		struct gap_pair *pairs;
		long cnt;

		random_recording(&r, &seed);
		for (size_t i = 0; i < r.run_cnt; i++) {
			struct run *run = &r.runs[i];

			free(run->workload);
			free(run->runtime);
			free(run->model);
			*run->variant = '\0';
			run->workload = strdup("work");
			run->runtime = strdup("native");
			run->model = strdup(models[i % 3]);
			run->interrupted = false;
			if (run->thread_cnt)
				run->threads[0].role = ROLE_WORKER;
		}
		build();
		cnt = gap_pairs(&s, &pairs);
		assert_true(cnt >= 0);
		for (long i = 0; i < cnt; i++) {
			struct gap g;

			assert_int_equal(gap_of(&g, &l, pairs[i].a, pairs[i].b), 0);
			check_identity(&g);
			gap_clear(&g);
			pairs_seen++;
		}
		free(pairs);
		clear();
		recording_clear(&r);
		recording_init(&r);
	}
	assert_true(pairs_seen > 20);
}

static void gap_between(struct gap *g, const char *a, const char *b)
{
	struct gap_pair *pairs;
	long cnt;
	bool found = false;

	*g = (struct gap){0};
	build();
	cnt = gap_pairs(&s, &pairs);
	for (long i = 0; i < cnt; i++) {
		if (strcmp(pairs[i].a->first->model, a) || strcmp(pairs[i].b->first->model, b))
			continue;
		assert_int_equal(gap_of(g, &l, pairs[i].a, pairs[i].b), 0);
		found = true;
	}
	assert_true(found);
	free(pairs);
	check_identity(g);
}

static void a_lock_is_the_first_part(void **state)
{
	static const char *const path[] = {"pthread_mutex_lock", "update_table", "start_thread"};
	struct gap g;
	uint32_t stack;

	(void)state;
	stack = add_named_stack(&r, path, 3);
	for (uint64_t i = 0; i < 5; i++) {
		struct run *run = add_run("procs", 2, 2);

		add_lane(run, 100 + i, 0);
		add_lane(run, 100 + i, 0);
		run = add_run("threads", 2, 2);
		for (int lane = 0; lane < 2; lane++) {
			struct site *site = add_site(run, SITE_WAIT, WG_FUTEX, stack);

			add_lane(run, 110 + i, 90);
			site->count = 7;
			site->total_ns = 90 * MS;
		}
	}
	gap_between(&g, "procs", "threads");
	assert_int_equal(g.verdict, GAP_SLOWER);
	assert_true(g.gap_ns == 100. * MS);
	assert_int_equal(g.parts[0].cause, GAP_LOCK_WAIT);
	assert_true(fabs(g.parts[0].delta_ns - 90. * MS) < 1);
	assert_true(g.parts[0].b_cnt == 14);
	assert_true(gap_part_holds(&g.parts[0]));
	assert_int_equal(g.parts[1].bucket, B_CPU_USER);
	assert_true(fabs(g.parts[1].delta_ns - 10. * MS) < 1);
	assert_true(fabs(g.unexplained_ns) < 1);
	gap_clear(&g);
	clear();
}

static void what_is_lost_is_a_part_of_its_own(void **state)
{
	static const char *const path[] = {"[lost]"};
	struct gap g;
	uint32_t stack;

	(void)state;
	stack = add_named_stack(&r, path, 1);
	r.stacks[stack].end = WG_END_LOST;
	for (uint64_t i = 0; i < 5; i++) {
		struct site *site;

		add_lane(add_run("procs", 1, 1), 100 + i, 0);
		add_lane(add_run("threads", 1, 1), 100 + i, 90);
		site = add_site(&r.runs[r.run_cnt - 1], SITE_WAIT, WG_FUTEX, stack);
		site->count = 7;
		site->total_ns = 90 * MS;
	}
	gap_between(&g, "procs", "threads");
	assert_int_equal(g.parts[0].cause, GAP_LOST);
	assert_string_equal(gap_cause_name(g.parts[0].cause), "lost");
	assert_true(fabs(g.parts[0].delta_ns - 90. * MS) < 1);
	gap_clear(&g);
	clear();
}

/* 100 ms of samples against 200, of which 3 in 4 hit an atomic instruction. */
static void check_traffic(const char *function_name, double want_traffic, double want_function)
{
	const char *const path[] = {function_name, "start_thread"};
	double traffic = 0, function = 0;
	struct gap g;
	uint32_t stack;

	stack = add_named_stack(&r, path, 2);
	for (uint64_t i = 0; i < 3; i++) {
		struct run *run = add_run("procs", 1, 1);
		struct site *site;

		add_lane(run, 100, 0);
		site = add_site(run, SITE_SAMPLE, WG_CPU, stack);
		site->count = 10;
		run = add_run("threads", 1, 1);
		add_lane(run, 200, 0);
		site = add_site(run, SITE_SAMPLE, WG_CPU, stack);
		site->count = 20;
		site->traffic_cnt = 15;
	}
	gap_between(&g, "procs", "threads");
	for (size_t i = 0; i < g.part_cnt; i++) {
		traffic += g.parts[i].cause == GAP_LOCK_TRAFFIC ? g.parts[i].delta_ns : 0;
		function += g.parts[i].cause == GAP_CPU_FUNCTION ? g.parts[i].delta_ns : 0;
	}
	assert_true(fabs(traffic - want_traffic * MS) < 1);
	assert_true(fabs(function - want_function * MS) < 1);
	gap_clear(&g);
	clear();
}

/* Of two lanes that wait for a CPU, what was the cgroup's quota; the rest is the run queue's. */
static void quota_is_a_part_of_its_own(void **state)
{
	double quota[BUCKET_CNT] = {0}, rest = 0;
	struct gap g;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct run *run = add_run("threads", 2, 2);

		add_lane(add_run("procs", 1, 1), 100, 0);
		for (int lane = 0; lane < 2; lane++) {
			struct thread *t;

			add_lane(run, 100, 0);
			t = &run->threads[lane];
			t->state_ns[WG_RUNQ_PREEMPT] = 80 * MS;
			t->state_ns[WG_RUNQ_WAKE] = 20 * MS;
			/* more than there was of preemption: the rest is of waits after wakeups */
			t->part_ns[WG_T_QUOTA] = lane ? 90 * MS : 30 * MS;
			t->end_ns += 100 * MS;
			run->end_ns = t->end_ns;
		}
	}
	gap_between(&g, "procs", "threads");
	check_identity(&g);
	for (size_t i = 0; i < g.part_cnt; i++) {
		if (g.parts[i].cause == GAP_CPU_QUOTA)
			quota[g.parts[i].bucket] += g.parts[i].delta_ns;
		else if (g.parts[i].cause == GAP_RUN_QUEUE)
			rest += g.parts[i].delta_ns;
	}
	assert_true(quota[B_RUNQ_PREEMPT] == 55. * MS);
	assert_true(quota[B_RUNQ_WAKE] == 5. * MS);
	assert_true(rest == 40. * MS);
	assert_int_equal(g.parts[0].cause, GAP_CPU_QUOTA);
	assert_true(s.sections[0].groups[1].quota_ns == 60. * MS);
	gap_clear(&g);
	clear();
}

/* Samples at atomic instructions are taken out of their function. */
static void traffic_is_a_part_of_its_own(void **state)
{
	(void)state;
	check_traffic("up_ref", 150, -50);
}

/* What a lock's function costs is all for its cache line. */
static void a_locks_function_is_traffic(void **state)
{
	(void)state;
	check_traffic("pthread_rwlock_rdlock", 100, 0);
}

/* The same function in two builds of a library, which differ in name and place, is one. */
static void functions_of_two_builds_are_one(void **state)
{
	static const char *const path[] = {"sha512", "start_thread"};
	uint32_t old, new;
	struct gap g;

	(void)state;
	old = add_named_stack(&r, path, 2);
	new = add_named_stack(&r, path, 2);
	r.frames[r.stacks[new].frames[0]].start = 0x1000;
	for (uint64_t i = 0; i < 3; i++) {
		struct run *run = add_run("procs", 1, 1);

		add_lane(run, 100, 0);
		add_site(run, SITE_SAMPLE, WG_CPU, old)->count = 10;
		run = add_run("threads", 1, 1);
		add_lane(run, 110, 0);
		add_site(run, SITE_SAMPLE, WG_CPU, new)->count = 11;
	}
	gap_between(&g, "procs", "threads");
	assert_int_equal(g.parts[0].bucket, B_CPU_USER);
	assert_true(fabs(g.parts[0].delta_ns - 10. * MS) < 1);
	gap_clear(&g);
	clear();
}

static void one_lane_does_the_work_of_two(void **state)
{
	struct gap g;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct run *run = add_run("single", 1, 2);

		add_lane(run, 200 + i, 0);
		run = add_run("threads", 2, 2);
		add_lane(run, 100 + i, 20);
		add_lane(run, 100 + i, 20);
	}
	gap_between(&g, "single", "threads");
	assert_int_equal(g.verdict, GAP_FASTER);
	/* half the work each: 100.5 ms less; what is left is the waiting */
	assert_int_equal(g.parts[0].site, AT_WORK);
	assert_true(fabs(g.parts[0].delta_ns + 100.5 * MS) < 1);
	assert_int_equal(g.parts[1].bucket, B_FUTEX);
	assert_true(fabs(g.parts[1].delta_ns - 20. * MS) < 1);
	gap_clear(&g);
	clear();
}

static void noise_is_no_difference(void **state)
{
	static const uint64_t a[] = {100, 130, 95, 110, 120}, b[] = {104, 97, 128, 118, 111};
	struct gap g;

	(void)state;
	for (int i = 0; i < 5; i++) {
		add_lane(add_run("procs", 1, 1), a[i], 0);
		add_lane(add_run("threads", 1, 1), b[i], 0);
	}
	gap_between(&g, "procs", "threads");
	assert_int_equal(g.verdict, GAP_NO_DIFFERENCE);
	assert_true(g.interval.lo < 0 && g.interval.hi > 0);
	gap_clear(&g);
	clear();
}

static void two_repeats_are_too_few(void **state)
{
	struct gap g;

	(void)state;
	for (int i = 0; i < 2; i++) {
		add_lane(add_run("procs", 1, 1), 100, 0);
		add_lane(add_run("threads", 1, 1), 200, 0);
	}
	gap_between(&g, "procs", "threads");
	assert_int_equal(g.verdict, GAP_UNDECIDED);
	assert_false(interval_known(g.interval) || interval_known(g.unexplained));
	assert_true(g.part_cnt > 0);
	for (size_t i = 0; i < g.part_cnt; i++)
		assert_false(interval_known(g.parts[i].interval) || gap_part_holds(&g.parts[i]));
	gap_clear(&g);
	clear();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_sum_to_the_gap),
		TEST(a_lock_is_the_first_part),
		TEST(what_is_lost_is_a_part_of_its_own),
		TEST(quota_is_a_part_of_its_own),
		TEST(traffic_is_a_part_of_its_own),
		TEST(a_locks_function_is_traffic),
		TEST(functions_of_two_builds_are_one),
		TEST(one_lane_does_the_work_of_two),
		TEST(noise_is_no_difference),
		TEST(two_repeats_are_too_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
