/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel types that our BPF programs read, and of each only the fields they read. Every
 * access is relocated by name against the running kernel's BTF (CO-RE), so offsets and order
 * here mean nothing and one object serves 5.15 to 7.x. Why not a generated header: see
 * vmlinux/README.md.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef int pid_t;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29
};
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1024 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	s64 counter;
} atomic_long_t;

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long sp;
};

struct rw_semaphore {
	atomic_long_t count;
};

struct percpu_counter {
	s64 count;
};

/* Until 6.2. */
struct mm_rss_stat {
	atomic_long_t count[4];
};

typedef struct {
	void *vdso;
} mm_context_t;

struct mm_struct {
	mm_context_t context;
	unsigned long start_code; /* somewhere in the program's code, after exec */
	atomic_long_t pgtables_bytes;
	struct rw_semaphore mmap_lock;
	struct percpu_counter rss_stat[4]; /* since 6.2 */
};

struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct cpumask {
	unsigned long bits[1];
};

struct rq {
	u64 clock;
	u64 clock_task; /* less steal and interrupt time, where the kernel accounts for them */
	u64 clock_pelt; /* less what a slower CPU got less done */
	unsigned long lost_idle_time;
};

struct cfs_rq {
	struct rq *rq;
	/* with CONFIG_CFS_BANDWIDTH, see quota_clock() in bpf/core.bpf.h */
	int throttle_count;
	u64 throttled_clock_self; /* both since 6.7 */
	u64 throttled_clock_self_time;
};

/* Until 6.6. */
struct cfs_rq___pelt {
	u64 throttled_clock_pelt;
	u64 throttled_clock_pelt_time;
};

/* Until 5.18. */
struct cfs_rq___before_5_19 {
	u64 throttled_clock_task;
	u64 throttled_clock_task_time;
};

struct sched_entity {
	u64 exec_start; /* rq->clock_task up to which sum_exec_runtime counts */
	u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};

struct sched_info {
	unsigned long long run_delay;
	unsigned long long last_arrival; /* on a CPU, by the run queue's clock */
	unsigned long long last_queued;	 /* waiting for one since then; 0: is not */
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
};

struct task_struct {
	struct signal_struct *signal;
	unsigned int __state;
	unsigned int flags;
	unsigned int on_cpu; /* u8 since 6.19 or so: libbpf resizes a load only if it is unsigned */
	int prio;
	struct sched_entity se;
	struct mm_struct *mm;
	unsigned in_iowait : 1;
	bool throttled; /* since 6.18, with CONFIG_CFS_BANDWIDTH */
	pid_t pid;
	pid_t tgid;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt;
	unsigned long maj_flt;
	char comm[16];
	struct sched_info sched_info;
};

struct super_block {
	u32 s_dev;
};

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
	s64 i_size;
	s64 i_mtime_sec; /* both since 6.11 */
	u32 i_mtime_nsec;
};

/* Until 6.6. */
struct inode___before_6_7 {
	struct timespec64 i_mtime;
};

/* Until 6.10. */
struct inode___before_6_11 {
	struct timespec64 __i_mtime;
};

struct file {
	struct inode *f_inode;
};

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	unsigned long vm_pgoff;
	struct file *vm_file;
};

struct linux_binprm {
	int argc;
};

struct kernel_siginfo {
	int si_signo;
};

struct seq_file {
	u64 index;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

enum vm_fault_reason {
	VM_FAULT_OOM = 0x1,
	VM_FAULT_SIGBUS = 0x2,
	VM_FAULT_MAJOR = 0x4,
	VM_FAULT_HWPOISON = 0x10,
	VM_FAULT_HWPOISON_LARGE = 0x20,
	VM_FAULT_SIGSEGV = 0x40,
	VM_FAULT_RETRY = 0x400,
	VM_FAULT_FALLBACK = 0x800,
};

#pragma clang attribute pop

/* User-space ABI (uapi/asm/ptrace.h, uapi/linux/bpf_perf_event.h): fixed, not relocated. */
struct wg_user_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

struct bpf_perf_event_data {
	struct wg_user_regs regs;
	u64 sample_period;
	u64 addr;
};

#endif /* __VMLINUX_H__ */
