/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Reading little-endian and LEB128 numbers that may run past the end of the bytes there are. */
#ifndef WG_UNWIND_BYTES_H
#define WG_UNWIND_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool bad; /* something wanted lay past the end; what was read then is 0 */
};

static inline struct cursor cursor_at(const uint8_t *p, const uint8_t *end)
{
	return (struct cursor){.p = p, .end = end};
}

static inline void cursor_fail(struct cursor *c)
{
	c->p = c->end;
	c->bad = true;
}

static inline void cursor_skip(struct cursor *c, uint64_t sz)
{
	if (sz > (uint64_t)(c->end - c->p))
		cursor_fail(c);
	else
		c->p += sz;
}

/* An unsigned number of sz bytes, 1 to 8. */
static inline uint64_t cursor_uint(struct cursor *c, unsigned sz)
{
	uint64_t value = 0;

	if ((size_t)(c->end - c->p) < sz) {
		cursor_fail(c);
		return 0;
	}
	for (unsigned i = 0; i < sz; i++)
		value |= (uint64_t)c->p[i] << (8 * i);
	c->p += sz;
	return value;
}

/* The same, sign-extended. */
static inline int64_t cursor_int(struct cursor *c, unsigned sz)
{
	unsigned shift = 64 - 8 * sz;

	return (int64_t)(cursor_uint(c, sz) << shift) >> shift;
}

/* LEB128 as its groups of 7 bits, and how many bits those are. More than 64 bits are bad. */
static inline uint64_t cursor_leb(struct cursor *c, unsigned *bit_cnt)
{
	uint64_t value = 0;

	for (*bit_cnt = 0; *bit_cnt < 64; *bit_cnt += 7) {
		uint8_t byte;

		if (c->p >= c->end)
			break;
		byte = *c->p++;
		value |= (uint64_t)(byte & 0x7f) << *bit_cnt;
		if (!(byte & 0x80)) {
			*bit_cnt += 7;
			return value;
		}
	}
	cursor_fail(c);
	return 0;
}

static inline uint64_t cursor_uleb(struct cursor *c)
{
	unsigned bit_cnt;

	return cursor_leb(c, &bit_cnt);
}

static inline int64_t cursor_sleb(struct cursor *c)
{
	unsigned bit_cnt;
	uint64_t value = cursor_leb(c, &bit_cnt);

	if (c->bad)
		return 0;
	if (bit_cnt < 64 && value >> (bit_cnt - 1) & 1)
		value |= ~0ULL << bit_cnt;
	return (int64_t)value;
}

#endif
