// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The audit, the groups of a summary, the judgement of the conditions, the cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "capture/interval.h"
#include "model/audit.h"
#include "model/conditions.h"
#include "model/cost.h"
#include "model/noise.h"
#include "model/summary.h"

#define MS 1000000ull

static struct thread *add(struct run *run, uint32_t tid, enum role role, uint64_t cpu_ns)
{
	struct thread *t = run_add_thread(run);

	t->tid = t->tgid = tid;
	t->role = role;
	t->end_ns = cpu_ns;
	t->state_ns[WG_CPU] = t->audit_oncpu_ns = t->kernel.oncpu_ns = cpu_ns;
	return t;
}

static struct run *add_model(struct recording *r, const char *workload, const char *model,
			     uint64_t wall_ns)
{
	struct run *run = recording_add_run(r);

	run->workload = strdup(workload);
	run->runtime = strdup("native");
	run->model = strdup(model);
	run->label = strdup(model);
	run->end_ns = wall_ns;
	return run;
}

static bool says(const struct lines *l, const char *words)
{
	for (size_t i = 0; i < l->cnt; i++) {
		if (strstr(l->line[i], words))
			return true;
	}
	return false;
}

static void audit_sums_and_finds_the_worst(void **state)
{
	struct recording r;
	struct run *run;
	struct thread *t;
	struct audit a;

	(void)state;
	recording_init(&r);
	run = add_model(&r, "math", "threads", 1000 * MS);
	add(run, 1, ROLE_WORKER, 500 * MS);
	t = add(run, 2, ROLE_WORKER, 200 * MS);
	t->kernel.oncpu_ns = 190 * MS;
	t = add(run, 3, ROLE_WORKER, 50 * MS); /* too short to be judged alone */
	t->kernel.oncpu_ns = 10 * MS;
	t = add(run, 4, ROLE_HELPER, 300 * MS); /* torn: on neither side */
	t->flags = THREAD_TORN;
	t->kernel.oncpu_ns = 1;
	audit_of(&a, &r);
	assert_int_equal(a.row[AUDIT_ONCPU].ours, 750 * MS);
	assert_int_equal(a.row[AUDIT_ONCPU].kernel, 700 * MS);
	assert_true(a.row[AUDIT_ONCPU].error > 0.0714 && a.row[AUDIT_ONCPU].error < 0.0715);
	assert_true(a.row[AUDIT_ONCPU].warn);
	assert_int_equal(a.row[AUDIT_ONCPU].worst_tid, 2);
	assert_int_equal(a.thread_cnt, 3);
	assert_int_equal(a.torn_cnt, 1);
	assert_true(a.row[AUDIT_VOLUNTARY].error == 0);
	recording_clear(&r);
}

static void audit_counts_faults_without_a_trap_as_minor(void **state)
{
	struct recording r;
	struct thread *t;
	struct audit a;

	(void)state;
	recording_init(&r);
	t = add(add_model(&r, "populate", "single", MS), 1, ROLE_WORKER, MS);
	t->count[WG_N_FAULT_MINOR] = 10;
	t->count[WG_N_FAULT_UNTRAPPED] = 25600;
	t->kernel.min_flt = 25610;
	audit_of(&a, &r);
	assert_int_equal(a.row[AUDIT_FAULT_MINOR].ours, 25610);
	assert_true(a.row[AUDIT_FAULT_MINOR].error == 0);
	assert_int_equal(a.untrapped, 25600);
	recording_clear(&r);
}

static void audit_knows_what_it_does_not_know(void **state)
{
	struct recording r;
	struct run *run;
	struct audit a;

	(void)state;
	recording_init(&r);
	audit_of(&a, &r);
	assert_false(a.row[AUDIT_ONCPU].known);
	run = add_model(&r, "math", "single", MS);
	run->memory.pgtables_kernel_bytes = UNKNOWN;
	run->memory.pgtables_ours_bytes = 4096;
	audit_of(&a, &r);
	assert_false(a.row[AUDIT_PGTABLES].known);
	run->memory.pgtables_kernel_bytes = 4096;
	audit_of(&a, &r);
	assert_true(a.row[AUDIT_PGTABLES].known);
	recording_clear(&r);
}

