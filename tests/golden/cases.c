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
#include "golden/paths.h"
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
	r->wallgap_cpu_ns = 310000000;
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

/* The same in another runtime. */
static struct run *add_in(struct recording *r, const char *runtime, const char *workload,
			  const char *model, int repeat, uint64_t wall_ns, const struct mix *m)
{
	struct run *run = add_pool(r, workload, model, repeat, wall_ns, m);

	free(run->runtime);
	run->runtime = text(runtime);
	free(run->label);
	if (asprintf(&run->label, "%s/%s/%s", workload, runtime, model) < 0)
		abort();
	return run;
}

static void set_checksum(struct run *run, const char *checksum)
{
	free(run->checksum);
	run->checksum = text(checksum);
}

static void add_runtime(struct recording *r, const char *name, const char *version,
			const char *libs, const char *flags)
{
	struct runtime_info *info = recording_add_runtime(r);

	info->name = text(name);
	info->version = text(version);
	info->libs = text(libs);
	info->flags = text(flags);
	info->path = text("/usr/bin/runtime");
}

static void add_absence(struct recording *r, const char *runtime, const char *workload,
			const char *model, const char *why, bool failed)
{
	struct absence *a = recording_add_absence(r);

	a->runtime = text(runtime);
	a->workload = text(workload);
	a->model = text(model);
	a->why = text(why);
	a->failed = failed;
}

