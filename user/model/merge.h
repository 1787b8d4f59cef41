/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Two recordings as one, so that what was measured in both can be held side by side: each workload,
 * runtime and model of both becomes a section of its own with two groups, a and b; so do two
 * recordings of one command each. Pure.
 */
#ifndef WG_MODEL_MERGE_H
#define WG_MODEL_MERGE_H

#include "model/lines.h"
#include "model/recording.h"

/*
 * Move all of b into a (b is left empty), runs relabelled by the side they come from. Runs of what
 * the other side did not measure are dropped, with a line in notes; and what differs between
 * the two machines, kernels and versions gets a line in warnings. Returns 0, -ENOMEM, or -ENODATA:
 * nothing was measured in both.
 */
int recording_merge(struct recording *a, struct recording *b, const char *a_label,
		    const char *b_label, struct lines *warnings, struct lines *notes);

#endif
