/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What was measured of a headline, and its cause, as words. New strings, or NULL without memory. */
#ifndef WG_REPORT_HEADLINE_WORDS_H
#define WG_REPORT_HEADLINE_WORDS_H

#include "model/headlines.h"

/* Whom it is about: "node", or "node and bun" of two runtimes. */
char *headline_who(const struct headline *h);
/* "threads 0.790 s, procs 0.640 s: 1.24 times as long (1.20 to 1.31)" */
char *headline_figures(const struct headline *h);
/* "lock wait +0.284 s (rwlock ..); lock traffic 30% ±3 of samples against 5% ±1" */
char *headline_why(const struct headline *h, const struct locks *l);

#endif
