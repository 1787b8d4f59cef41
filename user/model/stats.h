/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Order statistics and a bootstrap interval over small samples (repeats). Pure and repeatable:
 * the same numbers give the same result on every machine. None of these functions alters its
 * input. With no values, all figures are 0.
 */
#ifndef WG_MODEL_STATS_H
#define WG_MODEL_STATS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stats {
	size_t cnt;
	double min, median, max, mean;
};

/* All of struct stats at once. Returns 0 or -ENOMEM. */
int stats_of(struct stats *s, const double *v, size_t cnt);

/* The middle value; of an even number of values, the mean of the two in the middle. */
double stats_median_sorted(const double *sorted, size_t cnt);

/*
 * Quantile q (0..1) of values in rising order, by linear interpolation between the two
 * neighbours at (cnt - 1) * q: type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
 * Packages", The American Statistician 50 (1996).
 */
double stats_quantile_sorted(const double *sorted, size_t cnt, double q);

/* Rising order; values that are equal keep no order that could be seen. NaN is not allowed. */
void stats_sort(double *v, size_t cnt);

/*
 * splitmix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
 * Our own, so that an interval does not change with the C library.
 */
struct prng {
	uint64_t state;
};

uint64_t prng_next(struct prng *p);
/* Uniform in 0..bound-1, without bias; bound must not be 0. */
uint64_t prng_below(struct prng *p, uint64_t bound);

#define BOOTSTRAP_ROUNDS 2000
#define BOOTSTRAP_SEED 20260101u

/* No interval is made, and nothing decided, from fewer runs of one side. */
#define INTERVAL_RUNS_MIN 3

/* Both are NAN where there is none: whatever is asked of such an interval is not so. */
struct interval {
	double lo, hi;
};

#define INTERVAL_NONE ((struct interval){NAN, NAN})

bool interval_known(struct interval i);

/* 95% percentile interval of BOOTSTRAP_ROUNDS estimates, which are sorted here. */
void bootstrap_interval(struct interval *out, double *rounds);

/*
 * 95% percentile bootstrap interval of the median: Efron and Tibshirani, "An Introduction to the
 * Bootstrap" (1993), chapter 13. BOOTSTRAP_ROUNDS resamples, fixed seed. Fewer than INTERVAL_RUNS_MIN
 * values have none. Returns 0 or -ENOMEM.
 */
int stats_median_interval(struct interval *out, const double *v, size_t cnt);

/*
 * The same for median(b) - median(a), the two resampled apart from each other: how much longer b
 * takes than a. Returns 0, -ENOMEM, or -EINVAL when either is empty.
 */
int stats_diff_interval(struct interval *out, const double *a, size_t a_cnt, const double *b,
			size_t b_cnt);

/* The same for median(b) / median(a), of values above 0: how many times as long b takes. */
int stats_ratio_interval(struct interval *out, const double *a, size_t a_cnt, const double *b,
			 size_t b_cnt);

#endif
