/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Causes of a gap in the field's words. */
#ifndef WG_MODEL_GAP_CAUSE_H
#define WG_MODEL_GAP_CAUSE_H

#include "model/where.h"

enum gap_cause {
	GAP_LOCK_WAIT,
	GAP_LOCK_TRAFFIC, /* on the CPU, at atomic instructions */
	GAP_MMAP_LOCK,
	GAP_KERNEL_LOCK,
	GAP_PAGE_FAULTS,
	GAP_PAGE_TABLES,
	GAP_TLB,
	GAP_RUN_QUEUE,
	GAP_CPU_QUOTA,
	GAP_CPU_FUNCTION,
	GAP_DISK,
	GAP_IPC,
	GAP_SLEEP,
	GAP_CHILD,
	GAP_IDLE,
	GAP_LOST, /* it found no room while it was recorded: a wait, or its call path */
	GAP_OTHER,
	GAP_CAUSE_CNT,
};

const char *gap_cause_name(enum gap_cause c); /* the words of the JSON */

enum gap_site {
	AT_CAUSE,   /* of a cause: gap_part.of says which */
	AT_BUCKET,  /* the bucket as a whole, or its CPU quota: run queues have no sites */
	AT_MANY,    /* small ones of this bucket together */
	AT_NOWHERE, /* time of the bucket that no site has */
	AT_WORK,    /* b's lanes do more of the work each */
	AT_SERIAL,  /* on the path: the same CPU time, but less of it beside other work */
};

/* Of time in bucket b that is about c. */
enum gap_cause gap_cause_of(const struct locks *l, enum bucket b, const struct where_cause *c);
/* Of time in bucket b of which no more is known. */
enum gap_cause gap_cause_of_bucket(enum bucket b);

#endif
