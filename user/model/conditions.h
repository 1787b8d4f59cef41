/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Did the machine hold still while we measured? Judges what a recording says of it. Pure. */
#ifndef WG_MODEL_CONDITIONS_H
#define WG_MODEL_CONDITIONS_H

#include "model/lines.h"
#include "model/recording.h"

/* From which change on a reader should be told. Fractions. The reasons are at the table. */
struct condition_limits {
	double spin;	  /* change of the arithmetic loop */
	double cacheline; /* change of the cache-line latency */
	double steal;	  /* of the CPU time of all CPUs, over a run or over all */
	double other_cpu; /* of the CPU time of all CPUs in a run, used by other tasks */
	double available; /* of memory, left at either end */
};

extern const struct condition_limits condition_limits;

/* One line for each thing that moved enough to matter. Returns 0 or -ENOMEM. */
int conditions_warn(const struct recording *r, struct lines *out);

#endif
