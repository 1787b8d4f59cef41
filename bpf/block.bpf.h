/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a task that leaves the CPU to sleep is waiting for. Read from the registers it saved when
 * it entered the kernel (the system call's number, for futex its operation), so no system call
 * needs a probe and a call that does not block costs nothing.
 */
#ifndef WG_BPF_BLOCK_BPF_H
#define WG_BPF_BLOCK_BPF_H

#include "common.bpf.h"

/* What sleeping in a system call means. */
enum call_class {
	CALL_OTHER,
	CALL_FUTEX,
	CALL_SLEEP,
	CALL_POLL,
	CALL_IPC,
	CALL_RW,   /* a pipe or socket when interruptible, a device when not */
	CALL_FILE, /* a device when uninterruptible */
	CALL_CHILD,
	CALL_CLONE, /* a child when uninterruptible: vfork's wait */
};

/* x86-64 numbers: arch/x86/entry/syscalls/syscall_64.tbl */
#define NR_FUTEX 202
#define NR_RESTART 219
#define CALL_CNT 512

static const u8 call_classes[CALL_CNT] = {
	[202] = CALL_FUTEX, [449] = CALL_FUTEX, /* futex_waitv */
	[455] = CALL_FUTEX,			/* futex_wait */
	[34] = CALL_SLEEP,			/* pause */
	[35] = CALL_SLEEP,			/* nanosleep */
	[128] = CALL_SLEEP,			/* rt_sigtimedwait */
	[130] = CALL_SLEEP,			/* rt_sigsuspend */
	[230] = CALL_SLEEP,			/* clock_nanosleep */
	[7] = CALL_POLL,			/* poll */
	[23] = CALL_POLL,			/* select */
	[208] = CALL_POLL,			/* io_getevents */
	[232] = CALL_POLL,			/* epoll_wait */
	[270] = CALL_POLL,			/* pselect6 */
	[271] = CALL_POLL,			/* ppoll */
	[281] = CALL_POLL,			/* epoll_pwait */
	[333] = CALL_POLL,			/* io_pgetevents */
	[426] = CALL_POLL,			/* io_uring_enter */
	[441] = CALL_POLL,			/* epoll_pwait2 */
	[42] = CALL_IPC,			/* connect */
	[43] = CALL_IPC,			/* accept */
	[44] = CALL_IPC,			/* sendto */
	[45] = CALL_IPC,			/* recvfrom */
	[46] = CALL_IPC,			/* sendmsg */
	[47] = CALL_IPC,			/* recvmsg */
	[65] = CALL_IPC,			/* semop */
	[69] = CALL_IPC,			/* msgsnd */
	[70] = CALL_IPC,			/* msgrcv */
	[220] = CALL_IPC,			/* semtimedop */
	[242] = CALL_IPC,			/* mq_timedsend */
	[243] = CALL_IPC,			/* mq_timedreceive */
	[288] = CALL_IPC,			/* accept4 */
	[299] = CALL_IPC,			/* recvmmsg */
	[307] = CALL_IPC,			/* sendmmsg */
	[0] = CALL_RW,				/* read */
	[1] = CALL_RW,				/* write */
	[17] = CALL_RW,				/* pread64 */
	[18] = CALL_RW,				/* pwrite64 */
	[19] = CALL_RW,				/* readv */
	[20] = CALL_RW,				/* writev */
	[40] = CALL_RW,				/* sendfile */
	[275] = CALL_RW,			/* splice */
	[276] = CALL_RW,			/* tee */
	[278] = CALL_RW,			/* vmsplice */
	[295] = CALL_RW,			/* preadv */
	[296] = CALL_RW,			/* pwritev */
	[326] = CALL_RW,			/* copy_file_range */
	[327] = CALL_RW,			/* preadv2 */
	[328] = CALL_RW,			/* pwritev2 */
	[2] = CALL_RW,				/* open: of a FIFO, or of a file */
	[257] = CALL_RW,			/* openat */
	[437] = CALL_RW,			/* openat2 */
	[3] = CALL_FILE,			/* close */
	[4] = CALL_FILE,			/* stat */
	[5] = CALL_FILE,			/* fstat */
	[6] = CALL_FILE,			/* lstat */
	[26] = CALL_FILE,			/* msync */
	[74] = CALL_FILE,			/* fsync */
	[75] = CALL_FILE,			/* fdatasync */
	[76] = CALL_FILE,			/* truncate */
	[77] = CALL_FILE,			/* ftruncate */
	[78] = CALL_FILE,			/* getdents */
	[82] = CALL_FILE,			/* rename */
	[83] = CALL_FILE,			/* mkdir */
	[84] = CALL_FILE,			/* rmdir */
	[85] = CALL_FILE,			/* creat */
	[86] = CALL_FILE,			/* link */
	[87] = CALL_FILE,			/* unlink */
	[88] = CALL_FILE,			/* symlink */
	[162] = CALL_FILE,			/* sync */
	[187] = CALL_FILE,			/* readahead */
	[217] = CALL_FILE,			/* getdents64 */
	[258] = CALL_FILE,			/* mkdirat */
	[262] = CALL_FILE,			/* newfstatat */
	[263] = CALL_FILE,			/* unlinkat */
	[264] = CALL_FILE,			/* renameat */
	[277] = CALL_FILE,			/* sync_file_range */
	[285] = CALL_FILE,			/* fallocate */
	[306] = CALL_FILE,			/* syncfs */
	[316] = CALL_FILE,			/* renameat2 */
	[332] = CALL_FILE,			/* statx */
	[61] = CALL_CHILD,			/* wait4 */
	[247] = CALL_CHILD,			/* waitid */
	[56] = CALL_CLONE,			/* clone */
	[58] = CALL_CLONE,			/* vfork */
	[435] = CALL_CLONE,			/* clone3 */
};

/* FUTEX_LOCK_PI, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2: their kernel lock is the user's lock. */
static __always_inline bool futex_op_is_pi(u64 op)
{
	op &= 127; /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */
	return op == 6 || op == 11 || op == 13;
}

static __always_inline u8 state_of_call(u8 class, bool uninterruptible)
{
	switch (class) {
	case CALL_FUTEX:
		return WG_FUTEX;
	case CALL_SLEEP:
		return WG_SLEEP;
	case CALL_POLL:
		return WG_POLL;
	case CALL_IPC:
		return WG_IPC;
	case CALL_RW:
		return uninterruptible ? WG_IO : WG_IPC;
	case CALL_FILE:
		return uninterruptible ? WG_IO : WG_OTHER;
	case CALL_CHILD:
		return WG_CHILD;
	case CALL_CLONE:
		return uninterruptible ? WG_CHILD : WG_OTHER;
	}
	return WG_OTHER;
}

/*
 * The blocked state of t, which is current and leaves the CPU in task state `st`. Uninterruptible
 * alone is not taken for I/O: mutexes, fork and memory-map waits sleep so too.
 */
static __always_inline u8 blocked_state(struct task_struct *t, struct task_state *s, u32 st)
{
	struct pt_regs *regs;
	u32 flags = t->flags;
	long nr;

	if (flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		return s->klock_cnt ? WG_KLOCK : task_in_iowait(t) ? WG_IO : WG_OTHER;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	nr = (long)regs->orig_ax; /* -1 in an exception */
	/* the way of a futex storm: nothing below would say otherwise */
	if (nr == NR_FUTEX && !(st & (__TASK_STOPPED | __TASK_TRACED)) && !s->klock_cnt &&
	    !s->fault && !(flags & PF_EXITING) && regs->cs != USER32_CS)
		return s->call_state = WG_FUTEX;
	if (st & (__TASK_STOPPED | __TASK_TRACED))
		return WG_STOPPED;
	if (s->fault && nr >= 0 && (s->fault == WG_FAULT_USER || st & TASK_INTERRUPTIBLE))
		fault_drop(s); /* it ended in a signal or a fix-up; this is a later wait */
	if (s->klock_cnt && !(nr == NR_FUTEX && futex_op_is_pi(regs->si)))
		return WG_KLOCK;
	if (task_in_iowait(t))
		return WG_IO;
	if (s->fault || nr < 0 || nr >= CALL_CNT || (flags & PF_EXITING))
		return WG_OTHER;
	if (regs->cs == USER32_CS) {
		s->flags |= WG_ROW_COMPAT;
		return WG_OTHER;
	}
	if (nr == NR_RESTART && s->call_state)
		return s->call_state;
	return s->call_state =
		       state_of_call(call_classes[nr & (CALL_CNT - 1)], st & TASK_UNINTERRUPTIBLE);
}

#endif /* WG_BPF_BLOCK_BPF_H */
