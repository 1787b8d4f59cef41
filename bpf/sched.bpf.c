// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The state machine: sched_switch moves a task between CPU, run queue and blocked, sched_wakeup
 * ends what it was blocked in. Blocked time ends at sched_wakeup, where the scheduler puts the
 * task on a run queue and begins its own run_delay; run-queue time is what follows.
 */
#include "row.bpf.h"
#include "block.bpf.h"
#include "path.bpf.h"
#include "site.bpf.h"

extern __s64 wg_live_cnt;

#define GONE_BYTES (4 * 1024 * 1024)

/* Rows of tasks that are gone. Drained by a real-time thread of user space while the run lasts. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, GONE_BYTES);
} gone SEC(".maps");

/* The last switch of a task: its row leaves now, its storage goes with the task. */
static __noinline void emit_gone(struct task_state *s, struct task_struct *t,
				 const struct wg_cpu_slot *c)
{
	struct wg_row *r;

	if (!s->begun)
		return;
	r = bpf_ringbuf_reserve(&gone, wg_path ? sizeof(*r) : offsetof(struct wg_row, path), 0);
	if (!r) {
		loss(WG_LOSS_EXIT_ROW);
		return;
	}
	row_fill(r, s, t, mono_time(c, s->since_ns), s->since_ns);
	r->flags |= WG_ROW_DEAD;
	/* user space looks when it wants to know; it is woken when the buffer fills meanwhile */
	bpf_ringbuf_submit(r, bpf_ringbuf_query(&gone, BPF_RB_AVAIL_DATA) > GONE_BYTES / 8
				      ? BPF_RB_FORCE_WAKEUP
				      : BPF_RB_NO_WAKEUP);
}

/*
 * A sleeper with a signal pending: a voluntary switch to the kernel, but since 6.16 the argument
 * says TASK_RUNNING, as of a yield. The kernel has counted already when it calls us.
 */
static __always_inline bool voluntary(struct task_struct *t, const struct task_state *s,
				      bool preempt, u32 st)
{
	return !preempt && (st || t->nvcsw > s->base.nvcsw + s->count[WG_N_SWITCH_VOLUNTARY]);
}

/* The futex word that t sleeps on. Of several (futex_waitv) the first. */
static __always_inline void futex_object(struct task_struct *t, struct task_state *s)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	u64 nr = regs->orig_ax, uaddr = regs->di, op = regs->si;
	struct wg_futex_waitv first = {};

	if (nr == WG_NR_FUTEX_WAITV) {
		bpf_probe_read_user(&first, sizeof(first), (void *)uaddr);
		uaddr = first.uaddr;
		op = first.flags;
	} else if (nr == WG_NR_FUTEX_WAIT) {
		op = regs->r10 & WG_FUTEX_PRIVATE;
	} else if (futex_op_is_pi(op)) {
		s->site_flags |= WG_SITE_PI;
	}
	s->site_object = uaddr;
	if (op & WG_FUTEX_PRIVATE)
		s->site_flags |= WG_SITE_PRIVATE;
}

/* The states whose reason is in the kernel: there its stack says more than the call's number. */
static __always_inline bool wants_kernel_stack(u8 state)
{
	return state == WG_KLOCK || state == WG_IO || state == WG_OTHER;
}

/* User space may learn of a library's locks only after their first waits: so look again. */
#define LOCK_KNOWN_NS 10000000

/* Is the futex wait that begins, its call path in w, for a lock? Mostly it is where the last was. */
static __always_inline void lock_look_up(struct task_state *s, struct walk *w)
{
	if (w->hash == s->lock_stack && s->since_ns - s->lock_ns < LOCK_KNOWN_NS)
		return;
	s->site_lock = wg_path_is_lock(w);
	s->lock_stack = w->hash;
	s->lock_ns = s->since_ns;
}

