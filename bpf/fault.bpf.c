// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Page faults: begin at the exceptions tracepoints, end at the end of handle_mm_fault, seen by
 * fexit where the kernel lets it load, else by the fault software events, which fire there (one
 * program for each kind). In between, on-CPU time goes to WG_CPU_FAULT.
 *
 * Not every trap ends: a bad address becomes a signal or a fix-up. Such a fault is dropped as
 * soon as something shows that it is over: a signal, a system call, a sample in user mode, the
 * next fault. And not every fault traps: MAP_POPULATE and other get_user_pages fault without one.
 * fexit sees those; where it is not to be had they are taken from the task's own counters at the
 * next fault or row, and kept apart as WG_N_FAULT_UNTRAPPED.
 */
#include "site.bpf.h"

/* Like sites, of faults. */
struct fault_site_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WG_FAULT_SITE_MAX);
	__type(key, struct wg_site_key);
	__type(value, struct wg_fault_site);
};

struct fault_site_map fault_sites SEC(".maps");
struct fault_site_map fault_sites_other SEC(".maps");

#define MM_ANONPAGES 1	/* include/linux/mm_types_task.h */
#define HUGE_PAGES 512	/* of 4 KiB, in a huge page: x86-64 */
#define FAULT_ONE_IN 16 /* a stack costs as much as a fault: one in so many gets one */

/*
 * Anonymous memory of the process, in pages. A huge page is more than what a CPU keeps back before
 * it adds to the sum, so it shows here at once; single pages may show later.
 */
static __always_inline s64 anon_pages(struct mm_struct *mm)
{
	struct mm_struct___before_6_2 *old = (void *)mm;

	/* by a copy: the verifier does not look into arrays of structs there */
	if (bpf_core_type_exists(struct mm_rss_stat))
		return BPF_CORE_READ(old, rss_stat.count[MM_ANONPAGES].counter);
	return mm->rss_stat[MM_ANONPAGES].count;
}

/* Remember what the fault's end is compared with. */
static __always_inline void fault_note(struct task_struct *t, struct task_state *s)
{
	struct mm_struct *mm = t->mm;

	s->fault_ns = s->st[WG_CPU_FAULT].ns;
	if (!mm)
		return;
	s->fault_pgtables = mm->pgtables_bytes.counter;
	s->fault_anon = anon_pages(mm);
}

static __always_inline struct wg_fault_site *fault_site_get_in(void *map,
							       const struct wg_site_key *key)
{
	static const struct wg_fault_site empty;
	struct wg_fault_site *site = bpf_map_lookup_elem(map, key);
	struct wg_site_key rest = {};

	if (site)
		return site;
	if (!bpf_map_update_elem(map, key, &empty, BPF_NOEXIST))
		wg_sites_grow(1);
	site = bpf_map_lookup_elem(map, key);
	if (site)
		return site;
	loss(WG_LOSS_SITE);
	site_key_rest(&rest, key);
	return bpf_map_lookup_elem(map, &rest);
}

static __always_inline struct wg_fault_site *fault_site_get(const struct wg_site_key *key)
{
	if (*(volatile u32 *)&wg_site_half)
		return fault_site_get_in(&fault_sites_other, key);
	return fault_site_get_in(&fault_sites, key);
}

/* A fault of d ns has ended, inside of which page tables grew by so many bytes. */
static __always_inline void fault_site(struct task_struct *t, struct task_state *s, u64 d,
				       u64 grown, bool huge, u32 weight)
{
	struct walk *w = walk_get(WALK_FAULT);
	struct wg_site_key key = {.state = WG_CPU_FAULT};
	struct wg_fault_site *site;

	if (!w)
		return;
	walk_begin(w, t);
	walk_user_part(w, t);
	wg_stack_keep(w);
	key.stack = w->hash;
	key.tgid = s->tgid;
	key.window = s->window;
	key.lane = s->lane;
	key.task = wg_path ? s->id : 0;
	site = fault_site_get(&key);
	if (!site)
		return;
	__sync_fetch_and_add(&site->cnt, weight);
	__sync_fetch_and_add(&site->total_ns, d * weight);
	__sync_fetch_and_add(&site->huge_cnt, huge);
	__sync_fetch_and_add(&site->pgtables_bytes, grown);
}

