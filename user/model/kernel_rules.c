// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See kernel_rules.h. */
#include "model/kernel_rules.h"

#include <string.h>

#include "base/util.h"
#include "model/match.h"

static const char *const class_names[KC_CNT] = {
	[KC_TRACE] = "tracing",
	[KC_TLB] = "TLB flush",
	[KC_IRQ] = "interrupts",
	[KC_EXEC] = "exec",
	[KC_EXIT] = "exit",
	[KC_FORK] = "fork",
	[KC_FAULT_TRACE] = "page fault: tracing",
	[KC_FAULT_RECLAIM] = "page fault: reclaim",
	[KC_FAULT_PGTABLE] = "page fault: page tables",
	[KC_FAULT_MEMCG] = "page fault: memcg",
	[KC_FAULT_ZERO] = "page fault: zeroing",
	[KC_FAULT_COPY] = "page fault: copy on write",
	[KC_FAULT_FILE] = "page fault: file",
	[KC_FAULT_SWAP] = "page fault: swap",
	[KC_FAULT_ALLOC] = "page fault: allocation",
	[KC_FAULT_LRU] = "page fault: LRU lists",
	[KC_FAULT_LOCK] = "page fault: locks",
	[KC_FAULT_ENTRY] = "page fault: entry",
	[KC_FAULT_OTHER] = "page fault: other",
	[KC_MMAP_LOCK] = "mmap_lock, on the CPU",
	[KC_LOCK] = "kernel locks, on the CPU",
	[KC_UNMAP] = "unmap",
	[KC_FUTEX] = "futex",
	[KC_MMAP] = "mmap",
	[KC_COPY] = "copy to or from user",
	[KC_SCHED] = "scheduling",
	[KC_SYSCALL] = "syscall",
	[KC_ENTRY] = "kernel entry",
	[KC_OTHER] = "other kernel code",
};

const char *kclass_name(enum kclass c)
{
	return class_names[c];
}

/* Beyond the classes: this function handles page faults. */
#define EV_IN_FAULT (1ull << 63)
#define EV_HANDLED (1ull << 62) /* it is in the handler, past the trap and the look-up */
#define EV(c) (1ull << (c))

