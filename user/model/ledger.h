/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From states to the buckets that the reports show. Pure.
 */
#ifndef WG_MODEL_LEDGER_H
#define WG_MODEL_LEDGER_H

#include "model/recording.h"

/* The buckets of the reports and of the JSON, disjoint, in their order there. */
enum bucket {
	B_CPU_USER,
	B_CPU_KERNEL,
	B_CPU_FAULT,
	B_RUNQ_WAKE,
	B_RUNQ_PREEMPT,
	B_FUTEX,
	B_KLOCK,
	B_IO,
	B_SLEEP,
	B_POLL,
	B_IPC,
	B_CHILD,
	B_STOPPED,
	B_OTHER,
	B_PROBE,
	BUCKET_CNT,
};

const char *bucket_name(enum bucket b); /* "cpu_user", ...: the words of the JSON */

/* Where a state goes, one of the WG_STATE_CNT; WG_CPU as if all of it were the kernel's. */
enum bucket bucket_of_state(enum wg_state state);

/*
 * Split t's states into buckets, ns. On-CPU time outside faults is split by the thread's own
 * samples; a thread without samples takes pooled_user, the user share (0..1) over its run
 * (see ledger_user_share). The sum of out equals the sum of t->state_ns.
 */
void ledger_buckets(const struct thread *t, double pooled_user, uint64_t out[BUCKET_CNT]);

/* Of bucket b of t, waiting while its cgroup's CPU quota was used up, ns: 0 but for the run queue. */
uint64_t ledger_quota(const struct thread *t, enum bucket b);

/* The same of a run, as ledger_lane_mean() or ledger_total() has the bucket. */
double ledger_run_quota(const struct run *run, enum bucket b, bool lanes);

/* Share of user mode in all samples of the run's threads, 0..1; 0.5 when there are none. */
double ledger_user_share(const struct run *run);

/* Buckets of the mean lane: the mean over threads with ROLE_WORKER, ns. Returns the number of lanes. */
int ledger_lane_mean(const struct run *run, double out[BUCKET_CNT]);

/* Buckets summed over all threads of the run, ns (thread-seconds: more than wall when several live). */
void ledger_total(const struct run *run, double out[BUCKET_CNT]);

/* The time t lived in the window, and the window of a run, ns; 0 when begin and end are out of order. */
uint64_t ledger_wall(const struct thread *t);
uint64_t ledger_run_wall(const struct run *run);

/* Wall of t in its window minus the sum of its states; 0 when it closes. */
int64_t ledger_closure(const struct thread *t);

/* On-CPU states of t: cpu, fault and probe, ns. */
uint64_t ledger_oncpu(const struct thread *t);

/* Faults of t, those without a trap included: what min_flt and maj_flt count. */
uint64_t ledger_faults_minor(const struct thread *t);
uint64_t ledger_faults_major(const struct thread *t);

#endif
