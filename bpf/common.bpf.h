/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The task's ledger inside the kernel and the few operations on it that every source of events
 * uses. The idea:
 *
 *   A task is tracked if it has storage in `tasks`. Its ledger is one open interval (state since
 *   since_ns) and the sums of the closed ones. Every event closes the interval with bill() and
 *   opens the next, so the sums telescope: they always add up to the time since begin_ns.
 *
 * Who writes: the CPU a task runs on, or, while it does not run, the CPU that wakes it, with the
 * run queue's lock held. So there is one writer at a time; readers on other CPUs (the snapshot)
 * use seq.
 *
 * Two clocks. Switches and wakeups are dated by the run queue's clock, as the scheduler itself
 * does (rq_clock_of); that is the ledger's time. What happens in between (faults, kernel locks,
 * snapshots) is dated by CLOCK_MONOTONIC less an offset that each CPU learns at its switches.
 * The two differ by that offset and by what NTP slews, some parts per million; rows carry both.
 *
 * A tracepoint may not reach us: the same program was running on that CPU, or the kernel does not
 * trace the task that was leaving. The next event finds the state impossible (running, yet never
 * switched in; switched in, yet never woken) and takes the missed moment from the scheduler's own
 * record of it (sched_info). Such repairs are exact; they are counted all the same.
 *
 * Our own time: a program reads the clock when it begins and when it ends and adds the
 * difference to its CPU's pending probe_ns; the next bill() of the task that runs there moves
 * it from the task's state to WG_PROBE. One run in eight is timed, and counts for eight.
 */
#ifndef WG_BPF_COMMON_BPF_H
#define WG_BPF_COMMON_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "core.bpf.h"
#include "shared.h"

#define WG_KLOCK_MAX 4
#define WG_STATE_SLOTS 16 /* WG_STATE_CNT rounded up to a power of two, for the verifier */

enum wg_fault {
	WG_FAULT_NONE,
	WG_FAULT_USER,
	WG_FAULT_KERNEL,
};

#define BEGUN_OUT 2

