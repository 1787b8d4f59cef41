/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The second promise: our sums against the kernel's own counters for the same tasks and window,
 * over all runs of a recording. Pure.
 *
 * Threads that could not be read whole (THREAD_TORN) are left out on both sides, and counted.
 */
#ifndef WG_MODEL_AUDIT_H
#define WG_MODEL_AUDIT_H

#include "model/lines.h"
#include "model/recording.h"

enum audit_item {
	AUDIT_ONCPU,	 /* ns: cpu + cpu_fault + probe against se.sum_exec_runtime */
	AUDIT_RUN_DELAY, /* ns: runq_wake + runq_preempt against sched_info.run_delay */
	AUDIT_VOLUNTARY,
	AUDIT_INVOLUNTARY,
	AUDIT_FAULT_MINOR,
	AUDIT_FAULT_MAJOR,
	AUDIT_PGTABLES, /* bytes: mm->pgtables_bytes in our rows against /proc */
	AUDIT_CNT,
};

enum audit_unit { AUDIT_NS, AUDIT_COUNT, AUDIT_BYTES };

/* A thread is judged alone from so much time on, ns: the error of a short one says little. */
#define AUDIT_THREAD_MIN_NS 100000000ull
/* A disagreement above this fraction is a warning... */
#define AUDIT_WARN 0.01
/* ...unless it is a time this small: the two sides read different clocks, ns apart, per switch. */
#define AUDIT_FLOOR_NS 100000

struct audit_row {
	const char *key;  /* of the JSON: "oncpu_ns" */
	const char *what; /* in words: "on-CPU" */
	enum audit_unit unit;
	bool known; /* the kernel's side was had */
	uint64_t ours, kernel;
	double error; /* |ours - kernel| / kernel; 0 when equal, 1 when the kernel says 0 and we do not */
	bool warn;
	/* of single threads with more than AUDIT_THREAD_MIN_NS; times only */
	double worst_error;
	uint32_t worst_tid; /* 0: no thread was long enough */
};

struct audit {
	struct audit_row row[AUDIT_CNT];
	size_t thread_cnt;  /* compared */
	size_t torn_cnt;    /* left out */
	uint64_t untrapped; /* faults that are the kernel's own counter on both sides */
	uint64_t asleep_ns; /* sleep that the kernel's run delay counts: so ours does too */
	uint64_t
		stolen_ns; /* steal and interrupts, measured: left out of on-CPU time on both sides */
	int64_t closure_worst_ns; /* largest in amount, over all threads, with its sign */
	uint32_t closure_worst_tid;
	uint64_t closure_worst_wall_ns;
	uint64_t
		clock_worst_ns; /* CLOCK_MONOTONIC against the scheduler's clock, over one thread's wall */
	size_t closure_over_cnt; /* threads over closure_allowed() */
};

void audit_of(struct audit *a, const struct recording *r);

/* |closure| that a thread may have: 0.1% of its wall time or 20 us, whichever is larger, ns. */
uint64_t closure_allowed(uint64_t wall_ns);

/* |ours - kernel| / kernel; see struct audit_row. */
double audit_error(uint64_t ours, uint64_t kernel);

/* One line for each row that warns, for closure and for torn threads. Returns 0 or -ENOMEM. */
int audit_warn(const struct audit *a, struct lines *out);

#endif
