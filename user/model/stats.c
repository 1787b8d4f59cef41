// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See stats.h for the definitions used. */
#include "model/stats.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"

#define INTERVAL_TAIL 0.025 /* on each side, for 95% */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stats_sort(double *v, size_t cnt)
{
	if (cnt)
		qsort(v, cnt, sizeof(*v), compare);
}

double stats_median_sorted(const double *sorted, size_t cnt)
{
	if (!cnt)
		return 0;
	if (cnt % 2)
		return sorted[cnt / 2];
	return sorted[cnt / 2 - 1] / 2 + sorted[cnt / 2] / 2;
}

double stats_quantile_sorted(const double *sorted, size_t cnt, double q)
{
	double at, below;
	size_t i;

	if (!cnt)
		return 0;
	if (q <= 0)
		return sorted[0];
	if (q >= 1)
		return sorted[cnt - 1];
	at = (double)(cnt - 1) * q;
	below = floor(at);
	i = (size_t)below;
	if (i + 1 >= cnt)
		return sorted[cnt - 1];
	return sorted[i] + (sorted[i + 1] - sorted[i]) * (at - below);
}

static double *sorted_copy(const double *v, size_t cnt)
{
	double *copy = reallocarray(NULL, cnt ? cnt : 1, sizeof(*copy));

	if (!copy)
		return NULL;
	if (cnt)
		memcpy(copy, v, cnt * sizeof(*v));
	stats_sort(copy, cnt);
	return copy;
}

int stats_of(struct stats *s, const double *v, size_t cnt)
{
	scoped_free double *sorted = NULL;
	double sum = 0;

	memset(s, 0, sizeof(*s));
	if (!cnt)
		return 0;
	sorted = sorted_copy(v, cnt);
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++)
		sum += sorted[i];
	s->cnt = cnt;
	s->min = sorted[0];
	s->max = sorted[cnt - 1];
	s->median = stats_median_sorted(sorted, cnt);
	s->mean = sum / (double)cnt;
	return 0;
}

uint64_t prng_next(struct prng *p)
{
	uint64_t z = p->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
	/* Values under this one would make the low remainders too frequent. */
	uint64_t reject = (UINT64_MAX - bound + 1) % bound;
	uint64_t x;

	do {
		x = prng_next(p);
	} while (x < reject);
	return x % bound;
}

/* Median of cnt values drawn from v with replacement; room for them in scratch. */
static double resampled_median(struct prng *p, const double *v, size_t cnt, double *scratch)
{
	for (size_t i = 0; i < cnt; i++)
		scratch[i] = v[prng_below(p, cnt)];
	stats_sort(scratch, cnt);
	return stats_median_sorted(scratch, cnt);
}

bool interval_known(struct interval i)
{
	return !isnan(i.lo) && !isnan(i.hi);
}

void bootstrap_interval(struct interval *out, double *rounds)
{
	stats_sort(rounds, BOOTSTRAP_ROUNDS);
	out->lo = stats_quantile_sorted(rounds, BOOTSTRAP_ROUNDS, INTERVAL_TAIL);
	out->hi = stats_quantile_sorted(rounds, BOOTSTRAP_ROUNDS, 1 - INTERVAL_TAIL);
}

enum of { OF_ONE, OF_DIFFERENCE, OF_RATIO };

/* All intervals: of median(b) alone, less median(a), or over it. */
static int bootstrap(struct interval *out, enum of of, const double *a, size_t a_cnt,
		     const double *b, size_t b_cnt)
{
	size_t most = a_cnt > b_cnt ? a_cnt : b_cnt;
	scoped_free double *scratch = reallocarray(NULL, most, sizeof(*scratch));
	scoped_free double *rounds = reallocarray(NULL, BOOTSTRAP_ROUNDS, sizeof(*rounds));
	struct prng p = {.state = BOOTSTRAP_SEED};

	*out = INTERVAL_NONE;
	if (b_cnt < INTERVAL_RUNS_MIN || (of != OF_ONE && a_cnt < INTERVAL_RUNS_MIN))
		return 0;
	if (!scratch || !rounds)
		return -ENOMEM;
	for (int i = 0; i < BOOTSTRAP_ROUNDS; i++) {
		rounds[i] = resampled_median(&p, b, b_cnt, scratch);
		if (of == OF_DIFFERENCE)
			rounds[i] -= resampled_median(&p, a, a_cnt, scratch);
		else if (of == OF_RATIO)
			rounds[i] /= resampled_median(&p, a, a_cnt, scratch);
	}
	bootstrap_interval(out, rounds);
	return 0;
}

int stats_median_interval(struct interval *out, const double *v, size_t cnt)
{
	*out = INTERVAL_NONE;
	return cnt ? bootstrap(out, OF_ONE, NULL, 0, v, cnt) : 0;
}

int stats_diff_interval(struct interval *out, const double *a, size_t a_cnt, const double *b,
			size_t b_cnt)
{
	*out = INTERVAL_NONE;
	return a_cnt && b_cnt ? bootstrap(out, OF_DIFFERENCE, a, a_cnt, b, b_cnt) : -EINVAL;
}

int stats_ratio_interval(struct interval *out, const double *a, size_t a_cnt, const double *b,
			 size_t b_cnt)
{
	bool positive = a_cnt && b_cnt;

	*out = INTERVAL_NONE;
	for (size_t i = 0; i < a_cnt; i++)
		positive &= a[i] > 0;
	return positive ? bootstrap(out, OF_RATIO, a, a_cnt, b, b_cnt) : -EINVAL;
}
