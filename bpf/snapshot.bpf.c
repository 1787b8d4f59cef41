// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Task iterators. `track` makes a ledger for each thread of a process that is named by hand, and in a
 * second round begins those whose threads have not moved since;
 * `snapshot` emits one row per tracked task that is alive, its open interval closed at now and
 * the kernel's counters read in the same visit.
 */
#include "row.bpf.h"
#include "block.bpf.h"

extern __u64 wg_last_id;
extern __s64 wg_live_cnt;

__u32 wg_track_tgid;   /* set by user space before it reads the iterator */
__u32 wg_track_cnt;    /* its threads that are tracked, new or not; user space sets it to 0 */
__u32 wg_track_unsure; /* those that are new, or have moved while begun; user space sets it to 0 */
bool wg_track_begin;   /* begin the ledgers of those that have not moved since they were tracked */
bool wg_track_wait_exec; /* the ledger begins at exec */
bool wg_snapshot_opens;	 /* the snapshot opens the window wg_window */
bool wg_snapshot_closes; /* it closes it: what comes after a task's row is in no site */
bool wg_track_known;	 /* only ask the threads that are tracked already for where they sleep */
bool wg_track_lanes;	 /* mark the tasks that `lanes` names */
bool wg_track_adopt;	 /* give sleepers the stacks that `adopt` has for them */
__u32 wg_reader_tgid;	 /* of who reads the iterator, as the kernel numbers it */

/* By tid, enum wg_lane. Written by user space only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u32);
} lanes SEC(".maps");

/* By tid. Written by user space only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, struct wg_adopt);
} adopt SEC(".maps");

/* Room for one row: larger than the stack. Used by one reader at a time. */
static struct wg_row scratch;

/* What a task met in the middle of its life is doing. */
static __always_inline u8 state_now(struct task_struct *t, struct task_state *s)
{
	u32 st = t->__state;

	if (t->on_cpu)
		return WG_CPU;
	return st ? blocked_state(t, s, st) : WG_RUNQ_PREEMPT;
}

/*
 * The kernel's run_delay will count a wait for a CPU from its begin, which may lie a whole period
 * of a CPU quota back: so the ledger begins there.
 */
static __always_inline void began_to_wait(struct task_struct *t, struct task_state *s)
{
	u64 at = t->sched_info.last_queued, now = s->since_ns;

	quota_begin(t, s, now);
	if (!rq_clock_exists() || !at || at >= now)
		return;
	s->begin_ns -= now - at;
	s->since_ns = s->in_ns = s->begin_sched_ns = at;
}

/* A ledger that has not begun: it does with the first event of the task, or by begin(). */
static __always_inline void track(struct task_struct *t)
{
	struct task_state *s;
	u64 now = clock_ns();

	if (task_get(t) || (t->flags & PF_EXITING))
		return;
	s = task_create(t);
	if (!s)
		return;
	s->id = s->root_id = __sync_fetch_and_add(&wg_last_id, 1) + 1;
	s->flags = wg_track_wait_exec ? WG_ROW_WAITING_EXEC : 0;
	s->tgid = t->tgid;
	s->window = wg_window;
	s->fault_nr = s->wake_nr = s->id;
	s->begin_ns = now;
	s->since_ns = s->in_ns = s->begin_sched_ns = sched_time(cpu_slot(), now);
	s->path_at = s->since_ns;
	s->cpu = cpu_slot() - wg_cpu;
	s->state = WG_OTHER;
	wg_track_unsure++;
	__sync_fetch_and_add(&wg_live_cnt, 1);
}

/* What begin() has begun was begun in vain: the task moves, and so begins it itself. */
static __always_inline void give_up(struct task_state *s)
{
	s->begun = 0;
	__sync_val_compare_and_swap(&s->claim, 1, 0);
	wg_track_unsure++;
}

/*
 * Begin the ledger of a task that has not moved since it was tracked. All programs that did not find
 * it tracked yet are over by now. A task that runs has an on-CPU counter as old as the last tick: the
 * audit of it is off by that much.
 */
static __always_inline void begin(struct task_struct *t, struct task_state *s)
{
	u64 now, switches;

	s->moved = 0;
	s->state = WG_OTHER; /* of a try that was given up; a wakeup looks at it */
	if (__sync_val_compare_and_swap(&s->claim, 0, 1))
		return; /* just now it has begun */
	now = clock_ns();
	switches = t->nvcsw + t->nivcsw;
	wg_sums_clear(s);
	s->begin_ns = now;
	s->since_ns = s->in_ns = s->begin_sched_ns = sched_time(cpu_slot(), now);
	s->path_at = s->since_ns;
	s->cpu = cpu_slot() - wg_cpu;
	kernel_read(&s->base, t);
	s->oncpu_in_ns = s->base.oncpu_ns;
	s->delay_ns = s->base.run_delay_ns;
	faults_seen(s, t);
	s->state = state_now(t, s);
	if (s->state == WG_RUNQ_PREEMPT)
		began_to_wait(t, s);
	state_sum(s, s->state)->cnt++;
	s->site_ns = s->since_ns;
	s->site_state = s->state;
	s->site_stack = s->site_object = s->site_flags = 0;
	s->begun = 1;
	__sync_fetch_and_add(&s->seq, 2); /* that is seen before moved is read */
	if (*(volatile u8 *)&s->moved || switches != t->nvcsw + t->nivcsw)
		give_up(s);
}

