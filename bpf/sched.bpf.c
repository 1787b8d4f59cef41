// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The state machine: sched_switch moves a task between CPU, run queue and blocked, sched_wakeup
 * ends what it was blocked in. Blocked time ends at sched_wakeup, where the scheduler puts the
 * task on a run queue and begins its own run_delay; run-queue time is what follows.
 */
#include "row.bpf.h"
#include "block.bpf.h"

extern __s64 wg_live_cnt;

#define GONE_BYTES (16 * 1024 * 1024)

/* Rows of tasks that are gone. Drained by user space while the run lasts. */
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
	r = bpf_ringbuf_reserve(&gone, sizeof(*r), 0);
	if (!r) {
		loss(WG_LOSS_EXIT_ROW);
		return;
	}
	row_fill(r, s, t, mono_time(c, s->since_ns), s->since_ns);
	r->flags |= WG_ROW_DEAD;
	/* user space looks often enough; wake it only when the buffer fills faster than that */
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

static __always_inline void switch_out(struct task_struct *t, struct task_state *s,
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

	if (!s->begun)
		return; /* of a ledger that is only being set up */
	write_begin(s);
	running(t, s, c);
	if (blocks) {
		state = blocked_state(t, s, st);
		ago = left_before(t, s, &now);
		now.sched_ns -= ago;
		now.task_ns -= ago;
	}
	bill_oncpu(s, c, now.sched_ns);
	s->preempt_blocking = preempt && t->__state;
	if (s->preempt_blocking)
		s->count[WG_N_PREEMPT_BLOCKING]++;
	s->count[voluntary(t, s, preempt, st) ? WG_N_SWITCH_VOLUNTARY : WG_N_SWITCH_INVOLUNTARY]++;
	departed(t, s, &now);
	s->state = state;
	state_sum(s, state)->cnt++;
	write_end(s);
}

/* A root that waits for its exec: its counters are exact from its first switch-in on. */
static __always_inline void begin_first_in(struct task_struct *t, struct task_state *s, u64 now)
{
	s->begun = 1;
	s->since_ns = now;
	if (!(s->flags & WG_ROW_WAITING_EXEC))
		s->begin_sched_ns = now; /* attached to in this very moment */
	s->state = WG_RUNQ_WAKE;
	kernel_read(&s->base, t);
	faults_seen(s, t);
}

static __always_inline void switch_in(struct task_struct *t, struct task_state *s,
				      struct wg_cpu_slot *c, struct rq_clocks now)
{
	write_begin(s);
	if (!s->begun)
		begin_first_in(t, s, now.sched_ns);
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
		switch_out(prev, p, c, clocks, (bool)ctx[0], st);
		if (st == TASK_DEAD) {
			emit_gone(p, prev, c);
			/* last: who sees no task alive may count on its row being there */
			__sync_fetch_and_add(&wg_live_cnt, -1);
		}
	}
	c->probe_ns = 0; /* what is left is not the next task's */
	if (n)
		switch_in(next, n, c, clocks);
	handler_end(c, begin_ns);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *t)
{
	struct task_state *s = task_get(t);
	struct wg_cpu_slot *c;
	u64 begin_ns;

	/* a task woken before it slept has not left the CPU: nothing to end */
	if (!s || !is_blocked(s->state) || !s->begun)
		return 0;
	c = cpu_slot();
	begin_ns = handler_begin(c);
	write_begin(s);
	woken(s, rq_clock_of(t));
	write_end(s);
	handler_end(c, begin_ns);
	return 0;
}
