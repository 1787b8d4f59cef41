/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Figures as words: the only place where nanoseconds become seconds and bytes become MiB. Each
 * returns its buffer, so that it can stand among printf's arguments: fmt_time(WORD, ns).
 */
#ifndef WG_REPORT_FORMAT_H
#define WG_REPORT_FORMAT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word {
	char s[128];
};

#define WORD (&(struct word){{0}})

/* A figure that is never negative, as fmt_time() and its like take it. */
uint64_t whole(double v);

/* "0.279 s", "12.30 ms", "4.1 us", "250 ns"; UNKNOWN is "unknown". */
const char *fmt_time(struct word *w, uint64_t ns);

/* A unit that serves a column of times of this size. */
struct time_unit {
	const char *name;
	double ns;
	int decimals;
};

struct time_unit time_unit_for(double ns);

/* "0.279 s" in that unit; with a spread "0.279 s (.270-.301)". */
const char *fmt_time_in(struct word *w, struct time_unit u, double ns);
const char *fmt_time_range(struct word *w, struct time_unit u, double ns, double lo, double hi);

/* "212 KiB", "9.1 MiB"; UNKNOWN is "unknown". */
const char *fmt_bytes(struct word *w, uint64_t bytes);

/* Several sizes in one unit, that of the largest: "9.1/10.2/19.0 MiB". */
const char *fmt_bytes_list(struct word *w, const uint64_t *bytes, size_t cnt);

/* "1,204"; UNKNOWN is "unknown". */
const char *fmt_count(struct word *w, uint64_t n);

/*
 * A share of 0..1 in whole percent. Never rounded to a lie: "-" is exactly nothing, "<1%" is
 * something, ">99%" is not all.
 */
const char *fmt_share(struct word *w, double share);

/* A small fraction with two digits that count: "0%", "0.01%", "1.2%", "12%", "<0.01%". */
const char *fmt_error(struct word *w, double fraction);

/* Columns that s takes on a terminal; s is UTF-8, in a UTF-8 locale. */
int display_width(const char *s);

/*
 * Any bytes as one line that a terminal takes: what is not valid UTF-8 and what does not print
 * becomes '?'; more than max columns are cut and end in "..". Returns a new string, or NULL.
 */
char *printable(const char *s, int max);
/* The same of what vprintf() would print. */
char *printable_text(int max, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

#endif
