// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Figures as words, tables and paragraphs within a width, JSON that parses for any recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "report/buckets.h"
#include "report/format.h"
#include "report/para.h"
#include "report/report.h"
#include "report/table.h"
#include "unit/random_recording.h"

static void times(void **state)
{
	(void)state;
	assert_string_equal(fmt_time(WORD, 0), "0 s");
	assert_string_equal(fmt_time(WORD, 250), "250 ns");
	assert_string_equal(fmt_time(WORD, 4100), "4.1 us");
	assert_string_equal(fmt_time(WORD, 12300000), "12.30 ms");
	assert_string_equal(fmt_time(WORD, 279000000), "0.279 s");
	assert_string_equal(fmt_time(WORD, 12031000000), "12.031 s");
	assert_string_equal(fmt_time(WORD, UNKNOWN), "unknown");
	assert_string_equal(fmt_time_range(WORD, time_unit_for(279e6), 279e6, 270e6, 301e6),
			    "0.279 s (.270-.301)");
	assert_string_equal(fmt_time_range(WORD, time_unit_for(2e9), 2e9, 0.5e9, 10.25e9),
			    "2.000 s (.500-10.250)");
	assert_string_equal(fmt_time_in(WORD, time_unit_for(5e6), 45e4), "0.45 ms");
	for (int shift = 0; shift < 64; shift++)
		assert_true(strlen(fmt_time(WORD, 1ull << shift)) < 20);
}

static void sizes(void **state)
{
	const uint64_t three[] = {9 << 20, 10 << 20, 19 << 20}, half[] = {1, UNKNOWN};
	const uint64_t mixed[] = {0, 212 << 10, 3 << 20};

	(void)state;
	assert_string_equal(fmt_bytes(WORD, 0), "0 B");
	assert_string_equal(fmt_bytes(WORD, 1023), "1023 B");
	assert_string_equal(fmt_bytes(WORD, 212 << 10), "212 KiB");
	assert_string_equal(fmt_bytes(WORD, 9 << 20), "9.0 MiB");
	assert_string_equal(fmt_bytes(WORD, 150 << 20), "150 MiB");
	assert_string_equal(fmt_bytes(WORD, 24ull << 30), "24.0 GiB");
	assert_string_equal(fmt_bytes(WORD, UNKNOWN), "unknown");
	assert_string_equal(fmt_bytes_list(WORD, three, 3), "9.0/10.0/19.0 MiB");
	assert_string_equal(fmt_bytes_list(WORD, mixed, 3), "0.0/0.2/3.0 MiB");
	assert_string_equal(fmt_bytes_list(WORD, half, 2), "unknown");
}

static void counts(void **state)
{
	(void)state;
	assert_string_equal(fmt_count(WORD, 0), "0");
	assert_string_equal(fmt_count(WORD, 999), "999");
	assert_string_equal(fmt_count(WORD, 1000), "1,000");
	assert_string_equal(fmt_count(WORD, 52114), "52,114");
	assert_string_equal(fmt_count(WORD, 100000000), "100,000,000");
	assert_string_equal(fmt_count(WORD, UNKNOWN - 1), "18,446,744,073,709,551,614");
	assert_string_equal(fmt_count(WORD, UNKNOWN), "unknown");
}

static void shares_do_not_lie(void **state)
{
	(void)state;
	assert_string_equal(fmt_share(WORD, 0), "-");
	assert_string_equal(fmt_share(WORD, 1e-9), "<1%");
	assert_string_equal(fmt_share(WORD, 0.00999), "<1%");
	assert_string_equal(fmt_share(WORD, 0.01), "1%");
	assert_string_equal(fmt_share(WORD, 0.325), "32%");
	assert_string_equal(fmt_share(WORD, 0.99), "99%");
	assert_string_equal(fmt_share(WORD, 0.9999999), ">99%");
	assert_string_equal(fmt_share(WORD, 1), "100%");
	assert_string_equal(fmt_error(WORD, 0), "0%");
	assert_string_equal(fmt_error(WORD, 0.00001), "<0.01%");
	assert_string_equal(fmt_error(WORD, 0.0012), "0.12%");
	assert_string_equal(fmt_error(WORD, 0.012), "1.2%");
	assert_string_equal(fmt_error(WORD, 0.5), "50%");
}

