// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Windows out of rows, buckets out of states: what goes in as time comes out as time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "capture/interval.h"
#include "model/ledger.h"
#include "model/stats.h"
#include "unit/random_recording.h"

static struct wg_row row_at(uint64_t now_ns)
{
	struct wg_row row = {.id = 9,
			     .tid = 12,
			     .tgid = 11,
			     .begin_ns = 100,
			     .begin_sched_ns = 100,
			     .now_ns = now_ns,
			     .sched_ns = now_ns};

	strcpy(row.comm, "lane");
	return row;
}

static void window_is_the_difference(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(1700);
	struct thread t = {.role = ROLE_WORKER, .lane = 3};

	(void)state;
	before.state_ns[WG_CPU] = 600;
	before.state_ns[WG_FUTEX] = 300;
	before.count[WG_N_SWITCH_VOLUNTARY] = 7;
	before.kernel.nvcsw = 70;
	after.state_ns[WG_CPU] = 900;
	after.state_ns[WG_FUTEX] = 650;
	after.state_ns[WG_PROBE] = 50;
	after.count[WG_N_SWITCH_VOLUNTARY] = 18;
	after.kernel.nvcsw = 81;
	after.pgtables_bytes = 4096;
	interval_fill(&t, &before, &after);
	assert_int_equal(t.role, ROLE_WORKER);
	assert_int_equal(t.lane, 3);
	assert_int_equal(t.start, NO_INDEX);
	assert_int_equal(t.tid, 12);
	assert_string_equal(t.comm, "lane");
	assert_int_equal(ledger_wall(&t), 700);
	assert_int_equal(t.state_ns[WG_CPU], 300);
	assert_int_equal(t.state_ns[WG_FUTEX], 350);
	assert_int_equal(ledger_closure(&t), 0);
	assert_int_equal(t.count[WG_N_SWITCH_VOLUNTARY], 11);
	assert_int_equal(t.kernel.nvcsw, 11);
	assert_int_equal(t.pgtables_bytes, 4096);
	assert_int_equal(t.flags, 0);
}

static void born_inside_counts_from_its_base(void **state)
{
	struct wg_row after = row_at(1100);
	struct thread t = {0};

	(void)state;
	after.flags = WG_ROW_DEAD | WG_ROW_COMPAT;
	after.state_ns[WG_CPU] = 1000;
	after.kernel = (struct wg_kernel){.oncpu_ns = 1500, .min_flt = 40, .run_delay_ns = 9};
	after.kernel_base = (struct wg_kernel){.oncpu_ns = 500, .min_flt = 30};
	interval_fill(&t, NULL, &after);
	assert_int_equal(ledger_wall(&t), 1000);
	assert_int_equal(t.flags, THREAD_BORN | THREAD_DIED | THREAD_COMPAT);
	assert_int_equal(t.kernel.oncpu_ns, 1000);
	assert_int_equal(t.audit_oncpu_ns, 1000);
	assert_int_equal(t.kernel.min_flt, 10);
	assert_int_equal(t.kernel.run_delay_ns, 9);
}

static void on_cpu_at_the_edges_is_settled_at_the_last_switch(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(3000);
	struct thread t = {0};

	(void)state;
	before.flags = after.flags = WG_ROW_ON_CPU;
	before.state_ns[WG_CPU] = 400;
	before.oncpu_open_ns = 150;
	before.oncpu_in_ns = 10250;
	before.kernel.oncpu_ns = 10300; /* of a tick: between the two */
	after.state_ns[WG_CPU] = 2400;
	after.oncpu_open_ns = 500;
	after.oncpu_in_ns = 11900;
	after.kernel.oncpu_ns = 12000;
	interval_fill(&t, &before, &after);
	assert_true(t.flags & THREAD_EDGE_CPU);
	assert_int_equal(t.kernel.oncpu_ns, 1650);
	assert_int_equal(t.audit_oncpu_ns, 1650);
	assert_int_equal(t.state_ns[WG_CPU], 2000);
}

static void a_wait_for_a_cpu_open_at_an_edge_is_not_the_kernels_yet(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(3000);
	struct thread t = {0};

	(void)state;
	before.state = WG_RUNQ_WAKE;
	before.open_ns = 30;
	before.state_ns[WG_RUNQ_WAKE] = 130;
	before.kernel.run_delay_ns = 100;
	after.state = WG_RUNQ_PREEMPT;
	after.open_ns = 200;
	after.state_ns[WG_RUNQ_WAKE] = 500;
	after.state_ns[WG_RUNQ_PREEMPT] = 290;
	after.part_ns[WG_T_PREEMPT_BLOCKING] = 15;
	before.part_ns[WG_T_QUEUED_ASLEEP] = 10;
	after.part_ns[WG_T_QUEUED_ASLEEP] = 17;
	after.kernel.run_delay_ns = 582;
	interval_fill(&t, &before, &after);
	assert_int_equal(t.kernel.run_delay_ns, 482);
	assert_int_equal(t.audit_run_delay_ns, 482);
	assert_int_equal(t.state_ns[WG_RUNQ_WAKE] + t.state_ns[WG_RUNQ_PREEMPT], 660);
}

