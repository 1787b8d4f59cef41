/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. Names of
 * tasks and words of command lines are any bytes; files and JSON want text.
 */
#ifndef WG_BASE_UTF8_H
#define WG_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s, of which len are there: 1 to 4; 0 when it is not valid. */
int utf8_char_len(const char *s, size_t len);

/* The code point of the valid character at s, which is n bytes long. */
uint32_t utf8_code(const char *s, int n);

bool utf8_valid(const char *s, size_t len);

/*
 * Copy src to dst of dst_sz bytes (> 0), always ended: each byte that is in no valid character
 * becomes '?'. A character that does not fit whole is left out, with all that follows.
 */
void utf8_clean(char *dst, size_t dst_sz, const char *src);

#endif
