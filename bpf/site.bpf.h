/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sites: where a task waits or faults, and how long in sum. A wait's key is made when the task
 * leaves the CPU, while its stack is at hand, and kept in the task; its time is accounted when
 * it is woken. Only inside a window (wg_window, set by user space), and no time before it: a task
 * is in a window from its row in the snapshot that opens it, or from its birth inside, to its row
 * in the snapshot that closes it. So the sums of its sites are those of its ledger.
 */
#ifndef WG_BPF_SITE_BPF_H
#define WG_BPF_SITE_BPF_H

#include "walk.bpf.h"

/* What s does now counts: not before a root's exec, which its ledger leaves out too. */
static __always_inline bool site_counts(const struct task_state *s)
{
	u16 window = s->window;

	return window && window == *(volatile __u32 *)&wg_window &&
	       !(s->flags & WG_ROW_WAITING_EXEC);
}

/*
 * Are these the roots of a main thread's stacks once main has been called? Before and after that
 * the loader, constructors and exit() are there. The program's _start calls __libc_start_main, that
 * (since glibc 2.34) another function of libc, and that the program's main.
 */
static __always_inline bool roots_of_main(const u64 *root)
{
	u64 program = root[0] >> WG_MODULE_SHIFT;

	return root[1] >> WG_MODULE_SHIFT != program && root[2] >> WG_MODULE_SHIFT != program &&
	       root[3] >> WG_MODULE_SHIFT == program;
}

/* Note the outermost frames of the stack in w, which has been walked: once for each task. */
static __always_inline void roots_note(struct task_state *s, struct task_struct *t,
				       const struct walk *w)
{
	u32 last = w->kernel_cnt + w->user_cnt, i;

	if (s->rooted || w->end != WG_END_COMPLETE || w->newborn || w->user_cnt < 2)
		return;
	for (i = 0; i < WG_ROOT_FRAMES; i++)
		s->root_frame[i] =
			i < w->user_cnt ? w->out.frame[(last - 1 - i) & (WALK_ROOM - 1)] : 0;
	s->rooted = t->pid != t->tgid || roots_of_main(s->root_frame);
}

/*
 * There are two maps of each kind, wg_site_half says into which sites go. When one has grown, user
 * space is told; it has the other one used, waits until no program can still be at the first
 * (an RCU grace period: no entry is taken away while it is added to), and empties it.
 */
extern __u32 wg_site_half;

/* In site.bpf.c: there are so many entries more. Returns 0. */
int wg_sites_grow(u32 by);

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

#endif /* WG_BPF_SITE_BPF_H */
