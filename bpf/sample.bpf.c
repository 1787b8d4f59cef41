// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The cpu-clock sampler: tells user from kernel mode for on-CPU time outside page faults. It
 * also sees what no event tells: that a fault without an end is over (we are in user mode), and
 * how page tables grew without a trap.
 */
#include "site.bpf.h"

static __always_inline void regs_take(struct walk *w, const struct wg_user_regs *r)
{
	w->ip = r->ip;
	w->sp = r->sp;
	w->bp = r->bp;
	w->bx = r->bx;
	w->has_regs = 1;
	w->reg[0] = r->ax;
	w->reg[1] = r->dx;
	w->reg[2] = r->cx;
	w->reg[3] = r->bx;
	w->reg[4] = r->si;
	w->reg[5] = r->di;
	w->reg[6] = r->bp;
	w->reg[7] = r->sp;
	w->reg[8] = r->r8;
	w->reg[9] = r->r9;
	w->reg[10] = r->r10;
	w->reg[11] = r->r11;
	w->reg[12] = r->r12;
	w->reg[13] = r->r13;
	w->reg[14] = r->r14;
	w->reg[15] = r->r15;
}

/*
 * Send the sample. Its leaf goes beside its stack, not into it: samples hit every instruction,
 * their callers are few.
 */
static __always_inline void send(struct bpf_perf_event_data *ctx, struct task_struct *t,
				 struct task_state *s, bool user)
{
	struct wg_sample_event e = {.type = WG_EVENT_SAMPLE};
	struct walk *w = walk_get(WALK_SAMPLE);

	if (!w)
		return;
	walk_begin(w, t);
	if (user) {
		regs_take(w, &ctx->regs);
		w->leaf_apart = 1;
		if (has_user_stack(t))
			wg_walk_user(w);
	} else {
		walk_kernel(w, ctx);
		w->leaf = w->out.frame[0];
		w->out.frame[0] = 0;
		walk_user_part(w, t);
	}
	roots_note(s, t, w);
	wg_stack_keep(w);
	e.tgid = s->tgid;
	e.task = wg_path ? s->id : 0;
	e.stack = w->hash;
	e.leaf = w->leaf;
	e.window = s->window;
	e.state = s->state;
	e.lane = s->lane;
	if (bpf_ringbuf_output(&stream, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		loss(WG_LOSS_STREAM);
}

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *s = task_get(t);
	bool user = ctx->regs.cs & 3;
	struct wg_cpu_slot *c;
	u64 now;

	if (!s || !s->begun)
		return 0;
	now = clock_ns();
	c = cpu_slot();
	write_begin(s);
	running(t, s, c);
	if (user) {
		s->klock_cnt = 0;
		if (s->fault)
			fault_drop(s);
	}
	if (s->state == WG_CPU)
		s->count[user ? WG_N_SAMPLE_USER : WG_N_SAMPLE_KERNEL]++;
	pgtables_seen(s, t);
	write_end(s);
	if (site_counts(s))
		send(ctx, t, s, user);
	handler_end_at(c, now);
	return 0;
}
