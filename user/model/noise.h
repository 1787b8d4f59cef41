/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Did the machine treat both sides of a gap alike? Judges what the runs of the two sides say of it:
 * time stolen, CPU used by others, and how fast the machine was just before each. Pure.
 */
#ifndef WG_MODEL_NOISE_H
#define WG_MODEL_NOISE_H

#include "model/lines.h"
#include "model/recording.h"
#include "model/summary.h"

/* From where on a reader should be told. Fractions. The reasons are at the table. */
struct noise_limits {
	double steal;	  /* of the CPU time of all CPUs in a run */
	double other_cpu; /* the same, used by other tasks */
	double spin;	  /* slowest repeat over fastest, less 1 */
	double cacheline; /* the same */
	double sides;	  /* of each limit, between the medians of the two sides */
};

extern const struct noise_limits noise_limits;

/*
 * One line for each thing that may have made a part of the gap. a_name, b_name: what to call the
 * sides. r is the recording that they are of. Returns 0 or -ENOMEM.
 */
int noise_warn(const struct recording *r, const struct group *a, const char *a_name,
	       const struct group *b, const char *b_name, struct lines *out);

#endif
