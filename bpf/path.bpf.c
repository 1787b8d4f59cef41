// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The critical path, kept online: beside its own ledger each task carries that of the path which
 * leads to where it is. While a task runs or waits for a CPU, its path grows by its own state. When
 * task A wakes B out of a wait, it was A that B was waiting for: B's path becomes a copy of A's. A wake
 * out of an interrupt (timer, disk, network) leaves the wait on B's own path.
 *
 *   A  ==run====fork=======run=======wake B==
 *   B           `--run--| wait       |==run==     path of B: A's up to here, then its own
 *
 * All paths begin with the root, so each sums to the time since then, and that of the last task
 * standing is the critical path of the whole. Softirqs after a task's own call (loopback) are the
 * task's doing; those right after an interrupt are nobody's.
 */
#include "common.bpf.h"

/* A softirq that begins so soon after an interrupt has ended was raised by it. */
#define AFTER_IRQ_NS 3000

static __always_inline void irq_begins(void)
{
	cpu_slot()->irq_depth++;
}

static __always_inline void irq_ends(void)
{
	struct wg_cpu_slot *c = cpu_slot();

	if (c->irq_depth)
		c->irq_depth--;
	c->irq_exit_ns = clock_ns();
}

SEC("tp_btf/irq_handler_entry")
int on_irq_entry(void *ctx)
{
	irq_begins();
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int on_irq_exit(void *ctx)
{
	irq_ends();
	return 0;
}

SEC("tp_btf/local_timer_entry")
int on_timer_entry(void *ctx)
{
	irq_begins();
	return 0;
}

SEC("tp_btf/local_timer_exit")
int on_timer_exit(void *ctx)
{
	irq_ends();
	return 0;
}

SEC("tp_btf/softirq_entry")
int on_softirq_entry(void *ctx)
{
	struct wg_cpu_slot *c = cpu_slot();

	c->softirq = c->irq_depth || clock_ns() - c->irq_exit_ns < AFTER_IRQ_NS;
	return 0;
}

SEC("tp_btf/softirq_exit")
int on_softirq_exit(void *ctx)
{
	struct wg_cpu_slot *c = cpu_slot();

	if (c->softirq)
		c->irq_exit_ns = clock_ns(); /* the next one in turn is nobody's either */
	c->softirq = 0;
	return 0;
}

SEC("tp_btf/sched_waking")
int on_waking_path(unsigned long long *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	struct task_state *s = task_get(t), *by;
	struct wg_cpu_slot *c;
	u64 now;

	/* a task woken before it slept has waited for nobody */
	if (!s || !s->begun || !is_blocked(s->state))
		return 0;
	c = cpu_slot();
	if (c->irq_depth || c->softirq)
		return 0;
	by = task_get(bpf_get_current_task_btf());
	if (!by || by == s || !by->begun || !is_oncpu(by->state))
		return 0;
	now = clock_ns();
	write_begin(by);
	path_bill(by, sched_time(c, now));
	write_end(by);
	/* s sleeps, or is about to on another CPU, past all that it writes of its path */
	path_give(s, by);
	handler_end_at(c, now);
	return 0;
}
