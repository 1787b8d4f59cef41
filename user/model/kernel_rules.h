/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel was doing, told by the functions on its part of a call path: by the ancestors,
 * never by the leaf alone, since samples skid to where interrupts are switched on again. Names are
 * those of Linux 5.15 to 7.x; all the rules are in kernel_rules.c.
 */
#ifndef WG_MODEL_KERNEL_RULES_H
#define WG_MODEL_KERNEL_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* In order of precedence: the first one that the path gives evidence of holds. */
enum kclass {
	KC_TRACE, /* BPF programs, tracepoints: our own cost */
	KC_TLB,	  /* flushing translations, here or on other CPUs */
	KC_IRQ,	  /* interrupts, and soft interrupts after them */
	KC_EXEC,
	KC_EXIT, /* of a task, with the end of its memory */
	KC_FORK,
	/* page faults, populating included */
	KC_FAULT_TRACE, /* our own cost of seeing them */
	KC_FAULT_RECLAIM,
	KC_FAULT_PGTABLE, /* making page tables */
	KC_FAULT_MEMCG,	  /* charging them to the cgroup */
	KC_FAULT_ZERO,	  /* clearing pages */
	KC_FAULT_COPY,	  /* copy on write */
	KC_FAULT_FILE,
	KC_FAULT_SWAP,
	KC_FAULT_ALLOC, /* finding a page */
	KC_FAULT_LRU,	/* putting it on the lists of reclaim */
	KC_FAULT_LOCK,	/* mmap_lock, VMA locks, locks of page tables */
	KC_FAULT_ENTRY, /* the trap: nothing of the handler below it */
	KC_FAULT_OTHER,
	/* outside of faults: spinning before going to sleep is no contention event yet */
	KC_MMAP_LOCK, /* for mmap_lock: only path_kclass tells it from KC_LOCK */
	KC_LOCK,      /* waiting for a lock on the CPU */
	KC_UNMAP,
	KC_FUTEX,
	KC_MMAP, /* changing the address space in other ways */
	KC_COPY, /* to and from user memory */
	KC_SCHED,
	KC_SYSCALL, /* any other, by its name */
	KC_ENTRY,   /* into the kernel and out */
	KC_OTHER,
	KC_CNT,
};

/* "TLB flush", "page fault: zeroing"; of KC_SYSCALL "syscall", to which its name belongs. */
const char *kclass_name(enum kclass c);

/* The classes that a kernel function is evidence of, bit by bit. */
uint64_t kclasses_of(const char *name);

/*
 * The class of a path whose functions together gave this evidence. in_fault: taken inside a page
 * fault. Without that, the parts of a fault count only beside evidence of one.
 */
enum kclass kclass_decide(uint64_t evidence, bool in_fault);

/* "futex" of "__x64_sys_futex"; NULL when name is no system call's. */
const char *syscall_of(const char *name);

/*
 * What a task waits for that is blocked in this function, in words ("VMA lock", "io_uring"), by
 * number; the lower number holds along a path. -1 when the function says nothing.
 */
int blocked_rule_of(const char *name);
const char *blocked_rule_name(int rule);
bool blocked_rule_is_lock(int rule); /* a lock in all but the contention event */

/* On the way into a kernel lock or into the scheduler: says nothing of what the lock is. */
bool is_kernel_step(const char *name);

/* mmap_lock is taken here, of whatever process. */
bool is_mmap_lock_function(const char *name);

#endif
