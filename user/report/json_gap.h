/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the JSON report: the gaps between models, and between runtimes. */
#ifndef WG_REPORT_JSON_GAP_H
#define WG_REPORT_JSON_GAP_H

#include "model/gap.h"
#include "report/json_out.h"

/* The array "gaps", all pairs that gap_pairs() names. */
void gaps_out(struct out *o, const struct locks *l);

#endif