static void any_bytes_become_one_line(void **state)
{
	static const struct {
		const char *in;
		int max;
		const char *out;
	} cases[] = {
		{"plain", 10, "plain"},	   {"a\nb\tc", 10, "a?b?c"},
		{"\033[31m", 10, "?[31m"}, {"\xff\xc3", 10, "??"},
		{"abcdefgh", 5, "abc.."},  {"abcde", 5, "abcde"},
		{"日本語", 6, "日本語"},   {"日本語", 5, "日.."},
		{"日本語", 4, "日.."},	   {"", 5, ""},
		{"abc", 1, "a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scoped_free char *out = printable(cases[i].in, cases[i].max);

		assert_string_equal(out, cases[i].out);
		assert_true(display_width(out) <= cases[i].max);
	}
	assert_int_equal(display_width("日本"), 4);
	assert_int_equal(display_width("e\xcc\x81"), 1); /* e and a combining accent */
}

/* The longest line of text, in columns. */
static int widest(char *text)
{
	int most = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		int width = display_width(line);

		most = width > most ? width : most;
	}
	return most;
}

static void tables_stay_within_their_width(void **state)
{
	(void)state;
	for (int columns = 30; columns < 130; columns += 7) {
		scoped_free char *text = NULL;
		size_t sz;
		FILE *f = open_memstream(&text, &sz);
		struct table *t = table_new();
		char cell[32];

		table_column(t, "model", ALIGN_LEFT, 0);
		for (int i = 0; i < 12; i++) {
			snprintf(cell, sizeof(cell), "column %d", i);
			table_column(t, cell, i % 2 ? ALIGN_LEFT : ALIGN_RIGHT, i / 5);
		}
		for (int row = 0; row < 3; row++) {
			table_row(t);
			table_cell(t, row ? "näme" : "日本語");
			for (int i = 0; i < 12 - row; i++) { /* the rest of a row is empty */
				snprintf(cell, sizeof(cell), "<%d,%d>", row, i);
				table_cell(t, cell);
			}
		}
		assert_int_equal(table_print(t, f, 2, columns, false), 0);
		fclose(f);
		for (int i = 0; i < 12; i++) {
			snprintf(cell, sizeof(cell), "<0,%d>", i);
			assert_non_null(strstr(text, cell));
		}
		assert_true(widest(text) <= columns);
		table_free(t);
	}
}

static void a_table_that_fits_is_one_block(void **state)
{
	scoped_free char *text = NULL;
	size_t sz;
	FILE *f = open_memstream(&text, &sz);
	struct table *t = table_new();

	(void)state;
	table_column(t, "model", ALIGN_LEFT, 0);
	table_column(t, "x", ALIGN_RIGHT, 0);
	table_column(t, "faults", ALIGN_RIGHT, 1);
	table_row(t);
	table_cell(t, "procs");
	table_cell(t, "1.00");
	table_cell(t, "3");
	assert_int_equal(table_width(t), 5 + 2 + 4 + 2 + 6);
	assert_int_equal(table_print(t, f, 2, 100, false), 0);
	fclose(f);
	assert_string_equal(text, "  model     x  faults\n  procs  1.00       3\n");
	table_free(t);
	table_free(NULL);
}

