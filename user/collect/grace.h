/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What programs see, and when. */
#ifndef WG_COLLECT_GRACE_H
#define WG_COLLECT_GRACE_H

/*
 * Until no program runs any more that may have seen the maps and variables as they were before: some
 * milliseconds.
 */
void wait_for_programs(void);

#endif
