/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proof by counterfactual: the same work again with a switch set that takes a cause away
 * (switches.h). What an explanation is worth shows in whether the gap goes with its cause. Pure.
 *
 *   predicted = sum of the parts of the gap that the switch is for
 *   went away = the gap less the gap between the same two sides under the switch
 *   left      = the same parts of the gap under the switch
 *
 * A switch may make both sides faster or slower: gaps are compared, and both walls are told. That it
 * took the cause away is not taken for granted either: while the cause is still there, the gap's
 * staying proves nothing.
 */
#ifndef WG_MODEL_PROOF_H
#define WG_MODEL_PROOF_H

#include "model/switches.h"

enum proof_verdict {
	PROOF_CONFIRMED,  /* what went away is more than chance, and as much as predicted or more */
	PROOF_IN_PART,	  /* more than chance, but less than predicted */
	PROOF_REFUTED,	  /* the cause went, the gap stayed */
	PROOF_NOT_TESTED, /* at least half of the cause stayed: the switch did not act on it */
	PROOF_UNDECIDED,  /* the intervals allow both, or the prediction itself may be chance */
};

const char *proof_verdict_name(enum proof_verdict v); /* "confirmed", "in part", ... */

struct proof {
	const char *variant;	     /* of the runs */
	const struct switch_def *sw; /* NULL: not known here, then nothing was predicted */
	/* Of its intervals, those of a gap of too few runs are none. */
	uint32_t causes; /* 1 << enum gap_cause: what the switch is for, of this gap */
	double predicted_ns;
	struct interval predicted;
	double a_wall_ns, b_wall_ns; /* medians under the switch */
	double gap_ns;		     /* under the switch */
	struct interval interval;
	double gone_ns;
	struct interval gone; /* by the resamples of both gaps */
	double left_ns;
	struct interval left;
	/*
	 * The side that is faster without the switch, and has none or less of the cause, is not what
	 * it was, by more than chance and 10%: the switch takes other work away, or adds some.
	 */
	bool changes_more;
	enum proof_verdict verdict;
};

/*
 * Of every variant of which both sides of g were measured, in order of appearance. *out is the
 * caller's to free; it points into the recording. Returns how many, or -ENOMEM.
 */
long proofs_of(struct proof **out, const struct locks *l, const struct gap *g);

/*
 * Did more go than predicted, by more than chance? Then other parts of the gap hung on this cause too:
 * waiting for a CPU after a wait for a lock, caches that a shared line was fetched into.
 */
bool proof_exceeds(const struct proof *p);

#define PROOF_PER_GAP 3	     /* switches that are tried for one gap */
#define PROOF_MIN_SHARE 0.05 /* of the gap: smaller predictions are not tried */

/* A switch to try: the pools of these two are to be run with it. */
struct proof_want {
	const struct switch_def *sw;
	const char *runtime[2], *model[2];
};

/*
 * Of all decided gaps of a workload in r: the switches whose prediction holds and makes the gap smaller,
 * the largest first. *out is the caller's to free; its strings are r's. Returns how many, or -ENOMEM.
 */
long proofs_wanted(struct proof_want **out, const struct recording *r, const char *workload);

#endif
