// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The tables, their columns, and the SQL made from them; see schema.h. */
#include "store/schema.h"

#include "base/util.h"
#include "model/recording.h"

#define COL(type, field, kind, doc)                                                                \
	{                                                                                          \
#field, kind, offsetof(struct type, field), doc                                    \
	}

static const struct column recording_columns[] = {
	COL(recording, version, K_STR, "of wallgap"),
	COL(recording, command, K_STR, "bench or record"),
	COL(recording, argv, K_STR, "as typed"),
	COL(recording, created_s, K_AMOUNT, "seconds since 1970, UTC"),
	COL(recording, interrupted, K_BOOL, "1: cut short, what was seen until then"),
	COL(recording, dispatch_ns, K_AMOUNT_OPT,
	    "estimated cost of entering and leaving one BPF program"),
	COL(recording, fault_event_ns, K_AMOUNT_OPT,
	    "estimated cost of a fault's end besides, where it comes from a perf event"),
	COL(recording, repair_cnt, K_AMOUNT_OPT,
	    "events whose tracepoint did not reach us, restored from the scheduler's record"),
	COL(recording, wallgap_rss_peak_bytes, K_AMOUNT_OPT, "resident memory of wallgap itself"),
	COL(recording, start_ns, K_AMOUNT_OPT,
	    "from exec of wallgap to the first instruction of the target"),
};

static const struct column host_columns[] = {
	COL(host, kernel, K_STR, "uname -r"),
	COL(host, machine, K_STR, "uname -m"),
	COL(host, distro, K_STR, "PRETTY_NAME of os-release"),
	COL(host, cpu_model, K_STR, "from /proc/cpuinfo"),
	COL(host, lockdown, K_STR, "none, integrity, confidentiality or unknown"),
	COL(host, fault_end, K_STR, "what ended page faults: fexit or perf (software events)"),
	COL(host, preemption, K_STR, "none, voluntary, full, lazy or unknown"),
	COL(host, virt, K_STR, "vendor of the hypervisor"),
	COL(host, cpus, K_INT, "online"),
	COL(host, mem_bytes, K_AMOUNT, "memory of the machine"),
};

static const struct column conditions_columns[] = {
	COL(conditions, at_ns, K_AMOUNT, "when they were read"),
	COL(conditions, steal_ns, K_BIG_OPT, "since boot, all CPUs: taken by the hypervisor"),
	COL(conditions, idle_ns, K_BIG_OPT, "since boot, all CPUs, waiting for I/O included"),
	COL(conditions, busy_ns, K_BIG_OPT, "since boot, all CPUs: neither idle nor stolen"),
	COL(conditions, cacheline_ns, K_AMOUNT_OPT,
	    "one way of a cache line between the CPUs used, median"),
	COL(conditions, spin_ns, K_AMOUNT_OPT, "a fixed loop of arithmetic, median: CPU speed"),
	COL(conditions, mem_available_bytes, K_AMOUNT_OPT, "MemAvailable"),
	COL(conditions, load1, K_REAL, "load average over one minute"),
	COL(conditions, thp, K_STR, "transparent huge pages: always, madvise, never or unknown"),
	COL(conditions, clocksource, K_STR, "of the kernel"),
	COL(conditions, governor, K_STR, "of cpufreq, CPU 0"),
};

static const struct column lib_columns[] = {
	COL(lib, name, K_STR, "library or runtime"),
	COL(lib, version, K_STR, "as it says of itself"),
};

static const struct column loss_columns[] = {
	COL(loss, name, K_STR, "what was lost"),
	COL(loss, what, K_STR, "what that means for the figures"),
	COL(loss, count, K_AMOUNT, "how often; 0: looked for, none"),
};

#define MEM(field, doc)                                                                            \
	{                                                                                          \
#field, K_AMOUNT_OPT, offsetof(struct run, memory.field), doc                      \
	}