/* Every verdict a headline can have, sums that are alike, runtimes that are not there. */
static void make_matrix(struct recording *r)
{
	const struct mix busy = {.preempt = 3, .fault = 1}, waits = {.futex = 300, .wake = 50},
			 fills = {.fault = 600}, polls = {.fault = 200, .poll = 500};
	static const char *const sums[] = {"1533.0804492095926", "1533.080449209559"};
	static const char *const names[] = {"node", "bun"};

	begin(r, "bench", "wallgap bench --runtimes node,bun,deno=/opt/deno");
	add_runtime(r, "node", "v20.20.2", "v8 11.3.244.8-node.38, openssl 3.0.19",
		    "--perf-basic-prof --interpreted-frames-native-stack");
	add_runtime(r, "bun", "1.4.5", "boringssl 29a2cd359458c9384694b75456026e4b57e3e567", "");
	add_absence(r, "deno", "", "", "/opt/deno: No such file or directory", false);
	add_absence(r, "node", "crypto", "single",
		    "runner /usr/bin/node (crypto, single): was killed by signal 9 (Killed) before "
		    "\"done\"",
		    true);
	for (int i = 0; i < 3; i++) {
		uint64_t j = (uint64_t)i * 3 * MS;

		for (int n = 0; n < 2; n++) {
			bool bun = n == 1;

			set_checksum(add_in(r, names[n], "math", "threads", i,
					    (bun ? 70 : 410) * MS + j, &busy),
				     sums[n]);
			set_checksum(add_in(r, names[n], "math", "procs", i,
					    (bun ? 140 : 411) * MS + j, &busy),
				     sums[n]);
			add_in(r, names[n], "crypto", "procs", i, 2040 * MS + j, &busy);
			add_in(r, names[n], "crypto", "threads", i,
			       (bun ? 2030 : 7800) * MS + j * 8, bun ? &busy : &waits);
			add_in(r, names[n], "transfer", "single", i, 40 * MS + j * 9, &fills);
			add_in(r, names[n], "transfer", "procs", i, 700 * MS + j, &polls);
			add_in(r, names[n], "transfer", "threads", i, 210 * MS + j, &polls)
				->memory.rss_sum_peak_bytes = (bun ? 2400 : 300) * MIB;
		}
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
	r->dispatch_ns = r->fault_event_ns = r->wallgap_rss_peak_bytes = r->wallgap_cpu_ns =
		r->start_ns = UNKNOWN;
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

/* --- call paths */

#define FUTEX_KERNEL                                                                               \
	"futex_wait_queue < __futex_wait < futex_wait < do_futex < __x64_sys_futex < "             \
	"do_syscall_64 < entry_SYSCALL_64_after_hwframe"
#define ROOT " < libc.so.6+0x89134 < libc.so.6+0x1097dc" /* start_thread, clone3 */
#define HASH "hash_query@wallgap-native < run_task@wallgap-native < lane_main@wallgap-native" ROOT
#define FETCH                                                                                      \
	"CRYPTO_THREAD_write_lock@libcrypto.so.3 < libcrypto.so.3+0x1f65c0 < "                     \
	"libcrypto.so.3+0x1a4b10 < libcrypto.so.3+0x1a5020 < EVP_MD_fetch@libcrypto.so.3 < " HASH

static uint32_t heap_lock(struct recording *r, uint32_t tgid, uint64_t addr)
{
	return add_lock(
		r,
		(struct lock){.kind = LOCK_FUTEX, .tgid = tgid, .addr = addr, .module = "[heap]"});
}

/* One rwlock in a stripped libcrypto's heap, over a stripped libc; its two words are one lock. */
static void crypto_waits(struct recording *r, struct run *run)
{
	uint64_t ns = run->end_ns - run->begin_ns;
	uint64_t base = 0x55d0c0de0000 + r->lock_cnt * 0x100;
	uint32_t phase = heap_lock(r, 500, base + 8), writers = heap_lock(r, 500, base + 12);
	uint32_t write = path(r, FUTEX_KERNEL,
			      "libc.so.6+0x851f0 < pthread_rwlock_wrlock@libc.so.6 < " FETCH);
	uint32_t read = path(r, FUTEX_KERNEL,
			     "libc.so.6+0x851f0 < pthread_rwlock_rdlock@libc.so.6 < "
			     "CRYPTO_THREAD_read_lock@libcrypto.so.3 < libcrypto.so.3+0x1f6410 < "
			     "EVP_MD_fetch@libcrypto.so.3 < " HASH);
	uint32_t arena = path(r, FUTEX_KERNEL,
			      "__lll_lock_wait_private@libc.so.6 < malloc@libc.so.6 < "
			      "CRYPTO_zalloc@libcrypto.so.3 < " HASH);
	uint32_t main_arena = add_lock(r, (struct lock){.kind = LOCK_FUTEX,
							.tgid = 500,
							.addr = 0x7f0000100c60,
							.module = "libc.so.6",
							.offset = 0x1d2c60});

	/* the mean lane waits 33.1% of its time: two lanes */
	add_waits(run, WG_FUTEX, write, writers, 24000, ns * 2 / 1000 * 290, 1203000);
	add_waker(run,
		  path(r, "",
		       "pthread_rwlock_unlock@libc.so.6 < "
		       "CRYPTO_THREAD_unlock@libcrypto.so.3 < libcrypto.so.3+0x1f65c0 < "
		       "EVP_MD_fetch@libcrypto.so.3 < " HASH),
		  1000);
	add_waker(run, NO_INDEX, 3);
	add_waits(run, WG_FUTEX, read, phase, 2400, ns * 2 / 1000 * 35, 402000);
	add_waits(run, WG_FUTEX, arena, main_arena, 12, ns * 2 / 1000 * 5, 90000);
}

static void crypto_samples(struct recording *r, struct run *run, bool threads)
{
	static const char *const kernel[] = {
		"_raw_spin_unlock_irqrestore < try_to_wake_up < wake_up_q < futex_wake < do_futex "
		"< "
		"__x64_sys_futex < do_syscall_64 < entry_SYSCALL_64_after_hwframe",
		"read_tsc < __x64_sys_getrusage < do_syscall_64 < entry_SYSCALL_64_after_hwframe",
		"asm_sysvec_apic_timer_interrupt"};
	uint32_t lock = path(r, "",
			     "pthread_rwlock_rdlock@libc.so.6 < "
			     "CRYPTO_THREAD_read_lock@libcrypto.so.3 < "
			     "libcrypto.so.3+0x1f6410 < EVP_MD_fetch@libcrypto.so.3 < " HASH);
	uint32_t unlock = path(r, "",
			       "pthread_rwlock_unlock@libc.so.6 < "
			       "CRYPTO_THREAD_unlock@libcrypto.so.3 < "
			       "EVP_MD_fetch@libcrypto.so.3 < " HASH);
	uint32_t hash = path(r, "",
			     "libcrypto.so.3+0x2b3d40 < SHA512_Update@libcrypto.so.3 < "
			     "EVP_DigestUpdate@libcrypto.so.3 < " HASH);

	add_samples(run, WG_CPU, true, hash, 310, 0);
	add_samples(run, WG_CPU, true, lock, threads ? 160 : 20, threads ? 118 : 3);
	add_samples(run, WG_CPU, true, unlock, threads ? 140 : 18, threads ? 101 : 2);
	for (size_t i = 0; i < ARRAY_SIZE(kernel); i++)
		add_samples(run, WG_CPU, false, path(r, kernel[i], "libc.so.6+0x851f0 < " FETCH),
			    40 >> i, 0);
}

static void make_locks(struct recording *r)
{
	const struct mix procs = {.wake = 4, .preempt = 2, .fault = 1};
	const struct mix threads = {.wake = 120, .preempt = 9, .futex = 331, .fault = 4};
	static const uint64_t jitter[] = {0, 17 * MS, 5 * MS};

	begin(r, "bench", "wallgap bench --workloads crypto-query --repeats 3");
	for (int i = 0; i < 3; i++) {
		struct run *run =
			add_pool(r, "crypto-query", "threads", i, 851 * MS + jitter[i], &threads);

		run->sample_hz = 997;
		crypto_waits(r, run);
		crypto_samples(r, run, true);
		run = add_pool(r, "crypto-query", "procs", i, 279 * MS + jitter[i], &procs);
		run->sample_hz = 997;
		crypto_samples(r, run, false);
	}
	losses(r, 0, 0);
}

/* The same run as a variant, its lanes shorter or longer by so much. */
static void set_variant(struct run *run, const char *variant)
{
	run->variant = text(variant);
	free(run->label);
	if (asprintf(&run->label, "%s/%s/%s+%s", run->workload, run->runtime, run->model, variant) <
	    0)
		abort();
	run->sample_hz = 997;
}

/*
 * bench --prove: with one switch the gap goes, with one it stays although its cause goes, with one
 * the cause stays, and one is of another version; a pool could not be built.
 */
static void make_prove(struct recording *r)
{
	const struct mix procs = {.wake = 4, .preempt = 2, .fault = 1};
	const struct mix threads = {.wake = 120, .preempt = 9, .futex = 331, .fault = 4};
	static const uint64_t jitter[] = {0, 17 * MS, 5 * MS};
	static const char *const variants[] = {"private-contexts", "fetched-once", "not-pinned",
					       "of-another-version"};

	begin(r, "bench", "wallgap bench --workloads crypto-query --repeats 3 --prove");
	add_absence(r, "native", "crypto-query", "single+private-contexts",
		    "runner native (crypto-private, single): no memory", false);
	for (int i = 0; i < 6; i++) {
		uint64_t j = jitter[i % 3];
		struct run *run = add_pool(r, "crypto-query", "threads", i, 851 * MS + j, &threads);

		run->sample_hz = 997;
		crypto_waits(r, run);
		crypto_samples(r, run, true);
		run = add_pool(r, "crypto-query", "procs", i, 279 * MS + j, &procs);
		run->sample_hz = 997;
		crypto_samples(r, run, false);
		for (size_t v = 0; i >= 3 && v < ARRAY_SIZE(variants); v++) {
			static const uint64_t walls[] = {283, 840, 845, 300};
			bool waits = v == 2;

			run = add_pool(r, "crypto-query", "threads", i - 3, walls[v] * MS + j,
				       waits ? &threads : &procs);
			set_variant(run, variants[v]);
			if (waits)
				crypto_waits(r, run);
			crypto_samples(r, run, waits);
			run = add_pool(r, "crypto-query", "procs", i - 3, 281 * MS + j, &procs);
			set_variant(run, variants[v]);
			crypto_samples(r, run, false);
		}
	}
	losses(r, 0, 0);
}

/* All of malloc behind one arena, in a program with symbols; and a mutex taken after a condition. */
static void make_arena(struct recording *r)
{
	const struct mix m = {.futex = 700, .wake = 50};
	uint32_t arena, cond, cond_mutex;
	struct run *run;

	begin(r, "record", "wallgap record -- ./storm");
	run = add_run(r, "", "./storm", 0, 1000 * MS);
	for (uint32_t i = 0; i < 4; i++)
		add_thread(run, 600 + i, 600, "storm", ROLE_HELPER, &m);
	arena = add_lock(r, (struct lock){.kind = LOCK_FUTEX,
					  .tgid = 600,
					  .addr = 0x7f0000100c60,
					  .module = "libc.so.6",
					  .offset = 0x1d2c60});
	cond = heap_lock(r, 600, 0x55d0c0de0028);
	cond_mutex = add_lock(r, (struct lock){.kind = LOCK_FUTEX,
					       .tgid = 600,
					       .addr = 0x404080,
					       .module = "storm",
					       .offset = 0x4080,
					       .symbol = "queue",
					       .symbol_offset = 0x10});
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL,
		       "__lll_lock_wait_private@libc.so.6 < malloc@libc.so.6 < "
		       "operator new(unsigned long)@libstdc++.so.6 < "
		       "std::vector<item, std::allocator<item> >::_M_realloc_insert<item "
		       "const&>(item "
		       "const&)@storm < work(int)@storm" ROOT),
		  arena, 74000, 1500 * MS, 2 * MS);
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL,
		       "__lll_lock_wait_private@libc.so.6 < free@libc.so.6 < work(int)@storm" ROOT),
		  arena, 21000, 600 * MS, MS);
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL,
		       "libc.so.6+0x88000 < pthread_cond_wait@libc.so.6 < pop(queue*)@storm < "
		       "work(int)@storm" ROOT),
		  cond, 200, 300 * MS, 9 * MS);
	/* the same function, but the word is that of a mutex which others lock */
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL,
		       "libc.so.6+0x87000 < pthread_cond_wait@libc.so.6 < pop(queue*)@storm < "
		       "work(int)@storm" ROOT),
		  cond_mutex, 100, 100 * MS, 3 * MS);
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL,
		       "libc.so.6+0x87000 < pthread_mutex_lock@libc.so.6 < push(queue*)@storm < "
		       "main@storm < libc.so.6+0x2724a < __libc_start_main@libc.so.6 < "
		       "_start@storm"),
		  cond_mutex, 50, 60 * MS, 2 * MS);
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL,
		       "libc.so.6+0x89000 < pthread_join@libc.so.6 < main@storm < "
		       "libc.so.6+0x2724a < __libc_start_main@libc.so.6 < "
		       "_start@storm"),
		  heap_lock(r, 600, 0x7f00004009d0), 3, 240 * MS, 200 * MS);
	for (size_t i = 0; i < run->site_cnt; i++)
		run->sites[i].role = ROLE_HELPER;
	losses(r, 0, 0);
}