struct task_state {
	/* first cache line: touched by every switch and wakeup */
	u64 since_ns;	 /* scheduler's clock, as are in_ns and klock_ns */
	u64 in_ns;	 /* last switch-in */
	u64 oncpu_in_ns; /* se.sum_exec_runtime at that moment */
	u32 seq;	 /* odd while being written */
	u16 cpu;	 /* of the last switch-in */
	u8 state;	 /* enum wg_state */
	u8 fault;	 /* enum wg_fault: inside a page fault */
	u8 klock_cnt;	 /* kernel locks being waited for, innermost last */
	u8 klock_mmap;	 /* the outermost is mmap_lock of the own process */
	u8 begun;	 /* the ledger counts; BEGUN_OUT: with the switch-out that goes on */
	u8 preempt_blocking;
	u32 flags;	/* enum wg_row_flags */
	u8 call_state;	/* of the last blocking call, for restart_syscall */
	u64 klock_ns;	/* when the outermost began, or the switch-in since */
	u64 delay_ns;	/* sched_info.run_delay at the last switch-out */
	u64 asleep_ns;	/* of the wait that has ended: WG_T_QUEUED_ASLEEP, when it arrives */
	u64 in_task_ns; /* rq->clock_task at the last switch-in; 0 if that was not seen */
	/* of a wait for a CPU, quota_begin(): the queue it is on, and that one's quota_clock() */
	u64 quota_queue, quota_ns;
	/* the sums; a state's time and count share a line */
	struct state_sum {
		u64 ns, cnt;
	} st[WG_STATE_SLOTS];
	u64 count[WG_COUNT_CNT];
	u64 part_ns[WG_PART_CNT];
	/* of the open wait: see site.bpf.h */
	u64 site_stack, site_object, site_ns;
	u16 site_flags; /* enum wg_site_flags */
	u8 site_state;
	u8 lane;     /* enum wg_lane */
	u8 site_end; /* enum wg_stack_end */
	u32 tgid;
	u64 fault_ns;			/* st[WG_CPU_FAULT].ns when the open fault began */
	u64 fault_pgtables, fault_anon; /* of its process, then */
	u64 fault_fetch;		/* the address, of a fault that fetches an instruction */
	u32 fault_nr;
	u64 flush_ns;	 /* when it was about to ask other CPUs for a TLB flush; 0: has */
	u16 klock_flags; /* of the outermost lock: enum wg_site_flags */
	u16 wake_nr;
	u16 window;    /* that its sites count in; 0: none */
	u64 window_ns; /* from when on: its row in the snapshot that opened it */
	/* who is ending its futex wait: see on_waking */
	u64 waker; /* hash of the waker's call path; 0: nobody's doing */
	u32 waker_tgid;
	u8 waker_weight; /* stands for so many; 0: not looked at */
	/* rarely touched */
	u64 klock[WG_KLOCK_MAX];
	u64 min_seen, maj_seen; /* the task's min_flt and maj_flt after the last fault we saw */
	u64 pgtables_peak;
	u64 id, parent_id, root_id;
	u64 begin_ns; /* CLOCK_MONOTONIC */
	u64 begin_sched_ns;
	struct wg_kernel base;
	u64 root_frame[WG_ROOT_FRAMES]; /* see roots_note() */
	u8 rooted;			/* they stay as they are */
	u8 path_given; /* by its waker: what comes until it is on a run queue has path_key */
	u8 wakes_here; /* its last wakeup by a task was over on the waker's CPU */
	u16 waking_cpu;
	u8 site_lock; /* futex waits by lock_stack, looked up at lock_ns, are for a lock */
	u8 path_key_slot;
	u64 lock_stack, lock_ns;
	u32 claim;		      /* of who begins its ledger, see begins_here(); atomic */
	u8 moved;		      /* an event of its own found it being begun by another */
	u8 path_slot[WG_STATE_SLOTS]; /* where its own part of a state was found last */
	/* the path that leads to where it is, up to path_at (scheduler's clock) */
	struct wg_path path;
	u64 path_at;
	u64 path_key;
};

/* One per tracked task; freed by the kernel with the task. One writer at a time, see above. */
struct task_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
};

extern struct task_map tasks SEC(".maps");

extern struct wg_cpu_slot wg_cpu[WG_CPU_MAX];
extern __u64 wg_loss_cnt[WG_LOSS_CNT]; /* atomic */
extern __u32 wg_window;		       /* which window is open; 0: none. Set by user space */
extern __u64 wg_repair_cnt;	       /* atomic */
extern const volatile bool wg_path;    /* are paths kept */

static __always_inline struct task_state *task_get(struct task_struct *t)
{
	return bpf_task_storage_get(&tasks, t, NULL, 0);
}

static __always_inline void loss(enum wg_loss what)
{
	__sync_fetch_and_add(&wg_loss_cnt[what], 1);
}

#define CREATE_TRIES 16

/*
 * A new ledger, or NULL. Newer kernels allocate it without waiting for any lock and fail when
 * another CPU is in the allocator at that moment: so try again.
 */
static __always_inline struct task_state *task_create(struct task_struct *t)
{
	struct task_state *s = NULL;
	int i;

	for (i = 0; i < CREATE_TRIES && !s; i++)
		s = bpf_task_storage_get(&tasks, t, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!s)
		loss(WG_LOSS_STORAGE);
	return s;
}

static __always_inline struct wg_cpu_slot *cpu_slot(void)
{
	return &wg_cpu[bpf_get_smp_processor_id() & (WG_CPU_MAX - 1)];
}

static __always_inline u64 clock_ns(void)
{
	return bpf_ktime_get_ns();
}

/* The mask is for the verifier; the barrier keeps the compiler from proving it away. */
static __always_inline struct state_sum *state_sum(struct task_state *s, u32 state)
{
	barrier_var(state);
	return &s->st[state & (WG_STATE_SLOTS - 1)];
}

static __always_inline bool is_oncpu(u8 state)
{
	return state <= WG_CPU_FAULT;
}

