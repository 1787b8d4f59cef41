/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The memory of whatever processes are being tracked, sampled while they run: resident memory
 * over time, and page tables as we and as /proc see them at one moment.
 */
#ifndef WG_CAPTURE_PROCS_H
#define WG_CAPTURE_PROCS_H

#include "collect/collector.h"
#include "host/memory.h"

struct procs {
	struct rows rows;
	struct mem_sum sum;
	uint32_t *tgids; /* alive at the last sample */
	uint64_t *pgtables;
	size_t cnt, cap;
	uint64_t generation;   /* of the collector's tasks, when tgids was made */
	uint64_t ours, kernel; /* page tables, at the latest moment when both could be had */
	uint64_t begin_ns;     /* of the first sample */
	uint64_t next_ns;      /* when the next sample is due: dear ones come less often */
};

/* Sample if due. Returns ms until the next is. */
int procs_sample(struct procs *p, struct collector *c);
void procs_result(const struct procs *p, struct memory *out);
void procs_clear(struct procs *p);

/*
 * Page tables of these processes now, as we and as /proc see them, into out: of those that stood
 * still meanwhile, or UNKNOWN when there is none (a runtime may collect garbage at any time).
 */
void procs_pgtables(struct collector *c, const uint32_t *tgids, size_t cnt, struct memory *out);

#endif
