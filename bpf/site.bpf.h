/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sites: where a task waits or faults, and how long in sum. A wait's key is made when the task
 * leaves the CPU, while its stack is at hand, and kept in the task; its time is accounted when
 * it is woken. Only inside a window (wg_window, set by user space), and no time before it: a task
 * is in a window from its row in the snapshot that opens it, or from its birth inside, to its row
 * in the snapshot that closes it. So the sums of its sites are those of its ledger.
 */
#ifndef WG_SITE_BPF_H
#define WG_SITE_BPF_H

#include "walk.bpf.h"

/* What s does now counts: not before a root's exec, which its ledger leaves out too. */
static __always_inline bool site_counts(const struct task_state *s)
{
	u16 window = s->window;

	return window && window == *(volatile __u32 *)&wg_window &&
	       !(s->flags & WG_ROW_WAITING_EXEC);
}

/*
 * Where what finds no room goes: one entry for each state and kind of lane, which user space has
 * put there when the window opened. Its time still counts, without a path.
 */
static __always_inline void site_key_rest(struct wg_site_key *rest, const struct wg_site_key *key)
{
	rest->window = key->window;
	rest->state = key->state;
	rest->lane = key->lane;
}

#endif /* WG_SITE_BPF_H */
