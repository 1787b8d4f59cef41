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
 *     |- losses[]        what could not be seen
 *     |- runs[]          one per measured window (a model's repeat, a command)
 *          |- threads[]  one per task that lived in the window: its ledger, the kernel's counters
 *          |- tasks[]    what the runner says of each unit of work (empty for `record`)
 *
 * Times are ns of CLOCK_MONOTONIC, sizes are bytes. UNKNOWN marks a figure that was not had.
 */
#ifndef WG_RECORDING_H
#define WG_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared.h"

/* Schema of the recording file (SQLite's user_version) and of the JSON report. */
#define RECORDING_SCHEMA 1

#define UNKNOWN UINT64_MAX

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
	uint64_t count[WG_COUNT_CNT];
	uint64_t part_ns[WG_PART_CNT];
	struct wg_kernel kernel;      /* the kernel's counters over the same time */
	uint64_t audit_oncpu_ns;      /* our on-CPU time that kernel.oncpu_ns must equal */
	uint64_t audit_run_delay_ns;  /* our run-queue time that kernel.run_delay_ns must equal */
	uint64_t pgtables_bytes;      /* of its process at the end of the window */
	uint64_t pgtables_peak_bytes; /* highest seen by the end of the window */
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

struct run {
	char *label;   /* unique among groups of repeats: "crypto/native/threads", or the command */
	char *runtime; /* "native", "node", ...; "" for `record` */
	char *workload; /* "" for `record` */
	char *model;	/* "single", "threads", "procs"; "" for `record` */
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
	uint64_t bpf_ns;    /* time measured inside our programs in this window, all CPUs */
	uint64_t event_cnt; /* runs of our programs in this window, all CPUs */
	uint64_t steal_ns;  /* of all CPUs in this window; or UNKNOWN */
	uint64_t
		other_cpu_ns; /* CPU used by tasks that are not of the run, wallgap included; or UNKNOWN */
	struct memory memory;
	struct thread *threads;
	size_t thread_cnt, thread_cap;
	struct work *works;
	size_t work_cnt, work_cap;
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
	uint64_t created_s; /* CLOCK_REALTIME */
	bool interrupted;
	struct host host;
	struct conditions conditions[2];
	/*
	 * Estimated cost of getting into and out of one of our programs, which no clock of ours
	 * sees; and what a fault costs besides when its end comes from a perf event.
	 */
	uint64_t dispatch_ns, fault_event_ns;
	uint64_t repair_cnt; /* switch-ins and wakeups that did not reach us, restored exactly */
	uint64_t wallgap_rss_peak_bytes;
	uint64_t
		start_ns; /* from exec of wallgap to the target's first instruction, or to the first window */
	struct lib *libs;
	size_t lib_cnt, lib_cap;
	struct loss *losses;
	size_t loss_cnt, loss_cap;
	struct run *runs;
	size_t run_cnt, run_cap;
};

void recording_init(struct recording *r);
/* Frees everything below r; r itself is the caller's. Accepts half-built ones. */
void recording_clear(struct recording *r);

/* Append a zeroed element and return it, or NULL without memory. Pointers to earlier elements of the same array go stale. */
struct run *recording_add_run(struct recording *r);
struct thread *run_add_thread(struct run *run);
struct work *run_add_work(struct run *run);
int recording_add_lib(struct recording *r, const char *name, const char *version);
/* Adds to the loss of that name, or begins it. A count of 0 is kept too: it says that we looked. */
int recording_add_loss(struct recording *r, const char *name, const char *what, uint64_t count);

const char *role_name(enum role role); /* "worker", "orchestrator", "helper" */
int role_parse(const char *name);      /* enum role, or -EINVAL */

#endif
