// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Files through a window; see window.h. */
#include "symbol/window.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

const uint8_t *window_at(struct window *w, uint64_t off, size_t *len)
{
	uint64_t left = off < w->sz ? w->sz - off : 0;

	*len = *len < left ? *len : (size_t)left;
	if (!*len)
		return NULL;
	if (w->fd < 0)
		return w->mem + off;
	*len = *len < WINDOW_SZ ? *len : WINDOW_SZ;
	if (off >= w->buf_at && off + *len <= w->buf_at + w->buf_len)
		return w->buf + (off - w->buf_at);
	if (!w->buf)
		w->buf = malloc(WINDOW_SZ);
	if (!w->buf)
		return NULL;
	w->buf_at = off;
	w->buf_len = pread_all(w->fd, w->buf, left < WINDOW_SZ ? (size_t)left : WINDOW_SZ,
			       w->begin + off);
	*len = *len < w->buf_len ? *len : w->buf_len;
	return *len ? w->buf : NULL;
}

size_t window_copy(struct window *w, uint64_t off, void *to, size_t len)
{
	uint64_t left = off < w->sz ? w->sz - off : 0;

	len = len < left ? len : (size_t)left;
	if (w->fd >= 0)
		return pread_all(w->fd, to, len, w->begin + off);
	items_move(to, w->mem + off, len, 1);
	return len;
}

void window_close(struct window *w)
{
	free(w->buf);
	w->buf = NULL;
}
