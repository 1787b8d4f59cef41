/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From a window's raw profile to the sites and wakers of its run, by name. */
#ifndef WG_CAPTURE_SITES_H
#define WG_CAPTURE_SITES_H

#include "capture/names.h"
#include "collect/collector.h"
#include "model/recording.h"

/*
 * Fill run->sites and run->wakers from p, for the processes of run->threads (others share the
 * window: idle pools of other runs). Sites with the same path by name become one. 0 or -ENOMEM.
 */
int sites_fill(struct run *run, const struct profile *p, struct names *n);

#endif