static void paragraphs_break_between_items(void **state)
{
	scoped_free char *text = NULL;
	size_t sz;
	struct para p = {.f = open_memstream(&text, &sz), .columns = 30};

	(void)state;
	para_begin(&p, "audit", PARA_PLAIN);
	para_item(&p, "one %d", 1);
	para_item(&p, "two two");
	para_item(&p, "12.5 ms of 3");
	para_item(&p, "an item that is wider than a line can be");
	para_end(&p);
	fclose(p.f);
	assert_string_equal(text, "audit     one 1; two two;\n"
				  "          12.5 ms of 3;\n"
				  "          an item that is\n"
				  "          wider than a line\n"
				  "          can be\n");
	assert_true(widest(text) <= 30);
}

static double shown(const char *cell)
{
	return *cell == '<' || *cell == '-' ? 0 : strtod(cell, NULL);
}

/* Shares in a row add up to 100, but for rounding; a bucket without a column is in "rest". */
static void bucket_cells_add_up(void **state)
{
	struct prng p = {.state = 3};

	(void)state;
	for (int round = 0; round < 200; round++) {
		scoped_free char *text = NULL;
		double ns[BUCKET_CNT], all = 0, sum = 0;
		struct bucket_columns c;
		struct table *t = table_new();
		char *save, *cell;
		size_t sz;
		FILE *f = open_memstream(&text, &sz);

		for (int b = 0; b < BUCKET_CNT; b++)
			all += ns[b] = prng_below(&p, 2) ? (double)prng_below(&p, 1000) : 0;
		bucket_columns_clear(&c);
		bucket_columns_see(&c, ns, all);
		bucket_columns_fit(&c, BUCKET_HEADS_LONG, ns, (int)prng_below(&p, 150));
		bucket_columns_rest(&c, ns);
		table_column(t, "row", ALIGN_LEFT, 0);
		bucket_heads(t, &c, BUCKET_HEADS_LONG, 0);
		table_row(t);
		table_cell(t, "row");
		bucket_cells(t, &c, ns, all);
		assert_int_equal(table_print(t, f, 0, 1000, false), 0);
		fclose(f);
		strtok_r(text, "\n", &save);
		strtok_r(NULL, " ", &save); /* "row" */
		while ((cell = strtok_r(NULL, " \n", &save)))
			sum += shown(cell);
		if (all > 0)
			assert_in_range((int)sum, 100 - BUCKET_CNT, 100 + BUCKET_CNT);
		table_free(t);
	}
}

/* The cell under this head, or NULL. */
static char *cell_under(const char *head, char *heads, char *cells)
{
	char *save_head, *save_cell, *h = strtok_r(heads, " ", &save_head);
	char *c = strtok_r(cells, " ", &save_cell);

	while (h && c && strcmp(h, head)) {
		h = strtok_r(NULL, " ", &save_head);
		c = strtok_r(NULL, " ", &save_cell);
	}
	return h ? c : NULL;
}

static double share_under(const char *head, const char *text)
{
	scoped_free char *heads = strndup(text, strcspn(text, "\n"));
	scoped_free char *cells = strdup(strchr(text, '\n') + 1);
	char *cell;

	cells[strcspn(cells, "\n")] = '\0';
	cell = cell_under(head, heads, cells);
	return cell ? shown(cell) / 100 : -1;
}

/*
 * "other" is a bucket and nothing else, "rest" what has no column; waits for a CPU are never in it, however
 * little room there is.
 */
