/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The critical path of a run: by bucket, by who was on it, and by the sites that its time was spent
 * in. Pure.
 *
 * The parts of a path sum to its states, to the ns. How much of a part is of which site is not
 * measured but inferred: a task's sites count in the proportion that the part has to all the
 * task's time in that state. Where the path follows one task for as long as that lasts, this is
 * exact. A wait that ended by somebody's doing, where the path came from that somebody, counts for
 * nothing.
 */
#ifndef WG_MODEL_PATH_H
#define WG_MODEL_PATH_H

#include "model/ledger.h"

/* Buckets of the critical path, ns: they sum to that of path_ns. False: it is not known. */
bool path_buckets(const struct run *run, double out[BUCKET_CNT]);

/* Of bucket b of the path, waiting while the cgroup's CPU quota was used up, ns; see ledger_quota(). */
double path_quota(const struct run *run, enum bucket b);

/*
 * For each site of the run how much of it is on the path, 0..1. NULL: no memory. To be freed by the
 * caller.
 */
double *path_site_weights(const struct run *run);

/* Who was on the path: a task, or all those of one name. */
struct path_link {
	char comm[WG_COMM_LEN]; /* "" for those that are not known one by one */
	uint32_t thread; /* index into run.threads, the one with most of it; NO_INDEX as above */
	size_t task_cnt;
	uint64_t ns; /* on the path, all together */
	uint64_t state_ns[WG_STATE_CNT];
};

/*
 * The path's tasks, in order of their beginning; where there are more than a few, those of one name
 * together. *out is to be freed. Returns how many, or -ENOMEM.
 */
long path_links(const struct run *run, struct path_link **out);

#endif
