// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Pairs about time on the CPU: a function that does more, counters in one line, uneven work. */
#include "gaps.h"

#define LANES 2

/* --- slow-function: encode_block does three times as much a call. Truth: CPU time around the calls. */

OWN_FRAME static void encode_block(uint64_t us)
{
	burn(steps_of_us(us));
	KEEP_FRAME();
}

OWN_FRAME static void check_block(uint64_t us)
{
	burn(steps_of_us(us));
	KEEP_FRAME();
}

static void run_function(struct side *s)
{
	uint64_t begin_ns;

	s->cause_ns = 0;
	for (uint64_t i = amount(s, 150); i; i--) {
		begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		encode_block(s->b ? 1500 : 500);
		s->cause_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
		check_block(500);
	}
}

/*
 * --- false-sharing: each lane counts in a word of its own, in b in the same cache line. Truth by
 * construction: the lanes do nothing but increment_word.
 */

#define FAR (4 * CACHE_LINE / sizeof(uint64_t))

static volatile uint64_t words[LANES * FAR] __attribute__((aligned(4 * CACHE_LINE)));

OWN_FRAME static void increment_word(volatile uint64_t *word, uint64_t cnt)
{
	while (cnt--)
		++*word;
	KEEP_FRAME();
}

static void sharing_lane(struct lane *l)
{
	increment_word(&words[(size_t)l->index * (l->side->b ? 1 : FAR)],
		       amount(l->side, 900000000));
}

static void run_sharing(struct side *s)
{
	struct lane lanes[LANES];

	run_lanes(lanes, LANES, s, sharing_lane);
}

/*
 * --- straggler: 300 ms of CPU time for two lanes, in b three quarters of them for one. Truth: what
 * the lanes were idle on the mean, because they ended at different times.
 */

OWN_FRAME static void do_portion(uint64_t us)
{
	burn(steps_of_us(us));
	KEEP_FRAME();
}

static void straggler_lane(struct lane *l)
{
	uint64_t parts = l->side->b ? (l->index ? 3 : 1) : 2;

	do_portion(amount(l->side, 75000 * parts));
}

static void run_straggler(struct side *s)
{
	struct lane lanes[LANES], *last = run_lanes(lanes, LANES, s, straggler_lane);

	s->cause_ns = 0;
	for (int i = 0; i < LANES; i++)
		s->cause_ns += (last->self.end.at_ns - lanes[i].self.end.at_ns) / LANES;
}

const struct pair cpu_pairs[] = {
	{"slow-function", run_function, NULL},
	{"false-sharing", run_sharing, NULL},
	{"straggler", run_straggler, NULL},
	{NULL, NULL, NULL},
};