static void a_count_that_one_thread_lacks_is_unknown(void **state)
{
	struct recording r;
	struct run *run;

	(void)state;
	recording_init(&r);
	run = add_model(&r, "math", "threads", MS);
	add(run, 1, ROLE_WORKER, MS)->count[WG_N_TLB_REMOTE] = 3;
	add(run, 2, ROLE_WORKER, MS)->count[WG_N_TLB_REMOTE] = 4;
	assert_int_equal(run_count(run, WG_N_TLB_REMOTE), 7);
	add(run, 3, ROLE_WORKER, MS)->count[WG_N_TLB_REMOTE] = UNKNOWN;
	assert_true(run_count(run, WG_N_TLB_REMOTE) == UNKNOWN);
	assert_int_equal(run_count(run, WG_N_TLB_LOCAL), 0);
	recording_clear(&r);
}

static void small_times_do_not_warn_but_counts_do(void **state)
{
	struct recording r;
	struct thread *t;
	struct audit a;
	struct lines l = LINES_NONE;

	(void)state;
	recording_init(&r);
	t = add(add_model(&r, "math", "single", MS), 1, ROLE_WORKER, MS);
	t->audit_run_delay_ns = 50000;
	t->kernel.run_delay_ns = 40000;
	t->count[WG_N_SWITCH_VOLUNTARY] = 10;
	t->kernel.nvcsw = 11;
	audit_of(&a, &r);
	assert_int_equal(audit_warn(&a, &l), 0);
	assert_int_equal(l.cnt, 1);
	assert_true(says(&l, "voluntary switches: ours is 9.1% below"));
	lines_clear(&l);
	recording_clear(&r);
}

static void stolen_time_is_left_out_on_both_sides(void **state)
{
	struct wg_row row = {.begin_sched_ns = 1,
			     .sched_ns = 1001 * MS + 1,
			     .now_ns = 2000 * MS,
			     .flags = WG_ROW_DEAD};
	struct thread t = {0};

	(void)state;
	row.state_ns[WG_CPU] = 1000 * MS;
	row.state_ns[WG_PROBE] = MS;
	row.part_ns[WG_T_STOLEN] = 60 * MS;
	row.kernel.oncpu_ns = 941 * MS;
	interval_fill(&t, NULL, &row);
	assert_int_equal(t.audit_oncpu_ns, 941 * MS);
	assert_int_equal(t.kernel.oncpu_ns, 941 * MS);
	assert_int_equal(ledger_oncpu(&t), 1001 * MS); /* the buckets keep it */
	assert_int_equal(ledger_closure(&t), 0);
}

static void closure_counts_what_does_not_add_up(void **state)
{
	struct recording r;
	struct run *run;
	struct audit a;

	(void)state;
	assert_int_equal(closure_allowed(0), 20000);
	assert_int_equal(closure_allowed(1000 * MS), MS);
	recording_init(&r);
	run = add_model(&r, "math", "single", 1000 * MS);
	add(run, 1, ROLE_WORKER, MS)->state_ns[WG_FUTEX] = 20000;      /* just allowed */
	add(run, 2, ROLE_WORKER, MS)->state_ns[WG_FUTEX] = 20001;      /* just not */
	add(run, 3, ROLE_WORKER, 100 * MS)->state_ns[WG_CPU] -= 90000; /* allowed: 0.1% */
	audit_of(&a, &r);
	assert_int_equal(a.closure_over_cnt, 1);
	assert_int_equal(a.closure_worst_tid, 3);
	assert_int_equal(a.closure_worst_ns, 90000);
	recording_clear(&r);
}

static void groups_are_sorted_and_keep_order_when_equal(void **state)
{
	struct recording r;
	struct summary s;

	(void)state;
	recording_init(&r);
	add_model(&r, "math", "single", 200 * MS);
	add_model(&r, "math", "threads", 100 * MS);
	add_model(&r, "crypto", "procs", 50 * MS);
	add_model(&r, "math", "procs", 100 * MS);
	add_model(&r, "math", "single", 240 * MS);
	assert_int_equal(summary_of(&s, &r), 0);
	assert_int_equal(s.section_cnt, 2);
	assert_int_equal(s.sections[0].group_cnt, 3);
	assert_string_equal(s.sections[0].groups[0].first->model, "threads");
	assert_string_equal(s.sections[0].groups[1].first->model, "procs");
	assert_string_equal(s.sections[0].groups[2].first->model, "single");
	assert_true(s.sections[0].groups[2].ratio > 2.199 && s.sections[0].groups[2].ratio < 2.201);
	assert_true(s.sections[0].groups[2].wall_ns.min == 200.0 * MS);
	assert_string_equal(s.sections[1].groups[0].first->workload, "crypto");
	summary_clear(&s);
	recording_clear(&r);
}

