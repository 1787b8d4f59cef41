// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Order statistics against their definitions, the interval against what it promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "model/stats.h"

static void known_figures(void **state)
{
	const double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, one[] = {7};
	struct stats s;

	(void)state;
	assert_int_equal(stats_of(&s, odd, 3), 0);
	assert_true(s.min == 1 && s.median == 3 && s.max == 5 && s.mean == 3 && s.cnt == 3);
	assert_int_equal(stats_of(&s, even, 4), 0);
	assert_true(s.median == 2.5);
	assert_int_equal(stats_of(&s, one, 1), 0);
	assert_true(s.min == 7 && s.median == 7 && s.max == 7);
	assert_int_equal(stats_of(&s, NULL, 0), 0);
	assert_true(s.cnt == 0 && s.median == 0);
	assert_true(odd[0] == 5 && even[0] == 4); /* the input is left alone */
}

static void quantile_is_type_7(void **state)
{
	const double v[] = {1, 2, 3, 4, 10};

	(void)state;
	/* R: quantile(c(1, 2, 3, 4, 10), c(0, .1, .5, .9, 1), type = 7) */
	assert_true(stats_quantile_sorted(v, 5, 0) == 1);
	assert_true(fabs(stats_quantile_sorted(v, 5, 0.1) - 1.4) < 1e-12);
	assert_true(stats_quantile_sorted(v, 5, 0.5) == 3);
	assert_true(fabs(stats_quantile_sorted(v, 5, 0.9) - 7.6) < 1e-12);
	assert_true(stats_quantile_sorted(v, 5, 1) == 10);
	assert_true(stats_quantile_sorted(v, 1, 0.7) == 1);
	assert_true(stats_quantile_sorted(v, 0, 0.7) == 0);
}

static void prng_is_the_published_one(void **state)
{
	struct prng p = {.state = 1234567};

	(void)state;
	/* first outputs of splitmix64 for this seed, as Rosetta Code lists them */
	assert_true(prng_next(&p) == 6457827717110365317ull);
	assert_true(prng_next(&p) == 3203168211198807973ull);
	assert_true(prng_next(&p) == 9817491932198370423ull);
}

static void prng_below_is_even(void **state)
{
	struct prng p = {.state = 42};
	int seen[7] = {0};

	(void)state;
	for (int i = 0; i < 70000; i++)
		seen[prng_below(&p, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 9500, 10500);
	assert_true(prng_below(&p, 1) == 0);
}

static void interval_holds_the_median_and_repeats(void **state)
{
	const double v[] = {10, 12, 11, 15, 10.5, 11.5, 12.5};
	struct interval a, b;
	struct stats s;

	(void)state;
	assert_int_equal(stats_median_interval(&a, v, ARRAY_SIZE(v)), 0);
	assert_int_equal(stats_median_interval(&b, v, ARRAY_SIZE(v)), 0);
	assert_true(a.lo == b.lo && a.hi == b.hi);
	assert_int_equal(stats_of(&s, v, ARRAY_SIZE(v)), 0);
	assert_true(s.min <= a.lo && a.lo < s.median && s.median < a.hi && a.hi <= s.max);
}

static void too_few_values_have_no_interval(void **state)
{
	const double v[] = {10, 12, 11};
	struct interval in;

	(void)state;
	for (size_t few = 0; few < 3; few++) {
		assert_int_equal(stats_median_interval(&in, v, few), 0);
		assert_false(interval_known(in));
		if (!few)
			continue;
		assert_int_equal(stats_diff_interval(&in, v, few, v, 3), 0);
		assert_false(interval_known(in));
		assert_int_equal(stats_ratio_interval(&in, v, 3, v, few), 0);
		assert_false(interval_known(in));
	}
	assert_int_equal(stats_ratio_interval(&in, v, 3, v, 3), 0);
	assert_true(interval_known(in));
}

/*
 * What 95% means: over many samples from one distribution, the interval of the difference of two
 * equal things holds 0 about so often. A percentile bootstrap over so few values is not exact.
 */
static void interval_covers_about_as_often_as_it_says(void **state)
{
	struct prng p = {.state = 7};
	int held = 0;
	const int rounds = 150;

	(void)state;
	for (int i = 0; i < rounds; i++) {
		double a[9], b[9];
		struct interval in;

		for (int j = 0; j < 9; j++) {
			a[j] = (double)prng_below(&p, 1000000);
			b[j] = (double)prng_below(&p, 1000000);
		}
		assert_int_equal(stats_diff_interval(&in, a, 9, b, 9), 0);
		held += in.lo <= 0 && 0 <= in.hi;
	}
	assert_in_range(held, rounds * 88 / 100, rounds);
}

static void a_real_difference_is_seen(void **state)
{
	const double a[] = {100, 101, 102, 99, 100}, b[] = {150, 152, 149, 151, 150};
	struct interval in;

	(void)state;
	assert_int_equal(stats_diff_interval(&in, a, 5, b, 5), 0);
	assert_true(in.lo > 45 && in.hi < 55 && in.lo <= 50 && in.hi >= 50);
	assert_int_equal(stats_diff_interval(&in, a, 0, b, 5), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_figures),
		cmocka_unit_test(quantile_is_type_7),
		cmocka_unit_test(prng_is_the_published_one),
		cmocka_unit_test(prng_below_is_even),
		cmocka_unit_test(interval_holds_the_median_and_repeats),
		cmocka_unit_test(too_few_values_have_no_interval),
		cmocka_unit_test(interval_covers_about_as_often_as_it_says),
		cmocka_unit_test(a_real_difference_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
