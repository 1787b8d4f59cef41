/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the text report: where the time of a group went, below its table. */
#ifndef WG_REPORT_TEXT_WHERE_H
#define WG_REPORT_TEXT_WHERE_H

#include <stdio.h>

#include "model/locks.h"
#include "model/summary.h"
#include "report/text.h"

/*
 * The buckets that matter, in each the causes that hold 95% of it with their call paths, the page
 * tables, TLB flushes and wakers that go with them. Nothing where a recording has no sites.
 * Returns 0 or -ENOMEM.
 */
int text_where(FILE *f, const struct group *g, const char *name, const struct locks *l,
	       const struct text_opts *o);

#endif
