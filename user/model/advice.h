/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What people do about a cause: one table of rules, to which anybody may add a line. A suggestion,
 * not a finding: it follows from the kind of cause and the functions on its path alone. Pure.
 */
#ifndef WG_MODEL_ADVICE_H
#define WG_MODEL_ADVICE_H

#include "model/gap.h"

/* One line, or NULL: nothing that is generally done. */
const char *advice_for(const struct gap_part *p, const struct locks *l);

#endif