static __always_inline bool is_blocked(u8 state)
{
	return state >= WG_FUTEX && state <= WG_OTHER;
}

/* Writers of a ledger bracket their changes; x86 keeps stores in order, the compiler is told. */
static __always_inline void write_begin(struct task_state *s)
{
	s->seq++;
	barrier();
}

static __always_inline void write_end(struct task_state *s)
{
	barrier();
	s->seq++;
}

/*
 * Learn CPU c's clock offset from one reading of both. The reading is late by the time since the
 * scheduler took its own, mostly some hundred ns, at times much more: so go down at once but up by
 * an eighth, and by no more than a thousandth of the time passed (NTP may slew by 500 ppm).
 */
static __always_inline void clock_learn(struct wg_cpu_slot *c, u64 now, u64 sched_ns)
{
	u64 off = now - sched_ns, up, limit;

	if (c->clock_off_at && (s64)(off - c->clock_off) > 0) {
		up = (off - c->clock_off) >> 3;
		limit = (sched_ns - c->clock_off_at) >> 10;
		off = c->clock_off + (up < limit ? up : limit);
	}
	c->clock_off = off;
	c->clock_off_at = sched_ns;
}

#define CLOCK_LEARN_NS 1000000

static __always_inline bool clock_stale(const struct wg_cpu_slot *c, u64 sched_ns)
{
	return sched_ns - c->clock_off_at > CLOCK_LEARN_NS;
}

/* The scheduler's clock at moment now. */
static __always_inline u64 sched_time(const struct wg_cpu_slot *c, u64 now)
{
	return now - c->clock_off;
}

/* And back: a moment that the scheduler dated. */
static __always_inline u64 mono_time(const struct wg_cpu_slot *c, u64 sched_ns)
{
	return sched_ns + c->clock_off;
}

/*
 * The scheduler may date a switch with the wakeup that asked for it (rq_clock_skip_update), which
 * our own reading in between has overtaken. That ends at the next tick, 10 ms at most.
 */
#define CLOCK_BACK_NS 10000000

/* In path.bpf.c: make a part longer; the shortest goes when there is no room. Returns which. */
int wg_path_add(struct wg_path *p, u64 key, u64 d);

static __always_inline u64 path_key(const struct task_state *s, u64 state)
{
	return s->id << WG_PATH_ID_SHIFT | state;
}

/* d more of the path of s is with this key, whose part was last found in *slot. */
static __always_inline void path_grow(struct task_state *s, u64 key, u8 *slot, u64 d)
{
	struct wg_path_part *part = &s->path.part[*slot & (WG_PATH_PARTS - 1)];
	u64 state = WG_PATH_STATE(key);

	barrier_var(state);
	if (state >= WG_STATE_CNT)
		return; /* never; for the verifier */
	s->path.ns[state] += d;
	if (part->key == key)
		part->ns += d;
	else
		*slot = wg_path_add(&s->path, key, d);
}

/* The path of s grows up to now: by its own state, or by what it is on its way to the run queue. */
static __always_inline void path_bill(struct task_state *s, u64 now)
{
	u64 d = now - s->path_at;

	if (!wg_path || (s64)d <= 0)
		return;
	s->path_at = now;
	if (s->path_given)
		path_grow(s, s->path_key, &s->path_key_slot, d);
	else
		path_grow(s, path_key(s, s->state), &s->path_slot[s->state & (WG_STATE_SLOTS - 1)],
			  d);
}

/* So much of what its path has just grown by was our own time. */
static __always_inline void path_probe(struct task_state *s, u64 probe)
{
	u64 state = s->state == WG_CPU_FAULT ? WG_CPU_FAULT : WG_CPU;
	struct wg_path_part *part;

	if (!wg_path || !probe)
		return;
	part = &s->path.part[s->path_slot[state] & (WG_PATH_PARTS - 1)];
	if (part->key != path_key(s, state) || part->ns < probe || s->path.ns[state] < probe)
		return;
	part->ns -= probe;
	s->path.ns[state] -= probe;
	path_grow(s, path_key(s, WG_PROBE), &s->path_slot[WG_PROBE], probe);
}

