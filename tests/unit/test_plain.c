// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Text that a terminal cannot be ruled by: what shows, single lines, and the stream of the reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/plain.h"
#include "base/util.h"

static void only_what_shows_is_plain(void **state)
{
	static const uint32_t shows[] = {' ',	'~',	0xa0,	0xe9,	0x301,
					 0x5d0, 0x65e5, 0xfe0f, 0x1f600};
	static const uint32_t hides[] = {0,	 '\t',	 '\n',	 0x1b,	  0x7f,	   0x80,
					 0x9b,	 0xad,	 0x61c,	 0x200b,  0x200e,  0x200f,
					 0x2028, 0x2029, 0x202a, 0x202e,  0x2066,  0x2069,
					 0xfeff, 0xfff9, 0xd800, 0xe0041, 0x110000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shows); i++)
		assert_true(plain_shows(shows[i]));
	for (size_t i = 0; i < ARRAY_SIZE(hides); i++)
		assert_false(plain_shows(hides[i]));
}

static void a_line_is_one_line(void **state)
{
	static const char *const cases[][2] = {
		{"plain", "plain"},
		{"a\nb\tc\r", "a?b?c?"},
		{"\033[31m", "?[31m"},
		{"\xc2\x9b"
		 "2J",
		 "?2J"},
		{"\xff\xc3", "??"},
		{"\xe2\x80\xaeright\xe2\x80\xac", "?right?"},
		{"日本語", "日本語"},
		{"", ""},
	};
	char out[64], cut[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		plain_line(out, sizeof(out), cases[i][0]);
		assert_string_equal(out, cases[i][1]);
		strcpy(out, cases[i][0]);
		plain_line(out, sizeof(out), out);
		assert_string_equal(out, cases[i][1]);
	}
	plain_line(cut, sizeof(cut), "日本語");
	assert_string_equal(cut, "日");
}

/* What comes out of a stream when text is written in pieces of this size. */
static char *through(const char *text, size_t len, bool color, size_t piece)
{
	char *out = NULL;
	size_t sz = 0;
	FILE *to = open_memstream(&out, &sz), *f = plain_open(to, color);

	for (size_t at = 0; at < len; at += piece) {
		fwrite(text + at, 1, len - at < piece ? len - at : piece, f);
		fflush(f);
	}
	assert_int_equal(plain_close(f, to), 0);
	fclose(to);
	return out;
}

static void a_stream_is_the_same_in_any_pieces(void **state)
{
	static const char text[] =
		"one\n\033[1mbold\033[0m \033[33mwarn\033[0m\033[4mline\033[0m\n"
		"\033[31mred\033[2J\033]0;"
		"title\a\r\t日é\xe2\x80\xae\xc2\x85\xf0\x9f\x98\x80\xff\xe6\x97\n"
		"\033[3";
	static const char *const want[] = {
		"one\n?[1mbold?[0m "
		"?[33mwarn?[0m?[4mline?[0m\n?[31mred?[2J?]0;title???日é??\xf0\x9f\x98\x80???\n?[3",
		"one\n\033[1mbold\033[0m \033[33mwarn\033[0m\033[4mline\033[0m\n"
		"?[31mred?[2J?]0;title???日é??\xf0\x9f\x98\x80???\n?[3"};

	(void)state;
	for (int color = 0; color < 2; color++) {
		for (size_t piece = 1; piece < sizeof(text); piece++) {
			scoped_free char *out = through(text, strlen(text), color, piece);

			assert_string_equal(out, want[color]);
		}
	}
}

static void a_full_device_is_told(void **state)
{
	scoped_file FILE *to = fopen("/dev/full", "w");
	FILE *f;

	(void)state;
	if (!to)
		skip();
	f = plain_open(to, false);
	fputs("some words\n", f);
	assert_true(plain_close(f, to) < 0);
	clearerr(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_shows_is_plain),
		cmocka_unit_test(a_line_is_one_line),
		cmocka_unit_test(a_stream_is_the_same_in_any_pieces),
		cmocka_unit_test(a_full_device_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
