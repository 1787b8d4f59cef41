/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The critical path, kept online: beside its own ledger each task carries that of the path which
 * leads to where it is. While a task runs or waits for a CPU, its path grows by its own state. When
 * task A wakes B out of a wait for its doing, B's path becomes a copy of A's. A wake out of an
 * interrupt (timer, disk, network) leaves the wait on B's own path.
 *
 *   A  ==run====fork=======run=======wake B==
 *   B           `--run--| wait       |==run==     path of B: A's up to here, then its own
 *
 * A wait for a lock stays on B's path too. Who unlocked it did not work for B: both did what they
 * had to do, and the time that B lost is the lock's.
 *
 * All paths begin with the root, so each sums to the time since then, and that of the last task
 * standing is the critical path of the whole.
 */
#ifndef WG_BPF_PATH_BPF_H
#define WG_BPF_PATH_BPF_H

#include "common.bpf.h"
#include "walk.bpf.h"

/* The path of s is that of by, up to where that is billed. What comes until s is woken has this key. */
static __always_inline void path_give(struct task_state *s, const struct task_state *by, u64 key)
{
	s->path = by->path;
	s->path_at = by->path_at;
	s->path_key = key;
	s->path_given = 1;
}

/* The same of one on its way out: its row will say what its path was. */
static __always_inline void path_leave(struct task_state *s, const struct task_state *by)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < WG_STATE_CNT; i++) {
		s->path.ns[i] = by->path.ns[i];
		sum += by->path.ns[i];
	}
	__builtin_memset(s->path.part, 0, sizeof(s->path.part));
	s->path.part[0].key = by->id << WG_PATH_ID_SHIFT | WG_PATH_REF;
	s->path.part[0].ns = sum;
	s->path_at = by->path_at;
	s->path_key = path_key(s, WG_RUNQ_WAKE);
	s->path_given = 1;
}

/* s, not yet begun, is forked by parent. */
static __always_inline void path_fork(struct task_state *s, struct task_state *parent, u64 now)
{
	if (!wg_path)
		return;
	write_begin(parent);
	path_bill(parent, now);
	write_end(parent);
	path_give(s, parent, path_key(s, WG_RUNQ_WAKE));
}

/*
 * Does the wait of s stay on its own path? Waits for locks do. Those in the kernel that no signal
 * ends are for its locks and devices too, whatever the tracepoints say of them; but vfork's is for
 * the child.
 */
static __always_inline bool path_stays(const struct task_state *s, struct task_struct *t)
{
	if (s->state == WG_FUTEX)
		return s->site_flags & WG_SITE_PI || (s->site_stack && s->site_lock);
	return s->state == WG_KLOCK || (s->state != WG_CHILD && t->__state & TASK_UNINTERRUPTIBLE);
}

/*
 * t, in a wait, is about to be woken by whatever runs on this CPU. now: the clock, or 0: not read.
 *
 * Most wakeups are over at once: sched_wakeup follows on this CPU and says when, so that nothing needs
 * to be billed here. Some are left to the woken task's CPU, which takes an interrupt: then it matters
 * when the waker was done. Which of them this one is nobody knows yet; it is taken to be like the
 * task's last one. If that is wrong, the waker is given the interrupt's way too.
 */
static __always_inline void path_waking(struct task_struct *t, struct task_state *s,
					struct task_struct *cur, const struct wg_cpu_slot *c,
					u64 now)
{
	bool exiting = cur->flags & PF_EXITING;
	struct task_state *by;

	if (c->irq_depth || c->softirq || path_stays(s, t))
		return;
	by = task_get(cur);
	if (!by || by == s || !by->begun || !is_oncpu(by->state))
		return;
	s->waking_cpu = c - wg_cpu;
	/* s sleeps, or is about to on another CPU, past all that it writes of its path */
	if (s->wakes_here && !exiting) {
		path_give(s, by, path_key(by, by->state));
		s->path_key_slot = by->path_slot[by->state & (WG_STATE_SLOTS - 1)];
		return;
	}
	write_begin(by);
	path_bill(by, sched_time(c, now ? now : clock_ns()));
	write_end(by);
	if (exiting)
		path_leave(s, by);
	else
		path_give(s, by, path_key(s, WG_RUNQ_WAKE));
}

/* s is on a run queue, whose CPU is that of c if the waker's was not. Before woken(). */
static __always_inline void path_woken(struct task_state *s, const struct wg_cpu_slot *c)
{
	if (wg_path && s->path_given)
		s->wakes_here = s->waking_cpu == c - wg_cpu;
}

/* In path.bpf.c: is the futex wait whose call path is in w for a lock? */
int wg_path_is_lock(struct walk *w);

#endif /* WG_BPF_PATH_BPF_H */
