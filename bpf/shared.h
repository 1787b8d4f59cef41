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
#ifndef WG_BPF_SHARED_H
#define WG_BPF_SHARED_H

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
	WG_N_FAULT_HUGE,	    /* of the ends seen: a huge page was put in place */
	WG_N_TLB_REMOTE,	    /* TLB flushes that this task asked of other CPUs */
	WG_N_TLB_LOCAL,		    /* TLB flushes on its own CPU, task switches left out */
	WG_N_IPI_SENT,		    /* interrupts sent to other CPUs, one a CPU; kernel 6.4 */
	WG_COUNT_CNT,
};

/* Time that is a part of a state, or of several: evidence, not a bucket of its own. */
enum wg_part {
	WG_T_KLOCK_MMAP,       /* of WG_KLOCK: mmap_lock of the own process */
	WG_T_KLOCK_SPIN,       /* of WG_CPU and WG_CPU_FAULT: inside a contended kernel lock */
	WG_T_FAULT_BLOCKED,    /* of the blocked states: inside a page fault */
	WG_T_PREEMPT_BLOCKING, /* of WG_RUNQ_PREEMPT: preempted after setting a sleeping state,
				 which the kernel's run_delay leaves out */
	WG_T_STOLEN,	    /* of the on-CPU states: what the kernel's on-CPU time leaves out, the
				  hypervisor's steal and, where it accounts for them, interrupts */
	WG_T_FAULT_HUGE,    /* of WG_CPU_FAULT: faults that put a huge page in place */
	WG_T_QUEUED_ASLEEP, /* of the blocked states: what the kernel's run_delay counts of them */
	WG_T_QUOTA,  /* of the run-queue states: its cgroup's CPU quota was used up, core.bpf.h */
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

/*
 * The path that leads to where a task is, see path.bpf.h: how long it was in which state, and whose
 * that was. A part's key is (id << WG_PATH_ID_SHIFT) | state of a task, or of WG_PATH_REF: all of
 * the path of a task that ended then, whose own row has it. The largest parts are there; what the
 * states have more is of other tasks.
 */
#define WG_PATH_PARTS 16
#define WG_PATH_ID_SHIFT 4
#define WG_PATH_REF 15
#define WG_PATH_STATE(key) ((key) & ((1 << WG_PATH_ID_SHIFT) - 1))

struct wg_path_part {
	__u64 key; /* 0: free, and all that follow */
	__u64 ns;
};

struct wg_path {
	__u64 ns[WG_STATE_CNT];
	struct wg_path_part part[WG_PATH_PARTS];
};

/*
 * The frames at the root of a task's stacks, the outermost first, as they stood in the first whole
 * one: what the thread was started for. Frames are as under "Call paths".
 */
#define WG_ROOT_FRAMES 8

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
	__u64 site_stack; /* of the open wait, as in struct wg_site_key */
	__u64 site_object;
	__u32 site_flags;
	__u32 lane;			  /* enum wg_lane */
	__u64 root_frame[WG_ROOT_FRAMES]; /* of its stacks: see there; 0: no more */
	struct wg_path path;		  /* last: where none are kept it stays out of the ring */
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
	__u64 irq_exit_ns;  /* when an interrupt last ended here; all three: see path.bpf.c */
	__u32 irq_depth, softirq;
	__u64 pad[1];
};

/* What our programs could not do: every lossy path counts here. */
enum wg_loss {
	WG_LOSS_STORAGE,     /* a forked task got no ledger */
	WG_LOSS_EXIT_ROW,    /* ring buffer full: a gone task's row */
	WG_LOSS_KLOCK_DEPTH, /* kernel locks nested deeper than we follow */
	WG_LOSS_WAKEUP,	     /* switched in out of a wait whose end we did not see */
	WG_LOSS_CLOCK_BACK,  /* an interval ended before it began: clock of another CPU */
	WG_LOSS_STACK,	     /* a call path found no room: its frames are not known */
	WG_LOSS_SITE,	     /* a wait or fault found no room among the sites */
	WG_LOSS_STREAM,	     /* a sample or wakeup found no room in the stream */
	WG_LOSS_CNT,
};

/*
 * --- Call paths ---
 *
 * A frame is a module's number in the high 16 bits and, below, the address in the module's own
 * numbering (ELF p_vaddr, the same in every process); module 0 is an address as it is, in no
 * file we know (JIT code). A kernel address has all its high bits set, which no module's number
 * has. Return addresses are kept as they are: one past the call. Bit 47, which no user address
 * has, tells the others.
 */
