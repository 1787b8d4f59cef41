// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * TLB flushes and interrupts between CPUs, counted for the task that was current on the CPU that
 * asked for them. What they cost the CPUs that receive them is seen by samples only.
 */
#include "common.bpf.h"

/* enum tlb_flush_reason, include/linux/mm_types.h */
#define TLB_LOCAL_SHOOTDOWN 2
#define TLB_LOCAL_MM_SHOOTDOWN 3
#define TLB_REMOTE_SEND_IPI 4

/*
 * The kernel says that it is about to ask other CPUs for a flush before it finds that none of them
 * has the address space loaded. Where the interrupts themselves can be seen, only a flush that sent
 * one counts; it does so at once, with preemption off.
 */
const volatile bool wg_sees_ipis = false;

#define FLUSH_SENDS_NS 10000

static __always_inline int count(enum wg_count what, u64 cnt)
{
	struct task_state *s = task_get(bpf_get_current_task_btf());

	if (!s || !s->begun)
		return 0;
	write_begin(s);
	s->count[what] += cnt;
	write_end(s);
	return 0;
}

static __always_inline int flush_asked(void)
{
	struct task_state *s = task_get(bpf_get_current_task_btf());

	if (s)
		s->flush_ns = clock_ns();
	return 0;
}

/* Interrupts sent; callback: NULL when they only make a CPU look at its run queue. */
static __always_inline int sent(u64 cnt, void *callback)
{
	struct task_state *s = task_get(bpf_get_current_task_btf());

	if (!s || !s->begun)
		return 0;
	write_begin(s);
	s->count[WG_N_IPI_SENT] += cnt;
	if (s->flush_ns && callback) {
		s->count[WG_N_TLB_REMOTE] += clock_ns() - s->flush_ns < FLUSH_SENDS_NS;
		s->flush_ns = 0;
	}
	write_end(s);
	return 0;
}

SEC("tp_btf/tlb_flush")
int BPF_PROG(on_tlb_flush, int reason)
{
	if (reason == TLB_REMOTE_SEND_IPI)
		return wg_sees_ipis ? flush_asked() : count(WG_N_TLB_REMOTE, 1);
	if (reason == TLB_LOCAL_SHOOTDOWN || reason == TLB_LOCAL_MM_SHOOTDOWN)
		return count(WG_N_TLB_LOCAL, 1);
	return 0;
}

SEC("tp_btf/ipi_send_cpu")
int BPF_PROG(on_ipi_one, unsigned int cpu, unsigned long callsite, void *callback)
{
	return sent(1, callback);
}

/* By halves: BPF has no instruction for it. */
static __always_inline u64 bits_set(u64 v)
{
	v -= v >> 1 & 0x5555555555555555ULL;
	v = (v & 0x3333333333333333ULL) + (v >> 2 & 0x3333333333333333ULL);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return v * 0x0101010101010101ULL >> 56;
}

#define MASK_WORDS 16 /* 1,024 CPUs */

/* How many words a kernel's cpumask has: set by user space from its BTF. */
const volatile __u32 wg_cpumask_words = 1;

SEC("tp_btf/ipi_send_cpumask")
int BPF_PROG(on_ipi_many, const struct cpumask *mask, unsigned long callsite, void *callback)
{
	u64 cnt = 0, word;
	int i;

	for (i = 0; i < MASK_WORDS && i < wg_cpumask_words; i++) {
		if (bpf_probe_read_kernel(&word, sizeof(word), &mask->bits[i]))
			break;
		cnt += bits_set(word);
	}
	return sent(cnt, callback);
}
