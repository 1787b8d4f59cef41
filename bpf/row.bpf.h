/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A task's ledger as the row that leaves the kernel: sums copied, the open interval closed at
 * now_ns in the copy only, the kernel's own counters beside them.
 */
#ifndef WG_BPF_ROW_BPF_H
#define WG_BPF_ROW_BPF_H

#include "common.bpf.h"

static __always_inline void row_copy_sums(struct wg_row *r, const struct task_state *s)
{
	int i;

#pragma unroll
	for (i = 0; i < WG_STATE_CNT; i++) {
		r->state_ns[i] = s->st[i].ns;
		r->state_cnt[i] = s->st[i].cnt;
	}
	if (wg_path)
		__builtin_memcpy(&r->path, &s->path, sizeof(r->path));
	__builtin_memcpy(r->count, s->count, sizeof(r->count));
	__builtin_memcpy(r->part_ns, s->part_ns, sizeof(r->part_ns));
}

/*
 * A task that runs though its ledger waits: its switch-in did not reach us. The row closes the
 * wait at the arrival on the scheduler's record and takes what follows as plain on-CPU time.
 */
static __always_inline u64 row_arrival(const struct task_state *s, struct task_struct *t)
{
	u64 at = t->sched_info.last_arrival;

	return t->on_cpu && !is_oncpu(s->state) && (s64)(at - s->since_ns) > 0 ? at : 0;
}

/* Close what is open, in the row: the state's interval, the part that runs inside it. */
static __always_inline void row_close(struct wg_row *r, const struct task_state *s, u64 now)
{
	u64 d, probe = 0;
	u64 state = s->state;

	barrier_var(state); /* one 64-bit register: 6.1 does not carry a bound from w3 to w4 */
	if (state >= WG_STATE_CNT)
		return; /* never; for the verifier */

	if ((s64)(now - s->since_ns) < 0)
		now = s->since_ns;
	d = now - s->since_ns;
	if (is_oncpu(state)) {
		probe = wg_cpu[s->cpu & (WG_CPU_MAX - 1)].probe_ns;
		if (probe > d)
			probe = d;
		if (s->klock_cnt && now > s->klock_ns)
			r->part_ns[WG_T_KLOCK_SPIN] += now - s->klock_ns;
		r->oncpu_open_ns = now - s->in_ns;
		r->flags |= WG_ROW_ON_CPU;
	} else {
		r->oncpu_open_ns = 0;
		if (state == WG_KLOCK && s->klock_mmap)
			r->part_ns[WG_T_KLOCK_MMAP] += d;
		if (is_blocked(state) && s->fault)
			r->part_ns[WG_T_FAULT_BLOCKED] += d;
		if (state == WG_RUNQ_PREEMPT && s->preempt_blocking)
			r->part_ns[WG_T_PREEMPT_BLOCKING] += d;
		if (quota_exists() && s->quota_queue)
			r->part_ns[WG_T_QUOTA] += quota_waited(s, now, d);
	}
	if (wg_path && (s64)(now - s->path_at) > 0) {
		u64 path_state = s->path_given ? WG_PATH_STATE(s->path_key) : state;

		barrier_var(path_state);
		if (path_state < WG_STATE_CNT)
			r->path.ns[path_state] += now - s->path_at;
	}
	r->open_ns = d;
	r->state_ns[state] += d - probe;
	r->state_ns[WG_PROBE] += probe;
	r->state = state;
}

/*
 * Fill r as of now, which is `sched_ns` by the scheduler's clock. One reading; the caller knows
 * whether it may be torn.
 */
static __always_inline void row_fill(struct wg_row *r, struct task_state *s, struct task_struct *t,
				     u64 now, u64 sched_ns)
{
	struct mm_struct *mm = t->mm;
	u64 arrival;

	r->now_ns = now;
	r->flags = s->flags;
	r->id = s->id;
	r->parent_id = s->parent_id;
	r->root_id = s->root_id;
	r->begin_ns = s->begin_ns;
	r->begin_sched_ns = s->begin_sched_ns;
	r->sched_ns = (s64)(sched_ns - s->since_ns) < 0 ? s->since_ns : sched_ns;
	r->tid = t->pid;
	r->tgid = t->tgid;
	__builtin_memcpy(r->comm, t->comm, sizeof(r->comm));
	row_copy_sums(r, s);
	arrival = row_arrival(s, t);
	row_close(r, s, arrival ? arrival : sched_ns);
	if (arrival && (s64)(sched_ns - arrival) > 0) {
		r->flags |= WG_ROW_ON_CPU;
		r->state = WG_CPU;
		r->open_ns = r->oncpu_open_ns = sched_ns - arrival;
		r->state_ns[WG_CPU] += r->open_ns;
		if (wg_path)
			r->path.ns[WG_CPU] += r->open_ns;
	}
	kernel_read(&r->kernel, t);
	r->count[WG_N_FAULT_UNTRAPPED] += r->kernel.min_flt - s->min_seen;
	r->count[WG_N_FAULT_UNTRAPPED_MAJOR] += r->kernel.maj_flt - s->maj_seen;
	__builtin_memcpy(&r->kernel_base, &s->base, sizeof(r->kernel_base));
	r->oncpu_in_ns = arrival ? r->kernel.oncpu_ns : s->oncpu_in_ns;
	r->pgtables_bytes = mm ? mm->pgtables_bytes.counter : 0;
	r->pgtables_peak_bytes = s->pgtables_peak;
	r->site_stack = s->site_stack;
	r->site_object = s->site_object;
	r->site_flags = s->site_flags;
	r->lane = s->lane;
	__builtin_memcpy(r->root_frame, s->root_frame, sizeof(r->root_frame));
	if (r->pgtables_bytes > r->pgtables_peak_bytes)
		r->pgtables_peak_bytes = r->pgtables_bytes;
}

#endif /* WG_BPF_ROW_BPF_H */