/* t begins to wait, s->state: where and for what. */
static __always_inline void wait_begins(void *ctx, struct task_struct *t, struct task_state *s)
{
	struct walk *w = walk_get(WALK_SWITCH);
	u8 state = s->state;

	s->site_ns = s->since_ns;
	s->site_state = state;
	s->site_flags = 0;
	s->site_object = s->site_stack = 0;
	if (state == WG_FUTEX) {
		futex_object(t, s);
	} else if (state == WG_KLOCK) {
		s->site_object = s->klock[0];
		s->site_flags = s->klock_flags;
	}
	if (!w)
		return;
	walk_begin(w, t);
	w->out.state = state;
	if (wants_kernel_stack(state))
		walk_kernel(w, ctx);
	walk_user_part(w, t);
	roots_note(s, t, w);
	wg_stack_keep(w);
	s->site_end = w->end;
	s->site_stack = w->hash;
	if (wg_path && state == WG_FUTEX)
		lock_look_up(s, w);
}

static __always_inline u64 take_of(u64 *ns, u64 over)
{
	u64 taken = *ns < over ? *ns : over;

	*ns -= taken;
	return over - taken;
}

/* Rarely called, and not inlined, so that it is verified once. Returns 0. */
__noinline int wg_take_back(struct task_state *s, u64 over)
{
	u64 rest = over;

	if (!s)
		return 0;
	/* what was billed last: the fault that has ended, if any was, else plain time, and our own */
	if (s->state == WG_CPU)
		rest = take_of(&s->st[WG_CPU_FAULT].ns, rest);
	rest = take_of(&state_sum(s, s->state)->ns, rest);
	rest = take_of(&s->st[WG_PROBE].ns, rest);
	s->since_ns -= over - rest;
	if (!rest)
		return 0;
	/*
	 * It was gone before its exec, where the ledger began: the wait is in it from there on. So
	 * what the kernel counts of the wait before that is left out on its side, and what we had
	 * counted as on the CPU before exec on ours.
	 */
	rest -= take_of(&s->part_ns[WG_T_BEFORE], rest);
	s->base.run_delay_ns += rest;
	return 0;
}

/*
 * The scheduler dates a switch before our last reading on this CPU: when it was asked for by a wakeup
 * inside a page fault, say, whose end we have seen since (rq_clock_skip_update). For the scheduler the
 * task was gone by then, and all it did later is the next one's; so it is here.
 */
static __always_inline void take_back(struct task_state *s, u64 now)
{
	u64 over = s->since_ns - now;

	if ((s64)over > 0 && over <= CLOCK_BACK_NS)
		wg_take_back(s, over);
}

/* Its first event since it is tracked, whose ledger has not been begun: it has been running until now. */
static __always_inline bool begin_first_out(struct task_struct *t, struct task_state *s,
					    struct wg_cpu_slot *c, u64 now)
{
	if (s->flags & WG_ROW_WAITING_EXEC || !begins_here(s))
		return false;
	wg_sums_clear(s);
	kernel_read(&s->base, t);
	faults_seen(s, t);
	s->since_ns = s->in_ns = s->begin_sched_ns = s->path_at = now;
	s->begin_ns = mono_time(c, now);
	s->in_task_ns = 0;
	s->cpu = c - wg_cpu;
	s->state = WG_CPU;
	barrier();
	s->begun = BEGUN_OUT;
	return true;
}

static __always_inline void switch_out(void *ctx, struct task_struct *t, struct task_state *s,
				       struct wg_cpu_slot *c, struct rq_clocks now, bool preempt,
				       u32 st)
{
	u8 state = WG_RUNQ_PREEMPT;
	u64 ago = 0;

	/*
	 * The argument says how it meant to leave, __state whether it did: with a signal pending
	 * the kernel counts a voluntary switch and keeps the task runnable, no wakeup follows.
	 */
	bool blocks = !preempt && t->__state;

	if (!s->begun && !begin_first_out(t, s, c, now.sched_ns))
		return;
	write_begin(s);
	running(t, s, c);
	if (blocks) {
		state = blocked_state(t, s, st);
		ago = left_before(t, s, &now);
		now.sched_ns -= ago;
		now.task_ns -= ago;
	}
	take_back(s, now.sched_ns);
	bill_oncpu(s, c, now.sched_ns);
	s->preempt_blocking = preempt && t->__state;
	if (s->preempt_blocking)
		s->count[WG_N_PREEMPT_BLOCKING]++;
	s->count[voluntary(t, s, preempt, st) ? WG_N_SWITCH_VOLUNTARY : WG_N_SWITCH_INVOLUNTARY]++;
	if (s->begun ==
	    BEGUN_OUT) { /* this switch is in the kernel's counters that it began with */
		s->count[WG_N_SWITCH_VOLUNTARY] = s->count[WG_N_SWITCH_INVOLUNTARY] = 0;
		s->begun = 1;
	}
	departed(t, s, &now);
	if (state == WG_RUNQ_PREEMPT)
		quota_begin(t, s, now.sched_ns);
	s->state = state;
	state_sum(s, state)->cnt++;
	write_end(s);
	/* nobody wakes it before the switch is over */
	if (is_blocked(state))
		wait_begins(ctx, t, s);
}

