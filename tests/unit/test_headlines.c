// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What is said of a bench as a whole: results that agree, headlines and their verdicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "model/headlines.h"
#include "model/sums.h"

#define MS 1000000ull

static struct recording r;

static int begin(void **state)
{
	(void)state;
	recording_init(&r);
	return 0;
}

static int end(void **state)
{
	(void)state;
	recording_clear(&r);
	return 0;
}

static struct run *add(const char *workload, const char *runtime, const char *model,
		       uint64_t wall_ns, const char *checksum)
{
	struct run *run = recording_add_run(&r);
	struct thread *t = run_add_thread(run);

	run->workload = strdup(workload);
	run->runtime = strdup(runtime);
	run->model = strdup(model);
	run->checksum = strdup(checksum);
	if (asprintf(&run->label, "%s/%s/%s", workload, runtime, model) < 0)
		abort();
	run->end_ns = t->end_ns = t->state_ns[WG_CPU] = wall_ns;
	t->role = ROLE_WORKER;
	return run;
}

/* Repeats of these many ms, ended by 0. */
static void add_all(const char *workload, const char *runtime, const char *model, const int *ms)
{
	for (; *ms; ms++)
		add(workload, runtime, model, (uint64_t)*ms * MS, "1");
}

#define ADD(workload, runtime, model, ...)                                                         \
	add_all(workload, runtime, model, (const int[]){__VA_ARGS__, 0})

/* --- sums */

static enum sums sums(double *error)
{
	struct sums_found s;

	sums_of(&s, &r, NULL);
	if (error)
		*error = s.error;
	return s.sums;
}

static void one_run_agrees_with_none(void **state)
{
	(void)state;
	assert_int_equal(sums(NULL), SUMS_NONE);
	add("math", "native", "single", MS, "1.5");
	assert_int_equal(sums(NULL), SUMS_NONE);
	add("crypto", "native", "single", MS, "ab"); /* of other work */
	assert_int_equal(sums(NULL), SUMS_NONE);
	add("math", "node", "single", MS, "1.5");
	assert_int_equal(sums(NULL), SUMS_EQUAL);
}

static void last_digits_may_differ_between_runtimes_in_math(void **state)
{
	struct lines warnings = LINES_NONE;
	double error;

	(void)state;
	add("math", "native", "single", MS, "1533.080449209559");
	add("math", "node", "single", MS, "1533.0804492095926");
	assert_int_equal(sums(&error), SUMS_ALIKE);
	assert_true(error > 2e-14 && error < 3e-14);
	assert_int_equal(sums_warn(&r, &warnings), 0);
	assert_int_equal(warnings.cnt, 0);
	add("math", "bun", "single", MS, "1533.0805");
	assert_int_equal(sums(NULL), SUMS_DIFFER);
	assert_int_equal(sums_warn(&r, &warnings), 0);
	assert_int_equal(warnings.cnt, 1);
	assert_non_null(strstr(warnings.line[0], "math/bun/single"));
	lines_clear(&warnings);
}

static void inside_a_runtime_not_even_the_last_digit(void **state)
{
	(void)state;
	add("math", "node", "single", MS, "1533.080449209559");
	add("math", "node", "threads", MS, "1533.0804492095592");
	assert_int_equal(sums(NULL), SUMS_DIFFER);
}

/* The first run of all and the first of its own runtime: each must agree with both. */
static void a_runtime_that_differs_in_itself_is_found_behind_another(void **state)
{
	(void)state;
	add("math", "native", "single", MS, "1533.080449209559");
	add("math", "node", "single", MS, "1533.0804492095590");
	add("math", "node", "threads", MS, "1533.0804492095592");
	assert_int_equal(sums(NULL), SUMS_DIFFER);
}

static void digests_are_equal_or_not(void **state)
{
	(void)state;
	add("crypto", "native", "single", MS, "97e1");
	add("crypto", "node", "single", MS, "97e2");
	assert_int_equal(sums(NULL), SUMS_DIFFER);
	r.runs[1].interrupted = true; /* what was cut short has no say */
	assert_int_equal(sums(NULL), SUMS_NONE);
}

static void no_number_is_not_near_one(void **state)
{
	(void)state;
	add("math", "native", "single", MS, "1.5");
	add("math", "node", "single", MS, "1.5x");
	assert_int_equal(sums(NULL), SUMS_DIFFER);
	free(r.runs[1].checksum);
	r.runs[1].checksum = strdup("nan");
	assert_int_equal(sums(NULL), SUMS_DIFFER);
}

