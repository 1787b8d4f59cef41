/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the text report: how much longer one side takes, what that is made of, and in words. */
#ifndef WG_REPORT_TEXT_GAP_H
#define WG_REPORT_TEXT_GAP_H

#include "model/gap.h"
#include "report/text.h"

/* Of two groups of the same work; nothing when either was cut short. Returns 0 or -ENOMEM. */
int text_gap(FILE *f, const struct locks *l, const struct group *a, const struct group *b,
	     const struct text_opts *o);

#endif
