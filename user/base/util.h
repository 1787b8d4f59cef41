/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Small helpers that every folder may use: clock, scope cleanup, order, arrays, whole reads. */
#ifndef WG_BASE_UTIL_H
#define WG_BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull

/* s, or "" for NULL. */
static inline const char *str(const char *s)
{
	return s ? s : "";
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define scoped_free __attribute__((cleanup(cleanup_free)))
#define scoped_fd __attribute__((cleanup(cleanup_fd)))
#define scoped_file __attribute__((cleanup(cleanup_file)))

/*
 * In a function that qsort() calls: return how x stands to y unless they are equal. One line for each
 * thing to order by, the most important first; x and y the other way round for the largest first.
 */
#define ORDER(x, y)                                                                                \
	do {                                                                                       \
		if ((x) != (y))                                                                    \
			return (x) < (y) ? -1 : 1;                                                 \
	} while (0)

/* The order of uint32_t, for qsort() and bsearch(). */
int order_u32(const void *a, const void *b);

/*
 * Make room for one more element of size elem_sz in *arr, which holds cnt of a capacity *cap.
 * Returns 0 or -ENOMEM; on failure *arr is unchanged. New room is zeroed.
 */
int array_grow(void **arr, size_t *cap, size_t cnt, size_t elem_sz);

/*
 * memmove, qsort and memcmp() == 0 of cnt elements: an empty array may be NULL, which those of the C
 * library may not be given, however few the bytes.
 */
static inline void items_move(void *to, const void *from, size_t cnt, size_t elem_sz)
{
	if (cnt)
		memmove(to, from, cnt * elem_sz);
}

static inline void items_sort(void *items, size_t cnt, size_t elem_sz,
			      int (*order)(const void *, const void *))
{
	if (cnt)
		qsort(items, cnt, elem_sz, order);
}

static inline bool items_equal(const void *a, const void *b, size_t cnt, size_t elem_sz)
{
	return !cnt || !memcmp(a, b, cnt * elem_sz);
}

/* Read sz bytes at off, in as many reads as it takes. Returns how many there were. */
size_t pread_all(int fd, void *buf, size_t sz, uint64_t off);

#endif
