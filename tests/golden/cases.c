// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Writes the recordings of the golden tests: `cases FOLDER` makes one FOLDER/NAME.wg for each
 * case below. Figures are made up, but hang together: the states of a thread sum to its wall
 * time, and the kernel's side agrees but where a case is about disagreement.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "model/recording.h"
#include "store/store.h"

#define MS 1000000ull
#define SEC 1000000000ull
#define KIB 1024ull
#define MIB (1024 * KIB)
#define BOOT (1000 * SEC) /* where windows begin */

static char *text(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	return copy;
}

static void lines_machine(struct recording *r)
{
	static const char *const libs[][2] = {
		{"glibc", "2.36"}, {"libcrypto", "3.0.15"}, {"native runner", "gcc 12.2.0"}};

	r->host.kernel = text("6.18.3");
	r->host.machine = text("x86_64");
	r->host.distro = text("Debian GNU/Linux 12 (bookworm)");
	r->host.cpu_model = text("Example CPU @ 2.00GHz");
	r->host.lockdown = text("integrity");
	r->host.fault_end = text("perf");
	r->host.preemption = text("voluntary");
	r->host.virt = text("");
	r->host.cpus = 2;
	r->host.mem_bytes = 24576 * MIB;
	for (size_t i = 0; i < ARRAY_SIZE(libs); i++)
		recording_add_lib(r, libs[i][0], libs[i][1]);
}

static void conditions(struct conditions *c, uint64_t at_ns)
{
	c->at_ns = at_ns;
	c->steal_ns = 5 * SEC;
	c->idle_ns = 700 * SEC;
	c->busy_ns = 100 * SEC;
	c->cacheline_ns = 41;
	c->spin_ns = 1012000;
	c->mem_available_bytes = 20000 * MIB;
	c->load1 = 0.5;
	c->thp = text("madvise");
	c->clocksource = text("tsc");
	c->governor = text("");
}

static void losses(struct recording *r, uint64_t exit_rows, uint64_t storage)
{
	recording_add_loss(r, "storage", "tasks that got no ledger", storage);
	recording_add_loss(r, "exit rows", "gone tasks whose row found no room", exit_rows);
	recording_add_loss(r, "clock back", "intervals cut to nothing", 0);
}

static void begin(struct recording *r, const char *command, const char *argv)
{
	recording_init(r);
	r->version = text("0.0.0-golden");
	r->command = text(command);
	r->argv = text(argv);
	r->created_s = 1764000000;
	r->dispatch_ns = 60;
	r->fault_event_ns = 100;
	r->wallgap_rss_peak_bytes = 23 * MIB;
	r->start_ns = 120 * MS;
	lines_machine(r);
	conditions(&r->conditions[0], BOOT - SEC);
	conditions(&r->conditions[1], BOOT + 60 * SEC);
}

static struct run *add_run(struct recording *r, const char *workload, const char *model, int repeat,
			   uint64_t wall_ns)
{
	struct run *run = recording_add_run(r);
	char label[256];

	snprintf(label, sizeof(label), *workload ? "%s/native/%s" : "%s%s", workload, model);
	run->label = text(label);
	run->workload = text(workload);
	run->runtime = text(*workload ? "native" : "");
	run->model = text(*workload ? model : "");
	run->detail = text("");
	run->checksum = text("");
	run->repeat = repeat;
	run->begin_ns = BOOT + r->run_cnt * SEC;
	run->end_ns = run->begin_ns + wall_ns;
	run->other_cpu_ns = wall_ns / 100;
	run->bpf_ns = wall_ns / 500;
	run->event_cnt = wall_ns / 100000;
	run->memory = (struct memory){.sample_cnt = 20,
				      .rss_avg_bytes = 9 * MIB + 300 * KIB,
				      .rss_peak_bytes = 10 * MIB + 100 * KIB,
				      .rss_sum_peak_bytes = 19 * MIB,
				      .pss_sum_bytes = 14 * MIB,
				      .pgtables_kernel_bytes = 212 * KIB,
				      .pgtables_ours_bytes = 212 * KIB};
	return run;
}

/* Shares of a thread's time in tenths of a percent; what is left is on the CPU. */
struct mix {
	unsigned int fault, wake, preempt, futex, klock, io, sleep, poll, ipc, child, other;
};