static void quota_read_too_long_at_an_edge_is_no_torn_row(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(3000);
	struct thread t = {0};

	(void)state;
	before.state = after.state = WG_RUNQ_PREEMPT;
	before.state_ns[WG_RUNQ_PREEMPT] = 500;
	before.part_ns[WG_T_QUOTA] = 401;
	after.state_ns[WG_RUNQ_PREEMPT] = 2500;
	after.part_ns[WG_T_QUOTA] = 400;
	interval_fill(&t, &before, &after);
	assert_int_equal(t.flags, 0);
	assert_int_equal(t.part_ns[WG_T_QUOTA], 0);
	after.part_ns[WG_T_QUOTA] = 1500;
	interval_fill(&t, &before, &after);
	assert_int_equal(t.part_ns[WG_T_QUOTA], 1099);
	assert_int_equal(ledger_quota(&t, B_RUNQ_PREEMPT), 1099);
	assert_int_equal(ledger_quota(&t, B_RUNQ_WAKE), 0);
}

static void time_before_exec_is_in_the_audit_only(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(2000);
	struct thread t = {0};

	(void)state;
	before.flags = WG_ROW_WAITING_EXEC;
	after.begin_ns = after.begin_sched_ns = 1500;
	after.state_ns[WG_CPU] = 500;
	after.part_ns[WG_T_BEFORE] = 70;
	after.kernel_base.oncpu_ns = 10000;
	after.kernel.oncpu_ns = 10570;
	interval_fill(&t, &before, &after);
	assert_int_equal(ledger_wall(&t), 500);
	assert_int_equal(ledger_closure(&t), 0);
	assert_true(t.flags & THREAD_BORN);
	assert_int_equal(t.kernel.oncpu_ns, 570);
	assert_int_equal(t.audit_oncpu_ns, 570);
}

static void a_task_not_there_gives_nothing(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(2000);
	struct thread t = {0};

	(void)state;
	after.state_ns[WG_CPU] = 900;
	before.flags = WG_ROW_DEAD;
	interval_fill(&t, &before, &after);
	assert_int_equal(ledger_wall(&t), 0);
	assert_int_equal(ledger_oncpu(&t), 0);
	before.flags = 0;
	after.flags = WG_ROW_WAITING_EXEC;
	interval_fill(&t, &before, &after);
	assert_int_equal(ledger_wall(&t), 0);
	after.flags = 0;
	after.sched_ns = before.sched_ns;
	interval_fill(&t, &before, &after);
	assert_int_equal(ledger_wall(&t), 0);
}

static void going_backwards_is_torn(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(2000);
	struct thread t = {0};

	(void)state;
	before.kernel.nivcsw = 5;
	interval_fill(&t, &before, &after);
	assert_true(t.flags & THREAD_TORN);
	assert_int_equal(t.kernel.nivcsw, 0);
	before.kernel.nivcsw = 0;
	interval_fill(&t, &before, &after);
	assert_false(t.flags & THREAD_TORN);
	after.flags = WG_ROW_TORN;
	interval_fill(&t, &before, &after);
	assert_true(t.flags & THREAD_TORN);
}

/* See window_states(): a program of ours was running while the first row was made. */
static void time_moved_to_probe_late_still_adds_up(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(2000);
	struct thread t = {0};

	(void)state;
	before.state_ns[WG_CPU_FAULT] = 400;
	after.state_ns[WG_CPU_FAULT] = 380;
	after.state_ns[WG_PROBE] = 70;
	after.state_ns[WG_FUTEX] = 950;
	interval_fill(&t, &before, &after);
	assert_int_equal(t.state_ns[WG_CPU_FAULT], 0);
	assert_int_equal(t.state_ns[WG_PROBE], 50);
	assert_int_equal(ledger_closure(&t), 0);
	assert_false(t.flags & THREAD_TORN);
}

static void a_fault_across_the_edge_counts_on_neither_side_twice(void **state)
{
	struct wg_row before = row_at(1000), after = row_at(2000);
	struct thread t = {0};

	(void)state;
	before.count[WG_N_FAULT_MINOR] = 10;
	before.count[WG_N_FAULT_UNTRAPPED] = 1; /* counted by the kernel, its end not seen yet */
	before.kernel.min_flt = 11;
	after.count[WG_N_FAULT_MINOR] = 15;
	after.kernel.min_flt = 15;
	interval_fill(&t, &before, &after);
	assert_int_equal(t.count[WG_N_FAULT_MINOR] + t.count[WG_N_FAULT_UNTRAPPED], 4);
	assert_int_equal(t.kernel.min_flt, 4);
	assert_false(t.flags & THREAD_TORN);
}

