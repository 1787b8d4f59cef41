/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Call paths: what the rules say of each function, found once for a recording, and of a whole
 * path what a wait on it was for, what the kernel did there, and which of its frames tell a
 * person something. Pure.
 */
#ifndef WG_MODEL_PATHS_H
#define WG_MODEL_PATHS_H

#include "model/kernel_rules.h"
#include "model/lock_rules.h"
#include "model/recording.h"
#include "model/runtime_rules.h"

/* What is known of a frame by its name and module. */
struct func {
	const struct lock_rule *rule;	    /* user functions; or NULL */
	const struct runtime_rule *runtime; /* user functions; or NULL */
	uint64_t evidence;		    /* kernel functions, see kclass_decide() */
	int blocked;			    /* see blocked_rule_of(); -1 for none */
	bool libc;
	bool named;	/* by a symbol, or by a perf map */
	bool entry;	/* where threads begin */
	bool program;	/* the runtime gave way to the program here, or to a script of its own */
	bool step;	/* of the kernel: says nothing of what the path does */
	bool mmap_lock; /* of the kernel: takes one */
};

struct paths {
	const struct recording *r;
	struct func *of; /* of each frame of r */
};

/* p points into r, which must outlive it. Returns 0 or -ENOMEM, then with p empty. */
int paths_of(struct paths *p, const struct recording *r);
void paths_clear(struct paths *p);

static inline const struct frame *path_frame(const struct paths *p, const struct stack *s,
					     uint32_t i)
{
	return &p->r->frames[s->frames[i]];
}

static inline const struct func *path_func(const struct paths *p, const struct stack *s, uint32_t i)
{
	return &p->of[s->frames[i]];
}

/* What a futex wait on this path was for. */
struct futex_wait {
	enum lock_type type;
	enum wait_class wait;
	uint32_t at; /* outermost frame of the lock's function; frame_cnt when there is none */
	bool near;   /* only frames without a name lie between it and the system call */
};

struct futex_wait path_futex_wait(const struct paths *p, const struct stack *s);

/* What the runtime was doing there: the rule nearest to the leaf, as far as no script is between. */
enum activity path_activity(const struct paths *p, const struct stack *s);

/* Of a thread: its start routine, "" not known, and what it is for, see thread_kind(). */
const char *thread_start(const struct recording *r, const struct thread *t);
const char *thread_kind_of(const struct recording *r, const struct thread *t);

/* What the kernel did in a sample, and the innermost frame that says so; the leaf when none does. */
enum kclass path_kclass(const struct paths *p, const struct stack *s, bool in_fault, uint32_t *at);

/* The system call of the path: the frame's index in the recording, or NO_INDEX. */
uint32_t path_syscall(const struct paths *p, const struct stack *s);

/* What a blocked task waited for, by the kernel's frames: see blocked_rule_name(); or -1. */
int path_blocked(const struct paths *p, const struct stack *s);

/* First kernel frame that is no step on the way into a lock or the scheduler; kernel_cnt: none. */
uint32_t path_kernel_from(const struct paths *p, const struct stack *s);

/* Is the lock that the path waits for an mmap_lock, by the function that takes it? */
bool path_takes_mmap_lock(const struct paths *p, const struct stack *s);

/* First user frame from `from` on that tells what the program did there; frame_cnt: none. */
uint32_t path_telling(const struct paths *p, const struct stack *s, uint32_t from);

/*
 * The frames of s that a person wants to see, from the frame `from` on, leaf first, as indices
 * into the recording's frames; NO_INDEX stands where others were left out. Entry frames at the
 * root, steps into locks and functions without a name are left out, but never all. keep_leaf: the
 * first one stays whatever it is. Returns how many; out has room for PATH_FRAMES_MAX.
 */
#define PATH_FRAMES_MAX 256
uint32_t path_frames(const struct paths *p, const struct stack *s, uint32_t from, bool keep_leaf,
		     uint32_t out[PATH_FRAMES_MAX]);

#endif
