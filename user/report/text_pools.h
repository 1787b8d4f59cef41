/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the text report: what is said of a bench as a whole, around its tables. */
#ifndef WG_REPORT_TEXT_POOLS_H
#define WG_REPORT_TEXT_POOLS_H

#include "model/locks.h"
#include "report/para.h"
#include "report/text.h"

/* The runtimes, with their libraries and flags. */
void text_runtimes(struct para *p, const struct recording *r);
/* What was asked for and is not there. */
void text_absences(struct para *p, const struct recording *r);
/* Whether runs that did the same work came to the same result. */
void text_sums(struct para *p, const struct recording *r);
/* The headlines, ended by an empty line; nothing when none can be held against r. 0 or -ENOMEM. */
int text_headlines(FILE *f, const struct locks *l, const struct text_opts *o);

#endif