/*
 * Close the open interval at now (scheduler's clock), and begin the next one there. Returns its
 * length. A clock that goes back gives an empty interval: the next begins where this one did, so
 * that the sums still telescope.
 */
static __always_inline u64 bill(struct task_state *s, u64 now)
{
	u64 d = now - s->since_ns;

	path_bill(s, now);
	if ((s64)d < 0) {
		if ((s64)d < -CLOCK_BACK_NS)
			loss(WG_LOSS_CLOCK_BACK);
		return 0;
	}
	s->since_ns = now;
	state_sum(s, s->state)->ns += d;
	return d;
}

/* The same for the task running on this CPU: our own time since the last bill is set apart. */
static __always_inline void bill_oncpu(struct task_state *s, struct wg_cpu_slot *c, u64 now)
{
	u64 probe = c->probe_ns, d = bill(s, now);

	c->probe_ns = 0;
	if (probe > d)
		probe = d;
	state_sum(s, s->state)->ns -= probe;
	s->st[WG_PROBE].ns += probe;
	path_probe(s, probe);
}

/*
 * Every program that got past its filter begins and ends with these. One run in TIMED_ONE_IN is
 * timed and counts for all: two clock reads on each would cost a fifth of what the ledger does.
 * Which ones: where the golden ratio's multiples fall into the first eighth, which hits every
 * pattern of events evenly. Returns when the run began, or 0 when it is not timed.
 */
#define TIMED_ONE_IN 8
#define GOLDEN_RATIO 2654435769U /* 2^32 / 1.618... */

static __always_inline bool handler_timed_in(struct wg_cpu_slot *c, u32 one_in)
{
	return (u32)(++c->event_cnt * GOLDEN_RATIO) < (u32)((1ULL << 32) / one_in);
}

static __always_inline bool handler_timed(struct wg_cpu_slot *c)
{
	return handler_timed_in(c, TIMED_ONE_IN);
}

static __always_inline u64 handler_begin(struct wg_cpu_slot *c)
{
	return handler_timed(c) ? clock_ns() : 0;
}

/* No run of ours is so long: the hypervisor or an interrupt came between, whose time is not ours. */
#define HANDLER_LONG_NS 1000000

static __always_inline void handler_end_in(struct wg_cpu_slot *c, u64 begin_ns, u32 one_in)
{
	u64 d;

	if (!begin_ns)
		return;
	d = clock_ns() - begin_ns;
	if (d > HANDLER_LONG_NS)
		return;
	c->probe_ns += d * one_in;
	c->total_ns += d * one_in;
}

static __always_inline void handler_end(struct wg_cpu_slot *c, u64 begin_ns)
{
	handler_end_in(c, begin_ns, TIMED_ONE_IN);
}

/* The same for a program that needs the clock anyway. */
static __always_inline void handler_end_at(struct wg_cpu_slot *c, u64 now)
{
	handler_end(c, handler_timed(c) ? now : 0);
}

/*
 * The ledger of a task that ran before it was tracked begins with the first event of its own, or, if
 * none comes, by the iterator (snapshot.bpf.c): whoever is first. An event that finds the iterator at
 * it leaves a mark, and the iterator gives up what it has begun.
 */
static __always_inline bool begins_here(struct task_state *s)
{
	bool mine = !__sync_val_compare_and_swap(&s->claim, 0, 1);

	s->moved = !mine;
	return mine;
}

/* In task.bpf.c: the sums of a ledger that begins now. Returns 0. */
int wg_sums_clear(struct task_state *s);

static __always_inline void kernel_read(struct wg_kernel *k, struct task_struct *t)
{
	k->oncpu_ns = t->se.sum_exec_runtime;
	k->run_delay_ns = t->sched_info.run_delay;
	k->nvcsw = t->nvcsw;
	k->nivcsw = t->nivcsw;
	k->min_flt = t->min_flt;
	k->maj_flt = t->maj_flt;
}

