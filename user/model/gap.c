// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See gap.h. Each run becomes a list of amounts (gap_amount.h), the lists of all runs a table
 * (gap_table.h); here its columns are compared: which runs count, what differs, how surely.
 */
#include "model/gap.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "model/gap_table.h"

const char *gap_verdict_name(enum gap_verdict v)
{
	static const char *const names[] = {
		[GAP_SLOWER] = "slower",
		[GAP_FASTER] = "faster",
		[GAP_NO_DIFFERENCE] = "no difference",
		[GAP_UNDECIDED] = "undecided",
	};

	return names[v];
}

/* --- estimates over columns */

/* A choice of runs of one side: indices into its columns, the middle ones by wall time. */
struct choice {
	size_t *column;
	size_t cnt;
	double median;
};

static int order_columns(const void *x, const void *y, void *arg)
{
	size_t a = *(const size_t *)x, b = *(const size_t *)y;
	const double *wall = arg;

	ORDER(wall[a], wall[b]);
	ORDER(a, b);
	return 0;
}

/* Keep the middle of cnt columns, which are sorted here. */
static void choose(struct choice *c, const double *wall, size_t cnt)
{
	size_t drop = cnt / 4;

	qsort_r(c->column, cnt, sizeof(*c->column), order_columns, (void *)wall);
	c->median = cnt % 2 ? wall[c->column[cnt / 2]]
			    : (wall[c->column[cnt / 2 - 1]] + wall[c->column[cnt / 2]]) / 2;
	memmove(c->column, c->column + drop, (cnt - 2 * drop) * sizeof(*c->column));
	c->cnt = cnt - 2 * drop;
}

static double mean_of(const double *row, const struct choice *c)
{
	double sum = 0;

	for (size_t i = 0; i < c->cnt; i++)
		sum += row[c->column[i]];
	return c->cnt ? sum / (double)c->cnt : 0;
}

/* All runs of one side, each once. */
static void take_all(struct choice *c, size_t first, size_t cnt, const double *wall)
{
	for (size_t i = 0; i < cnt; i++)
		c->column[i] = first + i;
	choose(c, wall, cnt);
}

static void draw(struct choice *c, struct prng *p, size_t first, size_t cnt, const double *wall)
{
	for (size_t i = 0; i < cnt; i++)
		c->column[i] = first + prng_below(p, cnt);
	choose(c, wall, cnt);
}

/*
 * How much of a row's difference on the path the difference of the whole does not account for: the
 * same CPU time, but less of it beside other work. Only of time on the CPU.
 */
static double serial_of(const struct gap_table *t, size_t row, double delta, const struct choice *a,
			const struct choice *b)
{
	const double *all = t->all + row * gap_table_columns(t);
	double of_a = mean_of(all, a), of_b = mean_of(all, b), grown = of_b - of_a;

	if (!(of_a > 0) && !(of_b > 0))
		return 0;
	if (delta > 0)
		return delta - fmin(fmax(grown, 0), delta);
	return delta - fmax(fmin(grown, 0), delta);
}

/* The differences of all rows into out; they sum to that of the columns' sums. */
static void differences(const struct gap_table *t, const struct choice *a, const struct choice *b,
			double *out)
{
	double serial = 0, one;

	for (size_t i = 0; i < t->row_cnt; i++) {
		const double *row = t->ns + i * gap_table_columns(t);

		if (t->parts[i].site == AT_SERIAL)
			continue;
		out[i] = mean_of(row, b) - mean_of(row, a);
		one = serial_of(t, i, out[i], a, b);
		out[i] -= one;
		serial += one;
	}
	for (size_t i = 0; i < t->row_cnt; i++)
		if (t->parts[i].site == AT_SERIAL)
			out[i] = serial;
}

static void estimate(struct gap *g, const struct gap_table *t, const struct choice *a,
		     const struct choice *b)
{
	g->gap_ns = b->median - a->median;
	g->unexplained_ns = g->gap_ns;
	differences(t, a, b, t->delta);
	for (size_t i = 0; i < t->row_cnt; i++) {
		struct gap_part *p = &t->parts[i];
		const double *row = t->ns + i * gap_table_columns(t),
			     *cnt = t->cnt + i * gap_table_columns(t);

		p->delta_ns = t->delta[i];
		p->a_ns = mean_of(row, a);
		p->b_ns = p->a_ns + p->delta_ns;
		p->a_cnt = mean_of(cnt, a);
		p->b_cnt = mean_of(cnt, b);
		g->unexplained_ns -= p->delta_ns;
	}
}

static bool enough_runs(const struct gap_table *t)
{
	return t->a_cnt >= INTERVAL_RUNS_MIN && t->b_cnt >= INTERVAL_RUNS_MIN;
}

/* Of one row of rounds, which stays as it is: rows are added up later, round by round. */
static struct interval interval_of(const struct gap_table *t, const double *rounds, double *scratch)
{
	struct interval i;

