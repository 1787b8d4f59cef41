// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The thread that lies between two snapshots of a task; see interval.h. */
#include "capture/interval.h"

#include <string.h>

/*
 * All amounts in rows only grow. One that ran backwards means that a row was not read whole,
 * so it counts as none and marks the thread.
 */
static uint64_t grown(struct thread *t, uint64_t from, uint64_t to)
{
	if (to >= from)
		return to - from;
	t->flags |= THREAD_TORN;
	return 0;
}

static uint64_t row_oncpu(const struct wg_row *row)
{
	return row->state_ns[WG_CPU] + row->state_ns[WG_CPU_FAULT] + row->state_ns[WG_PROBE];
}

/*
 * The kernel brings sum_exec_runtime up to date at ticks and switches only. So a task that is on
 * a CPU at an edge of the window is compared as of its last switch-in, on both sides: the
 * kernel's counter as it stood there, and ours less the interval that is still open.
 */
static uint64_t settled_kernel(const struct wg_row *row)
{
	return row->flags & WG_ROW_ON_CPU ? row->oncpu_in_ns : row->kernel.oncpu_ns;
}

/*
 * Steal and interrupt time, WG_T_STOLEN, is not in the kernel's counter and is left out here. Of a
 * task followed from before its exec, the kernel counted time that is in no state of ours:
 * WG_T_BEFORE, which is added here and nowhere else.
 */
static uint64_t settled_ours(const struct wg_row *row)
{
	uint64_t ours = row_oncpu(row) + row->part_ns[WG_T_BEFORE];
	uint64_t out =
		row->part_ns[WG_T_STOLEN] + (row->flags & WG_ROW_ON_CPU ? row->oncpu_open_ns : 0);

	return ours > out ? ours - out : 0;
}

/*
 * The kernel adds to run_delay when a wait for a CPU ends, so one that is open at an edge of the
 * window is not in its counter yet; it leaves out waits that began while the task was about to
 * block, which are a part of WG_RUNQ_PREEMPT here; and it counts some sleep, WG_T_QUEUED_ASLEEP,
 * which is in the blocked states here.
 */
static uint64_t settled_delay(const struct wg_row *row)
{
	uint64_t ours = row->state_ns[WG_RUNQ_WAKE] + row->state_ns[WG_RUNQ_PREEMPT] +
			row->part_ns[WG_T_QUEUED_ASLEEP];
	bool waits = row->state == WG_RUNQ_WAKE || row->state == WG_RUNQ_PREEMPT;
	uint64_t out = row->part_ns[WG_T_PREEMPT_BLOCKING] + (waits ? row->open_ns : 0);

	return ours > out ? ours - out : 0;
}

static void window_kernel(struct thread *t, const struct wg_row *before, const struct wg_row *after)
{
	const struct wg_kernel *to = &after->kernel;
	const struct wg_kernel *from = before ? &before->kernel : &after->kernel_base;

	t->kernel.run_delay_ns = grown(t, from->run_delay_ns, to->run_delay_ns);
	t->kernel.nvcsw = grown(t, from->nvcsw, to->nvcsw);
	t->kernel.nivcsw = grown(t, from->nivcsw, to->nivcsw);
	t->kernel.min_flt = grown(t, from->min_flt, to->min_flt);
	t->kernel.maj_flt = grown(t, from->maj_flt, to->maj_flt);
	t->kernel.oncpu_ns =
		grown(t, before ? settled_kernel(before) : from->oncpu_ns, settled_kernel(after));
	t->audit_oncpu_ns = grown(t, before ? settled_ours(before) : 0, settled_ours(after));
	t->audit_run_delay_ns = grown(t, before ? settled_delay(before) : 0, settled_delay(after));
}

/*
 * States telescope, with one exception: the time of a program of ours that was running at the
 * first row is billed to the state there and moved to WG_PROBE later. A state may so lose less
 * than a microsecond, which WG_PROBE has gained: taken back from it, the sum stays the wall time.
 */
static void window_states(struct thread *t, const struct wg_row *before, const struct wg_row *after)
{
	uint64_t lost = 0;

	for (int i = 0; i < WG_STATE_CNT; i++) {
		uint64_t from = before ? before->state_ns[i] : 0;

		if (after->state_ns[i] < from)
			lost += from - after->state_ns[i];
		else
			t->state_ns[i] = after->state_ns[i] - from;
		t->state_cnt[i] = grown(t, before ? before->state_cnt[i] : 0, after->state_cnt[i]);
	}
	t->state_ns[WG_PROBE] = grown(t, lost, t->state_ns[WG_PROBE]);
}

