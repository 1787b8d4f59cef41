// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The floor of the cost tables: programs that read the clock once and do nothing else, at the
 * hooks on wallgap's hot paths, one per hook. And a sampler that only counts.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

__u64 sample_cnt;

#define EMPTY(section, name)                                                                       \
	SEC(section)                                                                               \
	int name(void *ctx)                                                                        \
	{                                                                                          \
		bpf_ktime_get_ns();                                                                \
		return 0;                                                                          \
	}

EMPTY("tp_btf/sched_switch", on_switch)
EMPTY("tp_btf/sched_wakeup", on_wakeup)
EMPTY("tp_btf/contention_begin", on_contention_begin)
EMPTY("tp_btf/contention_end", on_contention_end)
EMPTY("tp_btf/page_fault_user", on_fault_user)
EMPTY("tp_btf/page_fault_kernel", on_fault_kernel)
EMPTY("fexit/handle_mm_fault", on_fault_exit) /* where it loads, else the next two */
EMPTY("perf_event", on_fault_minor)
EMPTY("perf_event", on_fault_major)

SEC("perf_event")
int on_sample(void *ctx)
{
	__sync_fetch_and_add(&sample_cnt, 1);
	return 0;
}