#define MAX_RT_PRIO 100 /* include/linux/sched/prio.h: from here on tasks have a cfs_rq */

/* s begins to wait for a CPU: at times for quota, or, where tasks are told of it, never unless so. */
static __always_inline void quota_begin(struct task_struct *t, struct task_state *s, u64 sched_ns)
{
	struct cfs_rq *q;

	if (!quota_exists())
		return;
	if (quota_takes_tasks() && !t->throttled)
		return;
	q = t->se.cfs_rq;
	if (t->prio < MAX_RT_PRIO)
		return;
	s->quota_queue = (u64)q;
	s->quota_ns = q->throttle_count ? quota_clock(q, sched_ns) : quota_sum(q);
}

/* How much of its wait for a CPU, of length d, s has waited for quota. */
static __always_inline u64 quota_waited(const struct task_state *s, u64 sched_ns, u64 d)
{
	u64 ns = quota_clock((struct cfs_rq *)s->quota_queue, sched_ns) - s->quota_ns;

	return (s64)ns < 0 ? 0 : ns < d ? ns : d;
}

/* A wait for a CPU, of length d, is over. */
static __always_inline void quota_end(struct task_struct *t, struct task_state *s, u64 sched_ns,
				      u64 d)
{
	struct cfs_rq *q;

	if (!quota_exists() || !s->quota_queue)
		return;
	q = t->se.cfs_rq;
	/* most queues were not throttled meanwhile; where tasks are told of it, this one was */
	if (quota_takes_tasks() || (u64)q != s->quota_queue || quota_sum(q) != s->quota_ns)
		s->part_ns[WG_T_QUOTA] += quota_waited(s, sched_ns, d);
	s->quota_queue = 0;
}

/* In site.bpf.c: the wait of s has ended, at sched_ns. Returns 0. */
int wg_site_account(struct task_state *s, u64 sched_ns);

/* Blocked time ends and run-queue time begins, inside write_begin and write_end. */
static __always_inline void woken(struct task_state *s, u64 sched_ns)
{
	u64 d = bill(s, sched_ns);

	wg_site_account(s, sched_ns);
	s->path_given = 0;
	if (s->state == WG_KLOCK && s->klock_mmap)
		s->part_ns[WG_T_KLOCK_MMAP] += d;
	if (s->fault)
		s->part_ns[WG_T_FAULT_BLOCKED] += d;
	s->state = WG_RUNQ_WAKE;
	s->st[WG_RUNQ_WAKE].cnt++;
}

/*
 * How much of its sleep the kernel counts, or will at its arrival, as waiting for a CPU. Since 6.12
 * a sleeper may stay on its run queue until it has used up its lag (delayed dequeue). When it is
 * moved to another CPU meanwhile, dequeue_task and enqueue_task note it as queued from then on,
 * and nothing takes that back when it is dequeued at last.
 */
static __always_inline u64 queued_asleep(struct task_struct *t, const struct task_state *s, u64 at)
{
	u64 ns = t->sched_info.run_delay - s->delay_ns, queued = t->sched_info.last_queued;

	return rq_clock_exists() && queued && queued < at ? ns + at - queued : ns;
}