/* A runtime whose threads wait for work: nothing there is contention. */
static void make_idle(struct recording *r)
{
	static const char *const paths[] = {
		"libc.so.6+0x88000 < pthread_cond_wait@libc.so.6 < uv_cond_wait@node < "
		"worker@node" ROOT,
		"libc.so.6+0x88000 < pthread_cond_wait@libc.so.6 < uv_cond_wait@node < "
		"node::TaskQueue<v8::Task>::BlockingPop()@node < node::(anonymous "
		"namespace)::PlatformWorkerThread(void*)@node" ROOT,
		"libc.so.6+0x8a000 < sem_wait@libc.so.6 < uv_sem_wait@node < "
		"node::inspector::(anonymous namespace)::StartIoThreadMain(void*)@node" ROOT,
		"libc.so.6+0x88000 < pthread_cond_wait@libc.so.6 < "
		"WTF::ThreadCondition::timedWait(WTF::Mutex&, WTF::WallTime)@bun < "
		"WTF::ParkingLot::parkConditionallyImpl(void const*)@bun < bool "
		"WTF::Condition::waitUntilUnchecked<WTF::Lock>(WTF::Lock&)@bun < "
		"WTF::AutomaticThread::start(WTF::AbstractLocker const&)@bun" ROOT,
		"runtime.futex@app < runtime.futexsleep@app < runtime.notesleep@app < "
		"runtime.mPark@app < runtime.stopm@app < runtime.findRunnable@app < "
		"runtime.schedule@app < runtime.park_m@app < runtime.mcall@app",
		"syscall@libc.so.6 < "
		"std::sys::pal::unix::futex::futex_wait::h0123456789abcdef@tokio < "
		"std::sys::sync::thread_parking::futex::Parker::park::h0123456789abcdef@tokio < "
		"tokio::runtime::park::Inner::park::h0123456789abcdef@tokio" ROOT,
		"syscall@libc.so.6 < bun+0x2f1a000 < bun+0x2f1b400" ROOT,
	};
	const struct mix m = {.futex = 990};
	struct run *run;

	begin(r, "record", "wallgap record -- node idle.js");
	run = add_run(r, "", "node idle.js", 0, 1000 * MS);
	for (uint32_t i = 0; i < ARRAY_SIZE(paths); i++) {
		add_thread(run, 700 + i, 700, "node", ROLE_HELPER, &m);
		add_waits(run, WG_FUTEX, path(r, FUTEX_KERNEL, paths[i]),
			  heap_lock(r, 700, 0x55d0c0de0028 + i * 0x1000), 1 + i, 990 * MS, 900 * MS)
			->role = ROLE_HELPER;
	}
	losses(r, 0, 0);
}

