/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Resident memory of a set of processes over time: average, peak of one, peak of their sum at one
 * instant. Sampled from /proc/TGID/statm, which takes no lock of the process.
 */
#ifndef WG_HOST_MEMORY_H
#define WG_HOST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "model/recording.h"

/*
 * How long to wait between two samples, elapsed_ns after the first: a fiftieth of the time that
 * has passed, but 20 ms at least, so that short runs get their samples, and 100 ms at most.
 */
uint64_t mem_period_ns(uint64_t elapsed_ns);

struct mem_sum {
	double mean_sum; /* sum over samples of the mean over processes, bytes */
	uint64_t sample_cnt, peak, sum_peak;
};

/* Take one sample of the processes alive among tgids. */
void mem_sum_sample(struct mem_sum *m, const uint32_t *tgids, size_t cnt);
/* Fill the rss fields and sample_cnt of out. */
void mem_sum_result(const struct mem_sum *m, struct memory *out);

/* A thread that samples every mem_period_ns until stopped. tgids is copied. */
struct mem_watch;
int mem_watch_start(struct mem_watch **out, const uint32_t *tgids, size_t cnt);
/* Takes a last sample, ends the thread, fills out (which may be NULL), frees w. Accepts NULL. */
void mem_watch_stop(struct mem_watch *w, struct memory *out);

#endif
