/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where kernels differ: one accessor each, told apart by what user space found in the kernel's
 * BTF or by a field test, never by version. And the constants that the kernel keeps in macros.
 */
#ifndef WG_BPF_CORE_BPF_H
#define WG_BPF_CORE_BPF_H

#include <bpf/bpf_core_read.h>

/* include/linux/sched.h; these have kept their values since 4.14. */
#define TASK_INTERRUPTIBLE 0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define __TASK_STOPPED 0x0004
#define __TASK_TRACED 0x0008
#define TASK_DEAD 0x0080

#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000 /* 6.4; before that nothing we meet uses the bit in a user task */
#define PF_KTHREAD 0x00200000

/*
 * The state a task went to sleep with. Since 5.18 (fa2c3254d7cf, 9c2136be0878) sched_switch
 * passes it as a fourth argument; __state may be TASK_WAKING already when we read it. User space
 * sets this from the prototype in the kernel's BTF.
 */
extern const volatile bool wg_switch_has_state;

static __always_inline u32 switch_prev_state(const unsigned long long *ctx,
					     const struct task_struct *prev)
{
	if (wg_switch_has_state)
		return (u32)ctx[3];
	return prev->__state;
}

static __always_inline bool rq_clock_exists(void)
{
	return bpf_core_field_exists(struct task_struct, se.cfs_rq) &&
	       bpf_core_field_exists(struct cfs_rq, rq);
}

/*
 * The clock of the run queue that t is or was last on: what the scheduler itself dates switches
 * and wakeups with, brought up to date just before their tracepoints. It may be a few hundred ns
 * older than a clock read there, which is why waits for a CPU dated by the latter do not agree
 * with the kernel's run_delay. Kernels without group scheduling have no way to it: then the
 * clock, read here.
 */
static __always_inline u64 rq_clock_of(struct task_struct *t)
{
	return rq_clock_exists() ? t->se.cfs_rq->rq->clock : bpf_ktime_get_ns();
}

/* The two clocks of a run queue at one moment. */
struct rq_clocks {
	u64 sched_ns;
	u64 task_ns; /* what sum_exec_runtime counts by; 0 where there is no way to it */
};

static __always_inline struct rq_clocks rq_clocks_of(struct task_struct *t)
{
	struct rq_clocks c = {0};
	struct rq *rq;

	if (!rq_clock_exists()) {
		c.sched_ns = bpf_ktime_get_ns();
		return c;
	}
	rq = t->se.cfs_rq->rq;
	c.sched_ns = rq->clock;
	c.task_ns = rq->clock_task;
	return c;
}

/*
 * CPU bandwidth of cgroups. A cfs_rq is one cgroup's queue on one CPU; while the quota of its
 * cgroup or of one above is used up, it is throttled (throttle_count). Since 6.18 (e1fad12dcb66)
 * a throttled queue's tasks are each taken off it on their way to user mode, and task->throttled
 * says so; before that the queue as a whole is not picked from. Either way the kernel's run_delay
 * counts the wait. There is no tracepoint, but the queue keeps the time for which it had tasks and
 * was throttled: in throttled_clock_self_time (since 6.7, by rq->clock), before that for its load
 * average, by clock_pelt (5.19 to 6.6: where the frequency of CPUs varies it is off by that) or by
 * clock_task. What it grows by over a wait is the wait for quota.
 */
static __always_inline bool quota_exists(void)
{
	return rq_clock_exists() && bpf_core_field_exists(struct cfs_rq, throttle_count);
}

static __always_inline bool quota_takes_tasks(void)
{
	return bpf_core_field_exists(struct task_struct, throttled);
}

/* What q has been throttled for, while it is not. */
static __always_inline u64 quota_sum(struct cfs_rq *q)
{
	if (bpf_core_field_exists(struct cfs_rq, throttled_clock_self_time))
		return q->throttled_clock_self_time;
	if (bpf_core_field_exists(struct cfs_rq___pelt, throttled_clock_pelt_time))
		return ((struct cfs_rq___pelt *)q)->throttled_clock_pelt_time;
	if (bpf_core_field_exists(struct cfs_rq___before_5_19, throttled_clock_task_time))
		return ((struct cfs_rq___before_5_19 *)q)->throttled_clock_task_time;
	return 0;
}

/*
 * The same of one that may be throttled, up to now by rq->clock. q may be of another CPU, or its
 * cgroup gone since: read with care, and believed only up to the length of a wait.
 */
static __always_inline u64 quota_clock(struct cfs_rq *q, u64 now)
{
	u64 sum = 0, since = 0, at = now;
	struct rq *rq = BPF_CORE_READ(q, rq);

	if (bpf_core_field_exists(struct cfs_rq, throttled_clock_self_time)) {
		sum = BPF_CORE_READ(q, throttled_clock_self_time);
		since = BPF_CORE_READ(q, throttled_clock_self);
	} else if (bpf_core_field_exists(struct cfs_rq___pelt, throttled_clock_pelt_time)) {
		struct cfs_rq___pelt *p = (void *)q;

		sum = BPF_CORE_READ(p, throttled_clock_pelt_time);
		since = BPF_CORE_READ(p, throttled_clock_pelt);
		at = BPF_CORE_READ(rq, clock_pelt) - BPF_CORE_READ(rq, lost_idle_time);
	} else if (bpf_core_field_exists(struct cfs_rq___before_5_19, throttled_clock_task_time)) {
		struct cfs_rq___before_5_19 *p = (void *)q;

		sum = BPF_CORE_READ(p, throttled_clock_task_time);
		since = BPF_CORE_READ(p, throttled_clock_task);
		at = BPF_CORE_READ(rq, clock_task);
	}
	if (at != now) {
		/* a moment of another clock that stood still since rq->clock */
		s64 ahead = now - BPF_CORE_READ(rq, clock);

		at += ahead > 0 ? ahead : 0;
	}
	if (!since || !BPF_CORE_READ(q, throttle_count) || (s64)(at - since) < 0)
		return sum;
	return sum + at - since;
}

static __always_inline bool task_in_iowait(struct task_struct *t)
{
	return BPF_CORE_READ_BITFIELD(t, in_iowait);
}

/* A 32-bit system call from 32-bit code: its numbers are of another table. */
#define USER32_CS 0x23

#endif /* WG_BPF_CORE_BPF_H */