/*
 * Untrapped faults of the window, into *untrapped. A fault that the kernel had counted at the
 * first row, and whose end we saw after it, looked untrapped there: it is taken back from those
 * whose end we saw, since it belongs before the window.
 */
static void window_untrapped(struct thread *t, const struct wg_row *before,
			     const struct wg_row *after, enum wg_count untrapped,
			     enum wg_count seen)
{
	uint64_t from = before ? before->count[untrapped] : 0, to = after->count[untrapped];

	if (to >= from) {
		t->count[untrapped] = to - from;
	} else {
		t->count[untrapped] = 0;
		t->count[seen] = grown(t, from - to, t->count[seen]);
	}
}

static void window_amounts(struct thread *t, const struct wg_row *before,
			   const struct wg_row *after)
{
	window_states(t, before, after);
	for (int i = 0; i < WG_PART_CNT; i++) {
		uint64_t from = before ? before->part_ns[i] : 0, to = after->part_ns[i];

		/* of an open wait it is read by another CPU's clock: some ns too much, no mark of a torn row */
		t->part_ns[i] = i == WG_T_QUOTA && to < from ? 0 : grown(t, from, to);
	}
	for (int i = 0; i < WG_COUNT_CNT; i++) {
		if (i != WG_N_FAULT_UNTRAPPED && i != WG_N_FAULT_UNTRAPPED_MAJOR)
			t->count[i] = grown(t, before ? before->count[i] : 0, after->count[i]);
	}
	window_untrapped(t, before, after, WG_N_FAULT_UNTRAPPED, WG_N_FAULT_MINOR);
	window_untrapped(t, before, after, WG_N_FAULT_UNTRAPPED_MAJOR, WG_N_FAULT_MAJOR);
}

static uint32_t window_flags(const struct wg_row *before, const struct wg_row *after)
{
	uint32_t both = after->flags | (before ? before->flags : 0);
	uint32_t flags = 0;

	if (!before)
		flags |= THREAD_BORN;
	if (after->flags & WG_ROW_DEAD)
		flags |= THREAD_DIED;
	if (both & WG_ROW_ON_CPU)
		flags |= THREAD_EDGE_CPU;
	if (both & WG_ROW_TORN)
		flags |= THREAD_TORN;
	if (both & WG_ROW_COMPAT)
		flags |= THREAD_COMPAT;
	return flags;
}

/* Was there anything of the task between the two rows? */
static bool window_has(const struct wg_row *before, const struct wg_row *after)
{
	if (after->flags & WG_ROW_WAITING_EXEC)
		return false;
	return !before || (!(before->flags & WG_ROW_DEAD) && after->sched_ns > before->sched_ns);
}

/*
 * The wall time is by the clock that the states are kept in, the scheduler's; where it lies is by
 * CLOCK_MONOTONIC, which every other moment of a recording is in.
 */
static void window_wall(struct thread *t, const struct wg_row *before, const struct wg_row *after)
{
	uint64_t wall = after->sched_ns - (before ? before->sched_ns : after->begin_sched_ns);
	uint64_t mono = after->now_ns - (before ? before->now_ns : after->begin_ns);

	if (wall > after->now_ns)
		wall = 0; /* no window is longer than the uptime: junk */
	t->begin_ns = after->now_ns - wall;
	t->clock_ns = mono > wall ? mono - wall : wall - mono;
}

void interval_fill(struct thread *t, const struct wg_row *before, const struct wg_row *after)
{
	enum role role = t->role;
	int lane = t->lane;

	/* A root still waiting for its exec has no ledger yet: it begins inside the window. */
	if (before && before->flags & WG_ROW_WAITING_EXEC)
		before = NULL;

	memset(t, 0, sizeof(*t));
	t->start = NO_INDEX;
	t->role = role;
	t->lane = lane;
	t->id = after->id;
	t->parent_id = after->parent_id;
	t->tid = after->tid;
	t->tgid = after->tgid;
	memcpy(t->comm, after->comm, sizeof(t->comm));
	t->comm[sizeof(t->comm) - 1] = '\0';
	t->end_ns = t->begin_ns = after->now_ns;
	if (!window_has(before, after)) {
		return;
	}
	window_wall(t, before, after);
	t->flags = window_flags(before, after);
	t->pgtables_bytes = after->pgtables_bytes;
	t->pgtables_peak_bytes = after->pgtables_peak_bytes;
	window_amounts(t, before, after);
	window_kernel(t, before, after);
}