static void fill_states(struct thread *t, const struct mix *m, uint64_t wall)
{
	const struct {
		enum wg_state state;
		unsigned int share;
	} parts[] = {
		{WG_CPU_FAULT, m->fault}, {WG_RUNQ_WAKE, m->wake}, {WG_RUNQ_PREEMPT, m->preempt},
		{WG_FUTEX, m->futex},	  {WG_KLOCK, m->klock},	   {WG_IO, m->io},
		{WG_SLEEP, m->sleep},	  {WG_POLL, m->poll},	   {WG_IPC, m->ipc},
		{WG_CHILD, m->child},	  {WG_OTHER, m->other},	   {WG_PROBE, 2}};
	uint64_t left = wall;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		t->state_ns[parts[i].state] = wall / 1000 * parts[i].share;
		t->state_cnt[parts[i].state] = parts[i].share * 7;
		left -= t->state_ns[parts[i].state];
	}
	t->state_cnt[WG_PROBE] = 0;
	t->state_ns[WG_CPU] = left;
	t->state_cnt[WG_CPU] = (m->wake + m->preempt) * 7 + 1;
}

/* The kernel's side, in agreement, but for a hair of time. */
static void fill_kernel(struct thread *t)
{
	t->audit_oncpu_ns = t->state_ns[WG_CPU] + t->state_ns[WG_CPU_FAULT] + t->state_ns[WG_PROBE];
	t->audit_run_delay_ns = t->state_ns[WG_RUNQ_WAKE] + t->state_ns[WG_RUNQ_PREEMPT];
	t->kernel.oncpu_ns = t->audit_oncpu_ns - t->audit_oncpu_ns / 10000;
	t->kernel.run_delay_ns = t->audit_run_delay_ns;
	t->kernel.nvcsw = t->count[WG_N_SWITCH_VOLUNTARY];
	t->kernel.nivcsw = t->count[WG_N_SWITCH_INVOLUNTARY];
	t->kernel.min_flt = t->count[WG_N_FAULT_MINOR] + t->count[WG_N_FAULT_UNTRAPPED];
	t->kernel.maj_flt = t->count[WG_N_FAULT_MAJOR];
}

static struct thread *add_thread(struct run *run, uint32_t tid, uint32_t tgid, const char *comm,
				 enum role role, const struct mix *m)
{
	struct thread *t = run_add_thread(run);

	t->id = run->thread_cnt;
	t->parent_id = run->thread_cnt > 1;
	t->tid = tid;
	t->tgid = tgid;
	strncpy(t->comm, comm, sizeof(t->comm) - 1);
	t->role = role;
	t->lane = -1;
	t->begin_ns = run->begin_ns;
	t->end_ns = run->end_ns;
	fill_states(t, m, t->end_ns - t->begin_ns);
	t->count[WG_N_SWITCH_VOLUNTARY] = (m->wake + m->futex) * 11;
	t->count[WG_N_SWITCH_INVOLUNTARY] = m->preempt;
	t->count[WG_N_FAULT_MINOR] = m->fault * 13 + 2;
	t->count[WG_N_FAULT_USER] = m->fault * 13;
	t->count[WG_N_FAULT_KERNEL] = 2;
	t->count[WG_N_SAMPLE_USER] = 90;
	t->count[WG_N_SAMPLE_KERNEL] = 10;
	t->pgtables_bytes = 100 * KIB;
	t->pgtables_peak_bytes = 106 * KIB;
	fill_kernel(t);
	return t;
}

/* One repeat of a pool: two lanes in one process or in two, and their orchestrator. */
static struct run *add_pool(struct recording *r, const char *workload, const char *model,
			    int repeat, uint64_t wall_ns, const struct mix *m)
{
	struct run *run = add_run(r, workload, model, repeat, wall_ns);
	bool procs = !strcmp(model, "procs");
	int lanes = strcmp(model, "single") ? 2 : 1;
	const struct mix waits = {.ipc = 997};

	free(run->detail);
	run->detail = text(!strcmp(workload, "math") ? "5,000,000 terms a task"
						     : "100,000 operations a task");
	free(run->checksum);
	run->checksum = text("a1b2");
	run->workers = lanes;
	run->pinned = true;
	add_thread(run, 500, 500, "wallgap-native", ROLE_ORCHESTRATOR, &waits);
	for (int i = 0; i < lanes; i++) {
		uint32_t tid = 510 + (uint32_t)i;
		struct thread *t =
			add_thread(run, tid, procs ? tid : 500, "worker", ROLE_WORKER, m);
		struct work *w = run_add_work(run);

		t->lane = w->lane = w->index = i;
		w->begin_ns = run->begin_ns + 10000;
		w->end_ns = run->end_ns - 10000;
		w->checksum = text("a1b2");
	}
	run->task_cnt = lanes;
	run->work_ns = wall_ns - 20000;
	return run;
}

