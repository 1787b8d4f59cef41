/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The pools of a bench: the runtimes that compete, and for one workload a pool of each runtime
 * and model; with bench --prove, variants of these with a switch set. A pool that cannot be made or goes
 * wrong leaves an absence in the recording, and the others go on.
 */
#ifndef WG_BENCH_POOLS_H
#define WG_BENCH_POOLS_H

#include <signal.h>

#include "bench/plan.h"
#include "capture/capture.h"
#include "model/switches.h"
#include "model/recording.h"
#include "runner/runner.h"
#include "runner/runtime.h"

/* A runtime that takes part. */
struct contender {
	struct runtime runtime;
	char *label;		  /* in the recording; two of one name are told apart by version */
	bool alone;		  /* no other has its name */
	char *workloads, *models; /* that it offers; NULL until it has said so */
	bool broken;		  /* gave no hello: not tried again */
};

struct pool {
	struct contender *of;
	const char *model;
	const struct switch_def *set; /* of a variant; else NULL */
	long long n;		      /* of a variant: as large a task as without the switch */
	int repeat_cnt;		      /* measured */
	struct runner *runner;	      /* NULL: there is none, or no more */
};

#define POOL_MAX (PLAN_RUNTIME_MAX * PLAN_MODEL_MAX * (1 + SWITCH_MAX))

struct pools {
	const struct plan *plan;
	struct recording *r;
	struct collector *c;
	struct capture *capture;
	const volatile sig_atomic_t *stop; /* not 0: a signal wants us to stop */
	struct contender contenders[PLAN_RUNTIME_MAX];
	int contender_cnt;
	struct pool pools[POOL_MAX]; /* of the workload at hand; variants behind the others */
	int pool_cnt;
	bool private_tmp; /* each runner has one */
	bool failed;	  /* something went wrong: it is among the absences */
};

/* Find the runtimes of the plan. All pointers must outlive p. 0 or -ENOMEM; p needs pools_clear. */
int pools_init(struct pools *p, const struct plan *plan, struct capture *capture,
	       const volatile sig_atomic_t *stop);
void pools_clear(struct pools *p);

/*
 * Build the next pool of workload w, number i of contender_cnt * model_cnt. What the runner does
 * wrong is no error, see above; errors are ours.
 */
int pools_open(struct pools *p, const struct workload *w, int i, struct err *e);
/* Has pool i what a variant of it with this switch needs? */
bool pools_can(const struct pools *p, const struct workload *w, int i,
	       const struct switch_def *set);
/*
 * Build a variant of pool i, the last of all pools then: another one with the switch set, the work of
 * the same size. What goes wrong with it is an absence, but not a failure of the bench.
 */
int pools_open_variant(struct pools *p, const struct workload *w, int i,
		       const struct switch_def *set, struct err *e);
/* Measure one window of pool i of those open; likewise. Nothing, when it has failed before. */
int pools_measure(struct pools *p, const struct workload *w, int i, struct err *e);
/* End all pools of the workload. */
void pools_close(struct pools *p);

#endif
