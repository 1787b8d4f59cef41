/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A gap in words. What is said of a part is what its figures say: a part whose interval spans zero
 * is never called a cause. New strings, or NULL without memory.
 */
#ifndef WG_REPORT_GAP_WORDS_H
#define WG_REPORT_GAP_WORDS_H

#include "model/gap.h"

/* The side of a gap as people would call it: what differs of runtime and model. */
char *gap_side(const struct gap *g, const struct group *side);
/*
 * Where a part is: the lock and its path, the kernel's work, the function; in about max columns,
 * INT_MAX for all.
 */
char *gap_part_site(const struct gap_part *p, const struct locks *l, int max);
/* "new" or "gone" of what only b, or only a, has; else NULL. */
const char *gap_part_only(const struct gap_part *p);
/* What it is, with its figures: "1,204 waits against 3". */
char *gap_part_text(const struct gap_part *p, const struct locks *l);
/* The paragraph: most important parts first, then what is not known. */
char *gap_paragraph(const struct gap *g, const struct locks *l);
/* What people do about the causes that the paragraph names, each once. Returns how many. */
#define GAP_ADVICE_MAX 3
size_t gap_advice(const struct gap *g, const struct locks *l, const char *out[GAP_ADVICE_MAX]);

#endif