#define WG_FRAMES_MAX 127 /* of a user stack */
#define WG_KFRAMES_MAX 32
#define WG_MODULE_SHIFT 48
#define WG_MODULE_MAX 8192
#define WG_FRAME_EXACT (1ULL << 47) /* where it was, not where it returns to: leaf, interrupted */
#define WG_FRAME_ADDR(frame) ((frame) & (WG_FRAME_EXACT - 1)) /* of a user frame */

/* How the walk of a user stack ended. */
enum wg_stack_end {
	WG_END_COMPLETE,    /* at the thread's entry */
	WG_END_TRUNCATED,   /* deeper than WG_FRAMES_MAX */
	WG_END_BROKEN,	    /* memory that could not be read, or a frame that made no sense */
	WG_END_UNSUPPORTED, /* a CFI expression that we do not evaluate */
	WG_END_UNMAPPED,    /* the process's mappings or tables had not been loaded yet */
	WG_END_NONE,	    /* not asked for, or no user memory: a kernel thread */
	WG_END_LOST,	    /* the stack, or the site that had it, found no room */
	WG_END_CNT,
};

/*
 * How to step from a frame to its caller: the canonical frame address (CFA, DWARF 6.4.1), the
 * return address at CFA - 8, and rbp and rbx, the callee-saved registers that CFAs are based on.
 */
enum wg_cfa {
	WG_CFA_NONE,	  /* no CFI here: step by frame pointer */
	WG_CFA_END,	  /* the outermost frame: its return address is undefined */
	WG_CFA_RSP,	  /* rsp + cfa_off */
	WG_CFA_RBP,	  /* rbp + cfa_off */
	WG_CFA_REG,	  /* register cfa_arg (DWARF number) + cfa_off: of a leaf frame any,
				   else rbx */
	WG_CFA_RSP_DEREF, /* *(rsp + cfa_off) + cfa_arg */
	WG_CFA_RBP_DEREF, /* *(rbp + cfa_off) + cfa_arg */
	WG_CFA_PLT,	  /* rsp + cfa_off + ((rip & 15) >= cfa_arg ? 8 : 0) */
	WG_CFA_SIGNAL, /* signal trampoline: rsp, rip, rbp, rbx from the ucontext at rsp + cfa_off */
	WG_CFA_UNSUPPORTED, /* CFI that we do not evaluate */
};

enum wg_rbp {
	WG_RBP_SAME,   /* the caller's rbp is in rbp */
	WG_RBP_AT_CFA, /* at *(CFA + rbp_off) */
	WG_RBP_AT_RBP, /* at *(rbp + rbp_off) */
	WG_RBP_AT_RSP, /* at *(rsp + rbp_off) */
	WG_RBP_LOST,   /* undefined, or by an expression that we do not evaluate */
};

#define WG_RBX_LOST 255 /* in a place that cannot be said */
#define WG_REG_RBX 3	/* its DWARF number, in cfa_arg */

/* Offsets in struct ucontext, arch/x86/include/uapi/asm/sigcontext.h: what WG_CFA_SIGNAL reads. */
#define WG_UC_RBP 120
#define WG_UC_RBX 128
#define WG_UC_RSP 160
#define WG_UC_RIP 168

struct wg_rule {
	__s32 cfa_off;
	__s32 rbp_off;
	__u8 cfa; /* enum wg_cfa */
	__u8 cfa_arg;
	__u8 rbp; /* enum wg_rbp */
	__u8 rbx; /* the caller's rbx is at CFA - 8 * rbx; 0: in rbx */
};

_Static_assert(sizeof(struct wg_rule) == 12, "wg_rule has a hole");

/*
 * Unwind tables. Code is cut into pages of 256 bytes; a page's rows are sorted words: the low 8
 * bits are where in the page a rule begins to hold, the high 24 the rule's number. A page with
 * code has a row at 0, so a look-up stays within the page.
 */
#define WG_PAGE_SHIFT 8
#define WG_PAGE_SIZE (1U << WG_PAGE_SHIFT)
#define WG_RULE_MAX (1U << 16)

/*
 * The pool: memory of words that user space writes and the walk reads, in chunks that come as
 * they are needed. In it, at positions counted in words and none across a chunk's end: for each
 * module one cell a page, (position of its first row) << 8 | rows - 1, or 0 for none; the rows;
 * for each process its layout, executable mappings sorted by address.
 */