/*
 * Waits and samples of one cause on paths that differ: a server whose platform thread sleeps once while
 * its loop sleeps 2,550 times, and small reads and writes.
 */
static void make_loops(struct recording *r)
{
	static const char poll[] =
		"ep_poll < do_epoll_wait < __x64_sys_epoll_wait < do_syscall_64 < "
		"entry_SYSCALL_64_after_hwframe";
	static const char entry[] = "entry_SYSCALL_64";
	static const char wait[] = "epoll_wait@libc.so.6 < uv__io_poll@node < uv_run@node < ";
	const struct mix m = {.poll = 900};
	char user[400];
	struct run *run;

	begin(r, "record", "wallgap record -- node server.js");
	run = add_run(r, "", "node server.js", 0, 1000 * MS);
	add_thread(run, 700, 700, "node", ROLE_HELPER, &m);
	add_thread(run, 701, 700, "node", ROLE_HELPER, &m);
	snprintf(user, sizeof(user), "%s%s", wait,
		 "node::(anonymous namespace)::PlatformWorkerThread(void*)@node" ROOT);
	add_waits(run, WG_POLL, path(r, poll, user), NO_INDEX, 1, 900 * MS, 900 * MS)->role =
		ROLE_HELPER;
	snprintf(user, sizeof(user), "%s%s", wait,
		 "node::SpinEventLoopInternal(node::Environment*)@node < main@node" ROOT);
	add_waits(run, WG_POLL, path(r, poll, user), NO_INDEX, 2550, 890 * MS, 20 * MS)->role =
		ROLE_HELPER;
	add_samples(run, WG_CPU, false, path(r, entry, "read@libc.so.6 < copy@dd < main@dd" ROOT),
		    52, 0)
		->role = ROLE_HELPER;
	add_samples(run, WG_CPU, false, path(r, entry, "write@libc.so.6 < copy@dd < main@dd" ROOT),
		    48, 0)
		->role = ROLE_HELPER;
	add_samples(run, WG_CPU, true, path(r, "", "memcpy@libc.so.6 < copy@dd < main@dd" ROOT), 60,
		    0)
		->role = ROLE_HELPER;
	add_samples(run, WG_CPU, true, path(r, "", "memcpy@libc.so.6 < fill@dd < main@dd" ROOT), 40,
		    0)
		->role = ROLE_HELPER;
	losses(r, 0, 0);
}

/* Node.js: scripts in JIT code, garbage collection, compilation, and helpers told apart. */
static void make_runtime(struct recording *r)
{
#define LOOP                                                                                       \
	" < *loop job.mjs:40@file:///srv/job.mjs < Builtins_JSEntry@node < "                       \
	"node::worker::Worker::StartThread(v8::FunctionCallbackInfo<v8::Value> const&)@node" ROOT
#define POOL " < node::(anonymous namespace)::PlatformWorkerThread(void*)@node" ROOT
	static const struct {
		const char *path;
		uint64_t count;
	} samples[] = {
		{"*work job.mjs:12@file:///srv/job.mjs" LOOP, 500},
		{"Builtins_StringAdd_CheckNone@node < *work job.mjs:12@file:///srv/job.mjs" LOOP,
		 200},
		{"v8::internal::Scavenger::Process(v8::JobDelegate*)@node < "
		 "v8::internal::Heap::CollectGarbage()@node < ~(anonymous) job.mjs:3@file:///srv/"
		 "job.mjs" LOOP,
		 120},
		{"v8::internal::ConcurrentMarking::RunMajor(v8::JobDelegate*)@node" POOL, 60},
		{"v8::internal::compiler::PipelineImpl::SelectInstructions()@node" POOL, 90},
		{"v8::internal::ValueSerializer::WriteObject()@node < "
		 "node::worker::Message::Serialize()@node < *send "
		 "job.mjs:30@file:///srv/job.mjs" LOOP,
		 25},
		{"v8::internal::Compiler::Compile()@node < ~load "
		 "node:internal/modules/esm/loader:120@node:internal/modules/esm/loader" LOOP,
		 5},
	};
	static const char *const starts[] = {
		"node::Start(int, char**)@node",
		"node::worker::Worker::StartThread(v8::FunctionCallbackInfo<v8::Value> "
		"const&)@node",
		"node::(anonymous namespace)::PlatformWorkerThread(void*)@node",
		"node::(anonymous namespace)::PlatformWorkerThread(void*)@node",
		"worker@node",
		"addon_thread(void*)@addon.node",
	};
	const struct mix busy = {.wake = 20}, waits = {.futex = 970};
	struct run *run;

	begin(r, "record", "wallgap record -- node job.mjs");
	run = add_run(r, "", "node job.mjs", 0, 1000 * MS);
	for (uint32_t i = 0; i < ARRAY_SIZE(starts); i++)
		add_thread(run, 800 + i, 800, "node", ROLE_HELPER, i < 2 ? &busy : &waits)->start =
			frame_of(r, starts[i], strlen(starts[i]), false);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		add_samples(run, WG_CPU, true, path(r, "", samples[i].path), samples[i].count, 0)
			->role = ROLE_HELPER;
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL,
		       "libc.so.6+0x88000 < pthread_cond_wait@libc.so.6 < uv_cond_wait@node" POOL),
		  heap_lock(r, 800, 0x55d0c0de0028), 800, 3880 * MS, 900 * MS)
		->role = ROLE_HELPER;
	losses(r, 0, 0);
}

