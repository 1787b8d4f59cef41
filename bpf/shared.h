/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The contract between the BPF programs and user space: what a task's ledger holds and the
 * row in which it leaves the kernel. Included by both sides; fixed width, no hidden padding,
 * sizes asserted below.
 *
 *   task storage (one per tracked task, kernel only)      struct task_state in bpf/common.bpf.h
 *        |  copied, with the open interval closed at "now"
 *        v
 *   struct wg_row  -- task iterator (a snapshot: tasks alive)
 *                  -- ring buffer   (a task's last switch: tasks gone)
 *
 * Moments are CLOCK_MONOTONIC, durations the scheduler's own clock. All amounts in a row are totals since tracking began;
 * a window is the difference of two rows of one task.
 */
#ifndef WG_SHARED_H
#define WG_SHARED_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/*
 * What a task is doing. Every nanosecond since its ledger began is in exactly one of these.
 * The first two are time on a CPU; user and kernel are told apart later, by samples.
 */
enum wg_state {
	WG_CPU,		 /* on a CPU, outside a page fault */
	WG_CPU_FAULT,	 /* on a CPU, inside a page fault */
	WG_RUNQ_WAKE,	 /* woken (or new), waiting for a CPU */
	WG_RUNQ_PREEMPT, /* switched out while runnable, waiting for a CPU */
	WG_FUTEX,	 /* blocked in a futex wait of any form */
	WG_KLOCK,	 /* blocked on a contended kernel lock */
	WG_IO,		 /* blocked uninterruptibly for a device, page-in included */
	WG_SLEEP,	 /* nanosleep, pause and the like */
	WG_POLL,	 /* poll, select, epoll_wait and the like */
	WG_IPC,		 /* read, write, send, receive on a pipe, socket or message queue */
	WG_CHILD,	 /* waiting for a child, vfork included */
	WG_STOPPED,	 /* stopped or traced */
	WG_OTHER,	 /* blocked for a reason that none of the above covers */
	WG_PROBE,	 /* our own programs, on the task's time */
	WG_STATE_CNT,
};

/* Event counts of one task, totals since tracking began. */
enum wg_count {
	WG_N_SWITCH_VOLUNTARY,
	WG_N_SWITCH_INVOLUNTARY,
	WG_N_FAULT_MINOR,	    /* ends seen */
	WG_N_FAULT_MAJOR,	    /* ends seen */
	WG_N_FAULT_USER,	    /* entries from user mode */
	WG_N_FAULT_KERNEL,	    /* entries from kernel mode */
	WG_N_FAULT_UNENDED,	    /* entries with no end: signal, bad address, fix-up */
	WG_N_FAULT_UNTRAPPED,	    /* minor ones without a trap (populate, get_user_pages) */
	WG_N_FAULT_UNTRAPPED_MAJOR, /* major ones without a trap */
	WG_N_SAMPLE_USER,	    /* cpu-clock samples in WG_CPU, user mode */
	WG_N_SAMPLE_KERNEL,	    /* cpu-clock samples in WG_CPU, kernel mode */
	WG_N_KLOCK_CONTENDED,	    /* contention_begin events, outermost, sleeping locks */
	WG_N_KLOCK_SPIN,	    /* the same, spin locks */
	WG_N_KLOCK_MMAP,	    /* of the sleeping ones: mmap_lock of the own process */
	WG_N_PREEMPT_BLOCKING,	    /* preempted after setting a sleeping state */
	WG_COUNT_CNT,
};

/* Time that is a part of a state, or of several: evidence, not a bucket of its own. */
enum wg_part {
	WG_T_KLOCK_MMAP,       /* of WG_KLOCK: mmap_lock of the own process */
	WG_T_KLOCK_SPIN,       /* of WG_CPU and WG_CPU_FAULT: inside a contended kernel lock */
	WG_T_FAULT_BLOCKED,    /* of the blocked states: inside a page fault */
	WG_T_PREEMPT_BLOCKING, /* of WG_RUNQ_PREEMPT: preempted after setting a sleeping state,
				 which the kernel's run_delay leaves out */
	WG_T_STOLEN, /* of the on-CPU states: what the kernel's on-CPU time leaves out, the
				  hypervisor's steal and, where it accounts for them, interrupts */
	WG_T_BEFORE, /* on CPU between the start of tracking and exec, in no state */
	WG_PART_CNT,
};

/* The kernel's own counters for the same task, read in the same visit. Totals of its life. */
struct wg_kernel {
	__u64 oncpu_ns;	    /* se.sum_exec_runtime */
	__u64 run_delay_ns; /* sched_info.run_delay */
	__u64 nvcsw;
	__u64 nivcsw;
	__u64 min_flt;
	__u64 maj_flt;
};

enum wg_row_flags {
	WG_ROW_DEAD = 1 << 0,	      /* the task's last row: it has left the CPU for good */
	WG_ROW_ON_CPU = 1 << 1,	      /* was running when visited */
	WG_ROW_TORN = 1 << 2,	      /* could not be read whole in the tries allowed */
	WG_ROW_EXECED = 1 << 3,	      /* has called exec while tracked */
	WG_ROW_FORKED = 1 << 4,	      /* tracked since its birth (inherited) */
	WG_ROW_COMPAT = 1 << 5,	      /* made 32-bit system calls: waits in them are "other" */
	WG_ROW_WAITING_EXEC = 1 << 6, /* a root that has not called exec: its ledger is not begun */
};

#define WG_COMM_LEN 16

struct wg_row {
	__u64 id;	      /* unique for this load of the programs; survives tid reuse */
	__u64 begin_ns;	      /* when the ledger began: birth, exec or attach; CLOCK_MONOTONIC */
	__u64 now_ns;	      /* when this row was made, CLOCK_MONOTONIC */
	__u64 begin_sched_ns; /* the same two moments by the ledger's clock, the scheduler's: */
	__u64 sched_ns;	      /* their difference is what the states sum to */
	__u64 parent_id;      /* id of the task it was forked by; 0 for a root */
	__u64 root_id;	      /* id of the first tracked ancestor; its own for a root */
	__u32 tid;
	__u32 tgid;
	__u32 flags; /* enum wg_row_flags */
	__u32 state; /* enum wg_state at now_ns */
	char comm[WG_COMM_LEN];
	__u64 state_ns[WG_STATE_CNT];
	__u64 state_cnt[WG_STATE_CNT]; /* intervals begun */
	__u64 count[WG_COUNT_CNT];
	__u64 part_ns[WG_PART_CNT];
	struct wg_kernel kernel;      /* now */
	struct wg_kernel kernel_base; /* when tracking began */
	__u64 oncpu_in_ns;    /* kernel.oncpu_ns at the last switch-in, for a running task */
	__u64 oncpu_open_ns;  /* of state_ns: on CPU since that switch-in */
	__u64 open_ns;	      /* of state_ns[state]: the interval still open at now_ns */
	__u64 pgtables_bytes; /* of the process, now; 0 once its memory is gone */
	__u64 pgtables_peak_bytes;
};

_Static_assert(sizeof(struct wg_row) % 8 == 0, "wg_row has a hole");
_Static_assert(sizeof(struct wg_kernel) == 48, "wg_kernel has a hole");

#define WG_CPU_MAX 1024 /* power of two; CPUs beyond share slots, which only blurs WG_PROBE */

/* Per CPU, written on that CPU only. A line each. */
struct wg_cpu_slot {
	__u64 probe_ns;	    /* our time since the last bill() of the task running here */
	__u64 total_ns;	    /* our time, ever */
	__u64 event_cnt;    /* runs of our programs that got past their filter */
	__u64 clock_off;    /* CLOCK_MONOTONIC minus the scheduler's clock, see common.bpf.h */
	__u64 clock_off_at; /* when that was taken, scheduler's clock */
	__u64 pad[3];
};

/* What our programs could not do: every lossy path counts here. */
enum wg_loss {
	WG_LOSS_STORAGE,     /* a forked task got no ledger */
	WG_LOSS_EXIT_ROW,    /* ring buffer full: a gone task's row */
	WG_LOSS_KLOCK_DEPTH, /* kernel locks nested deeper than we follow */
	WG_LOSS_WAKEUP,	     /* switched in out of a wait whose end we did not see */
	WG_LOSS_CLOCK_BACK,  /* an interval ended before it began: clock of another CPU */
	WG_LOSS_CNT,
};

#endif /* WG_SHARED_H */
