// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Cleans names; see name.h. */
#include "symbol/name.h"

#include "base/utf8.h"

void name_clean(char *dst, size_t dst_sz, const char *src)
{
	utf8_clean(dst, dst_sz, src);
	for (unsigned char *c = (unsigned char *)dst; *c; c++) {
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] < 0xa0) /* U+0080 to U+009F */
			c[0] = c[1] = '?';
	}
}
