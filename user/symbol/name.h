/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Names that others chose, made fit to be shown. */
#ifndef WG_SYMBOL_NAME_H
#define WG_SYMBOL_NAME_H

#include <stddef.h>

/*
 * Copy src to dst of dst_sz bytes (> 0) as utf8_clean() does, control characters (which a terminal
 * would obey) as '?', too.
 */
void name_clean(char *dst, size_t dst_sz, const char *src);

#endif
