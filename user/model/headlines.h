/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The headlines of the benchmark that wallgap came from, each held against what was measured here.
 * That benchmark ran worker threads and child processes in Node.js and Bun; its figures are kept
 * beside each claim. What is decided, is decided by the 95% interval over the repeats. Pure.
 */
#ifndef WG_MODEL_HEADLINES_H
#define WG_MODEL_HEADLINES_H

#include "model/gap.h"

enum claim_kind {
	CLAIM_ALIKE, /* a and b take equally long: within CLAIM_ALIKE_RATIO, as the two there did */
	CLAIM_SLOWER, /* b takes longer than a */
	CLAIM_PEAK,   /* b holds at least so much memory at its peak */
};

#define CLAIM_ALIKE_RATIO 1.1

struct claim {
	const char *id;	    /* short, stable: "crypto-threads" */
	const char *text;   /* what is claimed */
	const char *source; /* the figures there */
	enum claim_kind kind;
	const char *workload;
	const char *a, *b;		   /* models */
	const char *a_runtime, *b_runtime; /* beginnings of names; NULL: the same one, each */
	double bytes;			   /* CLAIM_PEAK */
};

enum verdict {
	VERDICT_REPRODUCED,
	VERDICT_NOT_REPRODUCED,
	VERDICT_REVERSED, /* the interval lies on the other side */
	VERDICT_UNDECIDED, /* fewer than three repeats, or an interval that reaches from one answer into
			      another: across 1 and further than CLAIM_ALIKE_RATIO */
	VERDICT_CNT,
};

/* Of the lanes of both sides, what tells whether locks cost time, on the CPU or off it. */
struct lock_cost {
	double samples[2];		     /* a, b: user samples */
	double undecoded[2];		     /* share of them whose instruction is not known */
	double traffic[2], traffic_error[2]; /* share of the others at atomic instructions */
	double contended_ns[2];		     /* futex waits that are contention, of the mean lane */
};

struct headline {
	const struct claim *claim;
	const struct group *a, *b; /* a is NULL for CLAIM_PEAK */
	double value;		   /* median of b over that of a; bytes for CLAIM_PEAK */
	struct interval interval;
	enum verdict verdict;
	struct gap gap; /* not of CLAIM_PEAK */
	struct lock_cost locks;
};

struct headlines {
	struct headline *list;
	size_t cnt, cap;
	struct summary summary; /* that a and b point into */
};

/* Those that can be held against what r measured. Returns 0 or -ENOMEM, then with h empty. */
int headlines_of(struct headlines *h, const struct locks *l);
void headlines_clear(struct headlines *h);

const char *verdict_name(enum verdict v); /* "reproduced", "not reproduced", ... */

#endif
