/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One measured window: a snapshot at each edge, the rows of tasks that went in between, the cost
 * and the machine's CPU time beside them, made into the threads of a run. What the run was for
 * is the caller's business.
 */
#ifndef WG_CMD_WINDOW_H
#define WG_CMD_WINDOW_H

#include <stdbool.h>

#include "base/err.h"
#include "cmd/names.h"
#include "collect/collector.h"
#include "model/recording.h"

struct window {
	struct collector *c; /* not owned */
	struct names *names; /* not owned; NULL: no sites */
	uint64_t root_id;    /* only tasks of this tree; 0: all that are tracked */
	pid_t root;	     /* the process that the tree begins with, or 0 */
	struct rows before, after, gone;
	struct cost cost;
	uint64_t busy_ns, steal_ns; /* of the machine, at the start; UNKNOWN if not had */
	uint64_t begin_ns;
	bool path; /* of one that begins before anything is tracked: fill in its critical path */
};

void window_init(struct window *w, struct collector *c, struct names *names);
void window_clear(struct window *w);

/*
 * Take the first edge: a snapshot of what is tracked now. root: the window is of the tasks that
 * descend from this tracked process; 0: of all that are tracked.
 */
int window_begin(struct window *w, pid_t root, struct err *e);
/*
 * The first edge lies before anything of process root was tracked: its tree's ledgers count from
 * their own beginning.
 */
int window_begin_empty(struct window *w, pid_t root, struct err *e);

/*
 * Take the second edge and fill run: threads (role helper, lane -1), sites, wakers, bpf_ns, event_cnt, steal_ns,
 * other_cpu_ns. run->begin_ns and end_ns are set to the edges; a caller that knows better sets
 * them after.
 */
int window_end(struct window *w, struct run *run, struct err *e);

#endif
