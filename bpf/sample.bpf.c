// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The cpu-clock sampler: tells user from kernel mode for on-CPU time outside page faults. It
 * also sees what no event tells: that a fault without an end is over (we are in user mode), and
 * how page tables grew without a trap.
 */
#include "common.bpf.h"

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
	handler_end_at(c, now);
	return 0;
}
