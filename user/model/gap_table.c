// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See gap_table.h. */
#include "model/gap_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/gap_amount.h"

#define PART_MIN_SHARE 0.02 /* of the gap: smaller parts of a bucket are told together */

void gap_table_clear(struct gap_table *t)
{
	free(t->ns);
	free(t->cnt);
	free(t->all);
	free(t->delta);
	free(t->wall);
	free(t->parts);
}

static double tasks_per_lane(const struct group *g)
{
	const struct run *run = g->first;

	return run->workers > 0 && run->task_cnt > 0 ? (double)run->task_cnt / run->workers : 1;
}

/* Lists of all runs, sorted, into rows: amounts of one key and run add up. */
static void fill_rows(struct gap_table *t, const struct amounts *x)
{
	size_t row = 0;
	double most = 0;

	for (size_t i = 0; i < x->cnt; i++) {
		const struct amount *a = &x->list[i];
		bool of_a = a->column < t->a_cnt;
		struct gap_part *p;

		if (i && amount_keys_order(&x->list[i - 1].key, &a->key))
			row++;
		p = &t->parts[row];
		if (!i || amount_keys_order(&x->list[i - 1].key, &a->key)) {
			*p = (struct gap_part){.cause = a->key.cause,
					       .bucket = a->key.bucket,
					       .site = a->key.site,
					       .of = a->of,
					       .stack = NO_INDEX};
			most = -1;
		}
		if (a->ns > most) {
			most = a->ns;
			p->of = a->of;
			p->stack = a->stack;
		}
		p->path_cnt = a->path_cnt > p->path_cnt ? a->path_cnt : p->path_cnt;
		t->ns[row * gap_table_columns(t) + a->column] += a->ns * (of_a ? t->scale : 1);
		t->cnt[row * gap_table_columns(t) + a->column] += a->cnt;
		t->all[row * gap_table_columns(t) + a->column] += a->all_ns;
	}
	t->row_cnt = x->cnt ? row + 1 : 0;
}

/* What b's lanes have to do more of: a's own time, as often again. */
static void add_work_row(struct gap_table *t)
{
	struct gap_part *p = &t->parts[t->row_cnt];

	if (t->scale == 1)
		return;
	*p = (struct gap_part){
		.cause = GAP_OTHER, .bucket = BUCKET_CNT, .site = AT_WORK, .stack = NO_INDEX};
	/* a's column keeps what it took, b's what it would have taken for b's share */
	for (size_t i = 0; i < t->a_cnt; i++)
		t->ns[t->row_cnt * gap_table_columns(t) + i] = (1 - t->scale) * t->wall[i];
	t->row_cnt++;
}

int gap_table_of(struct gap_table *t, const struct locks *l, const struct group *a,
		 const struct group *b)
{
	struct amounts x;
	int err = amounts_init(&x, l);

	*t = (struct gap_table){.a_cnt = a->run_cnt, .b_cnt = b->run_cnt};
	t->scale = tasks_per_lane(b) / tasks_per_lane(a);
	for (size_t i = 0; i < gap_table_columns(t) && !err; i++)
		err = amounts_add_run(&x, i, i < t->a_cnt ? a : b,
				      i < t->a_cnt ? a->runs[i] : b->runs[i - t->a_cnt]);
	amounts_sort(&x);
	t->ns = calloc((x.cnt + 3) * (gap_table_columns(t) + 1), sizeof(*t->ns));
	t->cnt = calloc((x.cnt + 3) * (gap_table_columns(t) + 1), sizeof(*t->cnt));
	t->all = calloc((x.cnt + 3) * (gap_table_columns(t) + 1), sizeof(*t->all));
	t->wall = calloc(gap_table_columns(t) + 1, sizeof(*t->wall));
	t->parts = calloc(x.cnt + 3, sizeof(*t->parts));
	t->delta = calloc(x.cnt + 3, sizeof(*t->delta));
	if (!err && (!t->ns || !t->cnt || !t->all || !t->delta || !t->wall || !t->parts))
		err = -ENOMEM;
	for (size_t i = 0; i < gap_table_columns(t) && !err; i++)
		t->wall[i] =
			(double)ledger_run_wall(i < t->a_cnt ? a->runs[i] : b->runs[i - t->a_cnt]);
	if (!err) {
		fill_rows(t, &x);
		add_work_row(t);
		if (!a->has_lanes)
			t->parts[t->row_cnt++] = (struct gap_part){.cause = GAP_IDLE,
								   .bucket = BUCKET_CNT,
								   .site = AT_SERIAL,
								   .stack = NO_INDEX};
	}
	amounts_clear(&x);
	return err;
}

void gap_table_fold(struct gap_table *t, double gap_ns)
{
	size_t to = 0, many = SIZE_MAX;

	for (size_t i = 0; i < t->row_cnt; i++) {
		struct gap_part *p = &t->parts[i];
		double *row = t->ns + i * gap_table_columns(t);
		bool small =
			p->site == AT_CAUSE && fabs(p->delta_ns) < PART_MIN_SHARE * fabs(gap_ns);

		if (many != SIZE_MAX &&
		    (t->parts[many].bucket != p->bucket || t->parts[many].cause != p->cause))
			many = SIZE_MAX;
		if (small && many != SIZE_MAX) {
			for (size_t j = 0; j < gap_table_columns(t); j++) {
				t->ns[many * gap_table_columns(t) + j] += row[j];
				t->all[many * gap_table_columns(t) + j] +=
					t->all[i * gap_table_columns(t) + j];
			}
			continue;
		}
		memmove(t->ns + to * gap_table_columns(t), row,
			gap_table_columns(t) * sizeof(*row));
		memmove(t->cnt + to * gap_table_columns(t), t->cnt + i * gap_table_columns(t),
			gap_table_columns(t) * sizeof(*row));
		memmove(t->all + to * gap_table_columns(t), t->all + i * gap_table_columns(t),
			gap_table_columns(t) * sizeof(*row));
		t->parts[to] = *p;
		if (small) {
			many = to;
			t->parts[to].site = AT_MANY;
			t->parts[to].stack = NO_INDEX;
			memset(t->cnt + to * gap_table_columns(t), 0,
			       gap_table_columns(t) * sizeof(*row));
		}
		to++;
	}
	t->row_cnt = to;
}
