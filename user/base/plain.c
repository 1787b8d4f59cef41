// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See plain.h. */
#include "base/plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"

/* Unicode's categories Cc, Zl, Zp, and of Cf and the default ignorables those that never show. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{0x0, 0x1f},	    {0x7f, 0x9f},	{0xad, 0xad},	  {0x34f, 0x34f},
	{0x61c, 0x61c},	    {0x115f, 0x1160},	{0x17b4, 0x17b5}, {0x180b, 0x180f},
	{0x200b, 0x200f},   {0x2028, 0x202e},	{0x2060, 0x206f}, {0x3164, 0x3164},
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	{0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
	{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, {0xd800, 0xdfff}, {0x110000, UINT32_MAX},
};

bool plain_shows(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		if (code >= hidden[i].first && code <= hidden[i].last)
			return false;
	}
	return true;
}

/* Does the character at s, n bytes long, go through as it is? n is 0 where it is none. */
static bool is_plain(const char *s, int n)
{
	return n && plain_shows(utf8_code(s, n));
}

void plain_line(char *dst, size_t dst_sz, const char *src)
{
	size_t left = strlen(src), room = dst_sz - 1;

	while (left) {
		int n = utf8_char_len(src, left);
		size_t step = n ? (size_t)n : 1;
		bool plain = is_plain(src, n);
		size_t out = plain ? step : 1;

		if (out > room)
			break;
		if (plain)
			memmove(dst, src, step);
		else
			*dst = '?';
		dst += out;
		room -= out;
		src += step;
		left -= step;
	}
	*dst = '\0';
}

/* --- the stream */

/* All that our reports write of colours. */
static const char *const colors[] = {"\033[0m", "\033[1m", "\033[4m", "\033[33m"};

#define HELD_MAX 8 /* bytes: longer than a character and any of the above */

struct plain {
	FILE *to;
	bool color;
	char held[HELD_MAX]; /* the beginning of something whose end is not there yet */
	size_t held_cnt;
};

/* The length of the sequence of ours at s; 0: none; -1: the beginning of one, and no more is there. */
static int color_len(const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(colors); i++) {
		size_t all = strlen(colors[i]);

		if (len >= all && !memcmp(s, colors[i], all))
			return (int)all;
		if (len < all && !memcmp(s, colors[i], len))
			return -1;
	}
	return 0;
}

/* Is the character at s one that more bytes may make whole? */
static bool is_begun(const char *s, size_t len)
{
	unsigned char first = (unsigned char)*s;
	size_t all = first < 0xc2 || first > 0xf4 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	return len < all;
}

/* Pass on one thing at s. Returns its length, or 0 when its end is not there yet. */
static size_t pass_on(struct plain *p, const char *s, size_t len, bool last)
{
	int n = utf8_char_len(s, len), color = p->color && *s == '\033' ? color_len(s, len) : 0;

	if (!last && (color < 0 || (!n && is_begun(s, len))))
		return 0;
	if (color > 0)
		n = color;
	if (color > 0 || *s == '\n' || is_plain(s, n)) {
		fwrite(s, 1, (size_t)n, p->to);
		return (size_t)n;
	}
	fputc('?', p->to);
	return n ? (size_t)n : 1;
}

static void pass_all(struct plain *p, const char *s, size_t len, bool last)
{
	while (len) {
		size_t n = pass_on(p, s, len, last);

		if (!n)
			break;
		s += n;
		len -= n;
	}
	memmove(p->held, s, len);
	p->held_cnt = len;
}

static ssize_t plain_write(void *cookie, const char *s, size_t len)
{
	struct plain *p = cookie;
	scoped_free char *all = malloc(p->held_cnt + len);

	if (!all)
		return 0;
	memcpy(all, p->held, p->held_cnt);
	memcpy(all + p->held_cnt, s, len);
	pass_all(p, all, p->held_cnt + len, false);
	return ferror(p->to) ? 0 : (ssize_t)len;
}

static int plain_end(void *cookie)
{
	struct plain *p = cookie;

	pass_all(p, p->held, p->held_cnt, true);
	free(p);
	return 0;
}

FILE *plain_open(FILE *to, bool color)
{
	const cookie_io_functions_t io = {.write = plain_write, .close = plain_end};
	struct plain *p = calloc(1, sizeof(*p));
	FILE *f;

	if (!p)
		return NULL;
	p->to = to;
	p->color = color;
	f = fopencookie(p, "w", io);
	if (!f)
		free(p);
	return f;
}

int plain_close(FILE *f, FILE *to)
{
	bool failed = ferror(f);

	failed |= fclose(f) != 0;
	return fflush(to) || ferror(to) || failed ? -EIO : 0;
}
