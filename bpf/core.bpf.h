/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where kernels differ: one accessor each, told apart by what user space found in the kernel's
 * BTF or by a field test, never by version. And the constants that the kernel keeps in macros.
 */
#ifndef WG_CORE_BPF_H
#define WG_CORE_BPF_H

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

static __always_inline bool task_in_iowait(struct task_struct *t)
{
	return BPF_CORE_READ_BITFIELD(t, in_iowait);
}

/* A 32-bit system call from 32-bit code: its numbers are of another table. */
#define USER32_CS 0x23

#endif /* WG_CORE_BPF_H */