/* A root that waits for its exec: its counters are exact from its first switch-in on. */
static __always_inline bool begin_first_in(struct task_struct *t, struct task_state *s,
					   const struct wg_cpu_slot *c, u64 now)
{
	if (!begins_here(s))
		return false;
	s->since_ns = now;
	if (!(s->flags & WG_ROW_WAITING_EXEC)) {
		wg_sums_clear(s);
		s->begin_sched_ns = now;
		s->begin_ns = mono_time(c, now);
	}
	s->state = WG_RUNQ_WAKE;
	kernel_read(&s->base, t);
	faults_seen(s, t);
	barrier();
	s->begun = 1;
	return true;
}

static __always_inline void switch_in(struct task_struct *t, struct task_state *s,
				      struct wg_cpu_slot *c, struct rq_clocks now)
{
	if (!s->begun && !begin_first_in(t, s, c, now.sched_ns))
		return;
	write_begin(s);
	arrived(t, s, c, now.sched_ns, now.task_ns);
	write_end(s);
}

SEC("tp_btf/sched_switch")
int on_switch(unsigned long long *ctx)
{
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	struct task_state *p = task_get(prev), *n = task_get(next);
	struct wg_cpu_slot *c;
	struct rq_clocks clocks;
	u64 begin_ns;
	u32 st;

	if (!p) {
		barrier_var(n); /* else the two tests become one OR of pointers */
		if (!n)
			return 0;
	}
	c = cpu_slot();
	begin_ns = handler_begin(c);
	clocks = rq_clocks_of(prev);
	if (begin_ns)
		clock_learn(c, begin_ns, clocks.sched_ns);
	else if (clock_stale(c, clocks.sched_ns))
		clock_learn(c, clock_ns(), clocks.sched_ns);
	st = switch_prev_state(ctx, prev);
	if (p) {
		switch_out(ctx, prev, p, c, clocks, (bool)ctx[0], st);
		if (st == TASK_DEAD) {
			emit_gone(p, prev, c);
			/* last: who sees no task alive may count on its row being there */
			__sync_fetch_and_add(&wg_live_cnt, -1);
		}
	}
	c->probe_ns = 0; /* what is left is not the next task's */
	if (wg_path)
		c->irq_depth = c->softirq =
			0; /* no interrupt is going on here: one may have been missed */
	if (n)
		switch_in(next, n, c, clocks);
	handler_end(c, begin_ns);
	return 0;
}

#define NR_EXIT 60
#define NR_FUTEX_WAKE 454
#define NR_FUTEX_REQUEUE 456

/* FUTEX_WAKE, _REQUEUE, _CMP_REQUEUE, _WAKE_OP, _UNLOCK_PI, _WAKE_BITSET, _CMP_REQUEUE_PI */
#define FUTEX_WAKING_OPS (1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 10 | 1 << 12)

/*
 * Does cur wake a futex's waiter by its own doing, by a call or by ending (CLONE_CHILD_CLEARTID)?
 * If not, it was interrupted, or the waiter's time is over, or it has a signal.
 */
static __always_inline bool wakes_futexes(struct task_struct *cur)
{
	struct pt_regs *regs;
	u64 nr;

	if (!has_user_stack(cur))
		return false;
	/* of a stranger on its way out, a timer's interrupt is likelier, and it is gone before it is read */
	if (cur->flags & PF_EXITING)
		return task_get(cur);
	regs = (struct pt_regs *)bpf_task_pt_regs(cur);
	nr = regs->orig_ax;
	if (nr == NR_FUTEX)
		return FUTEX_WAKING_OPS >> (regs->si & 31) & 1;
	return nr == NR_FUTEX_WAKE || nr == NR_FUTEX_REQUEUE || nr == NR_EXIT;
}

