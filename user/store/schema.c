// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The tables, their columns, and the SQL made from them; see schema.h. */
#include "store/schema.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/recording.h"

/* A column; after doc may come ".since = 2". */
#define COLUMN(sql_name, kind_of_it, at, doc_of_it, ...)                                           \
	{                                                                                          \
		.name = sql_name, .kind = kind_of_it, .offset = at, .doc = doc_of_it,              \
		##__VA_ARGS__                                                                      \
	}
#define COL(type, field, kind, ...) COLUMN(#field, kind, offsetof(struct type, field), __VA_ARGS__)

static const struct column recording_columns[] = {
	COL(recording, version, K_STR, "of wallgap"),
	COL(recording, command, K_STR, "bench or record"),
	COL(recording, argv, K_STR, "as typed"),
	COL(recording, user, K_STR,
	    "that commands and runners ran as; empty: not known, or none ran", .since = 5),
	COL(recording, created_s, K_AMOUNT, "seconds since 1970, UTC"),
	COL(recording, interrupted, K_BOOL, "1: cut short, what was seen until then"),
	COL(recording, stopped_by, K_STR, "what ended it early: a signal, -d of record; or empty",
	    .since = 6),
	COL(recording, dispatch_ns, K_AMOUNT_OPT,
	    "estimated cost of entering and leaving one BPF program"),
	COL(recording, fault_event_ns, K_AMOUNT_OPT,
	    "estimated cost of a fault's end besides, where it comes from a perf event"),
	COL(recording, repair_cnt, K_AMOUNT_OPT,
	    "events whose tracepoint did not reach us, restored from the scheduler's record"),
	COL(recording, wallgap_rss_peak_bytes, K_AMOUNT_OPT, "resident memory of wallgap itself"),
	COL(recording, wallgap_cpu_ns, K_AMOUNT_OPT, "CPU time of wallgap itself, all threads"),
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

static const struct column runtime_columns[] = {
	COL(runtime_info, name, K_STR, "as in run.runtime"),
	COL(runtime_info, version, K_STR, "as it says of itself"),
	COL(runtime_info, libs, K_STR, "libraries in it, with versions"),
	COL(runtime_info, flags, K_STR, "it ran with"),
	COL(runtime_info, path, K_STR, "of its program"),
};

static const struct column absence_columns[] = {
	COL(absence, runtime, K_STR, "that was asked for"),
	COL(absence, workload, K_STR, "empty: all"),
	COL(absence, model, K_STR, "empty: all"),
	COL(absence, why, K_STR, "one line"),
	COL(absence, failed, K_BOOL, "1: went wrong; 0: was not there"),
};

static const struct column loss_columns[] = {
	COL(loss, name, K_STR, "what was lost"),
	COL(loss, what, K_STR, "what that means for the figures"),
	COL(loss, count, K_AMOUNT, "how often; 0: looked for, none"),
};

static const struct column frame_columns[] = {
	COL(frame, name, K_STR, "function, demangled; module+start where only that is known"),
	COL(frame, module, K_STR, "file that holds it, [vdso], [kernel]; empty: in no file"),
	COL(frame, start, K_ID, "of the function, by its file's own addresses; 0: not known"),
	COL(frame, flags, K_U32, "1 kernel, 2 JIT, 4 named by a symbol, 8 that is exported"),
};

static const struct column stack_columns[] = {
	COLUMN("frames", K_PATH, 0, "their ids, the leaf first, the kernel's before the user's"),
	COL(stack, kernel_cnt, K_U32, "how many of them are the kernel's"),
	COLUMN("ended", K_STACK_END, offsetof(struct stack, end),
	       "how the user's part did: complete, truncated, broken, unsupported, unmapped, none, "
	       "or lost: it found no room"),
};

static const struct column lock_columns[] = {
	COL(lock, kind, K_LOCK_KIND, "futex or kernel"),
	COL(lock, flags, K_U32,
	    "1 shared by processes, 2 mmap_lock of the waiter's process, 4 spin, 8 read, 16 write, "
	    "32 rt, 64 percpu, 128 mutex, 256 priority inheritance"),
	COL(lock, tgid, K_U32, "process whose address it is; 0: the kernel's"),
	COL(lock, addr, K_ID, "that was waited on"),
	COL(lock, module, K_STR, "file that holds it, [heap], [stack], [anon], [shared] or empty"),
	COL(lock, offset, K_ID, "address by that file, in its data; else 0"),
	COL(lock, symbol, K_STR, "data object that holds it, or empty"),
	COL(lock, symbol_offset, K_ID, "of the address in that object"),
};

static const struct column site_columns[] = {
	COLUMN("nth", K_NTH, 0, "number within the run, from 0"),
	COL(site, kind, K_SITE_KIND, "wait, sample or fault"),
	COL(site, state, K_STATE, "that the time or the samples are of"),
	COL(site, role, K_ROLE, "of the threads"),
	COL(site, user, K_BOOL, "sample: taken in user mode"),
	COL(site, stack, K_INDEX, "id in stack"),
	COL(site, lock, K_INDEX, "wait: id in lock, or NULL"),
	COL(site, count, K_AMOUNT, "waits, samples, or faults (an estimate)"),
	COL(site, total_ns, K_AMOUNT, "wait: blocked in the window; fault: an estimate"),
	COL(site, max_ns, K_AMOUNT, "wait: the longest"),
	COL(site, hist, K_HIST, "wait: by length, from [128, 256) ns on, doubling"),
	COL(site, traffic_cnt, K_AMOUNT, "user sample: at or after an atomic read-modify-write"),
	COL(site, undecoded_cnt, K_AMOUNT, "user sample: of an instruction that is not known"),
	COL(site, faulting_cnt, K_AMOUNT,
	    "user sample: at an instruction that raised page faults too", .since = 4),
	COL(site, huge_cnt, K_AMOUNT, "fault: those that put a huge page in place"),
	COL(site, thread, K_INDEX,
	    "which of the run's threads, from 0 in the order of their rows; NULL: not told apart",
	    .since = 4),
	COL(site, kept, K_BOOL, "wait: it stayed on the thread's own critical path", .since = 4),
	COL(site, pgtables_bytes, K_AMOUNT, "fault: page tables that grew, exact"),
};

static const struct column waker_columns[] = {
	COL(waker, site, K_U32, "nth of the site, in the same run, whose waits were ended"),
	COL(waker, stack, K_INDEX,
	    "id in stack, of the task that woke; NULL: a time-out, a signal or an interrupt"),
	COL(waker, count, K_AMOUNT, "wakeups seen, of those that were looked at"),
	COL(waker, waited_ns, K_AMOUNT, "how long these waits had lasted"),
};

static const struct column path_part_columns[] = {
	COL(path_part, thread, K_INDEX,
	    "which of the run's threads, from 0 in the order of their rows; NULL: others"),
	COL(path_part, state, K_STATE, "that it was in"),
	COL(path_part, ns, K_AMOUNT, "on the critical path"),
};

#define MEM(field, ...)                                                                            \
	COLUMN(#field, K_AMOUNT_OPT, offsetof(struct run, memory.field), __VA_ARGS__)

#define PATH(name, id)                                                                             \
	COLUMN("path_" #name "_ns", K_AMOUNT, offsetof(struct run, path_ns[id]),                   \
	       "on the critical path; all 0: not known", .since = 3)

static const struct column run_columns[] = {
	COL(run, label, K_STR, "the same for all repeats of one thing"),
	COL(run, workload, K_STR, "empty for record"),
	COL(run, runtime, K_STR, "native, node, bun; empty for record"),
	COL(run, model, K_STR, "single, threads, procs; empty for record"),
	COL(run, variant, K_STR,
	    "of bench --prove: the switch that was set to see whether a gap goes; else empty",
	    .since = 4),
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
	COL(run, own_cpu_ns, K_AMOUNT_OPT, "CPU time of wallgap's own threads in the window",
	    .since = 7),
	COL(run, steal_ns, K_AMOUNT_OPT, "taken by the hypervisor in the window, all CPUs"),
	COL(run, other_cpu_ns, K_AMOUNT_OPT, "CPU used by tasks not of the run"),
	COL(run, spin_ns, K_AMOUNT_OPT,
	    "a fixed loop of arithmetic just before the window, fastest of a few", .since = 4),
	COL(run, cacheline_ns, K_AMOUNT_OPT,
	    "one way of a cache line between CPUs just before the window, median", .since = 4),
	MEM(sample_cnt, "memory was looked at so often; 0: not known"),
	MEM(rss_avg_bytes, "resident, mean over samples and worker processes"),
	MEM(rss_peak_bytes, "resident, highest of one worker process"),
	MEM(rss_sum_peak_bytes, "resident, highest sum at one instant"),
	MEM(pss_sum_bytes, "proportional set size, sum at the end"),
	MEM(pgtables_kernel_bytes, "page tables by /proc, sum at the end"),
	MEM(pgtables_ours_bytes, "the same by our own rows"),
	PATH(cpu, WG_CPU),
	PATH(cpu_fault, WG_CPU_FAULT),
	PATH(runq_wake, WG_RUNQ_WAKE),
	PATH(runq_preempt, WG_RUNQ_PREEMPT),
	PATH(futex, WG_FUTEX),
	PATH(klock, WG_KLOCK),
	PATH(io, WG_IO),
	PATH(sleep, WG_SLEEP),
	PATH(poll, WG_POLL),
	PATH(ipc, WG_IPC),
	PATH(child, WG_CHILD),
	PATH(stopped, WG_STOPPED),
	PATH(other, WG_OTHER),
	PATH(probe, WG_PROBE),
	COL(run, sample_hz, K_AMOUNT, "rate of the on-CPU sampler, as it came out; 0: none",
	    .since = 2),
};

static const struct column work_columns[] = {
	COL(work, lane, K_LANE, "worker lane that did it"),
	COLUMN("task", K_INT, offsetof(struct work, index), "from 0"),
	COL(work, begin_ns, K_AMOUNT, "by the runner's clock"),
	COL(work, end_ns, K_AMOUNT, "by the runner's clock"),
	COL(work, checksum, K_STR, "of this task"),
};

#define STATE(name, id, doc)                                                                       \
	COLUMN(#name "_ns", K_AMOUNT, offsetof(struct thread, state_ns[id]), doc),                 \
		COLUMN(#name "_cnt", K_AMOUNT, offsetof(struct thread, state_cnt[id]),             \
		       "times entered")
#define COUNT(name, id, ...)                                                                       \
	COLUMN(#name, K_AMOUNT, offsetof(struct thread, count[id]), __VA_ARGS__)
#define COUNT_OPT(name, id, ...)                                                                   \
	COLUMN(#name, K_AMOUNT_OPT, offsetof(struct thread, count[id]), __VA_ARGS__)
#define PART(name, id, ...)                                                                        \
	COLUMN(#name "_ns", K_AMOUNT, offsetof(struct thread, part_ns[id]), __VA_ARGS__)
#define KERNEL(field, ...)                                                                         \
	COLUMN("kernel_" #field, K_AMOUNT, offsetof(struct thread, kernel.field), __VA_ARGS__)

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
	COUNT(faults_huge, WG_N_FAULT_HUGE, "of the ends seen: a huge page was put in place",
	      .since = 2),
	COUNT_OPT(tlb_remote_flushes, WG_N_TLB_REMOTE, "TLB flushes that it asked of other CPUs",
		  .since = 2),
	COUNT_OPT(tlb_local_flushes, WG_N_TLB_LOCAL,
		  "TLB flushes on its own CPU, switches left out", .since = 2),
	COUNT_OPT(ipis_sent, WG_N_IPI_SENT, "interrupts sent to other CPUs, one a CPU; Linux 6.4",
		  .since = 2),
	PART(klock_mmap, WG_T_KLOCK_MMAP, "of klock_ns: mmap_lock of its own process"),
	PART(klock_spin, WG_T_KLOCK_SPIN, "of cpu_ns and cpu_fault_ns: in a contended kernel lock"),
	PART(fault_blocked, WG_T_FAULT_BLOCKED, "of the blocked states: inside a page fault"),
	PART(preempt_blocking, WG_T_PREEMPT_BLOCKING,
	     "of runq_preempt_ns: what the kernel's run_delay leaves out"),
	PART(fault_huge, WG_T_FAULT_HUGE, "of cpu_fault_ns: faults that put a huge page in place",
	     .since = 2),
	PART(stolen, WG_T_STOLEN,
	     "of the on-CPU states: steal and interrupts, left out by the kernel"),
	PART(queued_asleep, WG_T_QUEUED_ASLEEP,
	     "of the blocked states: what the kernel's run_delay counts of them", .since = 3),
	PART(quota, WG_T_QUOTA,
	     "of runq_wake_ns and runq_preempt_ns: its cgroup's CPU quota was used up", .since = 4),
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
	COL(thread, start, K_INDEX, "id in frame, of its start routine; NULL: not seen",
	    .since = 3),
};

/* A figure added to shared.h without a column here would be lost in silence. */
_Static_assert(ARRAY_SIZE(thread_columns) == 11 + 2 * WG_STATE_CNT + WG_COUNT_CNT + WG_PART_CNT +
						     sizeof(struct wg_kernel) / 8 + 5,
	       "thread columns");

#define ID_FROM_0 "id INTEGER PRIMARY KEY, -- from 0"
#define COLS(cols) .columns = cols, .column_cnt = ARRAY_SIZE(cols)
#define OF_RUN "run INTEGER NOT NULL REFERENCES run(id)"

const struct table tables[TABLE_CNT] = {
	[TABLE_RECORDING] = {.name = "recording",
			     .doc = "one row: how this file came about",
			     COLS(recording_columns)},
	[TABLE_HOST] = {.name = "host", .doc = "one row: the machine", COLS(host_columns)},
	[TABLE_CONDITIONS] = {.name = "conditions",
			      .doc = "two rows: what may move while measuring",
			      .key = "reading INTEGER PRIMARY KEY, -- 0 at the start, 1 at the end",
			      .key_name = "reading",
			      COLS(conditions_columns)},
	[TABLE_LIB] = {.name = "lib",
		       .doc = "versions of libraries and runtimes in play",
		       COLS(lib_columns)},
	[TABLE_RUNTIME] = {.name = "runtime",
			   .doc = "what the pools were made in",
			   COLS(runtime_columns),
			   .since = 3},
	[TABLE_ABSENCE] = {.name = "absence",
			   .doc = "pools that were asked for and are not in run",
			   COLS(absence_columns),
			   .since = 3},
	[TABLE_LOSS] = {.name = "loss", .doc = "what could not be seen", COLS(loss_columns)},
	[TABLE_FRAME] = {.name = "frame",
			 .doc = "functions on call paths",
			 .key = ID_FROM_0,
			 .key_name = "id",
			 COLS(frame_columns),
			 .since = 2},
	[TABLE_STACK] = {.name = "stack",
			 .doc = "call paths; the view path spells them out",
			 .key = ID_FROM_0,
			 .key_name = "id",
			 COLS(stack_columns),
			 .since = 2},
	[TABLE_LOCK] = {.name = "lock",
			.doc = "addresses that were waited on",
			.key = ID_FROM_0,
			.key_name = "id",
			COLS(lock_columns),
			.since = 2},
	[TABLE_RUN] = {.name = "run",
		       .doc = "one row a measured window",
		       .key = "id INTEGER PRIMARY KEY,",
		       .key_name = "id",
		       COLS(run_columns)},
	[TABLE_WORK] = {.name = "work",
			.doc = "one row a unit of work, as the runner reports it",
			.key = OF_RUN ",",
			.key_name = "run",
			COLS(work_columns)},
	[TABLE_THREAD] = {.name = "thread",
			  .doc = "one row a task and run: its ledger inside the window",
			  .key = OF_RUN ",",
			  .key_name = "run",
			  COLS(thread_columns)},
	[TABLE_SITE] = {.name = "site",
			.doc = "where time of a run went: waits, samples, faults by call path",
			.key = OF_RUN ",",
			.key_name = "run",
			COLS(site_columns),
			.since = 2},
	[TABLE_WAKER] = {.name = "waker",
			 .doc = "who ended waits of a site, and from where; a sample",
			 .key = OF_RUN ",",
			 .key_name = "run",
			 COLS(waker_columns),
			 .since = 2},
	[TABLE_PATH_PART] = {.name = "path_part",
			     .doc = "who was on the critical path of a run, in which state",
			     .key = OF_RUN ",",
			     .key_name = "run",
			     COLS(path_part_columns),
			     .since = 4},
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
	"  FROM thread WHERE flags & 8 = 0 GROUP BY run;\n"
	"CREATE VIEW path AS -- call paths in words, the leaf first\n"
	"  SELECT s.id AS stack, (SELECT group_concat(name, ' < ') FROM (SELECT f.name\n"
	"      FROM json_each(s.frames) j JOIN frame f ON f.id = j.value ORDER BY j.key)) AS path\n"
	"  FROM stack s;\n"
	"CREATE VIEW waits AS -- blocked time by call path and lock, in words\n"
	"  SELECT r.label, r.repeat, s.role, s.state, s.count, s.total_ns / 1e9 AS total_s,\n"
	"    s.max_ns / 1e9 AS max_s, printf('%s %s+0x%x', l.symbol, l.module, l.offset) AS lock,\n"
	"    p.path\n"
	"  FROM site s JOIN run r ON r.id = s.run JOIN path p ON p.stack = s.stack\n"
	"  LEFT JOIN lock l ON l.id = s.lock WHERE s.kind = 'wait';\n"
	"CREATE VIEW samples AS -- on-CPU samples by call path, in words\n"
	"  SELECT r.label, r.repeat, s.role, s.state, CASE s.user WHEN 1 THEN 'user' ELSE "
	"'kernel'\n"
	"    END AS mode, s.count, s.traffic_cnt, p.path\n"
	"  FROM site s JOIN run r ON r.id = s.run JOIN path p ON p.stack = s.stack\n"
	"  WHERE s.kind = 'sample';\n";

/* --- enums by their names */

static const char *const lock_kind_names[LOCK_KIND_CNT] = {
	[LOCK_FUTEX] = "futex",
	[LOCK_KERNEL] = "kernel",
};

static const char *const site_kind_names[SITE_KIND_CNT] = {
	[SITE_WAIT] = "wait",
	[SITE_SAMPLE] = "sample",
	[SITE_FAULT] = "fault",
};

const char *schema_enum_name(enum kind kind, unsigned int v)
{
	switch (kind) {
	case K_ROLE:
		return v < ROLE_CNT ? role_name((enum role)v) : NULL;
	case K_STATE:
		return v < WG_STATE_CNT ? state_name((enum wg_state)v) : NULL;
	case K_STACK_END:
		return v < WG_END_CNT ? stack_end_name((enum wg_stack_end)v) : NULL;
	case K_LOCK_KIND:
		return v < LOCK_KIND_CNT ? lock_kind_names[v] : NULL;
	case K_SITE_KIND:
		return v < SITE_KIND_CNT ? site_kind_names[v] : NULL;
	default:
		return NULL;
	}
}

int schema_enum_parse(enum kind kind, const char *name)
{
	const char *other;

	for (unsigned int i = 0; (other = schema_enum_name(kind, i)); i++) {
		if (!strcmp(other, name))
			return (int)i;
	}
	return -EINVAL;
}

/* --- SQL */

static const char *sql_type(enum kind kind)
{
	switch (kind) {
	case K_AMOUNT_OPT:
	case K_BIG_OPT:
	case K_INDEX:
		return "INTEGER";
	case K_REAL:
		return "REAL NOT NULL";
	case K_STR:
	case K_COMM:
	case K_ROLE:
	case K_STATE:
	case K_STACK_END:
	case K_LOCK_KIND:
	case K_SITE_KIND:
	case K_PATH:
	case K_HIST:
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

/* What stands for a column in files that are older than it. */
static const char *blank(const struct column *c)
{
	switch (c->kind) {
	case K_AMOUNT_OPT:
	case K_BIG_OPT:
	case K_INDEX:
		return "NULL";
	case K_STR:
		return "''";
	default:
		return "0";
	}
}

void schema_select(FILE *f, const struct table *t, int schema)
{
	fprintf(f, "SELECT %s", t->key_name ? t->key_name : "NULL");
	for (int i = 0; i < t->column_cnt; i++) {
		const struct column *c = &t->columns[i];

		fprintf(f, ", %s", c->since > schema ? blank(c) : c->name);
	}
	fprintf(f, " FROM %s ORDER BY rowid", t->name);
}
