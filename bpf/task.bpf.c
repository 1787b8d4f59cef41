// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which tasks are tracked: roots by hand (snapshot.bpf.c), children by inheritance at fork; and
 * where a ledger begins: at birth, or at exec for a root that was told to wait for it. Holds the
 * maps and globals that all programs share.
 */
#include "path.bpf.h"
#include "walk.bpf.h"

struct task_map tasks SEC(".maps");
struct walk_map walks SEC(".maps");
struct layout_map layouts SEC(".maps");
struct noted_map noted SEC(".maps");
struct stream_map stream SEC(".maps");
struct pgtables_map pgtables SEC(".maps");

const volatile bool wg_switch_has_state = false;
const volatile bool wg_stacks = false;
const volatile bool wg_path = false;
const volatile bool wg_notes = false;

struct wg_cpu_slot wg_cpu[WG_CPU_MAX];
__u64 wg_loss_cnt[WG_LOSS_CNT];
__u64 wg_repair_cnt;
__u32 wg_window;
__u64 wg_last_id;  /* atomic */
__s64 wg_live_cnt; /* tracked tasks that have not had their last switch; atomic */
__u64 wg_exec_ns;  /* when the latest waiting root called exec */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

int wg_sums_clear(struct task_state *s)
{
	if (!s)
		return 0;
	__builtin_memset(s->st, 0, sizeof(s->st));
	__builtin_memset(s->count, 0, sizeof(s->count));
	__builtin_memset(s->part_ns, 0, sizeof(s->part_ns));
	return 0;
}

/* Tell user space of a process that has to be looked at. */
static __always_inline void tell(enum wg_event_type type, u32 tgid, u32 parent, u64 wakeup)
{
	struct wg_process_event e = {.type = type, .tgid = tgid, .parent = parent};

	if (bpf_ringbuf_output(&stream, &e, sizeof(e), wakeup))
		loss(WG_LOSS_STREAM);
}