#define WAKE_LONG_NS 1000000 /* from this length on, every waker is looked at */
#define WAKE_ONE_IN 8	     /* of the others: 2^29 of 2^32 */

/*
 * Who ends a futex wait of s, and from where. Looked at here and not at sched_wakeup, which runs on
 * the woken task's CPU as often as not; but the woken task may still be on its way to sleep, its
 * stack not yet walked: so what is found is kept in it, and told at sched_wakeup.
 */
static __always_inline void waker_note(struct task_state *s, struct task_struct *cur,
				       const struct wg_cpu_slot *c, u64 now)
{
	struct walk *w;
	u64 waker = 0;
	u8 weight = 1;

	s->waker_weight = 0;
	if ((s64)(sched_time(c, now) - s->since_ns) < WAKE_LONG_NS) {
		if ((u32)(++s->wake_nr * GOLDEN_RATIO) >= 1U << 29)
			return;
		weight = WAKE_ONE_IN;
	}
	w = walk_get(WALK_WAKING);
	if (!w)
		return;
	if (wakes_futexes(cur)) {
		walk_begin(w, cur);
		walk_from_kernel_entry(w, cur);
		wg_walk_user(w);
		wg_stack_keep(w);
		waker = w->hash;
		s->waker_tgid = cur->tgid;
	}
	s->waker = waker;
	s->waker_weight = weight;
}

/* Where all it does is to hand on a path, it is quick, and as often as switches are. */
#define TIMED_WAKING_ONE_IN 32

SEC("tp_btf/sched_waking")
int on_waking(unsigned long long *ctx)
{
	struct task_struct *t = (void *)ctx[0], *cur;
	struct task_state *s = task_get(t);
	struct wg_cpu_slot *c;
	bool looked, timed;
	u32 one_in;
	u64 now;

	/* a task woken before it slept has waited for nobody */
	if (!s || !s->begun || !is_blocked(s->state))
		return 0;
	looked = s->state == WG_FUTEX && site_counts(s);
	if (!looked && !wg_path)
		return 0;
	c = cpu_slot();
	cur = bpf_get_current_task_btf();
	one_in = looked ? TIMED_ONE_IN : TIMED_WAKING_ONE_IN;
	timed = handler_timed_in(c, one_in);
	now = looked || timed ? clock_ns() : 0;
	if (wg_path)
		path_waking(t, s, cur, c, now);
	if (looked)
		waker_note(s, cur, c, now);
	handler_end_in(c, timed ? now : 0, one_in);
	return 0;
}

/* The wait of s, whose waker was looked at, is over: its stack is known by now. */
static __always_inline void tell_waker(struct task_state *s)
{
	struct wg_wake_event e = {.type = WG_EVENT_WAKE};

	e.tgid = s->tgid;
	e.stack = s->site_stack;
	e.object = s->site_object;
	e.flags = s->site_flags;
	e.lane = s->lane;
	e.window = s->window;
	e.waker = s->waker;
	e.waker_tgid = s->waker_tgid;
	e.weight = s->waker_weight;
	e.waited_ns = s->since_ns - s->site_ns; /* woken() has just moved it on */
	s->waker_weight = 0;
	if (bpf_ringbuf_output(&stream, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		loss(WG_LOSS_STREAM);
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *t)
{
	struct task_state *s = task_get(t);
	struct wg_cpu_slot *c;
	u64 begin_ns, at;
	bool futex;

	/* a task woken before it slept has not left the CPU: nothing to end */
	if (!s || !is_blocked(s->state))
		return 0;
	if (!s->begun) {
		s->moved = 1;
		return 0;
	}
	c = cpu_slot();
	begin_ns = handler_begin(c);
	write_begin(s);
	futex = s->state == WG_FUTEX;
	at = rq_clock_of(t);
	path_woken(s, c);
	woken(s, at);
	s->asleep_ns = queued_asleep(t, s, at);
	if (!quota_takes_tasks())
		quota_begin(t, s, at);
	write_end(s);
	if (futex && s->waker_weight && site_counts(s))
		tell_waker(s);
	handler_end(c, begin_ns);
	return 0;
}