static void runs_cut_short_do_not_count(void **state)
{
	struct recording r;
	struct summary s;

	(void)state;
	recording_init(&r);
	add_model(&r, "math", "threads", 100 * MS);
	add_model(&r, "math", "threads", 10 * MS)->interrupted = true;
	add_model(&r, "math", "single", 5 * MS)->interrupted = true;
	assert_int_equal(summary_of(&s, &r), 0);
	assert_string_equal(s.sections[0].groups[0].first->model, "threads");
	assert_true(s.sections[0].groups[0].wall_ns.median == 100.0 * MS);
	assert_int_equal(s.sections[0].groups[0].interrupted_cnt, 1);
	assert_false(s.sections[0].groups[0].partial);
	assert_true(s.sections[0].groups[1].partial);
	assert_true(s.sections[0].groups[1].ratio == 0);
	summary_clear(&s);
	recording_clear(&r);
}

static void commands_are_sections_by_label(void **state)
{
	struct recording r;
	struct summary s;

	(void)state;
	recording_init(&r);
	add_model(&r, "", "ls", MS);
	add_model(&r, "", "make", MS);
	add_model(&r, "", "ls", MS);
	for (size_t i = 0; i < r.run_cnt; i++)
		strcpy(r.runs[i].model, "");
	assert_int_equal(summary_of(&s, &r), 0);
	assert_int_equal(s.section_cnt, 2);
	assert_int_equal(s.sections[0].groups[0].run_cnt, 2);
	assert_false(s.sections[0].groups[0].has_lanes);
	summary_clear(&s);
	recording_clear(&r);
}

static void page_tables_are_of_working_processes_once(void **state)
{
	struct run run = {0};
	uint64_t bytes;

	(void)state;
	add(&run, 1, ROLE_ORCHESTRATOR, MS)->pgtables_peak_bytes = 1000;
	add(&run, 2, ROLE_WORKER, MS)->pgtables_peak_bytes = 300;
	add(&run, 3, ROLE_WORKER, MS)->pgtables_peak_bytes = 400;
	add(&run, 4, ROLE_HELPER, MS)->pgtables_peak_bytes = 500;
	run.threads[2].tgid = run.threads[3].tgid = 2;
	assert_int_equal(run_pgtables_peak(&run, &bytes), 0);
	assert_int_equal(bytes, 500);
	assert_int_equal(run_process_cnt(&run), 2);
	for (int i = 0; i < 4; i++)
		run.threads[i].role = ROLE_HELPER;
	assert_int_equal(run_pgtables_peak(&run, &bytes), 0);
	assert_int_equal(bytes, 1500);
	free(run.threads);
}

static void orchestrator_has_its_share(void **state)
{
	struct recording r;
	struct summary s;
	struct run *run;

	(void)state;
	recording_init(&r);
	run = add_model(&r, "transfer", "procs", 10 * MS);
	add(run, 1, ROLE_ORCHESTRATOR, 2 * MS);
	add(run, 2, ROLE_WORKER, 5 * MS);
	add(run, 3, ROLE_HELPER, MS);
	assert_int_equal(summary_of(&s, &r), 0);
	assert_true(s.sections[0].groups[0].orchestrator_share == 0.25);
	assert_true(s.sections[0].groups[0].has_lanes);
	summary_clear(&s);
	recording_clear(&r);
}

static void still_conditions_say_nothing(struct recording *r)
{
	struct lines l = LINES_NONE;

	assert_int_equal(conditions_warn(r, &l), 0);
	if (l.cnt)
		print_message("%s\n", l.line[0]);
	assert_int_equal(l.cnt, 0);
}

