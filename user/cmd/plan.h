/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a bench is to run: the workloads and models known, and the user's choice of them. */
#ifndef WG_PLAN_H
#define WG_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct workload {
	const char *name;
	long long quick_n; /* size of a task with --quick, in the workload's unit; 0: the default */
	double weight;	   /* seconds that one task takes, roughly: for the progress bar only */
};

#define PLAN_WORKLOAD_MAX 16
#define PLAN_MODEL_MAX 3

struct plan {
	const struct workload *workloads[PLAN_WORKLOAD_MAX];
	int workload_cnt;
	const char *models[PLAN_MODEL_MAX];
	int model_cnt;
	int workers, repeats, tasks, timeout_s;
	bool quick, pin;
};

/*
 * Fill the workloads and models of p from lists with commas; NULL is all of them. -EINVAL with
 * one line in e for a name that is not known or a list that is empty.
 */
int plan_choose(struct plan *p, const char *workloads, const char *models, const char *runtimes,
		struct err *e);

/* Expected seconds of work of one repeat of w in model. */
double plan_weight(const struct plan *p, const struct workload *w, const char *model);

#endif
