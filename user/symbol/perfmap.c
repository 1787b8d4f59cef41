// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reads perf maps, see linux/tools/perf/Documentation/jit-interface.txt: lines of
 *
 *   START SIZE name        start and size in hex; all the rest of the line is the name
 *
 * Names are left as the runtime wrote them ("LazyCompile:*work file.js:3:1").
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "symbol/jitcode.h"

#define MAX_LINE (64u << 10)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A hex number, 0x before it or not, and the blanks behind it. */
static bool read_hex(const char **at, const char *end, uint64_t *out)
{
	const char *c = *at;
	int digits = 0;

	if (end - c > 2 && c[0] == '0' && (c[1] | 0x20) == 'x')
		c += 2;
	*out = 0;
	for (; c < end && hex_digit(*c) >= 0; c++, digits++)
		*out = *out << 4 | (uint64_t)hex_digit(*c);
	if (!digits || digits > 16 || c == end || *c != ' ')
		return false;
	while (c < end && *c == ' ')
		c++;
	*at = c;
	return true;
}

static int add_line(struct jitmap *m, const char *line, const char *end)
{
	struct jitcode entry = {0};
	uint64_t size;

	if ((size_t)(end - line) > MAX_LINE || !read_hex(&line, end, &entry.start) ||
	    !read_hex(&line, end, &size) || line == end || !jitcode_sane(entry.start, size)) {
		m->bad_cnt++;
		return 0;
	}
	entry.end = entry.start + size;
	return jitcode_add(m, entry, line, (size_t)(end - line));
}

/* The lines in [text, end) that are whole; *done: how far they go. */
static int add_lines(struct jitmap *m, const char *text, const char *end, const char **done)
{
	const char *eol;
	int err = 0;

	while (!err && text < end && (eol = memchr(text, '\n', (size_t)(end - text)))) {
		err = budget_step(&m->budget) ? add_line(m, text, eol) : -EDQUOT;
		text = eol + 1;
	}
	*done = text;
	return err;
}

int jitmap_read_perf(struct jitmap *m, struct window *w, bool within)
{
	const char *text, *from, *done;
	uint64_t off = 0;
	size_t len;
	int err = 0;

	while (!err) {
		len = WINDOW_SZ;
		text = (const char *)window_at(w, off, &len);
		if (!text)
			break;
		from = within ? memchr(text, '\n', len) : text;
		if (within && from) {
			m->bad_cnt++;
			within = false;
			from++;
		}
		done = text + len;
		if (from && from < done)
			err = add_lines(m, from, text + len, &done);
		if (done == text) { /* no end of a line, or of the last one, in all of it */
			within = true;
			done = text + len;
		}
		off += (size_t)(done - text);
		if (!err && !budget_has_time(&m->budget))
			err = -EDQUOT;
	}
	m->bad_cnt += within;
	return err;
}
