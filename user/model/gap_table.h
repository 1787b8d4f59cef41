/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The amounts of all runs of two groups as a table: a row for each part, a column for each run. From
 * here on a gap is arithmetic on columns.
 */
#ifndef WG_MODEL_GAP_TABLE_H
#define WG_MODEL_GAP_TABLE_H

#include "model/gap.h"

struct gap_table {
	size_t row_cnt, a_cnt, b_cnt; /* columns: a's runs, then b's */
	double *ns;		      /* [row][column] */
	double *cnt;
	double *all;   /* [row][column]: of all threads; 0 where nothing is known of them */
	double *delta; /* [row]: room for differences */
	double *wall;  /* [column] */
	struct gap_part *parts; /* [row] */
	double scale;		/* what b's lanes do of the work over what a's do */
};

static inline size_t gap_table_columns(const struct gap_table *t)
{
	return t->a_cnt + t->b_cnt;
}

/* 0 or -ENOMEM; t is to be cleared in either case. */
int gap_table_of(struct gap_table *t, const struct locks *l, const struct group *a,
		 const struct group *b);
void gap_table_clear(struct gap_table *t);
/* Small parts of a bucket and cause become one: their rows are added up in place. */
void gap_table_fold(struct gap_table *t, double gap_ns);

#endif