static void conditions_warn_of_what_moved(void **state)
{
	struct recording r;
	struct lines l = LINES_NONE;

	(void)state;
	recording_init(&r);
	still_conditions_say_nothing(&r);
	r.host.cpus = 2;
	r.host.mem_bytes = 1000;
	for (int i = 0; i < 2; i++) {
		r.conditions[i] = (struct conditions){.spin_ns = 1000000,
						      .cacheline_ns = 40,
						      .mem_available_bytes = 500,
						      .load1 = 1.9,
						      .thp = strdup("madvise")};
	}
	add_model(&r, "math", "single", 100 * MS)->other_cpu_ns = 9 * MS;
	still_conditions_say_nothing(&r);
	r.conditions[0].spin_ns = UNKNOWN;
	still_conditions_say_nothing(&r);
	r.conditions[0].spin_ns = 1060000;
	r.conditions[1].cacheline_ns = 60;
	r.conditions[1].mem_available_bytes = 20;
	r.conditions[0].load1 = 2.5;
	r.runs[0].other_cpu_ns = 11 * MS;
	r.runs[0].steal_ns = 2 * MS;
	strcpy(r.conditions[1].thp, "never");
	assert_int_equal(conditions_warn(&r, &l), 0);
	assert_true(says(&l, "CPU speed: a fixed loop went from 1060 to 1000 us"));
	assert_true(says(&l, "from 40 to 60 ns"));
	assert_true(says(&l, "2.0% of memory"));
	assert_true(says(&l, "load 2.5 on 2 CPUs"));
	assert_true(says(&l, "from madvise to never"));
	assert_true(says(&l, "the hypervisor took"));
	assert_true(says(&l, "other tasks took"));
	assert_int_equal(l.cnt, 7);
	lines_clear(&l);
	recording_clear(&r);
}

/* Five repeats a side of 200 ms on two CPUs, as quiet as a machine gets. */
static void quiet_runs(struct recording *r)
{
	recording_init(r);
	r->host.cpus = 2;
	for (int i = 0; i < 10; i++) {
		struct run *run = add_model(r, "math", i % 2 ? "threads" : "procs", 200 * MS);

		run->repeat = i / 2;
		run->steal_ns = 10 * MS * (i == 3);		     /* one step of /proc/stat */
		run->other_cpu_ns = 10 * MS * (2 + (uint64_t)i % 2); /* two, three */
		run->spin_ns = 1000000 + (uint64_t)i * 3000;
		run->cacheline_ns = 40 + (uint64_t)i / 2 % 2 * 8;
	}
}

static void noise_of(struct recording *r, struct lines *l)
{
	struct summary s;

	lines_clear(l);
	*l = (struct lines)LINES_NONE;
	assert_int_equal(summary_of(&s, r), 0);
	assert_int_equal(s.section_cnt, 1);
	assert_int_equal(s.sections[0].group_cnt, 2);
	assert_int_equal(noise_warn(r, &s.sections[0].groups[0], "procs", &s.sections[0].groups[1],
				    "threads", l),
			 0);
	summary_clear(&s);
}

static void a_quiet_machine_makes_no_noise(void **state)
{
	struct lines l = LINES_NONE;
	struct recording r;

	(void)state;
	quiet_runs(&r);
	noise_of(&r, &l);
	assert_int_equal(l.cnt, 0);
	for (size_t i = 0; i < r.run_cnt; i++) {
		struct run *run = &r.runs[i];

		run->steal_ns = run->other_cpu_ns = run->spin_ns = run->cacheline_ns = UNKNOWN;
	}
	r.runs[4].end_ns = r.runs[4].begin_ns;
	noise_of(&r, &l);
	assert_int_equal(l.cnt, 0);
	lines_clear(&l);
	recording_clear(&r);
}

/* What one repeat has, whichever side it is of. */
static void noise_of_one_repeat_is_told(void **state)
{
	struct lines l = LINES_NONE;
	struct recording r;

	(void)state;
	quiet_runs(&r);
	r.runs[5].other_cpu_ns = 44 * MS; /* more than 20 ms and 5% of two CPUs */
	r.runs[2].steal_ns = 25 * MS;
	r.runs[8].spin_ns = 1055000;
	r.runs[9].cacheline_ns = 61;
	noise_of(&r, &l);
	assert_true(says(&l, "other tasks used 22% of a CPU in repeat 3 of threads"));
	assert_true(says(&l, "the hypervisor took 12% of a CPU in repeat 2 of procs"));
	assert_true(says(&l, "CPU speed: a fixed loop took 1.00 to 1.05 ms") ||
		    says(&l, "CPU speed: a fixed loop took 1.00 to 1.06 ms"));
	assert_true(says(&l, "cache-line latency 40 to 61 ns"));
	assert_int_equal(l.cnt, 4);
	lines_clear(&l);
	recording_clear(&r);
}

