// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Memory and time for work on files of others; see budget.h. */
#include "base/budget.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

/*
 * The largest files that people have fit in: of a million functions in no order the names take 65 MiB and
 * a second, the unwind table of libLLVM (117 MB) 0.1 s. With all of it taken the program stays below 200 MB.
 */
static const struct budget_limits usual = {
	.file_bytes = 72u << 20,
	.all_bytes = 88u << 20,
	.file_ns = 1500 * NSEC_PER_MSEC,
	.all_ns = 5 * NSEC_PER_SEC,
};

#define GROWS_BY_HALF                                                                              \
	4096	       /* elements: from there by an eighth, which the kernel moves by its pages */
#define ALL_NS_SHARE 8 /* of the time that passes, one part in so many comes on top */
#define STEPS_PER_LOOK 256 /* a look at the clock takes as long as some 50 short steps */

static struct {
	pthread_mutex_t lock; /* for all below but held and used_ns, which are atomic */
	struct budget_limits limits;
	uint64_t since_ns; /* 0: not used yet */
	struct budget_stops stops;
	size_t held;
	uint64_t used_ns;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct budget_limits *limits(void)
{
	return all.limits.file_bytes ? &all.limits : &usual;
}

static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

void budget_stop(struct budget *b, enum budget_reason reason)
{
	if (!b || b->reason)
		return;
	b->reason = reason;
	pthread_mutex_lock(&all.lock);
	if (!all.stops.cnt[reason]++)
		snprintf(all.stops.first[reason], sizeof(all.stops.first[reason]), "%s",
			 str(b->path));
	pthread_mutex_unlock(&all.lock);
}

void budget_forgive(struct budget *b)
{
	if (!b->reason)
		return;
	pthread_mutex_lock(&all.lock);
	if (!--all.stops.cnt[b->reason])
		all.stops.first[b->reason][0] = '\0';
	pthread_mutex_unlock(&all.lock);
	b->reason = BUDGET_NONE;
}

/* --- time --- */

static uint64_t all_ns_limit(void)
{
	uint64_t zero = 0, now = now_ns();

	if (__atomic_compare_exchange_n(&all.since_ns, &zero, now, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		zero = now;
	return limits()->all_ns + (now - zero) / ALL_NS_SHARE;
}

void budget_begin(struct budget *b)
{
	if (b && !b->depth++)
		b->begin_ns = thread_ns();
}

/* Bring used_ns up to date. */
static void account(struct budget *b)
{
	uint64_t now = thread_ns(), took = now - b->begin_ns;

	b->begin_ns = now;
	b->used_ns += took;
	__atomic_fetch_add(&all.used_ns, took, __ATOMIC_RELAXED);
}

void budget_end(struct budget *b)
{
	if (b && !--b->depth)
		account(b);
}

bool budget_has_time(struct budget *b)
{
	if (!b)
		return true;
	b->step_cnt = 0;
	if (b->depth)
		account(b);
	if (b->used_ns > limits()->file_ns)
		budget_stop(b, BUDGET_FILE_TIME);
	else if (__atomic_load_n(&all.used_ns, __ATOMIC_RELAXED) > all_ns_limit())
		budget_stop(b, BUDGET_ALL_TIME);
	else
		return true;
	return false;
}

bool budget_step(struct budget *b)
{
	if (!b || ++b->step_cnt < STEPS_PER_LOOK)
		return true;
	return budget_has_time(b);
}

/* --- memory --- */

bool budget_take(struct budget *b, size_t sz)
{
	size_t held;

	if (!b)
		return true;
	if (sz > limits()->file_bytes || b->held > limits()->file_bytes - sz) {
		budget_stop(b, BUDGET_FILE_MEMORY);
		return false;
	}
	held = __atomic_add_fetch(&all.held, sz, __ATOMIC_RELAXED);
	if (held > limits()->all_bytes) {
		__atomic_fetch_sub(&all.held, sz, __ATOMIC_RELAXED);
		budget_stop(b, BUDGET_ALL_MEMORY);
		return false;
	}
	b->held += sz;
	return true;
}

void budget_give(struct budget *b, size_t sz)
{
	if (!b)
		return;
	sz = sz < b->held ? sz : b->held;
	b->held -= sz;
	__atomic_fetch_sub(&all.held, sz, __ATOMIC_RELAXED);
}

void budget_close(struct budget *b)
{
	if (b)
		budget_give(b, b->held);
}

int budget_grow(struct budget *b, void **arr, size_t *cap, size_t cnt, size_t elem_sz)
{
	size_t more = *cap < GROWS_BY_HALF ? *cap / 2 + 16 : *cap / 8;
	void *bigger;

	if (cnt < *cap)
		return 0;
	if (!budget_take(b, more * elem_sz))
		return -EDQUOT;
	bigger = reallocarray(*arr, *cap + more, elem_sz);
	if (!bigger) {
		budget_give(b, more * elem_sz);
		return -ENOMEM;
	}
	*arr = bigger;
	*cap += more;
	return 0;
}

/* --- all of them --- */

void budget_set_limits(const struct budget_limits *l)
{
	pthread_mutex_lock(&all.lock);
	all.limits = *l;
	all.stops = (struct budget_stops){0};
	all.since_ns = 0;
	__atomic_store_n(&all.used_ns, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&all.lock);
}

void budget_stops(struct budget_stops *out)
{
	pthread_mutex_lock(&all.lock);
	*out = all.stops;
	pthread_mutex_unlock(&all.lock);
}
