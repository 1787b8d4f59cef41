/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which groups of a summary are worth comparing. */
#ifndef WG_MODEL_GAP_PAIRS_H
#define WG_MODEL_GAP_PAIRS_H

#include "model/summary.h"

/*
 * What is worth comparing in a summary: within a section each two models, single before procs
 * before threads (of a comparison of two recordings, the first before the second); then each two
 * runtimes that did the same work by the same model, in order of appearance. Groups that were cut short are left out.
 */
struct gap_pair {
	const struct group *a, *b;
	bool runtimes; /* a and b are of different runtimes */
};

/* *out is the caller's to free. Returns how many, or -ENOMEM. */
long gap_pairs(const struct summary *s, struct gap_pair **out);

#endif
