/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Call paths: the scratch memory in which a program builds one, and what it does with it. A
 * program takes its own scratch (no two programs that can interrupt each other share one),
 * fills the kernel part if it wants one, sets the user registers to begin from, calls
 * wg_walk_user and then wg_stack_keep, which gives the hash that stands for the stack.
 */
#ifndef WG_BPF_WALK_BPF_H
#define WG_BPF_WALK_BPF_H

#include "common.bpf.h"

enum walk_slot {
	WALK_SWITCH,
	WALK_WAKING,
	WALK_SAMPLE,
	WALK_FAULT,
	WALK_SLOT_CNT,
};

#define WALK_REG_CNT 16	 /* DWARF numbers, x86-64 psABI: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 */
#define WALK_WINDOW 1024 /* bytes of user stack read at once */
#define WALK_ROOM 256	 /* frames; a power of two above both parts together, for the verifier */

struct walk {
	u64 ip, sp, bp;
	u64 bx;		       /* of the leaf frame */
	u64 bx_at;	       /* where the nearest frame below has saved it; 0: nowhere */
	u64 reg[WALK_REG_CNT]; /* of the leaf frame, where has_regs */
	u64 hash;
	struct wg_mapping map; /* that held the last address */
	struct wg_module mod;
	struct wg_layout layout;
	u32 tgid;
	u32 user_cnt, kernel_cnt;
	u8 end; /* enum wg_stack_end */
	u8 has_regs;
	u8 exact;      /* ip is no return address: leaf, or below a signal frame */
	u8 bp_lost;    /* the caller's rbp is not known */
	u8 jit;	       /* a frame outside of any file: the stack is this process's own */
	u8 leaf_apart; /* put 0 in the stack for the user leaf, which goes to leaf */
	u8 newborn;    /* there is one frame, and no caller */
	u8 bx_lost;    /* nor the leaf's rbx, on the way here */
	u64 leaf;
	u64 window_at; /* of the user stack, what window holds */
	u32 window_sz;
	u32 lock_seen; /* wg_path_is_lock() */
	u64 window[WALK_WINDOW / 8];
	struct wg_stack_event out; /* frame[] is filled in place */
	u64 room[WALK_ROOM - WG_FRAMES_MAX - 1 - WG_KFRAMES_MAX];
};

/* One of each slot and CPU: written by one program at a time. */
struct walk_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WALK_SLOT_CNT);
	__type(key, u32);
	__type(value, struct walk);
};

extern struct walk_map walks SEC(".maps");

#define PROCESS_MAX 65536

/* By tgid: where its mappings are in the pool. Written by user space; at fork and exec by us. */
struct layout_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROCESS_MAX);
	__type(key, u32);
	__type(value, struct wg_layout);
};

extern struct layout_map layouts SEC(".maps");

#define NOTED_MAX 8192 /* processes; those beyond wait for user space, as where nothing is noted */

/* By tgid. See mapping.bpf.c. */
struct noted_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NOTED_MAX);
	__type(key, u32);
	__type(value, struct wg_noted);
};

extern struct noted_map noted SEC(".maps");

/* Set by user space: the kernel side notes mappings itself. */
extern const volatile bool wg_notes;

/* In mapping.bpf.c: the current task has fetched its first instruction out of a page at addr. Returns 0. */
int wg_mapping_note(u64 addr);

/* By tgid: its page tables up to which growth has been counted (fault.bpf.c). */
struct pgtables_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROCESS_MAX);
	__type(key, u32);
	__type(value, u64);
};

extern struct pgtables_map pgtables SEC(".maps");

/* Stacks, samples, wakeups, news of processes. Drained by user space while the run lasts. */
struct stream_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024);
};

extern struct stream_map stream SEC(".maps");

/* Set by user space: call paths are wanted. */
extern const volatile bool wg_stacks;

/* In unwind.bpf.c; each is verified once. They return 0, unless they say. */
int wg_mapping_known(u32 tgid, u64 addr); /* 1: what is mapped at addr is known */
int wg_walk_user(struct walk *w);
int wg_stack_keep(struct walk *w);

static __always_inline struct walk *walk_get(enum walk_slot slot)
{
	u32 key = slot;

	return wg_stacks ? bpf_map_lookup_elem(&walks, &key) : NULL;
}

static __always_inline void walk_begin(struct walk *w, struct task_struct *t)
{
	w->tgid = t->tgid;
	w->user_cnt = w->kernel_cnt = 0;
	w->hash = 0;
	w->end = WG_END_NONE;
	w->out.state = 0;
	w->bx_at = 0;
	w->window_sz = 0;
	w->has_regs = w->newborn = w->bp_lost = w->bx_lost = w->jit = w->leaf_apart = 0;
	w->exact = 1;
}

#define NR_CLONE 56
#define NR_CLONE3 435

/* Begin from what t saved when it entered the kernel; t is current. */
static __always_inline void walk_from_kernel_entry(struct walk *w, struct task_struct *t)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	u64 nr = regs->orig_ax;

	/*
	 * A new thread that has not been in user mode yet: clone returns 0 to it on a stack of its
	 * own, where nothing has called it. (A forked child has its parent's; its one frame will do.)
	 */
	w->newborn = (nr == NR_CLONE || nr == NR_CLONE3) && !regs->ax;
	w->ip = regs->ip;
	w->sp = regs->sp;
	w->bp = regs->bp;
	w->bx = regs->bx;
}

#define NR_EXECVE 59
#define NR_EXECVEAT 322

/*
 * Is there a user stack that we can walk? A kernel thread, or one on its way out, has no user memory;
 * in execve and execveat the memory may be of the new image and the registers of the old one; and of
 * 32-bit code the words are half as wide.
 */
static __always_inline bool has_user_stack(struct task_struct *t)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(t);
	u64 nr = regs->orig_ax;

	return t->mm && regs->cs != USER32_CS && nr != NR_EXECVE && nr != NR_EXECVEAT &&
	       !(t->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER));
}

/* The user part of the path of t, which is current and in the kernel; none where there is no stack. */
static __always_inline void walk_user_part(struct walk *w, struct task_struct *t)
{
	if (!has_user_stack(t))
		return;
	walk_from_kernel_entry(w, t);
	wg_walk_user(w);
}

/* The kernel's own stack, by its unwinder; ctx is the program's. */
#define walk_kernel(w, ctx)                                                                        \
	do {                                                                                       \
		long _sz = bpf_get_stack(ctx, (w)->out.frame, WG_KFRAMES_MAX * sizeof(u64), 0);    \
		(w)->kernel_cnt = _sz > 0 ? (u32)_sz / sizeof(u64) & (2 * WG_KFRAMES_MAX - 1) : 0; \
	} while (0)

#endif /* WG_BPF_WALK_BPF_H */