static const struct {
	const char *name; /* see match.h */
	uint64_t evidence;
} evidence[] = {
	{"bpf_prog_*", EV(KC_TRACE)},
	{"bpf_trace_run*", EV(KC_TRACE)},
	{"__bpf_trace_*", EV(KC_TRACE)},
	{"bpf_overflow_handler", EV(KC_TRACE)},
	{"bpf_iter_run_prog", EV(KC_TRACE)},
	{"trace_call_bpf", EV(KC_TRACE)},
	{"__perf_event_overflow", EV(KC_TRACE)},
	{"perf_swevent_*", EV(KC_TRACE)},
	{"___perf_sw_event", EV(KC_TRACE)},
	{"__perf_sw_event", EV(KC_TRACE)},
	{"perf_tp_event", EV(KC_TRACE)},

	{"flush_tlb_*", EV(KC_TLB)},
	{"__flush_tlb_*", EV(KC_TLB)},
	{"do_flush_tlb_*", EV(KC_TLB)},
	{"native_flush_tlb_*", EV(KC_TLB)},
	{"__native_flush_tlb_*", EV(KC_TLB)},
	{"kvm_flush_tlb_multi", EV(KC_TLB)},
	{"hyperv_flush_tlb_*", EV(KC_TLB)},
	{"xen_flush_tlb_*", EV(KC_TLB)},
	{"broadcast_tlb_flush", EV(KC_TLB)},
	{"arch_tlbbatch_flush", EV(KC_TLB)},
	{"try_to_unmap_flush*", EV(KC_TLB)},
	{"ptep_clear_flush", EV(KC_TLB)},
	{"pmdp_huge_clear_flush", EV(KC_TLB)},
	{"tlb_flush_mmu_tlbonly", EV(KC_TLB)},

	{"asm_sysvec_*", EV(KC_IRQ)},
	{"sysvec_*", EV(KC_IRQ)},
	{"__sysvec_*", EV(KC_IRQ)},
	{"asm_common_interrupt", EV(KC_IRQ)},
	{"common_interrupt", EV(KC_IRQ)},
	{"__common_interrupt", EV(KC_IRQ)},
	{"asm_exc_nmi", EV(KC_IRQ)},
	{"irq_exit_rcu", EV(KC_IRQ)},
	{"__irq_exit_rcu", EV(KC_IRQ)},
	{"do_IRQ", EV(KC_IRQ)},
	{"run_ksoftirqd", EV(KC_IRQ)},

	{"do_execve*", EV(KC_EXEC)},
	{"bprm_execve*", EV(KC_EXEC)},
	{"begin_new_exec", EV(KC_EXEC)},
	{"load_elf_binary", EV(KC_EXEC)},
	{"__x64_sys_execve*", EV(KC_EXEC)},

	{"do_exit", EV(KC_EXIT)},
	{"do_group_exit", EV(KC_EXIT)},
	{"exit_mmap", EV(KC_EXIT)},
	{"mmput", EV(KC_EXIT)},
	{"__mmput", EV(KC_EXIT)},
	{"exit_mm", EV(KC_EXIT)},
	{"release_task", EV(KC_EXIT)},
	{"__x64_sys_exit*", EV(KC_EXIT)},

	{"kernel_clone", EV(KC_FORK)},
	{"_do_fork", EV(KC_FORK)},
	{"copy_process", EV(KC_FORK)},
	{"ret_from_fork*", EV(KC_FORK)},
	{"schedule_tail", EV(KC_FORK)},

	{"try_to_free_*pages", EV(KC_FAULT_RECLAIM)},
	{"try_to_free_mem_cgroup_pages", EV(KC_FAULT_RECLAIM)},
	{"__alloc_pages_direct_*", EV(KC_FAULT_RECLAIM)},
	{"__alloc_pages_slowpath", EV(KC_FAULT_RECLAIM)},
	{"shrink_*", EV(KC_FAULT_RECLAIM)},
	{"do_try_to_free_pages", EV(KC_FAULT_RECLAIM)},
	{"node_reclaim", EV(KC_FAULT_RECLAIM)},
	{"compact_zone*", EV(KC_FAULT_RECLAIM)},
	{"try_to_compact_pages", EV(KC_FAULT_RECLAIM)},
	{"migrate_pages*", EV(KC_FAULT_RECLAIM)},

	{"pte_alloc*", EV(KC_FAULT_PGTABLE)},
	{"__pte_alloc*", EV(KC_FAULT_PGTABLE)},
	{"___pte_alloc*", EV(KC_FAULT_PGTABLE)},
	{"__pte_free*", EV(KC_FAULT_PGTABLE)},
	{"__pmd_alloc", EV(KC_FAULT_PGTABLE)},
	{"pmd_alloc*", EV(KC_FAULT_PGTABLE)},
	{"__pud_alloc", EV(KC_FAULT_PGTABLE)},
	{"pud_alloc*", EV(KC_FAULT_PGTABLE)},
	{"__p4d_alloc", EV(KC_FAULT_PGTABLE)},
	{"p4d_alloc*", EV(KC_FAULT_PGTABLE)},
	{"pgd_alloc", EV(KC_FAULT_PGTABLE)},
	{"pagetable_*alloc*", EV(KC_FAULT_PGTABLE)},
	{"pagetable_*ctor*", EV(KC_FAULT_PGTABLE)},
	{"do_fault_around", EV(KC_FAULT_FILE)},

	{"mem_cgroup_*charge*", EV(KC_FAULT_MEMCG)},
	{"__mem_cgroup_*charge*", EV(KC_FAULT_MEMCG)},
	{"__memcg_kmem_charge*", EV(KC_FAULT_MEMCG)},
	{"obj_cgroup_charge*", EV(KC_FAULT_MEMCG)},
	{"charge_memcg", EV(KC_FAULT_MEMCG)},
	{"try_charge*", EV(KC_FAULT_MEMCG)},
	{"get_mem_cgroup_from_mm", EV(KC_FAULT_MEMCG)},

	{"clear_page", EV(KC_FAULT_ZERO)},
	{"clear_pages*", EV(KC_FAULT_ZERO)},
	{"clear_page_rep", EV(KC_FAULT_ZERO)},
	{"clear_page_erms", EV(KC_FAULT_ZERO)},
	{"clear_page_orig", EV(KC_FAULT_ZERO)},
	{"clear_huge_page", EV(KC_FAULT_ZERO)},
	{"clear_gigantic_page", EV(KC_FAULT_ZERO)},
	{"clear_subpage", EV(KC_FAULT_ZERO)},
	{"clear_user_highpage*", EV(KC_FAULT_ZERO)},
	{"clear_highpage*", EV(KC_FAULT_ZERO)},
	{"folio_zero_user*", EV(KC_FAULT_ZERO)},
	{"process_huge_page", EV(KC_FAULT_ZERO)},
	{"kernel_init_pages", EV(KC_FAULT_ZERO)},
	{"kernel_init_free_pages", EV(KC_FAULT_ZERO)},

	{"do_wp_page", EV(KC_FAULT_COPY)},
	{"wp_page_copy", EV(KC_FAULT_COPY)},
	{"do_huge_pmd_wp_page", EV(KC_FAULT_COPY)},
	{"do_cow_fault", EV(KC_FAULT_COPY)},
	{"hugetlb_wp", EV(KC_FAULT_COPY)},

	{"do_read_fault", EV(KC_FAULT_FILE)},
	{"do_shared_fault", EV(KC_FAULT_FILE)},
	{"do_fault", EV(KC_FAULT_FILE)},
	{"__do_fault", EV(KC_FAULT_FILE)},
	{"filemap_*", EV(KC_FAULT_FILE)},
	{"next_uptodate_*", EV(KC_FAULT_FILE)},
	{"page_cache_ra_*", EV(KC_FAULT_FILE)},
	{"shmem_fault", EV(KC_FAULT_FILE)},
	{"do_page_mkwrite", EV(KC_FAULT_FILE)},

	{"do_swap_page", EV(KC_FAULT_SWAP)},

	{"alloc_pages*", EV(KC_FAULT_ALLOC)},
	{"__alloc_pages*", EV(KC_FAULT_ALLOC)},
	{"__alloc_frozen_pages*", EV(KC_FAULT_ALLOC)},
	{"alloc_anon_folio*", EV(KC_FAULT_ALLOC)},
	{"vma_alloc_*", EV(KC_FAULT_ALLOC)},
	{"folio_alloc*", EV(KC_FAULT_ALLOC)},
	{"__folio_alloc*", EV(KC_FAULT_ALLOC)},
	{"get_page_from_freelist", EV(KC_FAULT_ALLOC)},
	{"rmqueue*", EV(KC_FAULT_ALLOC)},
	{"__rmqueue*", EV(KC_FAULT_ALLOC)},

	{"folio_add_lru*", EV(KC_FAULT_LRU)},
	{"lru_add*", EV(KC_FAULT_LRU)},
	{"lru_cache_add*", EV(KC_FAULT_LRU)},
	{"folio_batch_*", EV(KC_FAULT_LRU)},
	{"__folio_batch_*", EV(KC_FAULT_LRU)},
	{"pagevec_lru_*", EV(KC_FAULT_LRU)},
	{"__pagevec_lru_*", EV(KC_FAULT_LRU)},

	{"lock_vma_under_rcu", EV(KC_FAULT_LOCK)},
	{"lock_mm_and_find_vma", EV(KC_FAULT_LOCK)},
	{"vma_start_read*", EV(KC_FAULT_LOCK)},
	{"vma_end_read", EV(KC_FAULT_LOCK)},
	{"rcuwait_wake_up", EV(KC_FAULT_LOCK)},
	{"mmap_read_*", EV(KC_FAULT_LOCK)},
	{"down_read*", EV(KC_FAULT_LOCK)},
	{"up_read", EV(KC_FAULT_LOCK)},
	{"rwsem_*", EV(KC_FAULT_LOCK)},
	{"*queued_spin_lock_slowpath", EV(KC_FAULT_LOCK)},

	{"asm_exc_page_fault", EV_IN_FAULT},
	{"exc_page_fault", EV_IN_FAULT},
	{"do_user_addr_fault", EV_IN_FAULT},
	{"do_page_fault", EV_IN_FAULT},
	{"handle_mm_fault", EV_IN_FAULT | EV_HANDLED},
	{"__handle_mm_fault", EV_IN_FAULT | EV_HANDLED},
	{"faultin_page", EV_IN_FAULT},
	{"fault_in_*", EV_IN_FAULT},
	{"hugetlb_fault", EV_IN_FAULT},

	{"rwsem_down_*_slowpath", EV(KC_LOCK)},
	{"rwsem_spin_on_owner", EV(KC_LOCK)},
	{"rwsem_optimistic_spin", EV(KC_LOCK)},
	{"mutex_spin_on_owner", EV(KC_LOCK)},
	{"mutex_optimistic_spin", EV(KC_LOCK)},
	{"osq_lock", EV(KC_LOCK)},
	/* only where somebody waits */
	{"rwsem_wake*", EV(KC_LOCK)},
	{"__mutex_unlock_slowpath*", EV(KC_LOCK)},
	{"*queued_spin_lock_slowpath", EV(KC_LOCK)},
	{"queued_*_lock_slowpath", EV(KC_LOCK)},
	{"__x64_sys_munmap", EV(KC_UNMAP)},
	{"__vm_munmap", EV(KC_UNMAP)},
	{"vm_munmap", EV(KC_UNMAP)},
	{"do_munmap", EV(KC_UNMAP)},
	{"__do_munmap", EV(KC_UNMAP)},
	{"do_mas_*munmap", EV(KC_UNMAP)},
	{"do_vmi_*munmap", EV(KC_UNMAP)},
	{"vms_*", EV(KC_UNMAP)},
	{"unmap_region", EV(KC_UNMAP)},
	{"unmap_vmas", EV(KC_UNMAP)},
	{"unmap_page_range", EV(KC_UNMAP)},
	{"unmap_mapping_*", EV(KC_UNMAP)},
	{"zap_*", EV(KC_UNMAP)},
	{"free_pgtables", EV(KC_UNMAP)},
	{"free_pgd_range", EV(KC_UNMAP)},
	{"tlb_finish_mmu", EV(KC_UNMAP)},
	{"madvise_dontneed*", EV(KC_UNMAP)},

	{"do_futex", EV(KC_FUTEX)},
	{"futex_*", EV(KC_FUTEX)},
	{"__futex_*", EV(KC_FUTEX)},
	{"__x64_sys_futex*", EV(KC_FUTEX)},

	{"do_mmap", EV(KC_MMAP)},
	{"vm_mmap_pgoff", EV(KC_MMAP)},
	{"ksys_mmap_pgoff", EV(KC_MMAP)},
	{"__x64_sys_mmap", EV(KC_MMAP)},
	{"__x64_sys_brk", EV(KC_MMAP)},
	{"do_brk_flags", EV(KC_MMAP)},
	{"__x64_sys_mprotect", EV(KC_MMAP)},
	{"do_mprotect_pkey", EV(KC_MMAP)},
	{"__x64_sys_mremap", EV(KC_MMAP)},
	{"__x64_sys_madvise", EV(KC_MMAP)},
	{"do_madvise*", EV(KC_MMAP)},
	{"__mm_populate", EV(KC_MMAP)},
	{"populate_vma_page_range", EV(KC_MMAP)},

	{"copy_user_*", EV(KC_COPY)},
	{"_copy_to_user", EV(KC_COPY)},
	{"_copy_from_user", EV(KC_COPY)},
	{"copy_to_user*", EV(KC_COPY)},
	{"copy_from_user*", EV(KC_COPY)},
	{"rep_movs_alternative", EV(KC_COPY)},
	{"_copy_to_iter", EV(KC_COPY)},
	{"_copy_from_iter*", EV(KC_COPY)},
	{"copy_page_to_iter*", EV(KC_COPY)},
	{"copy_page_from_iter*", EV(KC_COPY)},
	{"copyin", EV(KC_COPY)},
	{"copyout", EV(KC_COPY)},

	{"schedule", EV(KC_SCHED)},
	{"__schedule", EV(KC_SCHED)},
	{"schedule_*", EV(KC_SCHED)},
	{"preempt_schedule*", EV(KC_SCHED)},
	{"__cond_resched", EV(KC_SCHED)},
	{"finish_task_switch", EV(KC_SCHED)},
	{"do_nanosleep", EV(KC_SCHED)},

	{"__x64_sys_*", EV(KC_SYSCALL)},
	{"__ia32_sys_*", EV(KC_SYSCALL)},

	{"entry_SYSCALL_64*", EV(KC_ENTRY)},
	{"do_syscall_64", EV(KC_ENTRY)},
	{"x64_sys_call", EV(KC_ENTRY)},
	{"syscall_exit_to_user_mode*", EV(KC_ENTRY)},
	{"syscall_enter_from_user_mode*", EV(KC_ENTRY)},
	{"syscall_trace_enter", EV(KC_ENTRY)},
	{"exit_to_user_mode_*", EV(KC_ENTRY)},
	{"irqentry_*", EV(KC_ENTRY)},
	{"syscall_return_via_sysret", EV(KC_ENTRY)},
	{"error_entry", EV(KC_ENTRY)},
	{"error_return", EV(KC_ENTRY)},
	{"ret_from_exception", EV(KC_ENTRY)},
};

