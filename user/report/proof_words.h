/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A proof in words. New strings, or NULL without memory. */
#ifndef WG_REPORT_PROOF_WORDS_H
#define WG_REPORT_PROOF_WORDS_H

#include "model/proof.h"

/* What was switched: "a library context for each lane"; the id of one that is not known here. */
const char *proof_switch(const struct proof *p);
/* "confirmed", and what else there is to know of it. */
char *proof_outcome(const struct proof *p);
/* "with a library context for each lane the gap is +3.10 ms (95%: ..), not +0.246 s". */
char *proof_gap(const struct gap *g, const struct proof *p);
/* "99% of it went away (95%: 96% to 103%), 54% was predicted to go (lock wait, lock traffic)". */
char *proof_shares(const struct gap *g, const struct proof *p);
/* What the switch did to both sides: "threads 0.554 s to 0.290 s, procs 0.309 s to 0.286 s"; where
 * the side that lacks the cause is not what it was, that the switch changes more.
 */
char *proof_walls(const struct gap *g, const struct proof *p);
/* All of these in that order, with "; " between them. */
char *proof_text(const struct gap *g, const struct proof *p);

#endif
