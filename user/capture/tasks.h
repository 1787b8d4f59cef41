/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From the snapshots at a window's edges, and those of tasks that ended in it, to a run's threads. Pure. */
#ifndef WG_CAPTURE_TASKS_H
#define WG_CAPTURE_TASKS_H

#include <stdbool.h>
#include <sys/types.h>

#include "collect/rows.h"
#include "model/recording.h"

struct tasks {
	const struct rows *before, *after; /* at the edges, ordered by id */
	const struct rows *gone;	   /* ended in between, or since */
	uint64_t begin_ns;		   /* of the window */
	uint64_t root_id;		   /* only tasks of this tree; 0: all */
	bool counts[WG_COUNT_CNT];	   /* what is counted at all on this kernel */
};

/* The id of the tree whose root is process root, found among the rows: it is its own root. 0: none. */
uint64_t tasks_root(const struct rows *r, pid_t root);
/* Add the threads to run, role helper and lane -1, in the order of rows. 0 or -ENOMEM. */
int tasks_fill(const struct tasks *t, struct run *run);

#endif
