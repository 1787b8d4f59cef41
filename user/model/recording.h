/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a recording holds: the narrow waist of the program. The collector and the commands fill
 * it, the store writes and reads it, the model computes from it, the reports print it. Nothing
 * in it needs a kernel, root or the machine it was made on.
 *
 *   recording
 *     |- host            facts of the machine that do not change during a run
 *     |- conditions[2]   what can change: at the start and at the end
 *     |- libs[]          versions of the libraries and runtimes in play
 *     |- runtimes[]      what ran the pools, with their libraries and flags
 *     |- absences[]      pools that were asked for and are not among the runs, and why
 *     |- losses[]        what could not be seen
 *     |- frames[]        functions on call paths, each once
 *     |- stacks[]        call paths: frames, leaf first; each once
 *     |- locks[]         what was waited for: futexes and kernel locks
 *     |- runs[]          one per measured window (a model's repeat, a command)
 *          |- threads[]  one per task that lived in the window: its ledger, the kernel's counters
 *          |- tasks[]    what the runner says of each unit of work (empty for `record`)
 *          |- sites[]    where time went: waits, samples and faults by call path
 *          |- wakers[]   who ended the waits of a site, and from where
 *
 * Times are ns of CLOCK_MONOTONIC, sizes are bytes. UNKNOWN marks a figure that was not had.
 */
#ifndef WG_MODEL_RECORDING_H
#define WG_MODEL_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/hist.h"
#include "shared.h"

/*
 * Schema of the recording file (SQLite's user_version). 2 brought call paths, locks and sites; 3
 * runtimes, absences and where threads start; 4 who is on the critical path, whose sites are, waits
 * for CPU quota, how fast the machine was, and variants; 5 what is lost as such, and the user that
 * commands ran as; 6 what ended it early; 7 our own CPU time in the windows. Older files are read as recordings without any.
 */
#define RECORDING_SCHEMA 7

#define UNKNOWN UINT64_MAX
#define NO_INDEX UINT32_MAX

enum role {
	ROLE_WORKER,	   /* a lane of the pool: the time that is explained */
	ROLE_ORCHESTRATOR, /* hands out the work and waits */
	ROLE_HELPER,	   /* any other thread of the run */
	ROLE_CNT,
};

/* Bits of thread.flags. */
enum thread_flags {
	THREAD_BORN = 1 << 0,	  /* began inside the window */
	THREAD_DIED = 1 << 1,	  /* ended inside the window */
	THREAD_EDGE_CPU = 1 << 2, /* on a CPU at an edge of the window: the kernel's on-CPU counter
				    is not up to date there, oncpu_open_ns is left out of the audit */
	THREAD_TORN = 1 << 3,	  /* a row of it could not be read whole */
	THREAD_COMPAT = 1 << 4,	  /* made 32-bit system calls */
};

/* One task in one window: all amounts are inside the window. */
struct thread {
	uint64_t id; /* unique in the recording's load; survives tid reuse */
	uint64_t parent_id;
	uint32_t tid, tgid;
	char comm[WG_COMM_LEN];
	enum role role;
	int lane; /* index among the worker lanes, else -1 */
	uint32_t flags;
	/* the part of the window in which it lived; wall = the difference */
	uint64_t begin_ns, end_ns;
	uint64_t clock_ns; /* how far CLOCK_MONOTONIC and the scheduler's clock disagree over it */
	uint64_t state_ns[WG_STATE_CNT];
	uint64_t state_cnt[WG_STATE_CNT];
	uint64_t count[WG_COUNT_CNT]; /* UNKNOWN: this kernel tells nobody of them */
	uint64_t part_ns[WG_PART_CNT];
	struct wg_kernel kernel;      /* the kernel's counters over the same time */
	uint64_t audit_oncpu_ns;      /* our on-CPU time that kernel.oncpu_ns must equal */
	uint64_t audit_run_delay_ns;  /* our run-queue time that kernel.run_delay_ns must equal */
	uint64_t pgtables_bytes;      /* of its process at the end of the window */
	uint64_t pgtables_peak_bytes; /* highest seen by the end of the window */
	uint32_t start; /* index into recording.frames: its start routine; NO_INDEX: not seen */
};

/* One unit of work, as the runner reports it. */
struct work {
	int lane;
	int index; /* 0 .. run.task_cnt-1 */
	uint64_t begin_ns, end_ns;
	char *checksum;
};

/* Resident memory of the worker processes of a run (for `record`: of all its processes). */
struct memory {
	uint64_t sample_cnt;	     /* 0: nothing below is known */
	uint64_t rss_avg_bytes;	     /* mean over samples of the mean over processes */
	uint64_t rss_peak_bytes;     /* highest of one process */
	uint64_t rss_sum_peak_bytes; /* highest sum over processes at one instant */
	uint64_t
		pss_sum_bytes; /* proportional set size, summed, at the end of the window; or UNKNOWN */
	uint64_t
		pgtables_kernel_bytes; /* VmPTE and above from /proc, summed over processes, at the end; or UNKNOWN */
	uint64_t pgtables_ours_bytes; /* the same processes, from our rows */
};

enum frame_flags {
	FRAME_KERNEL = 1 << 0,
	FRAME_JIT = 1 << 1,   /* code in no file: named by a perf map or jitdump, or not at all */
	FRAME_NAMED = 1 << 2, /* name is a symbol's, not module+start */
	FRAME_EXPORTED = 1 << 3, /* that symbol is in .dynsym */
};

/* A function. */
struct frame {
	char *name;   /* demangled; "libcrypto.so.3+0x1f65c0" where only its start is known;
			 "[bun]" where only its file is, "[unknown]" where not even that */
	char *module; /* "libcrypto.so.3", "[vdso]"; "[kernel]" or a kernel module's; of JIT code the
			 script, if it is told: "file:///x/y.mjs"; "" in no file */
	uint64_t start; /* of the function, by its file's own addresses; 0 not known */
	uint32_t flags; /* enum frame_flags */
};

/* A call path: kernel frames first, then user frames, the leaf first in both. */
struct stack {
	uint32_t *frames; /* indices into recording.frames */
	uint32_t frame_cnt;
	uint32_t kernel_cnt;
	uint32_t end; /* enum wg_stack_end: how the user part ended */
};

enum lock_kind {
	LOCK_FUTEX,
	LOCK_KERNEL,
	LOCK_KIND_CNT,
};

enum lock_flags {
	LOCK_SHARED = 1 << 0,	/* futex: in memory that several processes share, not private */
	LOCK_OWN_MMAP = 1 << 1, /* kernel: mmap_lock of the process that waits */
	LOCK_SPIN = 1 << 2,	/* kernel: contention flags of include/trace/events/lock.h */
	LOCK_READER = 1 << 3,
	LOCK_WRITER = 1 << 4,
	LOCK_RT = 1 << 5,
	LOCK_PERCPU = 1 << 6,
	LOCK_MUTEX = 1 << 7,
	LOCK_PI = 1 << 8, /* futex: an operation with priority inheritance */
};

/* An address that was waited on. Of what type the lock is, the model tells from the call path. */
struct lock {
	enum lock_kind kind;
	uint32_t flags; /* enum lock_flags */
	uint32_t tgid;	/* whose address it is; 0 for kernel locks */
	uint64_t addr;
	char *module; /* that holds it: a file's name, "[heap]", "[stack]", "[anon]", "[shared]", "" */
	uint64_t offset; /* address by the module's file, where it is in a file's data; else 0 */
	char *symbol;	 /* of the data object or kernel variable that holds it, or "" */
	uint64_t symbol_offset; /* of addr in that object */
};

enum site_kind {
	SITE_WAIT,   /* blocked time: by state, call path and lock */
	SITE_SAMPLE, /* cpu-clock samples on the CPU */
	SITE_FAULT,  /* page faults by call path: one in so many, weighed; page tables: all */
	SITE_KIND_CNT,
};

/* Where time of one state went. Sites of a run differ in (kind, state, role, user, stack, lock). */
struct site {
	enum site_kind kind;
	enum wg_state
		state; /* WAIT: a blocked one; SAMPLE: WG_CPU or WG_CPU_FAULT; FAULT: WG_CPU_FAULT */
	enum role role; /* ROLE_WORKER for lanes, ROLE_ORCHESTRATOR, ROLE_HELPER for the rest */
	bool user;	/* SAMPLE: taken in user mode */
	uint32_t stack; /* index into recording.stacks */
	uint32_t lock;	/* WAIT: index into recording.locks, or NO_INDEX */
	uint64_t
		count; /* WAIT: waits, those open at an edge included; SAMPLE: samples; FAULT: faults, estimated */
	uint64_t total_ns;	 /* WAIT: inside the window; FAULT: estimated; SAMPLE: 0 */
	uint64_t max_ns;	 /* WAIT: longest, inside the window */
	struct hist hist;	 /* WAIT: by length */
	uint64_t traffic_cnt;	 /* SAMPLE, user: at or just after an atomic read-modify-write */
	uint64_t undecoded_cnt;	 /* SAMPLE, user: whose instruction could not be decoded */
	uint64_t faulting_cnt;	 /* SAMPLE, user: at an instruction that raised page faults too */
	uint64_t huge_cnt;	 /* FAULT: of count, those that put a huge page in place */
	uint64_t pgtables_bytes; /* FAULT: page tables that grew in these faults, exact */
	/* where the critical path is known, sites differ in these too: */
	uint32_t thread; /* index into run.threads, or NO_INDEX */
	bool kept;	 /* WAIT: it stayed on the thread's own path */
};

/* A sample of the wakeups that ended waits of a site. */
struct waker {
	uint32_t site; /* index into the run's sites */
	uint32_t
		stack; /* of the task that woke, index into recording.stacks; NO_INDEX: a time-out, a signal or an interrupt */
	uint64_t count;	    /* wakeups seen, of those looked at */
	uint64_t waited_ns; /* how long these waits had lasted */
};

/* How long one task was on the critical path in one state. */
struct path_part {
	uint32_t thread; /* index into run.threads; NO_INDEX: of tasks that are not told apart */
	enum wg_state state;
	uint64_t ns;
};

struct run {
	/* unique among groups of repeats: "crypto/native/threads", with a variant's "+private-contexts"
	 * behind it; or the command */
	char *label;
	char *runtime;	/* "native", "node", ...; "" for `record` */
	char *workload; /* "" for `record` */
	char *model;	/* "single", "threads", "procs"; "" for `record` */
	char *variant;	/* of `bench --prove`: the switch that was set (switches.h); else "" */
	char *detail;	/* "100,000 operations a task"; may be "" */
	char *checksum; /* of the whole run, or "" */
	int workers;	/* lanes */
	int task_cnt;
	int repeat; /* 0-based */
	bool pinned;
	bool interrupted; /* cut short by Ctrl-C: what was seen until then */
	int exit_status;  /* of the command, as a shell gives it (128 + signal); 0 for pools */
	uint64_t begin_ns, end_ns; /* the window; wall_ns is the difference */
	uint64_t
		work_ns; /* by the runner's clock: first task's begin to last task's end; 0 if none */
	uint64_t bpf_ns;     /* time measured inside our programs in this window, all CPUs */
	uint64_t event_cnt;  /* runs of our programs in this window, all CPUs */
	uint64_t own_cpu_ns; /* of wallgap's own threads in this window; or UNKNOWN */
	uint64_t steal_ns;   /* of all CPUs in this window; or UNKNOWN */
	uint64_t
		other_cpu_ns; /* CPU used by tasks that are not of the run, wallgap included; or UNKNOWN */
	/*
	 * How fast the machine was just before the window, as in struct conditions but the loop's
	 * fastest of a few; or UNKNOWN.
	 */
	uint64_t spin_ns, cacheline_ns;
	/*
	 * How the window was spent on the path that leads to the last task standing; sums to its
	 * length. All 0: not known.
	 */
	uint64_t path_ns[WG_STATE_CNT];
	struct path_part *path_parts; /* sum to path_ns; by state, then thread */
	size_t path_part_cnt, path_part_cap;
	struct memory memory;
	struct thread *threads;
	size_t thread_cnt, thread_cap;
	struct work *works;
	size_t work_cnt, work_cap;
	uint64_t sample_hz; /* of the on-CPU sampler, as it came out; 0: none */
	struct site *sites;
	size_t site_cnt, site_cap;
	struct waker *wakers;
	size_t waker_cnt, waker_cap;
};

struct host {
	char *kernel;  /* uname -r */
	char *machine; /* uname -m */
	char *distro;  /* PRETTY_NAME, or "" */
	char *cpu_model;
	char *lockdown;	  /* "none", "integrity", "confidentiality", "unknown" */
	char *fault_end;  /* "fexit" or "perf" */
	char *preemption; /* "none", "voluntary", "full", "lazy", "unknown" */
	char *virt;	  /* hypervisor vendor, or "" */
	int cpus;	  /* online */
	uint64_t mem_bytes;
};

/* What can move while we measure. */
struct conditions {
	uint64_t at_ns;
	uint64_t steal_ns; /* since boot, all CPUs */
	uint64_t idle_ns;  /* since boot, all CPUs, iowait included */
	uint64_t busy_ns;  /* since boot, all CPUs: everything but idle and steal */
	uint64_t
		cacheline_ns; /* one-way latency of a cache line between the CPUs used, median; or UNKNOWN */
	uint64_t
		spin_ns; /* time of a fixed loop of arithmetic, median: how fast this CPU is now; or UNKNOWN */
	uint64_t mem_available_bytes;
	double load1;
	char *thp; /* "always", "madvise", "never", "unknown" */
	char *clocksource;
	char *governor; /* cpufreq governor of CPU 0, or "" */
};

struct lib {
	char *name;
	char *version;
};

/* A runtime that pools were made in, as it says of itself. */
struct runtime_info {
	char *name;    /* as in run.runtime */
	char *version; /* "v20.20.2" */
	char *libs;    /* "v8 11.3.244.8-node.35, openssl 3.0.16+quic"; may be "" */
	char *flags;   /* it ran with, blanks between them; may be "" */
	char *path;    /* of its program */
};

/* What was to be measured and was not. */
struct absence {
	char *runtime;
	char *workload, *model; /* "": all of them */
	char *why;		/* one line */
	bool failed;		/* it was there and went wrong; else it was not there */
};

struct loss {
	char *name; /* short, stable: "exit rows", "recursion misses" */
	char *what; /* what it means for the figures, a few words */
	uint64_t count;
};

struct recording {
	int schema;
	char *version;	    /* of wallgap */
	char *command;	    /* "bench", "record" */
	char *argv;	    /* as typed */
	char *user;	    /* that commands and runners ran as; "": not known, or none ran */
	uint64_t created_s; /* CLOCK_REALTIME */
	bool interrupted;
	char *stopped_by; /* what ended it early: "SIGTERM", "-d 5"; or "" */
	struct host host;
	struct conditions conditions[2];
	/*
	 * Estimated cost of getting into and out of one of our programs, which no clock of ours
	 * sees; and what a fault costs besides when its end comes from a perf event.
	 */
	uint64_t dispatch_ns, fault_event_ns;
	uint64_t repair_cnt; /* switch-ins and wakeups that did not reach us, restored exactly */
	uint64_t wallgap_rss_peak_bytes;
	uint64_t wallgap_cpu_ns; /* of all its threads, up to the saving; or UNKNOWN */
	uint64_t
		start_ns; /* from exec of wallgap to the target's first instruction, or to the first window */
	struct lib *libs;
	size_t lib_cnt, lib_cap;
	struct runtime_info *runtimes;
	size_t runtime_cnt, runtime_cap;
	struct absence *absences;
	size_t absence_cnt, absence_cap;
	struct loss *losses;
	size_t loss_cnt, loss_cap;
	struct frame *frames;
	size_t frame_cnt, frame_cap;
	struct stack *stacks;
	size_t stack_cnt, stack_cap;
	struct lock *locks;
	size_t lock_cnt, lock_cap;
	struct run *runs;
	size_t run_cnt, run_cap;
};

void recording_init(struct recording *r);
/* Frees everything below r; r itself is the caller's. Accepts half-built ones. */
void recording_clear(struct recording *r);

/*
 * Append a zeroed element and return it, or NULL without memory; a site's lock and
 * thread, a thread's start and a part's thread are NO_INDEX, a run's spin_ns and cacheline_ns UNKNOWN.
 * Pointers to earlier elements of the same array go stale.
 */
struct run *recording_add_run(struct recording *r);
struct thread *run_add_thread(struct run *run);
struct work *run_add_work(struct run *run);
struct site *run_add_site(struct run *run);
struct waker *run_add_waker(struct run *run);
struct path_part *run_add_path_part(struct run *run);
struct frame *recording_add_frame(struct recording *r);
struct stack *recording_add_stack(struct recording *r);
struct lock *recording_add_lock(struct recording *r);
struct runtime_info *recording_add_runtime(struct recording *r);
struct absence *recording_add_absence(struct recording *r);
/* Forget the last run. */
void recording_drop_run(struct recording *r);
int recording_add_lib(struct recording *r, const char *name, const char *version);
/* Adds to the loss of that name, or begins it. A count of 0 is kept too: it says that we looked. */
int recording_add_loss(struct recording *r, const char *name, const char *what, uint64_t count);

const char *role_name(enum role role); /* "worker", "orchestrator", "helper" */
int role_parse(const char *name);      /* enum role, or -EINVAL */

/* The words for these in files and reports: "futex", "cpu_fault"; "complete", "truncated". */
const char *state_name(enum wg_state state);
const char *stack_end_name(enum wg_stack_end end);

#endif