uint64_t kclasses_of(const char *name)
{
	struct bare_name n = bare_kernel_name(name);
	uint64_t all = 0;

	for (size_t i = 0; i < ARRAY_SIZE(evidence); i++) {
		if (name_matches(n, evidence[i].name))
			all |= evidence[i].evidence;
	}
	return all;
}

enum kclass kclass_decide(uint64_t ev, bool in_fault)
{
	/* a preempted task comes out of an interrupt, but what it does there is scheduling */
	if ((ev & EV(KC_IRQ)) && (ev & EV(KC_SCHED)))
		ev &= ~EV(KC_IRQ);
	if (in_fault)
		ev &= ~(EV(KC_EXEC) | EV(KC_EXIT) | EV(KC_FORK));
	if ((ev & EV_IN_FAULT) && !(ev & EV_HANDLED))
		ev |= EV(KC_FAULT_ENTRY);
	in_fault |= (ev & EV_IN_FAULT) != 0;
	if (in_fault && (ev & EV(KC_TRACE)))
		return KC_FAULT_TRACE;
	for (int c = 0; c < KC_OTHER; c++) {
		bool of_fault = c >= KC_FAULT_RECLAIM && c <= KC_FAULT_OTHER;

		if (of_fault && !in_fault)
			continue;
		if (c == KC_FAULT_OTHER || (ev & EV(c)))
			return (enum kclass)c;
	}
	return KC_OTHER;
}

