/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What events cost on this machine: timed before our programs are attached and once they are, the
 * difference is what getting into and out of them takes, which no clock inside them sees. By tasks
 * that are not tracked, for which a program only looks and leaves.
 */
#ifndef WG_COLLECT_DISPATCH_H
#define WG_COLLECT_DISPATCH_H

#include <stdint.h>

struct dispatch {
	uint64_t handover_ns; /* from one thread to another on one CPU: a wakeup and a switch */
	uint64_t fault_ns;    /* a page fault, anonymous */
};

/* 3 ms or so. What could not be timed is 0. */
void dispatch_time(struct dispatch *out);

/*
 * By two timings, before and after: ns for a program, of which handover_programs run at a handover;
 * and ns that a fault takes beyond two programs. Typical ones where the two make no sense.
 */
void dispatch_costs(const struct dispatch *before, const struct dispatch *after,
		    unsigned int handover_programs, uint64_t *program_ns, uint64_t *fault_ns);

#endif
