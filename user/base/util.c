// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Order, growing arrays, whole reads; see util.h. */
#include "base/util.h"

#include <errno.h>
#include <string.h>

int order_u32(const void *a, const void *b)
{
	ORDER(*(const uint32_t *)a, *(const uint32_t *)b);
	return 0;
}

/* Large ones grow by less: what is ahead is zeroed, and so is memory that is taken. */
#define GROWS_TWICE 4096 /* elements */

int array_grow(void **arr, size_t *cap, size_t cnt, size_t elem_sz)
{
	size_t want = *cap < GROWS_TWICE ? 2 * *cap + 16 : *cap + *cap / 8;
	void *bigger;

	if (cnt < *cap)
		return 0;
	bigger = reallocarray(*arr, want, elem_sz);
	if (!bigger)
		return -ENOMEM;
	memset((char *)bigger + *cap * elem_sz, 0, (want - *cap) * elem_sz);
	*arr = bigger;
	*cap = want;
	return 0;
}

size_t pread_all(int fd, void *buf, size_t sz, uint64_t off)
{
	size_t done = 0;

	while (done < sz) {
		ssize_t got = pread(fd, (char *)buf + done, sz - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}