#define CHURN "churn_once@wallgap-native < run_task@wallgap-native < lane_main@wallgap-native" ROOT
#define SYSCALL(name) "__x64_sys_" name " < do_syscall_64 < entry_SYSCALL_64_after_hwframe"
#define FAULT                                                                                      \
	"do_anonymous_page < __handle_mm_fault < handle_mm_fault < do_user_addr_fault < "          \
	"exc_page_fault < asm_exc_page_fault"

static void churn_waits(struct recording *r, struct run *run)
{
	uint64_t ns = (run->end_ns - run->begin_ns) * 2;
	const struct lock mmap_lock = {.kind = LOCK_KERNEL,
				       .flags = LOCK_OWN_MMAP | LOCK_WRITER,
				       .addr = 0xffff888100000070,
				       .module = "[kernel]"};
	const struct lock pte_lock = {.kind = LOCK_KERNEL,
				      .flags = LOCK_SPIN,
				      .addr = 0xffff888100003328,
				      .module = "[kernel]"};
	uint32_t own = add_lock(r, mmap_lock), pte = add_lock(r, pte_lock);

	add_waits(run, WG_KLOCK,
		  path(r,
		       "schedule < rwsem_down_write_slowpath < down_write_killable < __vm_munmap "
		       "< " SYSCALL("munmap"),
		       "munmap@libc.so.6 < " CHURN),
		  own, 5200, ns / 1000 * 200, 900000);
	add_waits(run, WG_KLOCK,
		  path(r,
		       "schedule < rwsem_down_read_slowpath < down_read < lock_mm_and_find_vma < "
		       "do_user_addr_fault < exc_page_fault < asm_exc_page_fault",
		       CHURN),
		  own, 900, ns / 1000 * 30, 200000);
	add_waits(run, WG_KLOCK,
		  path(r,
		       "native_queued_spin_lock_slowpath < _raw_spin_lock < zap_pte_range < "
		       "unmap_page_range < unmap_vmas < vms_clear_ptes < " SYSCALL("munmap"),
		       "munmap@libc.so.6 < " CHURN),
		  pte, 40, ns / 1000 * 4, 9000);
	add_waits(run, WG_OTHER,
		  path(r,
		       "schedule < rcuwait_wait_event < __vma_enter_locked < __vma_start_write < "
		       "vms_gather_munmap_vmas < do_vmi_align_munmap < __vm_munmap < " SYSCALL(
			       "munmap"),
		       "munmap@libc.so.6 < " CHURN),
		  NO_INDEX, 310, ns / 1000 * 60, 70000);
}

static void churn_samples(struct recording *r, struct run *run, bool threads)
{
	static const struct {
		const char *kernel, *user;
		enum wg_state state;
		uint64_t threads, procs;
	} samples[] = {
		{"smp_call_function_many_cond < on_each_cpu_cond_mask < native_flush_tlb_multi < "
		 "flush_tlb_mm_range < tlb_finish_mmu < vms_clear_ptes < " SYSCALL("munmap"),
		 "munmap@libc.so.6 < " CHURN, WG_CPU, 180, 0},
		{"flush_tlb_func < __flush_smp_call_function_queue < __sysvec_call_function < "
		 "sysvec_call_function < asm_sysvec_call_function",
		 CHURN, WG_CPU, 40, 0},
		{"free_unref_page_list < release_pages < unmap_page_range < unmap_vmas < "
		 "vms_clear_ptes < " SYSCALL("munmap"),
		 "munmap@libc.so.6 < " CHURN, WG_CPU, 60, 70},
		{"mas_store_gfp < do_mmap < vm_mmap_pgoff < " SYSCALL("mmap"),
		 "mmap@libc.so.6 < " CHURN, WG_CPU, 25, 22},
		{"finish_task_switch < __schedule < schedule < rwsem_down_write_slowpath < "
		 "down_write_killable < __vm_munmap < " SYSCALL("munmap"),
		 "munmap@libc.so.6 < " CHURN, WG_CPU, 21, 0},
		{"clear_page_rep < __alloc_frozen_pages_noprof < vma_alloc_anon_folio_noprof "
		 "< " FAULT,
		 CHURN, WG_CPU_FAULT, 60, 64},
		{"charge_memcg < __mem_cgroup_charge < " FAULT, CHURN, WG_CPU_FAULT, 11, 12},
		{"clear_page_rep < pte_alloc_one < __pte_alloc < " FAULT, CHURN, WG_CPU_FAULT, 9,
		 9},
		{"lock_vma_under_rcu < do_user_addr_fault < exc_page_fault < asm_exc_page_fault",
		 CHURN, WG_CPU_FAULT, 18, 4},
	};

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		uint64_t cnt = threads ? samples[i].threads : samples[i].procs;

		if (cnt)
			add_samples(run, samples[i].state, false,
				    path(r, samples[i].kernel, samples[i].user), cnt, 0);
	}
	add_samples(run, WG_CPU, true, path(r, "", CHURN), 33, 0);
	add_faults(run, path(r, "", CHURN), 64000, 60 * MS, 256 * KIB, 0);
}

