// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See format.h. */
#include "report/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/plain.h"
#include "base/utf8.h"
#include "base/util.h"
#include "model/recording.h"

static const struct time_unit time_units[] = {
	{"s", 1e9, 3},
	{"ms", 1e6, 2},
	{"us", 1e3, 1},
	{"ns", 1, 0},
};

static const char *unknown(struct word *w)
{
	strcpy(w->s, "unknown");
	return w->s;
}

struct time_unit time_unit_for(double ns)
{
	/* a tenth of a second reads better as 0.123 s, a tenth of a millisecond as 100 us */
	if (ns >= 1e8)
		return time_units[0];
	for (size_t i = 1; i < ARRAY_SIZE(time_units) - 1; i++) {
		if (ns >= time_units[i].ns)
			return time_units[i];
	}
	return time_units[ARRAY_SIZE(time_units) - 1];
}

const char *fmt_time_in(struct word *w, struct time_unit u, double ns)
{
	snprintf(w->s, sizeof(w->s), "%.*f %s", u.decimals, ns / u.ns, u.name);
	return w->s;
}

uint64_t whole(double v)
{
	return v > 0 ? (uint64_t)llround(v) : 0;
}

const char *fmt_time(struct word *w, uint64_t ns)
{
	if (ns == UNKNOWN)
		return unknown(w);
	if (!ns)
		return strcpy(w->s, "0 s");
	return fmt_time_in(w, time_unit_for((double)ns), (double)ns);
}

/* "0.279" without the zero that says nothing. */
static const char *bare(char out[32], double v, int decimals)
{
	snprintf(out, 32, "%.*f", decimals, v);
	return out[0] == '0' && out[1] == '.' ? out + 1 : out;
}

const char *fmt_time_range(struct word *w, struct time_unit u, double ns, double lo, double hi)
{
	char from[32], to[32];

	snprintf(w->s, sizeof(w->s), "%.*f %s (%s-%s)", u.decimals, ns / u.ns, u.name,
		 bare(from, lo / u.ns, u.decimals), bare(to, hi / u.ns, u.decimals));
	return w->s;
}

static const struct {
	const char *name;
	double bytes;
} byte_units[] = {
	{"B", 1},
	{"KiB", 1024.0},
	{"MiB", 1024.0 * 1024},
	{"GiB", 1024.0 * 1024 * 1024},
	{"TiB", 1024.0 * 1024 * 1024 * 1024},
};

/* The largest unit of which there is at least one. */
static size_t byte_unit(uint64_t bytes)
{
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(byte_units) && (double)bytes >= byte_units[i + 1].bytes)
		i++;
	return i;
}

static int byte_decimals(size_t unit, double v)
{
	return unit > 1 && v < 100 ? 1 : 0;
}

const char *fmt_bytes(struct word *w, uint64_t bytes)
{
	size_t unit = byte_unit(bytes);
	double v = (double)bytes / byte_units[unit].bytes;

	if (bytes == UNKNOWN)
		return unknown(w);
	snprintf(w->s, sizeof(w->s), "%.*f %s", byte_decimals(unit, v), v, byte_units[unit].name);
	return w->s;
}

const char *fmt_bytes_list(struct word *w, const uint64_t *bytes, size_t cnt)
{
	uint64_t most = 0;
	size_t unit, len = 0;
	int decimals;

	for (size_t i = 0; i < cnt; i++) {
		if (bytes[i] == UNKNOWN)
			return unknown(w);
		most = bytes[i] > most ? bytes[i] : most;
	}
	unit = byte_unit(most);
	decimals = byte_decimals(unit, (double)most / byte_units[unit].bytes);
	w->s[0] = '\0';
	for (size_t i = 0; i < cnt && len < sizeof(w->s); i++)
		len += (size_t)snprintf(w->s + len, sizeof(w->s) - len, "%s%.*f", i ? "/" : "",
					decimals, (double)bytes[i] / byte_units[unit].bytes);
	if (len < sizeof(w->s))
		snprintf(w->s + len, sizeof(w->s) - len, " %s", byte_units[unit].name);
	return w->s;
}

const char *fmt_count(struct word *w, uint64_t n)
{
	char digits[24];
	size_t len, at = 0;

	if (n == UNKNOWN)
		return unknown(w);
	len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			w->s[at++] = ',';
		w->s[at++] = digits[i];
	}
	w->s[at] = '\0';
	return w->s;
}

const char *fmt_share(struct word *w, double share)
{
	if (!(share > 0))
		return strcpy(w->s, "-");
	if (share < 0.01)
		return strcpy(w->s, "<1%");
	if (share > 0.99 && share < 1)
		return strcpy(w->s, ">99%");
	snprintf(w->s, sizeof(w->s), "%.0f%%", share > 10 ? 1000 : share * 100);
	return w->s;
}

const char *fmt_error(struct word *w, double fraction)
{
	double percent = fraction * 100;

	if (!(percent > 0))
		return strcpy(w->s, "0%");
	if (percent < 0.01)
		return strcpy(w->s, "<0.01%");
	snprintf(w->s, sizeof(w->s), "%.*f%%", percent < 1 ? 2 : percent < 10 ? 1 : 0, percent);
	return w->s;
}

/* Columns of the character at s; -1 when it does not print. */
static int char_width(const char *s, int n)
{
	uint32_t code = n ? utf8_code(s, n) : 0;

	return plain_shows(code) ? wcwidth((wchar_t)code) : -1;
}

int display_width(const char *s)
{
	size_t left = strlen(s);
	int width = 0;

	while (left) {
		int n = utf8_char_len(s, left);
		int step = n ? n : 1, columns = char_width(s, n);

		width += columns < 0 ? 1 : columns;
		s += step;
		left -= (size_t)step;
	}
	return width;
}

/* Copy as printable() says, of at most max columns; returns whether all of it went in. */
static bool copy_printable(char *out, const char *s, int max)
{
	size_t left = strlen(s);
	int width = 0;

	while (left) {
		int n = utf8_char_len(s, left);
		int step = n ? n : 1, columns = char_width(s, n);
		bool prints = columns >= 0;

		width += prints ? columns : 1;
		if (width > max)
			break;
		if (prints)
			out = mempcpy(out, s, (size_t)step);
		else
			*out++ = '?';
		s += step;
		left -= (size_t)step;
	}
	*out = '\0';
	return !left;
}

char *printable(const char *s, int max)
{
	char *out = malloc((s ? strlen(s) : 0) + 3);

	if (!out)
		return NULL;
	if (!copy_printable(out, s ? s : "", max) && max >= 2) {
		copy_printable(out, s, max - 2);
		strcat(out, "..");
	}
	return out;
}

char *printable_text(int max, const char *fmt, va_list ap)
{
	scoped_free char *raw = NULL;

	if (vasprintf(&raw, fmt, ap) < 0) {
		raw = NULL;
		return NULL;
	}
	return printable(raw, max);
}
