// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See utf8.h. */
#include "base/utf8.h"

#include <string.h>

/* Lowest code point that may take so many bytes. */
static const unsigned int lowest[] = {0, 0, 0x80, 0x800, 0x10000};

int utf8_char_len(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned int code;
	int n;

	if (!len)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len < (size_t)n)
		return 0;
	code = p[0] & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3fu);
	}
	if (code < lowest[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

uint32_t utf8_code(const char *s, int n)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t code = n == 1 ? p[0] : (uint32_t)(p[0] & (0x7f >> n));

	for (int i = 1; i < n; i++)
		code = code << 6 | (p[i] & 0x3fu);
	return code;
}

bool utf8_valid(const char *s, size_t len)
{
	while (len) {
		int n = utf8_char_len(s, len);

		if (!n)
			return false;
		s += n;
		len -= (size_t)n;
	}
	return true;
}

void utf8_clean(char *dst, size_t dst_sz, const char *src)
{
	size_t left = strlen(src), room = dst_sz - 1;

	while (left) {
		int n = utf8_char_len(src, left);
		size_t step = n ? (size_t)n : 1;

		if (step > room)
			break;
		if (n)
			memcpy(dst, src, step);
		else
			*dst = '?';
		dst += step;
		room -= step;
		src += step;
		left -= step;
	}
	*dst = '\0';
}
