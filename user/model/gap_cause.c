// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Which cause of a gap time goes to, by its bucket and what it is about; see gap_cause.h. */
#include "model/gap_cause.h"

#include <string.h>

#include "base/util.h"

const char *gap_cause_name(enum gap_cause c)
{
	static const char *const names[GAP_CAUSE_CNT] = {
		[GAP_LOCK_WAIT] = "lock wait",
		[GAP_LOCK_TRAFFIC] = "lock traffic",
		[GAP_MMAP_LOCK] = "mmap_lock",
		[GAP_KERNEL_LOCK] = "kernel lock",
		[GAP_PAGE_FAULTS] = "page faults",
		[GAP_PAGE_TABLES] = "page tables",
		[GAP_TLB] = "tlb",
		[GAP_RUN_QUEUE] = "run queue",
		[GAP_CPU_QUOTA] = "cpu quota",
		[GAP_CPU_FUNCTION] = "cpu function",
		[GAP_DISK] = "disk",
		[GAP_IPC] = "ipc",
		[GAP_SLEEP] = "sleep",
		[GAP_CHILD] = "child",
		[GAP_IDLE] = "idle",
		[GAP_LOST] = "lost",
		[GAP_OTHER] = "other",
	};

	return names[c];
}

static enum gap_cause cause_of_kernel(enum kclass c)
{
	switch (c) {
	case KC_TLB:
		return GAP_TLB;
	case KC_FAULT_PGTABLE:
		return GAP_PAGE_TABLES;
	case KC_FUTEX:
		return GAP_LOCK_WAIT; /* going to sleep and waking others */
	case KC_MMAP_LOCK:
		return GAP_MMAP_LOCK;
	case KC_LOCK:
		return GAP_KERNEL_LOCK;
	case KC_TRACE:
	case KC_IRQ:
	case KC_SCHED:
	case KC_ENTRY:
	case KC_OTHER:
		return GAP_OTHER;
	case KC_EXEC:
	case KC_EXIT:
	case KC_FORK:
	case KC_UNMAP:
	case KC_MMAP:
	case KC_COPY:
	case KC_SYSCALL:
		return GAP_CPU_FUNCTION;
	default:
		return GAP_PAGE_FAULTS;
	}
}

static enum gap_cause cause_of_wait(const struct where_cause *c)
{
	switch (c->wait) {
	case WAIT_CONTENTION:
		return GAP_LOCK_WAIT;
	case WAIT_IDLE:
	case WAIT_BARRIER:
		return GAP_IDLE;
	default:
		return GAP_OTHER;
	}
}

static enum gap_cause cause_of_blocked(const struct where_cause *c)
{
	if (c->kind == CAUSE_LOCK)
		return c->type == TYPE_MMAP ? GAP_MMAP_LOCK : GAP_KERNEL_LOCK;
	return c->kind == CAUSE_BLOCKED && c->blocked >= 0 && blocked_rule_is_lock(c->blocked)
		       ? GAP_KERNEL_LOCK
		       : GAP_OTHER;
}

/* A lock's own function: what it takes on the CPU is the price of its cache line. */
static bool is_lock_function(const struct locks *l, const struct where_cause *c)
{
	const struct lock_rule *rule = c->kind == CAUSE_FUNCTION && c->frame != NO_INDEX
					       ? l->paths->of[c->frame].rule
					       : NULL;

	return rule && rule->kind == RULE_LOCK &&
	       (rule->type == TYPE_MUTEX || rule->type == TYPE_RWLOCK);
}

/* Of a bucket's time that no site has, and of buckets that are one cause whatever the site. */
enum gap_cause gap_cause_of_bucket(enum bucket b)
{
	static const enum gap_cause causes[BUCKET_CNT] = {
		[B_CPU_USER] = GAP_CPU_FUNCTION,
		[B_CPU_KERNEL] = GAP_CPU_FUNCTION,
		[B_CPU_FAULT] = GAP_PAGE_FAULTS,
		[B_RUNQ_WAKE] = GAP_RUN_QUEUE,
		[B_RUNQ_PREEMPT] = GAP_RUN_QUEUE,
		[B_FUTEX] = GAP_OTHER,
		[B_KLOCK] = GAP_KERNEL_LOCK,
		[B_IO] = GAP_DISK,
		[B_SLEEP] = GAP_SLEEP,
		[B_POLL] = GAP_IDLE,
		[B_IPC] = GAP_IPC,
		[B_CHILD] = GAP_CHILD,
		[B_STOPPED] = GAP_OTHER,
		[B_OTHER] = GAP_OTHER,
		[B_PROBE] = GAP_OTHER,
	};

	return causes[b];
}

static bool is_one_cause(enum bucket b)
{
	return b == B_RUNQ_WAKE || b == B_RUNQ_PREEMPT || b == B_IO || b == B_SLEEP ||
	       b == B_POLL || b == B_IPC || b == B_CHILD;
}

enum gap_cause gap_cause_of(const struct locks *l, enum bucket b, const struct where_cause *c)
{
	if (c->kind == CAUSE_LOST)
		return GAP_LOST;
	if (is_one_cause(b))
		return gap_cause_of_bucket(b);
	switch (b) {
	case B_CPU_USER:
		return is_lock_function(l, c) ? GAP_LOCK_TRAFFIC : GAP_CPU_FUNCTION;
	case B_CPU_KERNEL:
	case B_CPU_FAULT:
		return c->kind == CAUSE_KERNEL ? cause_of_kernel(c->kclass) : GAP_OTHER;
	case B_FUTEX:
		return cause_of_wait(c);
	default:
		return cause_of_blocked(c);
	}
}