static void make_churn(struct recording *r)
{
	const struct mix procs = {.wake = 4, .preempt = 2, .fault = 310};
	const struct mix threads = {.wake = 90, .fault = 120, .klock = 234, .other = 60};

	begin(r, "bench", "wallgap bench --workloads churn --repeats 2");
	for (int i = 0; i < 2; i++) {
		struct run *run = add_pool(r, "churn", "threads", i, 420 * MS, &threads);

		run->threads[1].count[WG_N_TLB_REMOTE] = run->threads[2].count[WG_N_TLB_REMOTE] =
			4000;
		run->threads[1].count[WG_N_IPI_SENT] = run->threads[2].count[WG_N_IPI_SENT] = 4021;
		run->threads[1].count[WG_N_TLB_LOCAL] = run->threads[2].count[WG_N_TLB_LOCAL] =
			4200;
		churn_waits(r, run);
		churn_samples(r, run, true);
		run = add_pool(r, "churn", "procs", i, 120 * MS, &procs);
		run->threads[1].count[WG_N_TLB_LOCAL] = run->threads[2].count[WG_N_TLB_LOCAL] =
			4000;
		churn_samples(r, run, false);
	}
	losses(r, 0, 0);
}

#define FILL                                                                                       \
	"__memset_avx2_unaligned_erms@libc.so.6 < fill@wallgap-native < "                          \
	"run_task@wallgap-native < lane_main@wallgap-native" ROOT

/* A big buffer: zeroing, page tables, and huge pages; on a kernel that tells of no flushes. */
static void make_transfer(struct recording *r)
{
	const struct mix m = {.fault = 640, .wake = 10};
	struct run *run;

	begin(r, "bench", "wallgap bench --workloads transfer");
	run = add_pool(r, "transfer", "threads", 0, 160 * MS, &m);
	for (int i = 1; i <= 2; i++) {
		run->threads[i].count[WG_N_FAULT_HUGE] = 40;
		run->threads[i].part_ns[WG_T_FAULT_HUGE] = 30 * MS;
	}
	for (size_t i = 0; i < run->thread_cnt; i++) {
		run->threads[i].count[WG_N_TLB_REMOTE] = UNKNOWN;
		run->threads[i].count[WG_N_TLB_LOCAL] = UNKNOWN;
		run->threads[i].count[WG_N_IPI_SENT] = UNKNOWN;
	}
	add_samples(run, WG_CPU_FAULT, false,
		    path(r, "clear_page_rep < vma_alloc_anon_folio_noprof < " FAULT, FILL), 130, 0);
	add_samples(run, WG_CPU_FAULT, false,
		    path(r,
			 "clear_page_rep < folio_zero_user < vma_alloc_anon_thp < "
			 "do_huge_pmd_anonymous_page < __handle_mm_fault < handle_mm_fault < "
			 "do_user_addr_fault < exc_page_fault < asm_exc_page_fault",
			 FILL),
		    50, 0);
	add_samples(run, WG_CPU_FAULT, false,
		    path(r,
			 "get_page_from_freelist < __alloc_frozen_pages_noprof < pte_alloc_one < "
			 "__pte_alloc < " FAULT,
			 FILL),
		    8, 0);
	add_samples(run, WG_CPU_FAULT, false,
		    path(r, "try_charge_memcg < charge_memcg < __mem_cgroup_charge < " FAULT, FILL),
		    10, 0);
	add_samples(run, WG_CPU_FAULT, false, path(r, FAULT, FILL), 6, 0);
	add_samples(run, WG_CPU, false,
		    path(r,
			 "unmap_page_range < unmap_vmas < exit_mmap < mmput < do_exit < "
			 "do_group_exit < " SYSCALL("exit_group"),
			 "_exit@libc.so.6 < " FILL),
		    20, 0);
	add_samples(run, WG_CPU, true, path(r, "", FILL), 90, 0);
	add_faults(run, path(r, "", FILL), 51200, 200 * MS, 412 * KIB, 80);
	losses(r, 0, 0);
}

