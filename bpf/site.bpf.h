/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sites: where a task waits or faults, and how long in sum. A wait's key is made when the task
 * leaves the CPU, while its stack is at hand, and kept in the task; its time is accounted when
 * it is woken. Only inside a window (wg_window, set by user space), and no time before it.
 */
#ifndef WG_SITE_BPF_H
#define WG_SITE_BPF_H

#include "walk.bpf.h"

/* Set by user space: which window is open, 0 for none, and when it began, CLOCK_MONOTONIC. */
extern __u32 wg_window;
extern __u64 wg_window_begin_ns;

static __always_inline bool site_window_open(void)
{
	return *(volatile __u32 *)&wg_window != 0;
}

/* What s does now counts: not before a root's exec, which its ledger leaves out too. */
static __always_inline bool site_counts(const struct task_state *s)
{
	return site_window_open() && !(s->flags & WG_ROW_WAITING_EXEC);
}

#endif /* WG_SITE_BPF_H */
