/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a bench is to run: the workloads, models and runtimes known, and the user's choice of them. */
#ifndef WG_BENCH_PLAN_H
#define WG_BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/runas.h"

struct workload {
	const char *name;
	long long n, quick_n; /* size of a task, and with --quick, in its unit; 0: the default */
	double weight;	      /* seconds that one task takes, roughly: for the progress bar only */
	bool on_request;      /* not among those of a bench that names none */
};

struct plan_runtime {
	char *name; /* "node", "node20.9"; of a bare path its last part */
	char *path; /* or NULL: where it usually is */
};

#define PLAN_WORKLOAD_MAX 16
#define PLAN_MODEL_MAX 3
#define PLAN_RUNTIME_MAX 16

struct plan {
	const struct workload *workloads[PLAN_WORKLOAD_MAX];
	int workload_cnt;
	bool workloads_named; /* by the user: one that a runtime lacks is worth a word */
	const char *models[PLAN_MODEL_MAX];
	int model_cnt;
	struct plan_runtime runtimes[PLAN_RUNTIME_MAX];
	int runtime_cnt;
	int workers, repeats, tasks, timeout_s;
	const struct runas *as; /* whom the runners run as */
	bool quick, pin, touch, jit_names;
};

/*
 * Fill the workloads, models and runtimes of p from lists with commas; NULL is all that are known.
 * -EINVAL with one line in e for a name that is not known or a list that is empty, or -ENOMEM. p
 * needs plan_clear in either case.
 */
int plan_choose(struct plan *p, const char *workloads, const char *models, const char *runtimes,
		struct err *e);
void plan_clear(struct plan *p);

/* Expected seconds of work of one repeat of w in model, by any runtime. */
double plan_weight(const struct plan *p, const struct workload *w, const char *model);

#endif
