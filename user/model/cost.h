/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What watching cost, over all runs of a recording. Pure. */
#ifndef WG_MODEL_COST_H
#define WG_MODEL_COST_H

#include "model/recording.h"

struct cost {
	uint64_t bpf_ns;     /* measured inside our programs, all CPUs */
	uint64_t event_cnt;  /* runs of them */
	uint64_t oncpu_ns;   /* of all tasks followed */
	uint64_t own_cpu_ns; /* of our own threads, while the runs lasted; or UNKNOWN */
	double bpf_share;    /* bpf_ns / oncpu_ns; 0 when nothing ran */
	/*
	 * (bpf_ns + event_cnt * dispatch_ns + faults * fault_event_ns) / oncpu_ns: with what it takes to get into and out of
	 * a program, which its own clock does not see. Caches that we cool are not in it.
	 */
	double estimate_share;
	bool estimate_known;
	/*
	 * How much longer the work took than it would have without us, as a share of that: at least
	 * by what estimate_share says; at most with the caches that we cool, what the kernel does for
	 * us when a task starts and ends, the sampler's interrupts, the CPU time of our own threads
	 * while the work was on a CPU too, and with every short wait for a lock taken for our doing: a
	 * lock held longer by our programs may be the one that is met held.
	 */
	double slower_lo, slower_hi; /* slower_hi < 0: no bound, all of it may be ours */
};

void cost_of(struct cost *c, const struct recording *r);

#endif
