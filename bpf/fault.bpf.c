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
#include "common.bpf.h"

static __always_inline int fault_begin(enum wg_fault mode, enum wg_count kind)
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
	s->fault = mode;
	s->count[kind]++;
	s->state = WG_CPU_FAULT;
	write_end(s);
	handler_end_at(c, now);
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(on_fault_user)
{
	return fault_begin(WG_FAULT_USER, WG_N_FAULT_USER);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(on_fault_kernel)
{
	return fault_begin(WG_FAULT_KERNEL, WG_N_FAULT_KERNEL);
}

static __always_inline void fault_end(struct task_struct *t, struct task_state *s, u64 now,
				      struct wg_cpu_slot *c, enum wg_count kind)
{
	write_begin(s);
	running(t, s, c);
	bill_oncpu(s, c, sched_time(c, now));
	s->state = WG_CPU;
	s->fault = WG_FAULT_NONE;
	s->count[kind]++;
	faults_seen(s, t);
	pgtables_seen(s, t);
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

SEC("perf_event")
int on_fault_minor(void *ctx)
{
	return fault_event(WG_N_FAULT_MINOR);
}

SEC("perf_event")
int on_fault_major(void *ctx)
{
	return fault_event(WG_N_FAULT_MAJOR);
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
		write_begin(s);
		running(t, s, c);
		bill_oncpu(s, c, sched_time(c, now));
		fault_drop(s);
		write_end(s);
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
	write_begin(s);
	running(t, s, c);
	bill_oncpu(s, c, sched_time(c, now));
	fault_drop(s);
	write_end(s);
	handler_end_at(c, now);
	return 0;
}
