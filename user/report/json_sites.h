/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the JSON report: the sites of a run, all of them, and how good their call paths are. */
#ifndef WG_REPORT_JSON_SITES_H
#define WG_REPORT_JSON_SITES_H

#include "model/locks.h"
#include "report/json_out.h"

/* Members "sample_hz", "stacks" and "sites" of the run with this index. */
void json_sites(struct out *o, const struct locks *l, size_t run);

#endif
