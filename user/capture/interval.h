/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a task did between two snapshots of it, which the kernel side made: all its amounts only
 * grow, so it is a difference. What goes in as time comes out as time, to the nanosecond. Pure.
 */
#ifndef WG_CAPTURE_INTERVAL_H
#define WG_CAPTURE_INTERVAL_H

#include "model/recording.h"

/*
 * Make a thread of the window between two snapshots of one task.
 *   before  at the window's start; NULL for a task that began inside it
 *   after   at the window's end, or the task's last
 * Sets all of t but role and lane. A window in which the task was not there gives wall 0.
 */
void interval_fill(struct thread *t, const struct wg_row *before, const struct wg_row *after);

#endif