/*
 * What of a growth from `from` to `to`, seen from a fault's begin to its end, is not yet counted: a
 * thread's fault also sees what others of its process added meanwhile, and each byte counts once.
 */
static __always_inline u64 growth_claim(u32 tgid, u64 from, u64 to)
{
	u64 *counted = bpf_map_lookup_elem(&pgtables, &tgid), old;
	int i;

	if (!counted) {
		if (bpf_map_update_elem(&pgtables, &tgid, &from, BPF_NOEXIST))
			from = to; /* another thread is at it, or no room */
		counted = bpf_map_lookup_elem(&pgtables, &tgid);
		if (!counted)
			return to - from;
	}
	for (i = 0; i < 4; i++) {
		old = *(volatile u64 *)counted;
		if (old == to)
			return 0;
		if (__sync_val_compare_and_swap(counted, old, to) == old)
			break;
	}
	/* outside: tables have been freed, or have grown without a fault of ours */
	return old >= from && old < to ? to - old : to - from;
}

struct fault_done {
	u64 ns, grown;
	bool huge;
};

/* What the fault did. */
static __always_inline struct fault_done fault_account(struct task_struct *t, struct task_state *s)
{
	struct fault_done f = {.ns = s->st[WG_CPU_FAULT].ns - s->fault_ns};
	struct mm_struct *mm = t->mm;
	u64 grown;

	if (!mm)
		return f;
	grown = mm->pgtables_bytes.counter - s->fault_pgtables;
	if ((s64)grown < 0)
		grown = 0; /* another thread has freed some */
	if (grown)
		grown = growth_claim(s->tgid, s->fault_pgtables, s->fault_pgtables + grown);
	f.grown = grown;
	f.huge = anon_pages(mm) - (s64)s->fault_anon >= HUGE_PAGES;
	if (f.huge) {
		s->count[WG_N_FAULT_HUGE]++;
		s->part_ns[WG_T_FAULT_HUGE] += f.ns;
	}
	return f;
}

/* For some of them where it was. */
static __always_inline void fault_locate(struct task_struct *t, struct task_state *s,
					 const struct fault_done *f)
{
	bool chosen;

	if (!site_counts(s))
		return;
	chosen = (u32)(++s->fault_nr * GOLDEN_RATIO) < (1U << 28);
	if (chosen || f->grown || f->huge)
		fault_site(t, s, f->ns, f->grown, f->huge, f->huge ? 1 : chosen ? FAULT_ONE_IN : 0);
}

static __always_inline int fault_begin(enum wg_fault mode, enum wg_count kind, u64 fetch)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *s = task_get(t);
	struct wg_cpu_slot *c;
	u64 now;

	if (!s || !s->begun)
		return 0;
	now = clock_ns();
	c = cpu_slot();
	write_begin(s);
	if (s->fault)
		fault_drop(s);
	running(t, s, c);
	bill_oncpu(s, c, sched_time(c, now));
	faults_untrapped(s, t);
	fault_note(t, s);
	s->fault = mode;
	s->fault_fetch = fetch;
	s->count[kind]++;
	s->state = WG_CPU_FAULT;
	write_end(s);
	handler_end_at(c, now);
	return 0;
}

#define PF_INSTR (1U << 4) /* arch/x86/include/asm/trap_pf.h */