/* A new process begins with its parent's mappings. */
static __always_inline void layout_inherit(u32 parent, u32 child)
{
	struct wg_layout *l = bpf_map_lookup_elem(&layouts, &parent), copy;
	struct wg_noted *n;

	if (l) {
		copy = *l;
		n = copy.noted ? bpf_map_lookup_elem(&noted, &parent) : NULL;
		if (!n || bpf_map_update_elem(&noted, &child, n, BPF_ANY))
			copy.noted = 0;
		bpf_map_update_elem(&layouts, &child, &copy, BPF_ANY);
	} else {
		bpf_map_delete_elem(&layouts, &child); /* of one that had its number before */
	}
	/*
	 * Where it can be walked already, or will be by its own notes, there is no hurry, and a
	 * wakeup here would shift the scheduler's dates.
	 */
	tell(WG_EVENT_FORK, child, parent, l || wg_notes ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
}

/* A child of a tracked task: its ledger begins when it is first put on a run queue. */
SEC("tp_btf/task_newtask")
int BPF_PROG(on_newtask, struct task_struct *child)
{
	struct task_state *parent = task_get(bpf_get_current_task_btf()), *s;
	struct wg_cpu_slot *c;
	u64 now;

	if (!parent || (parent->flags & WG_ROW_WAITING_EXEC))
		return 0;
	now = clock_ns();
	c = cpu_slot();
	s = task_create(child);
	if (!s)
		return 0;
	s->id = __sync_fetch_and_add(&wg_last_id, 1) + 1;
	s->parent_id = parent->id;
	s->root_id = parent->root_id;
	s->flags = WG_ROW_FORKED;
	s->state = WG_OTHER;
	s->tgid = child->tgid;
	s->window = wg_window;
	/* each task begins its one-in-so-many somewhere else */
	s->fault_nr = s->wake_nr = s->id;
	if (wg_stacks && s->tgid != parent->tgid)
		layout_inherit(parent->tgid, s->tgid);
	path_fork(s, parent, sched_time(c, now));
	__sync_fetch_and_add(&wg_live_cnt, 1);
	handler_end_at(c, now);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *t)
{
	struct task_state *s = task_get(t);
	struct wg_cpu_slot *c;
	u64 now;

	if (!s || s->begun || !begins_here(s))
		return 0;
	now = clock_ns();
	c = cpu_slot();
	write_begin(s);
	s->begun = 1;
	s->since_ns = rq_clock_of(t);
	s->begin_sched_ns = s->since_ns;
	s->begin_ns = rq_clock_exists() ? mono_time(c, s->since_ns) : now;
	s->state = WG_RUNQ_WAKE;
	s->st[WG_RUNQ_WAKE].cnt++;
	s->path_given = 0;
	quota_begin(t, s, s->since_ns);
	kernel_read(&s->base, t);
	faults_seen(s, t);
	write_end(s);
	handler_end_at(c, now);
	return 0;
}

/* The ledger of a waiting root begins here; what it did before is kept for the audit only. */
static __always_inline void begin_at_exec(struct task_state *s, struct task_struct *t, u64 now)
{
	u64 oncpu = s->st[WG_CPU].ns + s->st[WG_CPU_FAULT].ns + s->st[WG_PROBE].ns -
		    s->part_ns[WG_T_STOLEN];
	u64 base_oncpu = s->base.oncpu_ns;

	__builtin_memset(s->st, 0, sizeof(s->st));
	__builtin_memset(s->count, 0, sizeof(s->count));
	__builtin_memset(s->part_ns, 0, sizeof(s->part_ns));
	__builtin_memset(&s->path, 0, sizeof(s->path));
	s->path_at = s->since_ns;
	kernel_read(&s->base, t);
	/*
	 * A running task's on-CPU counter stands where the last tick left it: go back to the
	 * one value that is exact, and keep our own time since then. Run delay moves only at
	 * switches, so its value now will do.
	 */
	s->base.oncpu_ns = base_oncpu;
	s->part_ns[WG_T_BEFORE] = oncpu;
	faults_seen(s, t);
	s->begin_ns = now;
	s->begin_sched_ns = s->since_ns;
	s->flags &= ~WG_ROW_WAITING_EXEC;
	wg_exec_ns = now;
}

/*
 * The new image: the program, and the loader, where it begins if it has one. To look here costs a
 * tenth of what it does in a fault, where interrupts are off.
 */
static __always_inline void note_image(struct task_struct *t)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);

	wg_mapping_note(regs->ip);
	if (t->mm)
		wg_mapping_note(t->mm->start_code);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *t)
{
	struct task_state *s = task_get(t);
	struct wg_cpu_slot *c;
	u64 now;

	if (!s)
		return 0;
	now = clock_ns();
	c = cpu_slot();
	if (wg_stacks) {
		u32 tgid = s->tgid;

		bpf_map_delete_elem(&layouts, &tgid);
		/* at once: the sooner its mappings are known, the fewer stacks go without */
		tell(WG_EVENT_EXEC, tgid, 0, wg_notes ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
		if (wg_notes)
			note_image(t);
	}
	if (!s->begun && !(s->flags & WG_ROW_WAITING_EXEC) && !begins_here(s))
		return 0;
	write_begin(s);
	if (!s->begun) {
		/* one that has been running since before it was tracked */
		s->begun = 1;
		s->state = WG_CPU;
		s->in_ns = s->since_ns;
		kernel_read(&s->base, t);
	}
	running(t, s, c);
	bill_oncpu(s, c, sched_time(c, now));
	s->flags |= WG_ROW_EXECED;
	s->rooted = 0; /* another program now */
	__builtin_memset(s->root_frame, 0, sizeof(s->root_frame));
	if (s->flags & WG_ROW_WAITING_EXEC)
		begin_at_exec(s, t, now);
	write_end(s);
	handler_end_at(c, now);
	return 0;
}

/* The last thread of a process: what is kept by its number, which another may get. */
static __always_inline void process_forget(u32 tgid)
{
	bpf_map_delete_elem(&pgtables, &tgid);
	bpf_map_delete_elem(&layouts, &tgid);
	if (wg_notes)
		bpf_map_delete_elem(&noted, &tgid);
}

/*
 * The process's memory may be gone by its last switch: note its page tables on the way out
 * (the tracepoint comes before exit_mm since 6.16, after it until then).
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *t)
{
	struct task_state *s = task_get(t);

	if (!s)
		return 0;
	pgtables_seen(s, t);
	if (!t->signal->live.counter)
		process_forget(s->tgid);
	if (s->fault && s->begun) {
		/* killed inside a fault */
		write_begin(s);
		fault_drop(s);
		write_end(s);
	}
	return 0;
}