/* --- headlines */

/* verdict VERDICT_CNT: there is none. */
static void check_headline(const char *id, const char *runtime, enum verdict verdict, double value)
{
	struct headlines h;
	struct paths p;
	struct locks l;
	bool found = false;

	assert_int_equal(paths_of(&p, &r), 0);
	assert_int_equal(locks_of(&l, &p), 0);
	assert_int_equal(headlines_of(&h, &l), 0);
	for (size_t i = 0; i < h.cnt; i++) {
		const struct headline *one = &h.list[i];

		if (strcmp(one->claim->id, id) || strcmp(one->b->first->runtime, runtime))
			continue;
		found = true;
		assert_string_equal(verdict_name(one->verdict), verdict_name(verdict));
		assert_true(one->value > value * 0.999 && one->value < value * 1.001);
		if (one->b->run_cnt < INTERVAL_RUNS_MIN)
			assert_false(interval_known(one->interval));
		else
			assert_true(one->interval.lo <= one->value &&
				    one->value <= one->interval.hi);
	}
	assert_int_equal(found, verdict != VERDICT_CNT);
	headlines_clear(&h);
	locks_clear(&l);
	paths_clear(&p);
}

static void slower_is_decided_by_the_interval(void **state)
{
	(void)state;
	ADD("crypto", "node", "procs", 2040, 2050, 2030);
	ADD("crypto", "node", "threads", 7800, 7900, 7700);
	ADD("crypto", "bun", "procs", 2040, 2050, 2030);
	ADD("crypto", "bun", "threads", 1900, 1910, 1890);
	/* the median is 9% above, but the spread is more */
	ADD("crypto", "native", "procs", 100, 120, 90);
	ADD("crypto", "native", "threads", 109, 95, 125);
	check_headline("crypto-threads", "node", VERDICT_REPRODUCED, 7800 / 2040.);
	check_headline("crypto-threads", "bun", VERDICT_REVERSED, 1900 / 2040.);
	check_headline("crypto-threads", "native", VERDICT_UNDECIDED, 1.09);
}

static void alike_needs_a_narrow_interval(void **state)
{
	(void)state;
	ADD("math", "node", "procs", 440, 442, 438);
	ADD("math", "node", "threads", 410, 412, 408);
	ADD("math", "bun", "procs", 70, 71, 72);
	ADD("math", "bun", "threads", 100, 101, 99);
	ADD("math", "native", "procs", 70, 90, 50);
	ADD("math", "native", "threads", 71, 91, 51);
	check_headline("math-alike", "node", VERDICT_REPRODUCED, 410 / 440.);
	check_headline("math-alike", "bun", VERDICT_NOT_REPRODUCED, 100 / 71.);
	check_headline("math-alike", "native", VERDICT_UNDECIDED, 71 / 70.);
	check_headline("math-runtimes", "node", VERDICT_REPRODUCED, 4.1);
}

static void two_repeats_decide_nothing(void **state)
{
	(void)state;
	ADD("crypto", "node", "procs", 2040, 2050);
	ADD("crypto", "node", "threads", 7800, 7900);
	check_headline("crypto-threads", "node", VERDICT_UNDECIDED, 7850 / 2045.);
}

static void memory_is_held_against_the_figure_there(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		add("transfer", "bun", "threads", MS, "1")->memory =
			(struct memory){.sample_cnt = 1, .rss_sum_peak_bytes = 2100000000};
		add("transfer", "node", "threads", MS, "1")->memory =
			(struct memory){.sample_cnt = 1, .rss_sum_peak_bytes = 300000000};
		add("transfer", "native", "threads", MS, "1"); /* not known */
	}
	check_headline("transfer-memory", "bun", VERDICT_REPRODUCED, 2.1e9);
	check_headline("transfer-memory", "node", VERDICT_NOT_REPRODUCED, 3e8);
	check_headline("transfer-memory", "native", VERDICT_CNT, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_run_agrees_with_none),
		TEST(last_digits_may_differ_between_runtimes_in_math),
		TEST(inside_a_runtime_not_even_the_last_digit),
		TEST(a_runtime_that_differs_in_itself_is_found_behind_another),
		TEST(digests_are_equal_or_not),
		TEST(no_number_is_not_near_one),
		TEST(slower_is_decided_by_the_interval),
		TEST(alike_needs_a_narrow_interval),
		TEST(two_repeats_decide_nothing),
		TEST(memory_is_held_against_the_figure_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