static const struct column run_columns[] = {
	COL(run, label, K_STR, "the same for all repeats of one thing"),
	COL(run, workload, K_STR, "empty for record"),
	COL(run, runtime, K_STR, "native, node, bun; empty for record"),
	COL(run, model, K_STR, "single, threads, procs; empty for record"),
	COL(run, detail, K_STR, "size of the work, in words"),
	COL(run, checksum, K_STR, "of the work done"),
	COL(run, workers, K_INT, "lanes of the pool"),
	COL(run, task_cnt, K_INT, "units of work"),
	COL(run, repeat, K_INT, "from 0"),
	COL(run, pinned, K_BOOL, "lanes were bound to CPUs"),
	COL(run, interrupted, K_BOOL, "1: cut short"),
	COL(run, exit_status, K_INT, "of the command, as a shell gives it"),
	COL(run, begin_ns, K_AMOUNT, "window, begin"),
	COL(run, end_ns, K_AMOUNT, "window, end; wall time is the difference"),
	COL(run, work_ns, K_AMOUNT, "first task begun to last task ended, by the runner's clock"),
	COL(run, bpf_ns, K_AMOUNT, "inside our BPF programs, all CPUs"),
	COL(run, event_cnt, K_AMOUNT, "runs of our BPF programs, all CPUs"),
	COL(run, steal_ns, K_AMOUNT_OPT, "taken by the hypervisor in the window, all CPUs"),
	COL(run, other_cpu_ns, K_AMOUNT_OPT, "CPU used by tasks not of the run"),
	MEM(sample_cnt, "memory was looked at so often; 0: not known"),
	MEM(rss_avg_bytes, "resident, mean over samples and worker processes"),
	MEM(rss_peak_bytes, "resident, highest of one worker process"),
	MEM(rss_sum_peak_bytes, "resident, highest sum at one instant"),
	MEM(pss_sum_bytes, "proportional set size, sum at the end"),
	MEM(pgtables_kernel_bytes, "page tables by /proc, sum at the end"),
	MEM(pgtables_ours_bytes, "the same by our own rows"),
};

static const struct column work_columns[] = {
	COL(work, lane, K_LANE, "worker lane that did it"),
	{"task", K_INT, offsetof(struct work, index), "from 0"},
	COL(work, begin_ns, K_AMOUNT, "by the runner's clock"),
	COL(work, end_ns, K_AMOUNT, "by the runner's clock"),
	COL(work, checksum, K_STR, "of this task"),
};