/* A little in every repeat of one side alone is more than chance, and as bad as much in one. */
static void unequal_sides_are_told(void **state)
{
	struct lines l = LINES_NONE;
	struct recording r;

	(void)state;
	quiet_runs(&r);
	for (size_t i = 0; i < r.run_cnt; i++) {
		r.runs[i].other_cpu_ns = i % 2 ? 36 * MS : 4 * MS;
		r.runs[i].spin_ns = i % 2 ? 1040000 : 1000000;
		r.runs[i].cacheline_ns = i % 2 ? 40 : 52;
	}
	noise_of(&r, &l);
	assert_true(
		says(&l, "sides unequal: other tasks used 2% of a CPU in procs, 18% in threads"));
	assert_true(
		says(&l, "sides unequal: a fixed loop took 1.00 ms in procs, 1.04 ms in threads"));
	assert_true(says(&l, "sides unequal: cache-line latency 52 ns in procs, 40 ns in threads"));
	assert_int_equal(l.cnt, 3);
	lines_clear(&l);
	recording_clear(&r);
}

static void cost_is_of_the_tasks_cpu_time(void **state)
{
	struct recording r;
	struct run *run;
	struct cost c;

	(void)state;
	recording_init(&r);
	cost_of(&c, &r);
	assert_true(c.bpf_share == 0 && !c.estimate_known);
	run = add_model(&r, "math", "single", 100 * MS);
	add(run, 1, ROLE_WORKER, 100 * MS);
	run->bpf_ns = MS;
	run->event_cnt = 10000;
	r.dispatch_ns = 100;
	cost_of(&c, &r);
	assert_true(c.bpf_share == 0.01);
	assert_true(c.estimate_known && c.estimate_share == 0.02);
	assert_true(c.slower_lo > 0.0204 && c.slower_lo < 0.0205);
	assert_true(c.slower_hi > 0.03 && c.slower_hi < 0.04);
	/* 5 ms in 1,000 short waits for locks may be of our making; in one long one not */
	run->threads[0].state_ns[WG_FUTEX] = 5 * MS;
	run->threads[0].state_cnt[WG_FUTEX] = 1000;
	cost_of(&c, &r);
	assert_true(c.slower_lo < 0.0205 && c.slower_hi > 0.08 && c.slower_hi < 0.09);
	run->threads[0].state_cnt[WG_FUTEX] = 1;
	cost_of(&c, &r);
	assert_true(c.slower_hi < 0.04);
	run->threads[0].state_cnt[WG_FUTEX] = 0;
	/* our threads' time counts at most, and only as far as the work was on a CPU meanwhile */
	run->own_cpu_ns = 10 * MS;
	cost_of(&c, &r);
	assert_true(c.own_cpu_ns == 10 * MS && c.slower_lo < 0.0205);
	assert_true(c.slower_hi > 0.13 && c.slower_hi < 0.16);
	run->end_ns = run->begin_ns + 1000 * MS;
	cost_of(&c, &r);
	assert_true(c.slower_hi > 0.03 && c.slower_hi < 0.05);
	run->own_cpu_ns = UNKNOWN;
	cost_of(&c, &r);
	assert_true(c.own_cpu_ns == UNKNOWN && c.slower_hi < 0.04);
	/* more than there is: no bound */
	run->bpf_ns = 90 * MS;
	cost_of(&c, &r);
	assert_true(c.slower_hi < 0);
	r.dispatch_ns = UNKNOWN;
	cost_of(&c, &r);
	assert_false(c.estimate_known);
	recording_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(audit_sums_and_finds_the_worst),
		cmocka_unit_test(audit_counts_faults_without_a_trap_as_minor),
		cmocka_unit_test(audit_knows_what_it_does_not_know),
		cmocka_unit_test(a_count_that_one_thread_lacks_is_unknown),
		cmocka_unit_test(small_times_do_not_warn_but_counts_do),
		cmocka_unit_test(stolen_time_is_left_out_on_both_sides),
		cmocka_unit_test(closure_counts_what_does_not_add_up),
		cmocka_unit_test(groups_are_sorted_and_keep_order_when_equal),
		cmocka_unit_test(runs_cut_short_do_not_count),
		cmocka_unit_test(commands_are_sections_by_label),
		cmocka_unit_test(page_tables_are_of_working_processes_once),
		cmocka_unit_test(orchestrator_has_its_share),
		cmocka_unit_test(conditions_warn_of_what_moved),
		cmocka_unit_test(a_quiet_machine_makes_no_noise),
		cmocka_unit_test(noise_of_one_repeat_is_told),
		cmocka_unit_test(unequal_sides_are_told),
		cmocka_unit_test(cost_is_of_the_tasks_cpu_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
