/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the pairs of "gaps" share. A pair is one function that does its work as side a or as side
 * b; b has one reason more to take time. Amounts are fixed and scaled by the command line.
 *
 * cause_ns is the truth: time that the reason took on the way to the end, measured by the pair
 * itself (clocks, counters of the kernel), in both sides the same way.
 */
#ifndef WG_GAPS_GAPS_H
#define WG_GAPS_GAPS_H

#include "../planted.h"

#define LANES_MAX 16
#define CACHE_LINE 64
/* Steps of burn() in about a microsecond of a 3.5 GHz CPU: four cycles each. */
#define STEPS_PER_US 875

struct side {
	bool b;
	double scale;
	uint64_t cause_ns; /* what the pair measured; UNMEASURED: nothing */
};

#define UNMEASURED UINT64_MAX

struct pair {
	const char *name;
	void (*run)(struct side *s);
	void (*can)(void); /* exits by skip() where this machine cannot; may be NULL */
};

/* Ends with one that has no name. */
extern const struct pair lock_pairs[], cpu_pairs[], memory_pairs[], disk_pairs[], queue_pairs[],
	peer_pairs[];

/* One thread of a pair. Lane i has the i-th allowed CPU, round robin, for its own. */
struct lane {
	const struct side *side;
	void (*body)(struct lane *);
	int index, cpu;
	pthread_barrier_t *gate; /* none works before all are there; NULL: no matter */
	uint64_t wait_ns;	 /* for the body to count in */
	struct self self;
};

/* An amount, scaled. */
static inline uint64_t amount(const struct side *s, uint64_t n)
{
	return (uint64_t)((double)n * s->scale + 0.5);
}

/* A chain of so many dependent steps: CPU time that nothing can shorten, in registers alone. */
static inline void burn(uint64_t steps)
{
	uint64_t x = steps;

	while (steps--) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(x));
	}
}

static inline uint64_t steps_of_us(uint64_t us)
{
	return us * STEPS_PER_US;
}

/* Run cnt lanes to their end. Returns the one that ended last. */
struct lane *run_lanes(struct lane *lanes, int cnt, const struct side *s,
		       void (*body)(struct lane *));
/* The same, each in a process of its own. */
struct lane *run_processes(struct lane *lanes, int cnt, const struct side *s,
			   void (*body)(struct lane *));

/* Wall less CPU less run delay: how long a thread slept, by its own counters. */
uint64_t slept_ns(const struct self *self);
uint64_t delayed_ns(const struct self *self);

/* Take the calling thread's readings around work that has no lanes. */
#define SELF_AROUND(self, work)                                                                    \
	do {                                                                                       \
		self_begin(self, "main");                                                          \
		work;                                                                              \
		self_end(self);                                                                    \
	} while (0)

#endif