static void the_rest_is_not_other_nor_run_queue(void **state)
{
	struct prng p = {.state = 11};

	(void)state;
	for (int round = 0; round < 200; round++) {
		scoped_free char *text = NULL;
		double ns[BUCKET_CNT], all = 0, wait, rest, other;
		struct bucket_columns c;
		struct table *t = table_new();
		size_t sz;
		FILE *f = open_memstream(&text, &sz);

		for (int b = 0; b < BUCKET_CNT; b++)
			all += ns[b] = 100 + (double)prng_below(&p, 1000);
		bucket_columns_clear(&c);
		bucket_columns_see(&c, ns, all);
		bucket_columns_fit(&c, BUCKET_HEADS_SHORT, ns, (int)prng_below(&p, 90));
		bucket_columns_rest(&c, ns);
		table_column(t, "row", ALIGN_LEFT, 0);
		bucket_heads(t, &c, BUCKET_HEADS_SHORT, 0);
		table_row(t);
		table_cell(t, "row");
		bucket_cells(t, &c, ns, all);
		assert_int_equal(table_print(t, f, 0, 1000, false), 0);
		fclose(f);
		wait = share_under("runq", text) + fmax(0, share_under("preempt", text));
		assert_true(fabs(wait - (ns[B_RUNQ_WAKE] + ns[B_RUNQ_PREEMPT]) / all) < 0.011);
		other = share_under("other", text);
		assert_true(other < 0 || fabs(other - ns[B_OTHER] / all) < 0.006);
		rest = 0;
		for (int b = 0; b < BUCKET_CNT; b++)
			rest += c.shown[b] || b == B_RUNQ_PREEMPT ? 0 : ns[b] / all;
		assert_true(fabs(fmax(0, share_under("rest", text)) - rest) < 0.006);
		table_free(t);
	}
}

static void json_parses_and_text_fits_for_any_recording(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct prng p = {.state = seed};
		const struct report_opts o = {.verbose = seed % 2, .columns = 60 + (int)seed};
		scoped_free char *json = NULL;
		scoped_free char *text = NULL;
		struct recording r;
		json_error_t e;
		json_t *parsed;
		size_t sz;
		FILE *f;

		recording_init(&r);
		random_recording(&r, &p);
		f = open_memstream(&json, &sz);
		assert_int_equal(report_json(f, &r), 0);
		fclose(f);
		parsed = json_loads(json, 0, &e);
		if (!parsed)
			fail_msg("seed %d: %s at line %d", (int)seed, e.text, e.line);
		assert_int_equal(json_array_size(json_object_get(parsed, "runs")), r.run_cnt);
		json_decref(parsed);
		f = open_memstream(&text, &sz);
		assert_int_equal(report_text(f, &r, &o), 0);
		fclose(f);
		/* figures of centuries are wide: a table may not go under its first columns */
		assert_true(widest(text) <= (o.columns > 100 ? o.columns : 100));
		recording_clear(&r);
	}
}

static void color_only_when_asked(void **state)
{
	struct prng p = {.state = 8};
	struct recording r;

	(void)state;
	recording_init(&r);
	random_recording(&r, &p);
	for (int color = 0; color < 2; color++) {
		const struct report_opts o = {.color = color};
		scoped_free char *text = NULL;
		size_t sz;
		FILE *f = open_memstream(&text, &sz);

		assert_int_equal(report_text(f, &r, &o), 0);
		fclose(f);
		assert_true(!strchr(text, '\033') == !color);
	}
	recording_clear(&r);
}

static void a_full_device_is_told(void **state)
{
	const struct report_opts o = {0};
	scoped_file FILE *f = fopen("/dev/full", "w");
	struct recording r;

	(void)state;
	if (!f)
		skip();
	recording_init(&r);
	assert_true(report_text(f, &r, &o) < 0);
	clearerr(f);
	assert_true(report_json(f, &r) < 0);
	recording_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(sizes),
		cmocka_unit_test(counts),
		cmocka_unit_test(shares_do_not_lie),
		cmocka_unit_test(any_bytes_become_one_line),
		cmocka_unit_test(tables_stay_within_their_width),
		cmocka_unit_test(a_table_that_fits_is_one_block),
		cmocka_unit_test(paragraphs_break_between_items),
		cmocka_unit_test(bucket_cells_add_up),
		cmocka_unit_test(the_rest_is_not_other_nor_run_queue),
		cmocka_unit_test(json_parses_and_text_fits_for_any_recording),
		cmocka_unit_test(color_only_when_asked),
		cmocka_unit_test(a_full_device_is_told),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
