/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where the time of a group of repeats went: its sites, put together by what caused them and then
 * by call path, largest first. Pure.
 *
 *   where
 *     |- bucket[]  the buckets of the ledger; the last is page faults, counted beside them
 *          |- causes    futex, klock: a lock; but idle waits by type, whatever they wait on
 *               |       user: a function; kernel, fault: a class of kernel work
 *               |       other blocked time: what the kernel waited for, or the function
 *               |- paths    the telling frames of call paths (paths.h)
 *               |- wakers   likewise, of those who ended the waits
 *
 * Where a group has worker lanes, it is about these alone. Waits are measured, and shares of them
 * are of the bucket's time in the ledger, so what has no site shows as missing. Samples are
 * counted, and come with the half width of the 95% interval of a share of n out of N: 1.96 times
 * sqrt(p(1-p)/N).
 */
#ifndef WG_MODEL_WHERE_H
#define WG_MODEL_WHERE_H

#include "model/locks.h"
#include "model/summary.h"

enum {
	WHERE_FAULTS = BUCKET_CNT,
	WHERE_CNT,
};

enum cause_kind {
	CAUSE_LOCK,	/* object */
	CAUSE_FUTEX,	/* futex waits of one type: idle ones, and those of unknown address */
	CAUSE_KERNEL,	/* kclass, and frame for a system call */
	CAUSE_BLOCKED,	/* blocked: see blocked_rule_name() */
	CAUSE_FUNCTION, /* frame */
	CAUSE_UNKNOWN,	/* no call path */
	CAUSE_LOST,	/* it found no room while it was recorded */
};

struct where_path {
	uint32_t *frames; /* as path_frames() gives them */
	uint32_t frame_cnt;
	uint32_t stack;		     /* a whole one: the heaviest */
	double amount;		     /* in the unit of its cause */
	double share;		     /* of its cause */
	double count;		     /* as that of its cause */
	uint64_t max_ns;	     /* waits */
	double pgtables_bytes, huge; /* faults: per run */
};

struct where_cause {
	enum cause_kind kind;
	enum wait_class wait;
	enum lock_type type;
	uint32_t object; /* of locks.objects, one of them */
	uint32_t frame;	 /* of the recording, or NO_INDEX */
	enum kclass kclass;
	int blocked;
	double amount;	     /* waits: ns of a lane in a run, mean; samples: how many, of all runs;
			      faults: of a lane in a run, mean */
	double ns;	     /* of a lane in a run: measured for waits, else estimated */
	double share;	     /* of the bucket */
	double error;	     /* of share, for samples; else 0 */
	double lo_ns, hi_ns; /* waits: least and most of a run */
	double count;	     /* waits or faults of all lanes in a run, mean; samples: as amount */
	uint64_t max_ns;
	double traffic;		     /* samples at an atomic read-modify-write */
	double faulting;	     /* samples at an instruction that raises page faults too */
	double pgtables_bytes, huge; /* faults: of all lanes in a run, mean */
	uint32_t object_cnt;	     /* locks: different ones, in the run with the most */
	struct where_path *paths;
	size_t path_cnt;
	uint32_t common_cnt;	   /* frames from the leaf on in which all its paths are the same */
	struct where_path *wakers; /* stack NO_INDEX: a time-out, a signal or an interrupt */
	size_t waker_cnt;
	double woken; /* wakeups looked at */
};

struct where_bucket {
	double ns;		  /* of the mean lane, by the ledger; 0 for WHERE_FAULTS */
	double share;		  /* of the lane's time */
	double count;		  /* waits or faults of a run, mean; samples of all runs */
	double traffic;		  /* samples */
	double activity[ACT_CNT]; /* samples: how many of them belong to each */
	double covered;		  /* share of the bucket that its causes have; 1 for samples */
	struct where_cause *causes;
	size_t cause_cnt;
};

struct where {
	struct where_bucket bucket[WHERE_CNT];
	struct where_cause *causes;
	struct where_path *paths;
	uint32_t *frames;
};

#define WHERE_COVER 0.95 /* of a cause: what the paths that are told of it should hold */

/* How many of its paths, the heaviest first, hold WHERE_COVER of a cause: with 1 they are as good as one. */
size_t where_path_cnt(const struct where_cause *c);

/* w points into l and g. Returns 0 or -ENOMEM, then with w empty. */
int where_of(struct where *w, const struct locks *l, const struct group *g);
void where_clear(struct where *w);

/* A function right below the one where the paths of a sampled bucket part. */
struct where_child {
	uint32_t frame;
	double share, error; /* of all samples of the bucket */
};

#define SPLIT_MAX 4
#define SPLIT_MIN 0.05 /* smaller ones are not told */
#define SPLIT_ONE 0.8  /* as long as one function has so much of all, the paths do not part */

/*
 * The largest of them, in that order; *under is the last function that (nearly) all paths have in
 * common from the root on, or NO_INDEX. Returns how many there are; 0 too when there is no memory.
 */
uint32_t where_split(const struct where_bucket *k, uint32_t *under,
		     struct where_child out[SPLIT_MAX]);

/* The bucket of a site, or WHERE_FAULTS. */
int site_bucket(const struct site *s);

/* How the user stacks of waits and of samples ended, counted by waits and samples. */
struct stack_quality {
	double waits[WG_END_CNT], samples[WG_END_CNT];
};

void stack_quality_add(struct stack_quality *q, const struct recording *r, const struct run *run);
/* All but WG_END_NONE, and the share of them that is complete (1 when there are none). */
double stack_quality_all(const double ends[WG_END_CNT]);
double stack_quality_complete(const double ends[WG_END_CNT]);

#endif