	if (!enough_runs(t))
		return INTERVAL_NONE;
	memcpy(scratch, rounds, BOOTSTRAP_ROUNDS * sizeof(*scratch));
	bootstrap_interval(&i, scratch);
	return i;
}

/* Intervals of the gap, of each part and of what is left over, all from the same resamples. */
static int bootstrap(struct gap *g, const struct gap_table *t, struct choice *a, struct choice *b)
{
	size_t rows = t->row_cnt + 2, n = BOOTSTRAP_ROUNDS;
	double *rounds = g->rounds = reallocarray(NULL, rows * n, sizeof(*rounds));
	scoped_free double *scratch = reallocarray(NULL, n, sizeof(*scratch));
	struct prng p = {.state = BOOTSTRAP_SEED};

	if (!rounds || !scratch)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		double gap_ns, rest;

		draw(a, &p, 0, t->a_cnt, t->wall);
		draw(b, &p, t->a_cnt, t->b_cnt, t->wall);
		gap_ns = rest = b->median - a->median;
		differences(t, a, b, t->delta);
		for (size_t i = 0; i < t->row_cnt; i++) {
			rounds[i * n + k] = t->delta[i];
			rest -= t->delta[i];
		}
		rounds[t->row_cnt * n + k] = gap_ns;
		rounds[(t->row_cnt + 1) * n + k] = rest;
	}
	for (size_t i = 0; i < t->row_cnt; i++) {
		t->parts[i].row = i;
		t->parts[i].interval = interval_of(t, rounds + i * n, scratch);
	}
	g->interval = interval_of(t, rounds + t->row_cnt * n, scratch);
	g->unexplained = interval_of(t, rounds + (t->row_cnt + 1) * n, scratch);
	return 0;
}

static int order_parts(const void *a, const void *b)
{
	const struct gap_part *x = a, *y = b;

	ORDER(fabs(y->delta_ns), fabs(x->delta_ns));
	ORDER(x->bucket, y->bucket);
	ORDER(x->cause, y->cause);
	ORDER(x->site, y->site);
	ORDER(x->of.kind, y->of.kind);
	ORDER(x->of.frame, y->of.frame);
	ORDER(x->of.object, y->of.object);
	return 0;
}

/* Less than half a nanosecond is what sums of doubles leave of nothing. */
bool gap_part_holds(const struct gap_part *p)
{
	return p->interval.lo >= 0.5 || p->interval.hi <= -0.5;
}

#define SMALL_SHARE 0.01
#define REPEATS_MAX 1000

/* The width of an interval goes with the root of the number of repeats. */
static int repeats_needed(const struct gap *g, size_t a_cnt, size_t b_cnt)
{
	double half = (g->interval.hi - g->interval.lo) / 2, gap = fabs(g->gap_ns);
	double cnt = (double)(a_cnt < b_cnt ? a_cnt : b_cnt), needed;

	if (g->verdict != GAP_NO_DIFFERENCE || gap < SMALL_SHARE * g->a->wall_ns.median)
		return 0;
	needed = ceil(cnt * (half / gap) * (half / gap));
	return needed <= REPEATS_MAX ? (int)fmax(needed, cnt + 1) : 0;
}

static int solve(struct gap *g, struct gap_table *t, struct choice *a, struct choice *b)
{
	int err;

	take_all(a, 0, t->a_cnt, t->wall);
	take_all(b, t->a_cnt, t->b_cnt, t->wall);
	estimate(g, t, a, b);
	gap_table_fold(t, g->gap_ns);
	estimate(g, t, a, b);
	err = bootstrap(g, t, a, b);
	if (err)
		return err;
	qsort(t->parts, t->row_cnt, sizeof(*t->parts), order_parts);
	g->parts = t->parts;
	g->part_cnt = t->row_cnt;
	t->parts = NULL;
	g->verdict = !enough_runs(t)	  ? GAP_UNDECIDED
		     : g->interval.lo > 0 ? GAP_SLOWER
		     : g->interval.hi < 0 ? GAP_FASTER
					  : GAP_NO_DIFFERENCE;
	g->repeats_needed = repeats_needed(g, t->a_cnt, t->b_cnt);
	return 0;
}

int gap_of(struct gap *g, const struct locks *l, const struct group *a, const struct group *b)
{
	struct choice of_a = {0}, of_b = {0};
	struct gap_table t;
	int err = gap_table_of(&t, l, a, b);

	*g = (struct gap){.a = a, .b = b};
	of_a.column = reallocarray(NULL, t.a_cnt + 1, sizeof(size_t));
	of_b.column = reallocarray(NULL, t.b_cnt + 1, sizeof(size_t));
	if (!err)
		err = of_a.column && of_b.column ? solve(g, &t, &of_a, &of_b) : -ENOMEM;
	free(of_a.column);
	free(of_b.column);
	gap_table_clear(&t);
	if (err)
		gap_clear(g);
	return err;
}

void gap_clear(struct gap *g)
{
	free(g->parts);
	free(g->rounds);
	*g = (struct gap){0};
}