static void make_bench(struct recording *r)
{
	const struct mix procs = {.wake = 4, .preempt = 2, .fault = 1};
	const struct mix threads = {
		.wake = 120, .preempt = 9, .futex = 331, .fault = 4, .other = 3};
	const struct mix single = {.preempt = 8};
	static const uint64_t jitter[] = {0, 17 * MS, 5 * MS};

	begin(r, "bench", "wallgap bench --workloads math,crypto-query --repeats 3");
	for (int i = 0; i < 3; i++) {
		add_pool(r, "math", "single", i, 240 * MS + jitter[i], &single);
		add_pool(r, "math", "threads", i, 122 * MS + jitter[i], &procs);
		add_pool(r, "math", "procs", i, 121 * MS + jitter[i], &procs);
		add_pool(r, "crypto-query", "single", i, 531 * MS + jitter[i], &single);
		add_pool(r, "crypto-query", "threads", i, 851 * MS + jitter[i], &threads);
		add_pool(r, "crypto-query", "procs", i, 279 * MS + jitter[i], &procs);
	}
	losses(r, 0, 0);
}

static void make_record(struct recording *r)
{
	const struct mix mixes[] = {
		{.fault = 30, .wake = 12, .io = 220, .ipc = 100},
		{.child = 950, .fault = 5},
		{.futex = 400, .wake = 80, .preempt = 60},
		{.poll = 990},
	};
	static const char *const names[] = {"cc1", "make", "ld.lld", "jobserver"};
	struct run *run;

	begin(r, "record", "wallgap record -- make -j8 all");
	run = add_run(r, "", "make -j8 all", 0, 3217 * MS);
	for (uint32_t i = 0; i < 90; i++)
		add_thread(run, 2000 + i, 2000 + i / 3, names[i % 4], ROLE_HELPER, &mixes[i % 4]);
	for (uint32_t i = 0; i < 30; i++) {
		char comm[16];

		snprintf(comm, sizeof(comm), "sh-%u", i);
		add_thread(run, 3000 + i, 3000 + i, comm, ROLE_HELPER, &mixes[1]);
	}
	run->threads[5].count[WG_N_FAULT_UNTRAPPED] = 25600;
	run->threads[5].count[WG_N_FAULT_MAJOR] = 12;
	fill_kernel(&run->threads[5]);
	run->exit_status = 2;
	losses(r, 0, 0);
}

static void make_interrupted(struct recording *r)
{
	const struct mix busy = {.preempt = 20, .fault = 10};

	begin(r, "bench", "wallgap bench --workloads math");
	add_pool(r, "math", "threads", 0, 120 * MS, &busy);
	add_pool(r, "math", "procs", 0, 118 * MS, &busy);
	add_pool(r, "math", "threads", 1, 124 * MS, &busy);
	add_pool(r, "math", "procs", 1, 31 * MS, &busy)->interrupted = true;
	add_pool(r, "math", "single", 0, 90 * MS, &busy)->interrupted = true;
	r->interrupted = true;
	losses(r, 0, 0);
}

/* Everything that can be wrong with the figures. */
static void make_trouble(struct recording *r)
{
	const struct mix busy = {.preempt = 120, .futex = 200, .wake = 30};
	struct run *run;

	begin(r, "bench", "wallgap bench --no-pin");
	run = add_pool(r, "crypto", "threads", 0, 400 * MS, &busy);
	run->pinned = false;
	run->steal_ns = 30 * MS;
	run->other_cpu_ns = 120 * MS;
	run->threads[1].flags |= THREAD_TORN | THREAD_EDGE_CPU;
	run->threads[1].kernel.oncpu_ns = 1;
	run->threads[2].kernel.oncpu_ns -= 20 * MS;
	run->threads[2].kernel.run_delay_ns -= 3 * MS;
	run->threads[2].kernel.nvcsw += 5;
	run->threads[2].kernel.maj_flt = 3;
	run->threads[2].state_ns[WG_OTHER] += MS;
	run->memory.pgtables_kernel_bytes = 216 * KIB;
	r->conditions[1].steal_ns += 40 * MS;
	r->conditions[1].cacheline_ns = 97;
	r->conditions[1].spin_ns = 1400000;
	r->conditions[1].mem_available_bytes = 100 * MIB;
	r->conditions[0].load1 = 3.7;
	free(r->conditions[1].governor);
	r->conditions[1].governor = text("powersave");
	losses(r, 1234, 7);
}