const char *syscall_of(const char *name)
{
	static const char *const prefixes[] = {"__x64_sys_", "__ia32_sys_"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (!strncmp(name, prefixes[i], len) && name[len])
			return name + len;
	}
	return NULL;
}

/* --- what a task is blocked on */

static const struct {
	const char *name;
	const char *what;
	bool lock;
} blocked[] = {
	{"__vma_start_write", "VMA lock", true},
	{"__vma_enter_locked", "VMA lock", true},
	{"__vma_start_exclude_readers", "VMA lock", true},
	{"vma_mark_detached", "VMA lock", true},
	{"__vma_exclude_readers", "VMA lock", true},
	{"vma_start_write*", "VMA lock", true},
	{"handle_userfault", "userfaultfd", false},
	{"fuse_*", "FUSE file system", false},
	{"nfs_*", "NFS", false},
	{"rpc_*", "NFS", false},
	{"jbd2_*", "file system journal", false},
	{"xlog_*", "file system journal", false},
	{"balance_dirty_pages*", "writing out dirty pages", false},
	{"reclaim_throttle", "memory reclaim", false},
	{"mem_cgroup_handle_over_high", "memory limit of the cgroup", false},
	{"__mem_cgroup_handle_over_high", "memory limit of the cgroup", false},
	{"folio_wait_writeback", "writeback of a page", false},
	{"wait_on_page_writeback", "writeback of a page", false},
	{"__folio_lock*", "page being read in, or locked", false},
	{"__lock_page*", "page being read in, or locked", false},
	{"folio_wait_bit*", "page being read in, or locked", false},
	{"wait_on_page_bit*", "page being read in, or locked", false},
	{"migration_entry_wait*", "migration of a page", false},
	{"__wait_on_buffer", "buffer of a block device", false},
	{"synchronize_rcu*", "RCU grace period", false},
	{"synchronize_srcu*", "RCU grace period", false},
	{"rcu_barrier*", "RCU grace period", false},
	{"rwsem_down_*", "kernel rwsem", true},
	{"__down_read*", "kernel rwsem", true},
	{"__down_write*", "kernel rwsem", true},
	{"percpu_rwsem_wait", "kernel percpu rwsem", true},
	{"__mutex_lock*", "kernel mutex", true},
	{"rt_mutex_slowlock*", "kernel rt mutex", true},
	{"rtlock_slowlock*", "kernel rt mutex", true},
	{"coredump_task_exit", "core dump", false},
	{"do_coredump", "core dump", false},
	{"ptrace_stop", "tracer", false},
	{"do_signal_stop", "stop signal", false},
	{"do_freezer_trap", "cgroup freezer", false},
	{"__refrigerator", "freezer", false},
	{"io_cqring_wait*", "io_uring", false},
	{"io_wq_worker", "io_uring", false},
	{"eventfd_read", "eventfd", false},
	{"timerfd_read*", "timerfd", false},
	{"signalfd_read*", "signalfd", false},
	{"inotify_read", "inotify", false},
	{"fanotify_read", "fanotify", false},
	{"do_sigtimedwait", "signal", false},
	{"sigsuspend", "signal", false},
	{"__x64_sys_pause", "signal", false},
	{"kernel_wait4", "child", false},
	{"do_wait", "child", false},
	{"n_tty_read", "terminal", false},
	{"wait_for_completion*", "completion in the kernel", false},
	{"__wait_for_common", "completion in the kernel", false},
	{"__flush_work", "kernel worker", false},
	{"io_schedule*", "block I/O", false},
	{"blk_*", "block I/O", false},
	{"exit_mm", "exit of other threads", false},
	{"zap_pid_ns_processes", "exit of other processes", false},
	{"futex_wait*", "futex", false},
	{"kthread_worker_fn", "work for the kernel thread", false},
	{"worker_thread", "work for the kernel thread", false},
	{"rescuer_thread", "work for the kernel thread", false},
	{"smpboot_thread_fn", "work for the kernel thread", false},
};

