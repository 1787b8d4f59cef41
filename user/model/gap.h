/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The gap between two ways of doing the same work, split into parts that sum to it. Pure: the same
 * recording gives the same gap on every machine.
 *
 *   gap = median wall of b less median wall of a
 *       = what one lane does more of the work, where b has fewer lanes
 *       + difference of each bucket of the mean lane, split by cause (where.h)
 *       + unexplained
 *
 * Of commands, which have no lanes, it is the same along the critical path (path.h): that of each
 * run is taken for its one lane.
 *
 * A part is a difference of means over the middle runs of each side: those that are left when the
 * fastest and the slowest quarter (rounded down) are not looked at. What the median wall differs
 * from the mean of these is in unexplained, so that the sum is exact. Each part has its 95%
 * interval by bootstrap over the runs, all parts in the same resamples.
 */
#ifndef WG_MODEL_GAP_H
#define WG_MODEL_GAP_H

#include "model/gap_cause.h"
#include "model/stats.h"
#include "model/where.h"

struct gap_part {
	enum gap_cause cause;
	enum bucket bucket; /* BUCKET_CNT for AT_WORK */
	enum gap_site site;
	struct where_cause of; /* what it is about: only what tells causes apart is filled */
	uint32_t stack;	 /* the heaviest whole path of the side with more of it, or NO_INDEX */
	size_t path_cnt; /* paths that hold WHERE_COVER of it, in the run where they are the most */
	double a_ns, b_ns;	  /* of the mean lane; a's as if it did b's share of the work */
	double a_cnt, b_cnt;	  /* waits of a run, where it is waiting */
	double delta_ns;	  /* b_ns - a_ns */
	struct interval interval; /* of delta_ns */
	size_t row;		  /* of gap.rounds */
};

enum gap_verdict { GAP_SLOWER, GAP_FASTER, GAP_NO_DIFFERENCE, GAP_UNDECIDED };

const char *gap_verdict_name(enum gap_verdict v); /* of b: "slower", "faster", "no difference" */

struct gap {
	const struct group *a, *b;
	double gap_ns;
	/* Fewer than INTERVAL_RUNS_MIN runs of one side: no interval anywhere, and GAP_UNDECIDED. */
	struct interval interval;
	enum gap_verdict verdict;
	/*
	 * About how many repeats would tell whether there is a difference of this size; 0: the verdict
	 * stands, the difference is under 1%, or it would take more than 1,000.
	 */
	int repeats_needed;
	struct gap_part *parts; /* the largest in amount first */
	size_t part_cnt;
	double unexplained_ns; /* gap_ns less the sum of all parts */
	struct interval unexplained;
	/*
	 * [row][BOOTSTRAP_ROUNDS]: delta_ns of each part in each resample; row part_cnt is that of
	 * the gap. For intervals of sums of parts.
	 */
	double *rounds;
};

/* Is the interval of a part on one side of zero? Others are no causes. */
bool gap_part_holds(const struct gap_part *p);

/* g points into a, b and l. Returns 0 or -ENOMEM, then with g empty. */
int gap_of(struct gap *g, const struct locks *l, const struct group *a, const struct group *b);
void gap_clear(struct gap *g);

#endif