#define WG_CHUNK_WORDS (1U << 18)
#define WG_CHUNK_MAX 64	   /* so that positions have 24 bits */
#define WG_LAYOUT_MAX 4096 /* mappings */

struct wg_mapping {
	__u64 start, end;
	__u64 bias;   /* address minus the module's own numbering */
	__u32 module; /* 0: executable memory of no file */
	__u32 cut;    /* of a file that was not read: a stack ends here */
};

struct wg_module {
	__u64 base;	/* of page 0 */
	__u32 page_pos; /* of the first cell in the pool */
	__u32 page_cnt; /* 0: no CFI */
	__u32 cut;	/* it has CFI that was not read, or found no room: a stack ends here */
	__u32 pad;
};

/* Of a process. Read and written as one word. */
struct wg_layout {
	__u32 pos; /* in the pool */
	__u16 cnt;
	__u16 noted; /* there are newer mappings in struct wg_noted */
};

_Static_assert(WG_LAYOUT_MAX <= 65535, "a layout's count has 16 bits");

/*
 * What the kernel side has noted by itself of a process's mappings, at the fault that fetched the
 * first instruction out of each, so that a stack can be walked from there on. Those that the process
 * has from before are in its layout. Mappings do not overlap; module 0 is never in it.
 */
#define WG_NOTED_MAX 16 /* a power of two */

struct wg_noted {
	__u32 cnt; /* slots taken, or tried to */
	__u32 pad;
	struct wg_mapping map[WG_NOTED_MAX];
};

/* A file as the kernel tells it from others, and a place in it. The vDSO is all zero. */
struct wg_file_key {
	__u64 ino, size;
	__u64 mtime_sec;
	__u64 pgoff; /* where the mapping begins, in pages */
	__u32 mtime_nsec;
	__u32 dev; /* as in the kernel: the minor has 20 bits */
};

_Static_assert(sizeof(struct wg_file_key) == 40, "wg_file_key has a hole");

/* By struct wg_file_key: what a mapping that begins there is. Written by user space. */
struct wg_file {
	__u64 addr; /* of its first byte, by the module's own numbering */
	__u32 module;
	__u32 pad;
};

/*
 * What the functions of a module mean for a futex wait with them on its call path, nearest to the
 * leaf first: whether it is for a lock. By user space, from the rules of model/lock_rules.c.
 */
enum wg_lock_class {
	WG_LOCK_NONE,
	WG_LOCK_STEP,	     /* on the way, and known by name */
	WG_LOCK_LOCK,	     /* for a lock */
	WG_LOCK_EVENT,	     /* for somebody's doing: condition, join, semaphore, barrier */
	WG_LOCK_OUTER_LOCK,  /* the same of a lock built of another one, further up: decides */
	WG_LOCK_OUTER_EVENT, /* likewise */
	WG_LOCK_ABOVE,	     /* a lock, where only functions without a name lie below */
};

struct wg_lock_code {
	__u64 start; /* by the module's own numbering */
	__u32 size;
	__u32 lock_class; /* enum wg_lock_class */
};

/* Of a module, in the array of codes: sorted by start, none overlap. */
struct wg_lock_codes {
	__u32 pos, cnt;
};

#define WG_LOCK_CODE_MAX 65536

/* What a futex wait's object is read from, in the kernel or, of a sleeper, from outside. */
#define WG_NR_FUTEX_WAITV 449 /* x86-64: arch/x86/entry/syscalls/syscall_64.tbl */
#define WG_NR_FUTEX_WAIT 455
#define WG_FUTEX_PRIVATE 128 /* FUTEX_PRIVATE_FLAG, FUTEX2_PRIVATE */

/* struct futex_waitv, include/uapi/linux/futex.h; user space's headers before 5.16 have none. */
struct wg_futex_waitv {
	__u64 val, uaddr;
	__u32 flags, reserved;
};

/* Waits by length: bucket i holds lengths of 2^(i + 7) up to 2^(i + 8) ns; the ends are open. */
#define WG_HIST_CNT 32

/* A thread that slept when it was tracked: what its stack can be walked from, and what it is in. */
struct wg_sleeper {
	__u32 tid, tgid;
	__u64 since_ns; /* of its wait, to know it by */
	__u64 ip, sp, bp, bx;
	__u64 nr, arg0, arg1, arg3; /* of its system call */
	__u64 state;		    /* enum wg_state */
};

/* The answer: the stack and object of that wait. */
struct wg_adopt {
	__u64 since_ns;
	__u64 stack, object;
	__u64 flags; /* enum wg_site_flags */
};