int blocked_rule_of(const char *name)
{
	struct bare_name n = bare_kernel_name(name);

	for (size_t i = 0; i < ARRAY_SIZE(blocked); i++) {
		if (name_matches(n, blocked[i].name))
			return (int)i;
	}
	return -1;
}

const char *blocked_rule_name(int rule)
{
	return blocked[rule].what;
}

bool blocked_rule_is_lock(int rule)
{
	return blocked[rule].lock;
}

static bool matches_any(const char *name, const char *const *patterns, size_t cnt)
{
	struct bare_name n = bare_kernel_name(name);

	for (size_t i = 0; i < cnt; i++) {
		if (name_matches(n, patterns[i]))
			return true;
	}
	return false;
}

bool is_kernel_step(const char *name)
{
	static const char *const steps[] = {
		/* spinning locks */
		"*queued_spin_lock_slowpath", "*queued_read_lock_slowpath",
		"*queued_write_lock_slowpath", "_raw_*lock*", "raw_spin_*", "do_raw_*",
		"__raw_*lock*", "resilient_*", "osq_lock", "mcs_*", "virt_spin_lock*", "kvm_wait",
		"pv_wait*",
		/* sleeping locks */
		"rwsem_*", "down_*", "__down_*", "down", "__down", "up_*", "mutex_*", "__mutex_*",
		"ww_mutex_*", "__ww_mutex_*", "percpu_down_*", "__percpu_down_*", "percpu_rwsem_*",
		"rt_mutex_*", "__rt_mutex_*", "rtlock_*", "rt_spin_*", "rt_read_*", "rt_write_*",
		"rwbase_*", "__rwbase_*", "mmap_read_*", "mmap_write_*", "__mmap_lock_*",
		"vma_start_*", "__vma_start_*", "__vma_enter_locked", "rcuwait_*",
		/* the scheduler */
		"schedule*", "__schedule*", "io_schedule*", "preempt_schedule*", "__cond_resched*",
		"finish_task_switch", "__switch_to*", "wait_woken", "do_wait_intr*",
		"prepare_to_wait*", "__wait_on_bit*", "out_of_line_wait_on_bit*", "bit_wait*",
		"__wait_for_common", "wait_for_completion*",
		/* tracing */
		"bpf_*", "__bpf_*", "trace_*", "__traceiter_*", "perf_*", "__perf_*",
		/* into the kernel */
		"entry_*", "do_syscall_64", "x64_sys_call", "asm_exc_page_fault", "exc_page_fault",
		"irqentry_*", "syscall_exit_*", "exit_to_user_mode_*", "ret_from_fork*"};

	return matches_any(name, steps, ARRAY_SIZE(steps));
}

