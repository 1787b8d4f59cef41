/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Buckets as columns of a table: those that matter get one, and what is left is summed as "rest"
 * ("other" is a bucket like any). Waiting for a CPU is never in the rest: whatever there is of it has a
 * column, where time preempted goes too when it is too small to stand alone. So the shares of a row always
 * add up to all of its time.
 */
#ifndef WG_REPORT_BUCKETS_H
#define WG_REPORT_BUCKETS_H

#include <stdbool.h>

#include "model/ledger.h"
#include "report/table.h"

/* From this share of its row's time on, a bucket matters. */
#define BUCKET_MATTERS 0.005

/* "run queue", or "runq" where room is scarce. */
enum bucket_heads { BUCKET_HEADS_LONG, BUCKET_HEADS_SHORT };

const char *bucket_head(enum bucket b); /* the long one */

struct bucket_columns {
	bool shown[BUCKET_CNT];
	bool rest; /* is there anything that is not shown? */
};

void bucket_columns_clear(struct bucket_columns *c);
/* A row with these ns, of which all is the sum: mark what matters in it. */
void bucket_columns_see(struct bucket_columns *c, const double ns[BUCKET_CNT], double all);
/* Keep no more columns than fit in room, those with the most weight, and the run queue's. */
void bucket_columns_fit(struct bucket_columns *c, enum bucket_heads heads,
			const double weight[BUCKET_CNT], int room);
/* After see and fit: where the rest goes. Call with every row before the first heads. */
void bucket_columns_rest(struct bucket_columns *c, const double ns[BUCKET_CNT]);

void bucket_heads(struct table *t, const struct bucket_columns *c, enum bucket_heads heads,
		  int group);
void bucket_cells(struct table *t, const struct bucket_columns *c, const double ns[BUCKET_CNT],
		  double all);

#endif