#define STATE(name, id, doc)                                                                       \
	{#name "_ns", K_AMOUNT, offsetof(struct thread, state_ns[id]), doc},                       \
	{                                                                                          \
#name "_cnt", K_AMOUNT, offsetof(struct thread, state_cnt[id]), "times entered"    \
	}
#define COUNT(name, id, doc)                                                                       \
	{                                                                                          \
#name, K_AMOUNT, offsetof(struct thread, count[id]), doc                           \
	}
#define PART(name, id, doc)                                                                        \
	{                                                                                          \
#name "_ns", K_AMOUNT, offsetof(struct thread, part_ns[id]), doc                   \
	}
#define KERNEL(field, doc)                                                                         \
	{                                                                                          \
		"kernel_" #field, K_AMOUNT, offsetof(struct thread, kernel.field), doc             \
	}

static const struct column thread_columns[] = {
	COL(thread, id, K_ID, "unique in this file; survives reuse of tid"),
	COL(thread, parent_id, K_ID, "id of the task that forked it; 0: none"),
	COL(thread, tid, K_U32, "thread id"),
	COL(thread, tgid, K_U32, "process id"),
	COL(thread, comm, K_COMM, "name at the end of the window"),
	COL(thread, role, K_ROLE, "worker, orchestrator or helper"),
	COL(thread, lane, K_LANE, "of a worker, from 0; else -1"),
	COL(thread, flags, K_U32,
	    "1 born in the window, 2 died in it, 4 on a CPU at an edge, 8 torn, 16 32-bit calls"),
	COL(thread, begin_ns, K_AMOUNT, "start of its part of the window"),
	COL(thread, end_ns, K_AMOUNT, "end of it; the states sum to the difference"),
	COL(thread, clock_ns, K_AMOUNT,
	    "by how much CLOCK_MONOTONIC and the scheduler's clock differ over it"),
	STATE(cpu, WG_CPU, "on a CPU, outside page faults"),
	STATE(cpu_fault, WG_CPU_FAULT, "on a CPU, inside a page fault"),
	STATE(runq_wake, WG_RUNQ_WAKE, "woken, waiting for a CPU"),
	STATE(runq_preempt, WG_RUNQ_PREEMPT, "switched out while runnable, waiting for a CPU"),
	STATE(futex, WG_FUTEX, "blocked in a futex wait"),
	STATE(klock, WG_KLOCK, "blocked on a kernel lock"),
	STATE(io, WG_IO, "blocked for a device, page-in included"),
	STATE(sleep, WG_SLEEP, "blocked in nanosleep, pause and the like"),
	STATE(poll, WG_POLL, "blocked in poll, select, epoll_wait"),
	STATE(ipc, WG_IPC, "blocked on a pipe, socket or message queue"),
	STATE(child, WG_CHILD, "waiting for a child, vfork included"),
	STATE(stopped, WG_STOPPED, "stopped or traced"),
	STATE(other, WG_OTHER, "blocked for another reason"),
	STATE(probe, WG_PROBE, "our own BPF programs, on its time"),
	COUNT(switches_voluntary, WG_N_SWITCH_VOLUNTARY, "it blocked"),
	COUNT(switches_involuntary, WG_N_SWITCH_INVOLUNTARY, "it was preempted"),
	COUNT(faults_minor, WG_N_FAULT_MINOR, "ends seen of page faults without I/O"),
	COUNT(faults_major, WG_N_FAULT_MAJOR, "ends seen of page faults with I/O"),
	COUNT(faults_user, WG_N_FAULT_USER, "faults entered from user mode"),
	COUNT(faults_kernel, WG_N_FAULT_KERNEL, "faults entered from kernel mode"),
	COUNT(faults_unended, WG_N_FAULT_UNENDED, "entered, no end: signal, bad address, fix-up"),
	COUNT(faults_untrapped, WG_N_FAULT_UNTRAPPED,
	      "minor faults the kernel made without a trap (populate); not in faults_minor"),
	COUNT(faults_untrapped_major, WG_N_FAULT_UNTRAPPED_MAJOR,
	      "major faults the kernel made without a trap; not in faults_major"),
	COUNT(samples_user, WG_N_SAMPLE_USER, "clock samples in cpu, user mode"),
	COUNT(samples_kernel, WG_N_SAMPLE_KERNEL, "clock samples in cpu, kernel mode"),
	COUNT(klock_contended, WG_N_KLOCK_CONTENDED, "contended kernel locks that sleep"),
	COUNT(klock_spin, WG_N_KLOCK_SPIN, "contended kernel locks that spin"),
	COUNT(klock_mmap, WG_N_KLOCK_MMAP, "of those that sleep: mmap_lock of its own process"),
	COUNT(preempt_blocking, WG_N_PREEMPT_BLOCKING, "preempted after setting a sleeping state"),
	PART(klock_mmap, WG_T_KLOCK_MMAP, "of klock_ns: mmap_lock of its own process"),
	PART(klock_spin, WG_T_KLOCK_SPIN, "of cpu_ns and cpu_fault_ns: in a contended kernel lock"),
	PART(fault_blocked, WG_T_FAULT_BLOCKED, "of the blocked states: inside a page fault"),
	PART(preempt_blocking, WG_T_PREEMPT_BLOCKING,
	     "of runq_preempt_ns: what the kernel's run_delay leaves out"),
	PART(stolen, WG_T_STOLEN,
	     "of the on-CPU states: steal and interrupts, left out by the kernel"),
	PART(before, WG_T_BEFORE, "on a CPU before its exec, in no state"),
	KERNEL(oncpu_ns, "the kernel's sum_exec_runtime; steal time is left out of it"),
	KERNEL(run_delay_ns, "the kernel's run_delay"),
	KERNEL(nvcsw, "the kernel's voluntary switches"),
	KERNEL(nivcsw, "the kernel's involuntary switches"),
	KERNEL(min_flt, "the kernel's minor faults"),
	KERNEL(maj_flt, "the kernel's major faults"),
	COL(thread, audit_oncpu_ns, K_AMOUNT, "our on-CPU time that kernel_oncpu_ns must equal"),
	COL(thread, audit_run_delay_ns, K_AMOUNT,
	    "our run-queue time that kernel_run_delay_ns must equal"),
	COL(thread, pgtables_bytes, K_AMOUNT, "page tables of its process at the end"),
	COL(thread, pgtables_peak_bytes, K_AMOUNT, "highest seen by the end"),
};

/* A figure added to shared.h without a column here would be lost in silence. */
_Static_assert(ARRAY_SIZE(thread_columns) == 11 + 2 * WG_STATE_CNT + WG_COUNT_CNT + WG_PART_CNT +
						     sizeof(struct wg_kernel) / 8 + 4,
	       "thread columns");

#define COLUMNS(c) (c), ARRAY_SIZE(c)
#define OF_RUN "run INTEGER NOT NULL REFERENCES run(id)"

const struct table tables[TABLE_CNT] = {
	[TABLE_RECORDING] = {"recording", "one row: how this file came about", NULL, NULL,
			     COLUMNS(recording_columns)},
	[TABLE_HOST] = {"host", "one row: the machine", NULL, NULL, COLUMNS(host_columns)},
	[TABLE_CONDITIONS] = {"conditions", "two rows: what may move while measuring",
			      "reading INTEGER PRIMARY KEY, -- 0 at the start, 1 at the end",
			      "reading", COLUMNS(conditions_columns)},
	[TABLE_LIB] = {"lib", "versions of libraries and runtimes in play", NULL, NULL,
		       COLUMNS(lib_columns)},
	[TABLE_LOSS] = {"loss", "what could not be seen", NULL, NULL, COLUMNS(loss_columns)},
	[TABLE_RUN] = {"run", "one row a measured window", "id INTEGER PRIMARY KEY,", "id",
		       COLUMNS(run_columns)},
	[TABLE_WORK] = {"work", "one row a unit of work, as the runner reports it", OF_RUN ",",
			"run", COLUMNS(work_columns)},
	[TABLE_THREAD] = {"thread", "one row a task and run: its ledger inside the window",
			  OF_RUN ",", "run", COLUMNS(thread_columns)},
};

/* Views: nothing of ours reads them, they are for people with sqlite3 or DuckDB. */
static const char views[] =
	"CREATE VIEW wall AS -- wall time of each run\n"
	"  SELECT id AS run, label, repeat, interrupted, (end_ns - begin_ns) / 1e9 AS wall_s\n"
	"  FROM run;\n"
	"CREATE VIEW thread_buckets AS\n"
	"  -- the buckets of the reports, ns: they sum to wall_ns. cpu_ns is split into user and\n"
	"  -- kernel by the thread's samples, or by those of the whole run when it has none.\n"
	"  WITH pooled AS (\n"
	"    SELECT run, coalesce(sum(samples_user) * 1.0\n"
	"      / nullif(sum(samples_user) + sum(samples_kernel), 0), 0.5) AS user\n"
	"    FROM thread GROUP BY run),\n"
	"  split AS (\n"
	"    SELECT t.*, CAST(round(t.cpu_ns * coalesce(t.samples_user * 1.0\n"
	"      / nullif(t.samples_user + t.samples_kernel, 0), p.user)) AS INTEGER) AS user_ns\n"
	"    FROM thread t JOIN pooled p ON p.run = t.run)\n"
	"  SELECT run, tid, tgid, comm, role, lane, end_ns - begin_ns AS wall_ns,\n"
	"    user_ns AS cpu_user, cpu_ns - user_ns AS cpu_kernel, cpu_fault_ns AS cpu_fault,\n"
	"    runq_wake_ns AS runq_wake, runq_preempt_ns AS runq_preempt, futex_ns AS futex,\n"
	"    klock_ns AS klock, io_ns AS io, sleep_ns AS sleep, poll_ns AS poll, ipc_ns AS ipc,\n"
	"    child_ns AS child, stopped_ns AS stopped, other_ns AS other, probe_ns AS probe\n"
	"  FROM split;\n"
	"CREATE VIEW lane_buckets AS -- mean over the worker lanes of each run, ns\n"
	"  SELECT r.id AS run, r.label, r.workload, r.runtime, r.model, r.repeat,\n"
	"    r.end_ns - r.begin_ns AS wall_ns, count(*) AS lanes, avg(cpu_user) AS cpu_user,\n"
	"    avg(cpu_kernel) AS cpu_kernel, avg(cpu_fault) AS cpu_fault,\n"
	"    avg(runq_wake) AS runq_wake, avg(runq_preempt) AS runq_preempt,\n"
	"    avg(futex) AS futex, avg(klock) AS klock, avg(io) AS io, avg(sleep) AS sleep,\n"
	"    avg(poll) AS poll, avg(ipc) AS ipc, avg(child) AS child, avg(stopped) AS stopped,\n"
	"    avg(other) AS other, avg(probe) AS probe\n"
	"  FROM run r JOIN thread_buckets t ON t.run = r.id WHERE t.role = 'worker'\n"
	"  GROUP BY r.id;\n"
	"CREATE VIEW closure AS -- wall time less the sum of the states, ns; 0 when it closes\n"
	"  SELECT run, tid, tgid, comm, wall_ns, wall_ns - (cpu_user + cpu_kernel + cpu_fault\n"
	"    + runq_wake + runq_preempt + futex + klock + io + sleep + poll + ipc + child\n"
	"    + stopped + other + probe) AS closure_ns\n"
	"  FROM thread_buckets;\n"
	"CREATE VIEW audit AS -- ours against the kernel's, sums over the tasks read whole\n"
	"  SELECT run, sum(audit_oncpu_ns) AS oncpu_ns, sum(kernel_oncpu_ns) AS kernel_oncpu_ns,\n"
	"    sum(audit_run_delay_ns) AS run_delay_ns,\n"
	"    sum(kernel_run_delay_ns) AS kernel_run_delay_ns,\n"
	"    sum(switches_voluntary) AS switches_voluntary, sum(kernel_nvcsw) AS kernel_nvcsw,\n"
	"    sum(switches_involuntary) AS switches_involuntary,\n"
	"    sum(kernel_nivcsw) AS kernel_nivcsw,\n"
	"    sum(faults_minor + faults_untrapped) AS faults_minor,\n"
	"    sum(kernel_min_flt) AS kernel_min_flt,\n"
	"    sum(faults_major + faults_untrapped_major) AS faults_major, sum(kernel_maj_flt) AS "
	"kernel_maj_flt\n"
	"  FROM thread WHERE flags & 8 = 0 GROUP BY run;\n";

static const char *sql_type(enum kind kind)
{
	switch (kind) {
	case K_AMOUNT_OPT:
	case K_BIG_OPT:
		return "INTEGER";
	case K_REAL:
		return "REAL NOT NULL";
	case K_STR:
	case K_COMM:
	case K_ROLE:
		return "TEXT NOT NULL";
	default:
		return "INTEGER NOT NULL";
	}
}

static void create_table(FILE *f, const struct table *t)
{
	fprintf(f, "CREATE TABLE %s ( -- %s\n", t->name, t->doc);
	if (t->key)
		fprintf(f, "  %s\n", t->key);
	for (int i = 0; i < t->column_cnt; i++) {
		const struct column *c = &t->columns[i];
		const char *comma = i + 1 < t->column_cnt ? "," : "";

		fprintf(f, "  %s %s%s -- %s\n", c->name, sql_type(c->kind), comma, c->doc);
	}
	fputs(");\n", f);
}

void schema_create(FILE *f)
{
	for (int i = 0; i < TABLE_CNT; i++)
		create_table(f, &tables[i]);
	fputs(views, f);
}

static void column_list(FILE *f, const struct table *t)
{
	fprintf(f, "%s", t->key_name ? t->key_name : "NULL");
	for (int i = 0; i < t->column_cnt; i++)
		fprintf(f, ", %s", t->columns[i].name);
}

void schema_insert(FILE *f, const struct table *t)
{
	fprintf(f, "INSERT INTO %s (", t->name);
	for (int i = t->key_name ? -1 : 0; i < t->column_cnt; i++)
		fprintf(f, "%s%s", i < 0 ? t->key_name : t->columns[i].name,
			i + 1 < t->column_cnt ? ", " : "");
	fputs(") VALUES (", f);
	for (int i = t->key_name ? -1 : 0; i < t->column_cnt; i++)
		fputs(i + 1 < t->column_cnt ? "?, " : "?)", f);
}

void schema_select(FILE *f, const struct table *t)
{
	fputs("SELECT ", f);
	column_list(f, t);
	fprintf(f, " FROM %s ORDER BY rowid", t->name);
}
