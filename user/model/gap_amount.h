/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A run as a list of amounts: nanoseconds of its mean lane, or of its critical path, by what they are
 * about. They sum to the lane's time.
 */
#ifndef WG_MODEL_GAP_AMOUNT_H
#define WG_MODEL_GAP_AMOUNT_H

#include "model/gap_cause.h"

/* What tells amounts apart: the same key in two runs is the same part of their gap. */
struct amount_key {
	enum bucket bucket;
	enum gap_site site;
	enum gap_cause cause;
	enum cause_kind kind;
	uint32_t id;	/* lock's name_id, type and class of a wait, kclass, blocked rule */
	uint32_t frame; /* or NO_INDEX */
};

struct amount {
	struct amount_key key;
	size_t column; /* of the run: a's first, then b's */
	double ns, cnt;
	double all_ns; /* of all threads, on the path or not; else 0 */
	struct where_cause of;
	uint32_t stack;
	size_t path_cnt;
};

struct amounts {
	const struct locks *l;
	uint32_t *
		twin; /* of each frame, the first one with its name: the same function of two builds */
	struct amount *list;
	size_t cnt, cap;
};

/* Of l's recording. 0 or -ENOMEM; x is to be cleared in either case. */
int amounts_init(struct amounts *x, const struct locks *l);
void amounts_clear(struct amounts *x);
/* Add those of a run of group g, as column `column`. 0 or -ENOMEM. */
int amounts_add_run(struct amounts *x, size_t column, const struct group *g, const struct run *run);
/* Bring together what has one key, in it by column, in it the largest first. */
void amounts_sort(struct amounts *x);
int amount_keys_order(const struct amount_key *x, const struct amount_key *y);

#endif