SEC("tp_btf/page_fault_user")
int BPF_PROG(on_fault_user, unsigned long addr, struct pt_regs *regs, unsigned long error_code)
{
	return fault_begin(WG_FAULT_USER, WG_N_FAULT_USER, error_code & PF_INSTR ? addr : 0);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(on_fault_kernel)
{
	return fault_begin(WG_FAULT_KERNEL, WG_N_FAULT_KERNEL, 0);
}

static __always_inline void fault_end(struct task_struct *t, struct task_state *s, u64 now,
				      struct wg_cpu_slot *c, enum wg_count kind)
{
	struct fault_done f;

	write_begin(s);
	running(t, s, c);
	bill_oncpu(s, c, sched_time(c, now));
	s->state = WG_CPU;
	s->fault = WG_FAULT_NONE;
	s->count[kind]++;
	faults_seen(s, t);
	pgtables_seen(s, t);
	f = fault_account(t, s);
	write_end(s);
	if (wg_notes && s->fault_fetch)
		wg_mapping_note(s->fault_fetch);
	fault_locate(t, s, &f);
}

/* A fault that the kernel counts as none: a signal or a fix-up comes of it. */
static __always_inline void fault_failed(struct task_struct *t, struct task_state *s, u64 now,
					 struct wg_cpu_slot *c)
{
	write_begin(s);
	running(t, s, c);
	bill_oncpu(s, c, sched_time(c, now));
	fault_drop(s);
	write_end(s);
}

static __always_inline int fault_event(enum wg_count kind)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *s = task_get(t);
	struct wg_cpu_slot *c;
	u64 now;

	if (!s || !s->begun)
		return 0;
	now = clock_ns();
	c = cpu_slot();
	fault_end(t, s, now, c, kind);
	handler_end_at(c, now);
	return 0;
}

/* For both events, which tell themselves apart by their cookies: the verifier takes its time for each. */
SEC("perf_event")
int on_fault_end(struct bpf_perf_event_data *ctx)
{
	return fault_event(bpf_get_attach_cookie(ctx) ? WG_N_FAULT_MAJOR : WG_N_FAULT_MINOR);
}

#define FAULT_ERROR                                                                                \
	(VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | VM_FAULT_HWPOISON |                   \
	 VM_FAULT_HWPOISON_LARGE | VM_FAULT_FALLBACK)

#define FAULT_FLAG_TRIED 0x20 /* a macro until 5.16 */

/*
 * The end by fexit. A retry is not an end; an error is one that the kernel does not count. What
 * the kernel counts as major: VM_FAULT_MAJOR, or a second try of any kind (mm_account_fault).
 */
SEC("fexit/handle_mm_fault")
int BPF_PROG(on_fault_exit, struct vm_area_struct *vma, unsigned long addr, unsigned int flags,
	     struct pt_regs *regs, unsigned int ret)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *s;
	struct wg_cpu_slot *c;
	enum wg_count kind;
	u64 now;

	if (ret & VM_FAULT_RETRY)
		return 0;
	s = task_get(t);
	if (!s || !s->begun)
		return 0;
	now = clock_ns();
	c = cpu_slot();
	kind = (ret & VM_FAULT_MAJOR) || (flags & FAULT_FLAG_TRIED) ? WG_N_FAULT_MAJOR
								    : WG_N_FAULT_MINOR;
	if (!regs) {
		/* no trap: counted, its time stays with the system call that raised it */
		write_begin(s);
		s->count[kind == WG_N_FAULT_MAJOR ? WG_N_FAULT_UNTRAPPED_MAJOR
						  : WG_N_FAULT_UNTRAPPED] += !(ret & FAULT_ERROR);
		faults_seen(s, t);
		pgtables_seen(s, t);
		write_end(s);
	} else if (ret & FAULT_ERROR) {
		fault_failed(t, s, now, c);
	} else {
		fault_end(t, s, now, c, kind);
	}
	handler_end_at(c, now);
	return 0;
}

/* A fault of the running task that becomes SIGSEGV or SIGBUS has no end of its own. */
SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int sig, struct kernel_siginfo *info, struct task_struct *t)
{
	struct task_state *s;
	struct wg_cpu_slot *c;
	u64 now;

	if ((sig != 11 && sig != 7) || t != bpf_get_current_task_btf())
		return 0;
	s = task_get(t);
	if (!s || !s->fault)
		return 0;
	now = clock_ns();
	c = cpu_slot();
	fault_failed(t, s, now, c);
	handler_end_at(c, now);
	return 0;
}
