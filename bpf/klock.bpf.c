// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Waits for contended kernel locks: contention_begin to contention_end. Sleeping inside one is
 * WG_KLOCK; time on the CPU inside one is a part of the CPU states (WG_T_KLOCK_SPIN). A lock's
 * slow path may itself wait for a spin lock, and may say begin again for the same lock when it
 * goes from spinning to sleeping: hence a small stack of lock addresses.
 */
#include "common.bpf.h"

#define LCB_F_SPIN (1U << 0) /* include/trace/events/lock.h */
#define LCB_F_MUTEX (1U << 5)

static __always_inline bool klock_is_own_mmap(struct task_struct *t, void *lock)
{
	struct mm_struct *mm = t->mm;

	return mm && lock == (void *)&mm->mmap_lock;
}

SEC("tp_btf/contention_begin")
int BPF_PROG(on_contention_begin, void *lock, unsigned int flags)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *s = task_get(t);
	struct wg_cpu_slot *c;
	u64 now, addr = (u64)lock;
	bool spins;
	u8 i;

	if (!s || !s->begun)
		return 0;
	now = clock_ns();
	c = cpu_slot();
	write_begin(s);
	running(t, s, c);
	i = s->klock_cnt;
	if (i && i <= WG_KLOCK_MAX && s->klock[(i - 1) & (WG_KLOCK_MAX - 1)] == addr)
		goto out; /* the same wait goes on, asleep or spinning */
	if (i >= WG_KLOCK_MAX) {
		loss(WG_LOSS_KLOCK_DEPTH);
		goto out;
	}
	s->klock[i & (WG_KLOCK_MAX - 1)] = addr;
	s->klock_cnt = i + 1;
	if (i == 0) {
		spins = (flags & LCB_F_SPIN) && !(flags & LCB_F_MUTEX);
		s->klock_ns = sched_time(c, now);
		s->klock_mmap = klock_is_own_mmap(t, lock);
		s->klock_flags = (flags & 63) | (s->klock_mmap ? WG_SITE_OWN_MMAP : 0);
		s->count[spins ? WG_N_KLOCK_SPIN : WG_N_KLOCK_CONTENDED]++;
		s->count[WG_N_KLOCK_MMAP] += s->klock_mmap;
	}
out:
	write_end(s);
	handler_end_at(c, now);
	return 0;
}

SEC("tp_btf/contention_end")
int BPF_PROG(on_contention_end, void *lock)
{
	struct task_state *s = task_get(bpf_get_current_task_btf());
	struct wg_cpu_slot *c;
	u64 now, sched_ns, addr = (u64)lock;
	int i;

	if (!s || !s->klock_cnt)
		return 0;
	now = clock_ns();
	c = cpu_slot();
	/* normally the innermost; if an end was missed, it and all above it */
#pragma unroll
	for (i = WG_KLOCK_MAX - 1; i >= 0; i--) {
		if (i < s->klock_cnt && s->klock[i] == addr) {
			s->klock_cnt = i;
			break;
		}
	}
	sched_ns = sched_time(c, now);
	if (!s->klock_cnt && sched_ns > s->klock_ns)
		s->part_ns[WG_T_KLOCK_SPIN] += sched_ns - s->klock_ns;
	handler_end_at(c, now);
	return 0;
}