/* Paths that break off: types come from the other waits of the word, and the share is told. */
static void make_broken(struct recording *r)
{
	const struct mix m = {.futex = 500};
	uint32_t lock;
	struct run *run;

	begin(r, "record", "wallgap record -- ./app");
	run = add_run(r, "", "./app", 0, 1000 * MS);
	add_thread(run, 800, 800, "app", ROLE_HELPER, &m);
	lock = add_lock(r, (struct lock){.kind = LOCK_FUTEX,
					 .flags = LOCK_SHARED,
					 .tgid = 800,
					 .addr = 0x404060,
					 .module = "app",
					 .offset = 0x4060,
					 .symbol = "table_lock"});
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL,
		       "libc.so.6+0x87000 < pthread_mutex_lock@libc.so.6 < insert@app < main@app"),
		  lock, 1000, 200 * MS, 5 * MS);
	add_waits(run, WG_FUTEX, path_ending(r, FUTEX_KERNEL, "libc.so.6+0x87000", WG_END_BROKEN),
		  lock, 30, 100 * MS, 4 * MS);
	add_waits(run, WG_FUTEX, path_ending(r, "", "", WG_END_UNMAPPED), NO_INDEX, 2, 50 * MS,
		  40 * MS);
	add_waits(run, WG_FUTEX,
		  path_ending(r, FUTEX_KERNEL, "deep@app < deep@app < deep@app", WG_END_TRUNCATED),
		  heap_lock(r, 800, 0x1000), 1, 10 * MS, 10 * MS);
	add_waits(run, WG_FUTEX, path_ending(r, "", "", WG_END_LOST), NO_INDEX, 3000, 150 * MS,
		  30 * MS);
	add_samples(run, WG_CPU, true,
		    path_ending(r, "", "compute@app < app+0x1200", WG_END_BROKEN), 3, 0);
	add_samples(run, WG_CPU, true, path(r, "", "compute@app < main@app"), 400, 0);
	add_samples(run, WG_CPU, true, path_ending(r, "", "", WG_END_UNSUPPORTED), 1, 0);
	add_samples(run, WG_CPU, false, path_ending(r, "", "", WG_END_NONE), 7, 0);
	for (size_t i = 0; i < run->site_cnt; i++)
		run->sites[i].role = ROLE_HELPER;
	losses(r, 0, 0);
}

/* Names out of files that others wrote: perf maps, symbol tables. */
static void make_hostile(struct recording *r)
{
	static const char *const names[] = {
		"LazyCompile:*run /srv/app; rm -rf/index.js:12:3@",
		"\xff\xfe\x80 raw@app",
		"esc\033[2J\033[31mred@app",
		"new\nline\ttab@app",
		"c1\xc2\x9b control@app",
		"日本語の関数名@app",
		"std::map<std::basic_string<char, std::char_traits<char>, std::allocator<char> >, "
		"std::vector<std::pair<int, double> > >::operator[](int) const@app",
		"(anonymous namespace)::outer<int>::inner(std::function<void (int)>)@app",
		"<((((<<<<@app",
		"@app",
		"%s%n%s%d@app",
	};
	char *deep = text("");
	const struct mix m = {.futex = 300};
	uint64_t long_name_len = 3000;
	char *long_name;
	struct run *run;

	begin(r, "record", "wallgap record -- ./odd");
	run = add_run(r, "", "./odd; name \xff", 0, 1000 * MS);
	add_thread(run, 900, 900, "odd", ROLE_HELPER, &m);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *more;

		if (asprintf(&more, "%s%s%s", deep, i ? " < " : "", names[i]) < 0)
			abort();
		free(deep);
		deep = more;
		add_samples(run, WG_CPU, true, path(r, "", names[i]), 10 + i, 0);
	}
	long_name = malloc(long_name_len + 5);
	memset(long_name, 'x', long_name_len);
	strcpy(long_name + long_name_len, "@app");
	add_samples(run, WG_CPU, true, path(r, "", long_name), 90, 0);
	add_samples(run, WG_CPU, true, path(r, "", deep), 200, 20);
	add_samples(run, WG_CPU, false, path(r, "evil;kernel\033[1m < __x64_sys_\n", deep), 20, 0);
	add_waits(run, WG_FUTEX, path(r, FUTEX_KERNEL, deep),
		  add_lock(r, (struct lock){.kind = LOCK_FUTEX,
					    .tgid = 900,
					    .addr = UINT64_MAX - 3,
					    .module = "mod;ule\n\xff",
					    .offset = UINT64_MAX,
					    .symbol = "sym\033[bol",
					    .symbol_offset = UINT64_MAX}),
		  7, 290 * MS, 100 * MS);
	for (size_t i = 0; i < run->site_cnt; i++)
		run->sites[i].role = ROLE_HELPER;
	free(long_name);
	free(deep);
	losses(r, 0, 0);
}

/* Threads in a cgroup whose CPU quota is used up, in one of them to the end of its waits after wakeups. */
static void make_quota(struct recording *r)
{
	const struct mix procs = {.preempt = 10}, threads = {.wake = 30, .preempt = 400};

	begin(r, "bench", "wallgap bench --workloads math --models threads,procs --repeats 3");
	for (int i = 0; i < 3; i++) {
		struct run *run = add_pool(r, "math", "threads", i, (200 + 2 * i) * MS, &threads);
		struct thread *a = &run->threads[1], *b = &run->threads[2];

		a->part_ns[WG_T_QUOTA] = a->state_ns[WG_RUNQ_PREEMPT] / 10 * 9;
		b->part_ns[WG_T_QUOTA] =
			b->state_ns[WG_RUNQ_PREEMPT] + b->state_ns[WG_RUNQ_WAKE] / 2;
		add_pool(r, "math", "procs", i, (120 + i) * MS, &procs);
	}
	losses(r, 0, 0);
}

