// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Times a cache line and an arithmetic loop; see timing.h.
 *
 * The cache line: two threads, each pinned to its CPU, pass a counter to and fro. A (even to odd)
 * and B (odd to even) both spin on one word that nothing else shares a line with:
 *
 *   A: word = 2i+1  ----line---->  B sees 2i+1, word = 2i+2  ----line---->  A sees it
 *
 * A takes the time of a batch of round trips; half of a round trip is one way. Either may be
 * preempted or its CPU be taken by others, so both give up at a deadline, and the median is over
 * the batches that were finished.
 */
#include "host/timing.h"

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/threads.h"
#include "base/util.h"
#include "model/recording.h"

#define TRIPS_PER_BATCH 50
#define BATCH_CNT 101
#define BOUNCE_LIMIT_NS (20 * NSEC_PER_MSEC)
#define SPINS_PER_CLOCK 4096

#define SPIN_STEPS 400000
#define SPIN_CNT 7

#define QUICK_BATCH_CNT 21
#define QUICK_LIMIT_NS (2 * NSEC_PER_MSEC)
#define QUICK_SPIN_CNT 3

struct bounce {
	alignas(128) atomic_uint_fast64_t word;
	alignas(128) atomic_bool stop;
	uint64_t deadline_ns;
	uint64_t batch_ns[BATCH_CNT];
	size_t batch_cnt, batch_max;
};

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t timing_median(uint64_t *v, size_t cnt)
{
	if (!cnt)
		return UNKNOWN;
	qsort(v, cnt, sizeof(*v), compare_u64);
	return v[(cnt - 1) / 2];
}

/* Spin until the word is value. False when it was time to give up. */
static bool bounce_await(struct bounce *b, uint64_t value)
{
	unsigned int spins = 0;

	while (atomic_load_explicit(&b->word, memory_order_acquire) != value) {
		if (++spins % SPINS_PER_CLOCK)
			continue;
		if (atomic_load(&b->stop) || now_ns() > b->deadline_ns)
			return false;
	}
	return true;
}

static void *bounce_a(void *arg)
{
	struct bounce *b = arg;
	uint64_t begin_ns, value = 0;
	int i;

	/* The first trip waits for the other thread to begin, and is not timed. */
	atomic_store(&b->word, ++value);
	if (!bounce_await(b, ++value))
		goto out;
	while (b->batch_cnt < b->batch_max) {
		begin_ns = now_ns();
		for (i = 0; i < TRIPS_PER_BATCH; i++) {
			atomic_store_explicit(&b->word, ++value, memory_order_release);
			if (!bounce_await(b, ++value))
				goto out;
		}
		b->batch_ns[b->batch_cnt++] = now_ns() - begin_ns;
	}
out:
	atomic_store(&b->stop, true);
	return NULL;
}

static void *bounce_b(void *arg)
{
	struct bounce *b = arg;
	uint64_t value;

	for (value = 1; bounce_await(b, value); value += 2)
		atomic_store_explicit(&b->word, value + 1, memory_order_release);
	return NULL;
}

static int start_pinned(pthread_t *thread, int cpu, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int err;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	err = start_helper(thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return err;
}

/* The first two CPUs we may run on. False when there is but one. */
static bool first_two_cpus(int cpus[2])
{
	int cpu, cnt = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (cpu = 0; cpu < CPU_SETSIZE && cnt < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[cnt++] = cpu;
	return cnt == 2;
}

static uint64_t bounce(size_t batch_max, uint64_t limit_ns)
{
	struct bounce b = {.deadline_ns = now_ns() + limit_ns, .batch_max = batch_max};
	pthread_t first, second;
	uint64_t batch_ns;
	int cpus[2];

	if (!first_two_cpus(cpus))
		return UNKNOWN;
	if (start_pinned(&first, cpus[0], bounce_a, &b))
		return UNKNOWN;
	if (start_pinned(&second, cpus[1], bounce_b, &b)) {
		atomic_store(&b.stop, true);
		pthread_join(first, NULL);
		return UNKNOWN;
	}
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	batch_ns = timing_median(b.batch_ns, b.batch_cnt);
	return batch_ns == UNKNOWN ? UNKNOWN : batch_ns / TRIPS_PER_BATCH / 2;
}

uint64_t timing_cacheline(void)
{
	return bounce(BATCH_CNT, BOUNCE_LIMIT_NS);
}

/* Each step needs the one before, so the loop's time is latency and not how wide the CPU is. */
static uint64_t spin_once(void)
{
	static volatile uint64_t sink;
	uint64_t begin_ns = now_ns(), x = sink | 1;
	int i;

	for (i = 0; i < SPIN_STEPS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	sink = x;
	return now_ns() - begin_ns;
}

uint64_t timing_spin(void)
{
	uint64_t ns[SPIN_CNT];
	size_t i;

	for (i = 0; i < SPIN_CNT; i++)
		ns[i] = spin_once();
	return timing_median(ns, SPIN_CNT);
}

void timing_quick(uint64_t *spin_ns, uint64_t *cacheline_ns)
{
	*spin_ns = UNKNOWN;
	for (int i = 0; i < QUICK_SPIN_CNT; i++) {
		uint64_t ns = spin_once();

		*spin_ns = ns < *spin_ns ? ns : *spin_ns;
	}
	*cacheline_ns = bounce(QUICK_BATCH_CNT, QUICK_LIMIT_NS);
}
