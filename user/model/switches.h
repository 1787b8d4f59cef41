/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Switches: ways of running the same work that take one cause of a gap away and leave the rest as
 * it is. Two tables, to which anybody may add a line: what a switch does to a run, and of which
 * parts of a gap it is the proof. Pure; pools are built by them in cmd/pools.c.
 */
#ifndef WG_MODEL_SWITCHES_H
#define WG_MODEL_SWITCHES_H

#include "model/gap.h"

enum switch_kind {
	SWITCH_WORKLOAD,      /* another workload that does the same work, of the same size */
	SWITCH_ENV,	      /* a variable of the runner's environment */
	SWITCH_NO_HUGE_PAGES, /* prctl(PR_SET_THP_DISABLE), inherited by all of the runner */
	SWITCH_PIN,	      /* a CPU for each lane */
	SWITCH_NO_PIN,
	SWITCH_WORKERS, /* no more of them than CPUs, the same tasks */
};

struct switch_def {
	const char *id;	  /* run.variant, and behind labels: stable */
	const char *name; /* in words, after "with" */
	enum switch_kind kind;
	const char *
		value; /* the workload, "-..." behind the name of that which it is for; or NAME=value */
};

#define SWITCH_MAX 16 /* that there may be */

/* The i-th of all, NULL behind the last; by the id of a run, or NULL for one that is not known. */
const struct switch_def *switch_at(size_t i);
const struct switch_def *switch_find(const char *id);

/*
 * Is the switch for this part of g: does a rule name its cause, its lock's type and a function on its
 * path? Small parts that are told together have no path: they go with the largest of their cause.
 */
bool switch_takes(const struct switch_def *sw, const struct gap *g, const struct gap_part *p,
		  const struct locks *l);

/* Of SWITCH_WORKLOAD: what runs in place of this workload, into buf. */
const char *switch_workload(const struct switch_def *sw, const char *workload, char *buf,
			    size_t sz);

/* Can it be set for both sides, or is it set already: pinned lanes, workers below the CPUs? */
bool switch_can(const struct switch_def *sw, const struct recording *r, const struct group *a,
		const struct group *b);

#endif