static void make_unknowns(struct recording *r)
{
	const struct mix busy = {.fault = 1};
	struct run *run;

	begin(r, "bench", "wallgap bench");
	run = add_pool(r, "churn", "single", 0, 45 * MS, &busy);
	run->steal_ns = run->other_cpu_ns = UNKNOWN;
	run->memory = (struct memory){.rss_avg_bytes = UNKNOWN,
				      .rss_peak_bytes = UNKNOWN,
				      .rss_sum_peak_bytes = UNKNOWN,
				      .pss_sum_bytes = UNKNOWN,
				      .pgtables_kernel_bytes = UNKNOWN,
				      .pgtables_ours_bytes = UNKNOWN};
	for (int i = 0; i < 2; i++) {
		struct conditions *c = &r->conditions[i];

		c->steal_ns = c->idle_ns = c->busy_ns = c->mem_available_bytes = UNKNOWN;
		c->cacheline_ns = c->spin_ns = UNKNOWN;
	}
	r->dispatch_ns = r->fault_event_ns = r->wallgap_rss_peak_bytes = r->start_ns = UNKNOWN;
	free(r->host.fault_end);
	r->host.fault_end = text("");
	free(r->host.lockdown);
	r->host.lockdown = text("unknown");
}

static void make_one_thread(struct recording *r)
{
	const struct mix sleeps = {.sleep = 998};
	struct thread *t;

	begin(r, "record", "wallgap record sleep 0.05");
	t = add_thread(add_run(r, "", "sleep 0.05", 0, 50 * MS + 123456), 77, 77, "sleep",
		       ROLE_HELPER, &sleeps);
	t->count[WG_N_SAMPLE_USER] = t->count[WG_N_SAMPLE_KERNEL] = 0;
	t->flags = THREAD_BORN | THREAD_DIED;
	losses(r, 0, 0);
}

/* Names of tasks are any 15 bytes, and commands any length. */
static void make_names(struct recording *r)
{
	static const char *const names[] = {"köln-straße",
					    "日本語のスレ",
					    "\xff\xfe raw",
					    "esc\033[31mred",
					    "new\nline",
					    "tab\there",
					    "",
					    "quote\"back\\",
					    "<script>",
					    "emoji \U0001f600"};
	const struct mix busy = {.futex = 100};
	struct run *run;

	begin(r, "record", "wallgap record -- ./odd \xff names");
	run = add_run(r, "",
		      "./odd \xff --with a very long command line that goes on and on, "
		      "far beyond what one line of a report can hold, and then some more",
		      0, 20 * MS);
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++)
		add_thread(run, 900 + i, 900, names[i], ROLE_HELPER, &busy);
	losses(r, 0, 0);
}

static void make_repeats(struct recording *r)
{
	const struct mix busy = {.io = 300, .wake = 10};
	struct run *run;

	begin(r, "record", "wallgap record --repeats 3 -- tar cf /dev/null .");
	for (int i = 0; i < 3; i++) {
		run = add_run(r, "", "tar cf /dev/null .", i, (700 + 31 * (uint64_t)i) * MS);
		add_thread(run, 40 + (uint32_t)i, 40 + (uint32_t)i, "tar", ROLE_HELPER, &busy);
	}
	losses(r, 0, 0);
}

static void make_empty(struct recording *r)
{
	recording_init(r);
}

static const struct {
	const char *name;
	void (*make)(struct recording *r);
} cases[] = {
	{"bench", make_bench},	   {"record", make_record},	{"interrupted", make_interrupted},
	{"trouble", make_trouble}, {"unknowns", make_unknowns}, {"one-thread", make_one_thread},
	{"names", make_names},	   {"repeats", make_repeats},	{"empty", make_empty},
};

int main(int argc, char **argv)
{
	struct err e;

	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(cases); i++) {
		char path[4096];
		struct recording r;

		cases[i].make(&r);
		snprintf(path, sizeof(path), "%s/%s.wg", argv[1], cases[i].name);
		if (store_write(path, &r, &e)) {
			fprintf(stderr, "%s\n", e.msg);
			return 1;
		}
		recording_clear(&r);
	}
	return argc == 2 ? 0 : 2;
}