bool is_mmap_lock_function(const char *name)
{
	static const char *const takers[] = {"mmap_read_*",
					     "mmap_write_*",
					     "__mmap_lock_*",
					     "lock_mm_and_find_vma",
					     "get_mmap_lock_carefully",
					     "do_user_addr_fault",
					     "vm_mmap_pgoff",
					     "__vm_munmap",
					     "vm_brk_flags",
					     "__x64_sys_brk",
					     "do_mprotect_pkey",
					     "__x64_sys_mremap",
					     "do_madvise*",
					     "madvise_lock*",
					     "exit_mmap",
					     "exit_mm",
					     "dup_mm*",
					     "dup_mmap",
					     "__mm_populate",
					     "get_user_pages*",
					     "__get_user_pages*",
					     "gup_*",
					     "__access_remote_vm",
					     "access_remote_vm",
					     "process_vm_rw*",
					     "m_start",
					     "smaps_*",
					     "show_smap*",
					     "show_map*",
					     "show_numa_map",
					     "pagemap_read",
					     "proc_map*",
					     "get_cmdline",
					     "proc_pid_cmdline*",
					     "environ_read",
					     "mem_rw",
					     "khugepaged*",
					     "ksm_*",
					     "task_numa_work",
					     "userfaultfd_*",
					     "setup_arg_pages",
					     "begin_new_exec",
					     "exec_mmap",
					     "uprobe_*",
					     "bpf_find_vma",
					     "stack_map_get_build_id*",
					     "task_mem",
					     "futex_hash*",
					     "pin_user_pages*",
					     "mlock*"};

	return matches_any(name, takers, ARRAY_SIZE(takers));
}
