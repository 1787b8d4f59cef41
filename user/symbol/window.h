/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A file that is read from its begin to its end through a window, or bytes in memory, read likewise. */
#ifndef WG_SYMBOL_WINDOW_H
#define WG_SYMBOL_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#define WINDOW_SZ (1u << 20)

struct window {
	int fd; /* or negative: mem */
	const uint8_t *mem;
	uint64_t begin; /* in the file, of what is looked at: offset 0 */
	uint64_t sz;	/* of that */
	uint8_t *buf;
	uint64_t buf_at; /* buf_len bytes from there are in buf */
	size_t buf_len;
};

/*
 * The bytes at off: *len of them, or fewer where there are fewer, or where more than WINDOW_SZ are
 * asked for; *len says how many. They hold until the next call. NULL: none, or no memory.
 */
const uint8_t *window_at(struct window *w, uint64_t off, size_t *len);
/* Bytes at off to `to`, past the window's size too; how many. */
size_t window_copy(struct window *w, uint64_t off, void *to, size_t len);
void window_close(struct window *w); /* the descriptor stays the caller's */

#endif
