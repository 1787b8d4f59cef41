/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel side saw becomes the runs of a recording, one window a run:
 *
 *   capture_new -> [ capture_begin -> capture_drain ... -> capture_end ] ... -> capture_free
 *
 * A window is a snapshot of the tracked tasks at each edge and the last snapshots of those that
 * ended in between; beside them the cost, the machine's CPU time, and the callchains with their
 * names. What the run was for is the caller's business.
 */
#ifndef WG_CAPTURE_CAPTURE_H
#define WG_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "collect/collector.h"
#include "model/recording.h"

struct capture;

/* Of c into r, which both stay the caller's. 0 or -ENOMEM. */
int capture_new(struct capture **out, struct collector *c, struct recording *r);
void capture_free(struct capture *k); /* accepts NULL */

struct collector *capture_collector(const struct capture *k);
struct recording *capture_recording(const struct capture *k);

/*
 * The first edge. root: the window is of the tasks that descend from this tracked process; 0: of all
 * that are tracked. A window that was begun and not ended is forgotten.
 */
int capture_begin(struct capture *k, pid_t root, struct err *e);
/*
 * The same, before anything of process root is tracked: its tree's ledgers count from their own
 * beginning. path: fill in the critical path.
 */
int capture_begin_early(struct capture *k, pid_t root, bool path, struct err *e);

/* Take in the tasks that have ended since: now and then, so that the kernel side has room. */
int capture_drain(struct capture *k, struct err *e);

/*
 * The second edge. Fills run: threads (role helper, lane -1), sites, wakers, bpf_ns, event_cnt,
 * steal_ns, other_cpu_ns. run->begin_ns and end_ns are set to the edges; a caller that knows better
 * sets them after.
 */
int capture_end(struct capture *k, struct run *run, struct err *e);

#endif