enum wg_lane {
	WG_LANE_NONE,
	WG_LANE_WORKER,
	WG_LANE_ORCHESTRATOR,
};

/* Of a site: what its object is. The low bits are those of lock:contention_begin. */
enum wg_site_flags {
	WG_SITE_SPIN = 1 << 0,
	WG_SITE_READ = 1 << 1,
	WG_SITE_WRITE = 1 << 2,
	WG_SITE_RT = 1 << 3,
	WG_SITE_PERCPU = 1 << 4,
	WG_SITE_MUTEX = 1 << 5,
	WG_SITE_OWN_MMAP = 1 << 6, /* kernel lock: mmap_lock of the own process */
	WG_SITE_PRIVATE = 1 << 7,  /* futex: FUTEX_PRIVATE_FLAG */
	WG_SITE_PI = 1 << 8,	   /* futex: an operation with priority inheritance */
	WG_SITE_KEPT = 1 << 9,	   /* where paths are kept: it stayed on the waiter's own path */
};

/* What one place of waiting is told apart by. All-zero holes: it is hashed as bytes. */
struct wg_site_key {
	__u64 stack;  /* hash of the call path, kernel part first; 0: none was taken */
	__u64 object; /* address of the futex word or kernel lock; 0: neither */
	__u32 tgid;
	__u16 window;
	__u16 flags; /* enum wg_site_flags */
	__u8 state;  /* enum wg_state */
	__u8 lane;   /* enum wg_lane */
	__u8 pad[2];
	__u32 task; /* where paths are kept: low bits of the task's id, else 0 */
};

/* Entries of a map of sites, of which there are two; user space is told when so many are new. */
#define WG_SITE_MAX 32768
#define WG_FAULT_SITE_MAX 8192
#define WG_SITES_TOLD 1024

/* Updated by atomics from any CPU. */
struct wg_site {
	__u64 cnt, total_ns, max_ns;
	__u32 hist[WG_HIST_CNT];
};

struct wg_fault_site {
	__u64 cnt, total_ns, huge_cnt; /* one in so many, weighed */
	__u64 pgtables_bytes;	       /* growth in these faults, all of it */
};

_Static_assert(sizeof(struct wg_site_key) == 32, "wg_site_key has a hole");

/* What the stream carries, told apart by its first word. */
enum wg_event_type {
	WG_EVENT_STACK,	 /* a call path met for the first time */
	WG_EVENT_SAMPLE, /* an on-CPU sample */
	WG_EVENT_WAKE,	 /* who ended a futex wait */
	WG_EVENT_EXEC,	 /* a tracked process has a new image */
	WG_EVENT_FORK,	 /* a tracked process has a child process */
	WG_EVENT_FILE,	 /* a tracked process runs code of a file that we do not know */
	WG_EVENT_SITES,	 /* a map of sites has grown: only the first word counts */
};

struct wg_stack_event {
	__u32 type;
	__u32 tgid;
	__u64 hash;
	__u8 user_cnt, kernel_cnt;
	__u8 end;   /* enum wg_stack_end */
	__u8 state; /* enum wg_state of the wait that it was first met in; 0 for others */
	__u8 pad[4];
	__u64 frame[WG_FRAMES_MAX + 1 + WG_KFRAMES_MAX]; /* kernel_cnt, then user_cnt */
};

struct wg_sample_event {
	__u32 type;
	__u32 tgid;
	__u64 stack; /* the callers */
	__u64 leaf;  /* the frame sampled: a kernel address, or a user frame */
	__u16 window;
	__u8 state; /* enum wg_state */
	__u8 lane;
	__u32 task; /* as in a site's key */
};

struct wg_wake_event {
	__u32 type;
	__u32 tgid;
	__u64 stack, object; /* of the wait, as in its site's key */
	__u64 waker;	     /* hash of the waker's call path; 0: a time-out, signal or interrupt */
	__u64 waited_ns;
	__u16 window;
	__u16 flags;
	__u8 weight; /* stands for so many */
	__u8 lane;
	__u32 waker_tgid;
};

struct wg_process_event {
	__u32 type;
	__u32 tgid;
	__u32 parent; /* FORK: its tgid */
	__u32 pad;
};

struct wg_file_event {
	__u32 type;
	__u32 tgid;
	__u64 start; /* of the mapping */
	struct wg_file_key key;
};

#endif /* WG_BPF_SHARED_H */