static uint64_t bucket_sum(const uint64_t b[BUCKET_CNT])
{
	uint64_t sum = 0;

	for (int i = 0; i < BUCKET_CNT; i++)
		sum += b[i];
	return sum;
}

static void buckets_sum_to_states_for_any_thread(void **state)
{
	struct prng p = {.state = 1};

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct thread t = {0};
		uint64_t out[BUCKET_CNT], sum = 0;

		for (int i = 0; i < WG_STATE_CNT; i++)
			sum += t.state_ns[i] = prng_next(&p) >> (8 + prng_below(&p, 50));
		if (prng_below(&p, 3))
			t.count[WG_N_SAMPLE_USER] = prng_below(&p, 5);
		if (prng_below(&p, 3))
			t.count[WG_N_SAMPLE_KERNEL] = prng_below(&p, 5);
		ledger_buckets(&t, (double)prng_below(&p, 101) / 100, out);
		assert_int_equal(bucket_sum(out), sum);
		assert_int_equal(out[B_CPU_USER] + out[B_CPU_KERNEL], t.state_ns[WG_CPU]);
		assert_int_equal(out[B_CHILD], t.state_ns[WG_CHILD]);
	}
}

static void samples_split_user_from_kernel(void **state)
{
	struct thread t = {0};
	uint64_t out[BUCKET_CNT];

	(void)state;
	t.state_ns[WG_CPU] = 1000;
	ledger_buckets(&t, 0.25, out);
	assert_int_equal(out[B_CPU_USER], 250);
	t.count[WG_N_SAMPLE_USER] = 3;
	t.count[WG_N_SAMPLE_KERNEL] = 1;
	ledger_buckets(&t, 0.25, out);
	assert_int_equal(out[B_CPU_USER], 750);
	assert_int_equal(out[B_CPU_KERNEL], 250);
}

static void the_mean_lane_is_over_workers_only(void **state)
{
	struct run run = {0};
	double out[BUCKET_CNT];
	struct thread *t;

	(void)state;
	assert_int_equal(ledger_lane_mean(&run, out), 0);
	for (int i = 0; i < 3; i++) {
		t = run_add_thread(&run);
		t->role = i < 2 ? ROLE_WORKER : ROLE_ORCHESTRATOR;
		t->state_ns[WG_FUTEX] = 100 + (uint64_t)i * 100;
	}
	assert_int_equal(ledger_lane_mean(&run, out), 2);
	assert_true(out[B_FUTEX] == 150);
	ledger_total(&run, out);
	assert_true(out[B_FUTEX] == 600);
	free(run.threads);
}

static void names_are_all_there_and_differ(void **state)
{
	(void)state;
	for (int i = 0; i < BUCKET_CNT; i++) {
		for (int j = 0; j < i; j++)
			assert_string_not_equal(bucket_name(i), bucket_name(j));
	}
	assert_string_equal(bucket_name(BUCKET_CNT), "unknown");
	for (int i = 0; i < ROLE_CNT; i++)
		assert_int_equal(role_parse(role_name(i)), i);
	assert_true(role_parse("boss") < 0);
}

static void adding_a_loss_twice_sums(void **state)
{
	struct recording r;

	(void)state;
	recording_init(&r);
	assert_int_equal(recording_add_loss(&r, "rows", "why", 0), 0);
	assert_int_equal(recording_add_loss(&r, "rows", "why", 3), 0);
	assert_int_equal(recording_add_loss(&r, "rows", "why", 4), 0);
	assert_int_equal(r.loss_cnt, 1);
	assert_int_equal(r.losses[0].count, 7);
	recording_clear(&r);
	assert_int_equal(r.loss_cnt, 0);
	recording_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_is_the_difference),
		cmocka_unit_test(born_inside_counts_from_its_base),
		cmocka_unit_test(on_cpu_at_the_edges_is_settled_at_the_last_switch),
		cmocka_unit_test(a_wait_for_a_cpu_open_at_an_edge_is_not_the_kernels_yet),
		cmocka_unit_test(quota_read_too_long_at_an_edge_is_no_torn_row),
		cmocka_unit_test(time_before_exec_is_in_the_audit_only),
		cmocka_unit_test(a_task_not_there_gives_nothing),
		cmocka_unit_test(going_backwards_is_torn),
		cmocka_unit_test(time_moved_to_probe_late_still_adds_up),
		cmocka_unit_test(a_fault_across_the_edge_counts_on_neither_side_twice),
		cmocka_unit_test(buckets_sum_to_states_for_any_thread),
		cmocka_unit_test(samples_split_user_from_kernel),
		cmocka_unit_test(the_mean_lane_is_over_workers_only),
		cmocka_unit_test(names_are_all_there_and_differ),
		cmocka_unit_test(adding_a_loss_twice_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