/* Time on a CPU begins, inside write_begin and write_end. */
static __always_inline void arrived(struct task_struct *t, struct task_state *s,
				    const struct wg_cpu_slot *c, u64 sched_ns, u64 task_ns)
{
	u64 d, at, counted;

	if (is_blocked(s->state)) {
		/*
		 * No wakeup seen: it is on record until the scheduler notes the arrival; after
		 * that the wait for a CPU has gone into run_delay.
		 */
		at = t->sched_info.last_queued;
		if (!at)
			at = sched_ns - (t->sched_info.run_delay - s->delay_ns);
		if ((s64)(at - s->since_ns) >= -CLOCK_BACK_NS && at <= sched_ns) {
			woken(s, at < s->since_ns ? s->since_ns : at);
			__sync_fetch_and_add(&wg_repair_cnt, 1);
		} else {
			loss(WG_LOSS_WAKEUP);
		}
	}
	d = bill(s, sched_ns);
	quota_end(t, s, sched_ns, d);
	if (s->preempt_blocking) {
		/* from when it was moved to another run queue, or woken there, the kernel counts */
		at = t->sched_info.last_queued;
		counted = at ? sched_ns - at : t->sched_info.run_delay - s->delay_ns;
		s->part_ns[WG_T_PREEMPT_BLOCKING] += counted < d ? d - counted : 0;
		s->preempt_blocking = 0;
	}
	s->part_ns[WG_T_QUEUED_ASLEEP] += s->asleep_ns;
	s->asleep_ns = 0;
	s->oncpu_in_ns = t->se.sum_exec_runtime;
	s->in_ns = sched_ns;
	s->in_task_ns = task_ns;
	s->klock_ns = sched_ns;
	s->cpu = c - wg_cpu;
	s->state = s->fault ? WG_CPU_FAULT : WG_CPU;
	state_sum(s, s->state)->cnt++;
}

/*
 * How long before sched_switch t left its run queue, if it blocks: a CPU that runs out of work
 * looks for some on others first (newidle balance), in the name of a task that has left, and
 * brings its clocks forward. The kernel counts that for nobody.
 */
static __always_inline u64 left_before(struct task_struct *t, const struct task_state *s,
				       const struct rq_clocks *now)
{
	u64 ago = now->task_ns - t->se.exec_start;

	return now->task_ns && (s64)ago > 0 && ago < now->sched_ns - s->in_ns ? ago : 0;
}

/* Time on a CPU ends, inside write_begin and write_end. */
static __always_inline void departed(struct task_struct *t, struct task_state *s,
				     const struct rq_clocks *at)
{
	u64 sched_ns = at->sched_ns;
	u64 all = sched_ns - s->in_ns, counted = at->task_ns - s->in_task_ns;

	if (s->in_task_ns && all > counted)
		s->part_ns[WG_T_STOLEN] += all - counted;
	if (s->klock_cnt && sched_ns > s->klock_ns)
		s->part_ns[WG_T_KLOCK_SPIN] += sched_ns - s->klock_ns;
	s->delay_ns = t->sched_info.run_delay;
}

/* t is running, whatever its ledger says. */
static __always_inline void running(struct task_struct *t, struct task_state *s,
				    const struct wg_cpu_slot *c)
{
	if (is_oncpu(s->state))
		return;
	arrived(t, s, c, t->sched_info.last_arrival, 0);
	__sync_fetch_and_add(&wg_repair_cnt, 1);
}

/* What the task's fault counters have gained since we looked came without a trap. */
static __always_inline void faults_untrapped(struct task_state *s, struct task_struct *t)
{
	u64 min_flt = t->min_flt, maj_flt = t->maj_flt;

	s->count[WG_N_FAULT_UNTRAPPED] += min_flt - s->min_seen;
	s->count[WG_N_FAULT_UNTRAPPED_MAJOR] += maj_flt - s->maj_seen;
	s->min_seen = min_flt;
	s->maj_seen = maj_flt;
}

static __always_inline void faults_seen(struct task_state *s, struct task_struct *t)
{
	s->min_seen = t->min_flt;
	s->maj_seen = t->maj_flt;
}

static __always_inline void pgtables_seen(struct task_state *s, struct task_struct *t)
{
	struct mm_struct *mm = t->mm;
	u64 bytes;

	if (!mm)
		return;
	bytes = mm->pgtables_bytes.counter;
	if (bytes > s->pgtables_peak)
		s->pgtables_peak = bytes;
}

/* A page fault that will have no end: the state machine goes back to plain on-CPU time. */
static __always_inline void fault_drop(struct task_state *s)
{
	s->fault = WG_FAULT_NONE;
	s->count[WG_N_FAULT_UNENDED]++;
	if (s->state == WG_CPU_FAULT)
		s->state = WG_CPU;
}

#endif /* WG_BPF_COMMON_BPF_H */