/*
 * Its wait has no stack since it slept before it was tracked, or half a stack since its mappings
 * were not yet known. Where the kernel's stack is a part of it, half is better than the other half.
 */
static __always_inline bool wants_stack(const struct task_state *s)
{
	if (!s->site_stack)
		return true;
	return s->site_end == WG_END_UNMAPPED && s->state != WG_KLOCK && s->state != WG_IO &&
	       s->state != WG_OTHER;
}

/* Tell user space of a thread that sleeps, for it to find its stack. */
static __always_inline void tell_sleeper(struct seq_file *seq, struct task_struct *t)
{
	struct task_state *s = task_get(t);
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	struct wg_sleeper e = {};

	if (!s || !s->begun || !is_blocked(s->state) || !wants_stack(s) || !t->mm)
		return;
	e.tid = t->pid;
	e.tgid = t->tgid;
	e.since_ns = s->since_ns;
	e.ip = regs->ip;
	e.sp = regs->sp;
	e.bp = regs->bp;
	e.bx = regs->bx;
	e.nr = regs->orig_ax;
	e.arg0 = regs->di;
	e.arg1 = regs->si;
	e.arg3 = regs->r10;
	e.state = s->state;
	bpf_seq_write(seq, &e, sizeof(e));
}

static __always_inline void adopt_stack(struct task_struct *t)
{
	struct task_state *s = task_get(t);
	u32 tid = t->pid;
	struct wg_adopt *a;
	u64 had;

	if (!s)
		return;
	if (s->begun && s->moved) {
		/* an event missed it by a hair while it was being begun */
		s->moved = 0;
		give_up(s);
		return;
	}
	a = bpf_map_lookup_elem(&adopt, &tid);
	if (!a)
		return;
	had = s->site_stack;
	/* awake since: its next wait has a stack of its own, which then is not the one it had */
	if (!s->begun || !is_blocked(s->state) || s->since_ns != a->since_ns ||
	    __sync_val_compare_and_swap(&s->site_stack, had, a->stack) != had)
		return;
	s->site_object = a->object;
	s->site_flags = a->flags;
	s->site_end = WG_END_COMPLETE;
}

static __always_inline void mark_lane(struct task_struct *t)
{
	struct task_state *s = task_get(t);
	u32 tid = t->pid, *lane;

	if (!s)
		return;
	lane = bpf_map_lookup_elem(&lanes, &tid);
	if (lane)
		s->lane = *lane;
}

SEC("iter/task")
int on_track(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task, *self = bpf_get_current_task_btf();
	u64 sched_ns = rq_clock_of(self);

	/*
	 * The reader has just been switched in: a fresh reading of this CPU's two clocks, the scheduler's
	 * first, which a tick in between would else bring past ours.
	 */
	clock_learn(cpu_slot(), clock_ns(), sched_ns);
	wg_reader_tgid = self->tgid;
	if (t && wg_track_tgid && (u32)t->tgid == wg_track_tgid) {
		struct task_state *s;

		if (!wg_track_known && !wg_track_begin)
			track(t);
		s = task_get(t);
		wg_track_cnt += !!s;
		/* one that was forked by a tracked one begins when it is first woken */
		if (s && wg_track_begin && !s->begun && !(s->flags & WG_ROW_FORKED) &&
		    !(t->flags & PF_EXITING))
			begin(t, s);
		if (wg_track_begin || wg_track_known)
			tell_sleeper(ctx->meta->seq, t);
	}
	if (t && wg_track_adopt)
		adopt_stack(t);
	if (t && wg_track_lanes)
		mark_lane(t);
	return 0;
}

/*
 * Copy until no writer came between; a row that never settles is marked. If it closes a window, s is
 * out of that before the last look for a writer: a wait that ends while the row is made has either
 * been accounted, and is over in the row that is made next, or is open in this one.
 */
static __always_inline void row_settle(struct wg_row *r, struct task_state *s,
				       struct task_struct *t)
{
	u16 window = s->window;
	u64 now, fence = 0;
	u32 seq;
	int i;

	for (i = 0; i < 8; i++) {
		s->window = window;
		seq = *(volatile u32 *)&s->seq;
		barrier();
		now = clock_ns();
		row_fill(r, s, t, now, sched_time(&wg_cpu[s->cpu & (WG_CPU_MAX - 1)], now));
		barrier();
		if (wg_snapshot_closes) {
			s->window = 0;
			__sync_fetch_and_add(&fence, 1); /* it is seen before seq is read */
		}
		if (!(seq & 1) && seq == *(volatile u32 *)&s->seq)
			return;
	}
	r->flags |= WG_ROW_TORN;
}

SEC("iter/task")
int on_snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct task_state *s;

	if (!t)
		return 0;
	s = task_get(t);
	if (!s || !s->begun || (s->flags & WG_ROW_WAITING_EXEC) || t->__state == TASK_DEAD)
		return 0;
	row_settle(&scratch, s, t);
	if (wg_snapshot_opens) {
		s->window_ns = scratch.sched_ns;
		s->window = wg_window;
	}
	bpf_seq_write(ctx->meta->seq, &scratch, sizeof(scratch));
	return 0;
}