/* A machine that others used, and that was slower for one side. */
static void make_noise(struct recording *r)
{
	const struct mix mix = {.preempt = 10};

	begin(r, "bench", "wallgap bench --workloads math --models threads,procs --repeats 3");
	for (int i = 0; i < 6; i++) {
		bool threads = i % 2;
		struct run *run = add_pool(r, "math", threads ? "threads" : "procs", i / 2,
					   (threads ? 230 : 200) * MS + (uint64_t)i * MS, &mix);

		run->spin_ns = (threads ? 1044000 : 1001000) + (uint64_t)i * 3000;
		run->cacheline_ns = i == 5 ? 101 : 28;
		run->other_cpu_ns = i == 4 ? 61 * MS : 4 * MS;
		run->steal_ns = i == 4 ? 30 * MS : 0;
	}
	losses(r, 0, 0);
}

static void on_path(struct run *run, uint32_t thread, enum wg_state state, uint64_t ns)
{
	struct path_part *p = run_add_path_part(run);

	*p = (struct path_part){.thread = thread, .state = state, .ns = ns};
	run->path_ns[state] += ns;
}

static void of_thread(struct run *run, uint32_t thread, bool kept)
{
	run->sites[run->site_cnt - 1].thread = thread;
	run->sites[run->site_cnt - 1].kept = kept;
}

/*
 * Two commands in turn. In a two lanes work side by side; in b they share a mutex, the second has
 * more of the work, and the first has to fault its memory in.
 */
static void versus_run(struct recording *r, bool b, int repeat, uint64_t jitter)
{
	const struct mix lane = {.wake = 2, .fault = b ? 60 : 1, .futex = b ? 300 : 0};
	const struct mix waits = {.futex = 990};
	uint64_t wall = (b ? 520 * MS : 250 * MS) + jitter, lock = b ? 150 * MS : 0;
	uint64_t fault = b ? 30 * MS : MS / 2;
	struct run *run = add_run(r, "", "", repeat, wall);
	uint32_t work = path(r, "", "work@prog < lane_main@prog" ROOT);
	uint32_t touch = path(r, "", "touch@prog < lane_main@prog" ROOT);

	free(run->label);
	free(run->model);
	run->label = text(b ? "./prog --shared" : "./prog");
	run->model = text(b ? "b" : "a");
	run->sample_hz = 997;
	run->spin_ns = 2 * MS;
	run->cacheline_ns = 60;
	add_thread(run, 700, 700, "prog", ROLE_HELPER, &waits);
	add_thread(run, 701, 700, "lane-1", ROLE_HELPER, &lane);
	add_thread(run, 702, 700, "lane-2", ROLE_HELPER, &lane);
	/* the last one standing is main, after lane 2 */
	on_path(run, 0, WG_CPU, 2 * MS);
	on_path(run, 2, WG_CPU, wall - lock - fault - 4 * MS);
	on_path(run, 2, WG_CPU_FAULT, fault);
	on_path(run, 2, WG_RUNQ_WAKE, MS);
	if (lock)
		on_path(run, 2, WG_FUTEX, lock);
	on_path(run, NO_INDEX, WG_IO, MS);
	for (uint32_t t = 1; t <= 2; t++) {
		/* the same samples in all; in b lane 2 has three in four */
		add_samples(run, WG_CPU, true, work, !b ? 240 : t == 1 ? 120 : 360, 0);
		of_thread(run, t, false);
		if (b) {
			add_samples(run, WG_CPU, true, touch, 8, 0);
			of_thread(run, t, false);
			run->sites[run->site_cnt - 1].faulting_cnt = 8;
			add_waits(run, WG_FUTEX,
				  path(r, FUTEX_KERNEL,
				       "libc.so.6+0x851f0 < pthread_mutex_lock@libc.so.6 < "
				       "work@prog < lane_main@prog" ROOT),
				  heap_lock(r, 700, 0x55d0c0de0000), 900, lock, 402000);
			of_thread(run, t, true);
		}
	}
	add_waits(run, WG_FUTEX,
		  path(r, FUTEX_KERNEL, "libc.so.6+0x851f0 < pthread_join@libc.so.6 < main@prog"),
		  NO_INDEX, 2, wall - 4 * MS, wall - 4 * MS);
	of_thread(run, 0, false);
}

static void make_versus(struct recording *r)
{
	static const uint64_t jitter[] = {0, 3 * MS, MS, 4 * MS, 2 * MS};

	begin(r, "compare", "wallgap compare --a ./prog --b './prog --shared'");
	for (int i = 0; i < 10; i++)
		versus_run(r, (i + i / 2) % 2, i / 2, jitter[i / 2]);
	losses(r, 0, 0);
}

static const struct {
	const char *name;
	void (*make)(struct recording *r);
} cases[] = {
	{"bench", make_bench},	   {"record", make_record},	{"interrupted", make_interrupted},
	{"trouble", make_trouble}, {"unknowns", make_unknowns}, {"one-thread", make_one_thread},
	{"names", make_names},	   {"repeats", make_repeats},	{"empty", make_empty},
	{"locks", make_locks},	   {"arena", make_arena},	{"idle", make_idle},
	{"churn", make_churn},	   {"transfer", make_transfer}, {"broken", make_broken},
	{"hostile", make_hostile}, {"runtime", make_runtime},	{"matrix", make_matrix},
	{"quota", make_quota},	   {"noise", make_noise},	{"prove", make_prove},
	{"versus", make_versus},   {"loops", make_loops},
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
