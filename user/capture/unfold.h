/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The critical path of a run, from the path ledgers of its tasks (bpf/path.bpf.h): who was on it,
 * in which state, for how long. Pure.
 */
#ifndef WG_CAPTURE_UNFOLD_H
#define WG_CAPTURE_UNFOLD_H

#include "model/recording.h"

/*
 * Set run->path_ns and run->path_parts from the last rows of its tasks. The path is that of the one
 * that ended last; none without rows. run's threads must be there. 0 or -ENOMEM.
 */
int unfold_path(struct run *run, const struct wg_row *rows, size_t cnt);

#endif
