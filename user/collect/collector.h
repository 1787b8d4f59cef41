/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Loads and attaches the BPF programs, and hands out rows. Only user/collect knows libbpf.
 *
 *   collector_open -> collector_track ... -> collector_snapshot / collector_drain ... -> collector_close
 *
 * Tasks that are alive come from collector_snapshot, tasks that are gone from collector_drain;
 * a task is in one of the two, never in both, once a drain has followed the snapshot.
 */
#ifndef WG_COLLECT_COLLECTOR_H
#define WG_COLLECT_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "collect/lockcode.h"
#include "collect/profile.h"
#include "collect/rows.h"
#include "collect/space.h"
#include "model/recording.h"

struct collector;

struct collector_opts {
	int freq_hz;	  /* of the on-CPU sampler; 0 for none */
	bool preemptible; /* the kernel is: then fexit would miss fault ends, see use_fexit() */
	bool stacks;	  /* call paths of waits, samples and faults */
	bool path;	  /* the critical path of each task: wg_row.path */
	lock_class_fn *lock_class; /* for the path: what functions mean for waits below them */
	const char *cache;	   /* folder that keeps unwind tables, or NULL */
};

/*
 * Returns 0 with *out set; -EPERM, -ENOSYS, -EOPNOTSUPP when this machine cannot (see
 * caps_check), or another -errno, with one line in e.
 */
int collector_open(struct collector **out, const struct collector_opts *opts, struct err *e);
/* Accepts NULL. Detaches everything. */
void collector_close(struct collector *c);

/*
 * Begin a ledger for every thread of process tgid and all they fork from now on. With wait_exec
 * the ledger, and tracking of children, begins when the process calls exec.
 */
int collector_track(struct collector *c, pid_t tgid, bool wait_exec, struct err *e);

/* Have the unwind tables of an executable ready before it is run; a hint. */
void collector_preload(struct collector *c, const char *path);

struct lane_mark {
	uint32_t tid;
	uint32_t lane; /* enum wg_lane */
};

/* From now on sites of these tasks are told apart from those of all others, which are helpers. */
int collector_mark_lanes(struct collector *c, const struct lane_mark *marks, size_t cnt,
			 struct err *e);

/*
 * Call paths are kept by window. It opens and closes with a snapshot, so that what is blamed on
 * call paths is what the ledgers say; or it begins before anything that matters is tracked.
 * Then take what it brought: waits that are open in `after` are part of it.
 */
int collector_window_open(struct collector *c, struct rows *before, struct err *e);
void collector_window_begin(struct collector *c);
int collector_window_close(struct collector *c, struct rows *after, struct err *e);
int collector_window_end(struct collector *c, const struct rows *before, const struct rows *after,
			 struct profile *out, struct err *e);

/*
 * Mappings and stacks, to find names in; they stand still until the end. NULL when call paths
 * are not wanted.
 */
const struct spaces *collector_names_begin(struct collector *c, struct stacks **stacks);
void collector_names_end(struct collector *c);

/* One row for each tracked task alive, ordered by id, into out (cleared first). */
int collector_snapshot(struct collector *c, struct rows *out, struct err *e);

/*
 * Send sig to all processes that are tracked; 0: to none. SIGKILL also reaches a process whose first
 * thread is gone. Returns how many threads are tracked, or -errno. Safe in a signal handler.
 */
long collector_signal(struct collector *c, int sig);

/* Append to out the rows of tasks that have gone since the last drain. */
int collector_drain(struct collector *c, struct rows *out);

/* Tracked tasks that have not had their last switch. */
long collector_live(const struct collector *c);
/* Moves whenever a tracked task is born or ends. */
uint64_t collector_generation(const struct collector *c);
/* When the process tracked with wait_exec called exec; 0 if it has not. */
uint64_t collector_exec_ns(const struct collector *c);

struct cost {
	uint64_t bpf_ns;     /* inside our programs, all CPUs, since load */
	uint64_t event_cnt;  /* runs of them */
	uint64_t own_cpu_ns; /* of all our threads, ever; or UNKNOWN */
};
void collector_cost(const struct collector *c, struct cost *cost);

/* Does anything on this kernel tell of `what`? If not, that rows say 0 of it means nothing. */
bool collector_counts(const struct collector *c, enum wg_count what);

/*
 * Measured when it was opened: ns to get into and out of a program, and what a fault takes besides
 * two of them. Where the machine was too busy for it, what is typical.
 */
void collector_dispatch(const struct collector *c, uint64_t *dispatch_ns, uint64_t *fault_event_ns);

/* Where fault ends come from: "fexit" or "perf". */
const char *collector_fault_end(const struct collector *c);

/* Of the on-CPU sampler, a second and CPU: what was asked for, or the kernel's limit. */
int collector_freq(const struct collector *c);

/* Of libbpf: "1.1". */
const char *collector_library_version(void);

/* Events whose tracepoint did not reach us, restored from the scheduler's own record of them. */
uint64_t collector_repairs(const struct collector *c);

/* Add to r one loss per lossy path, those of 0 included. */
int collector_losses(const struct collector *c, struct recording *r);

#endif
