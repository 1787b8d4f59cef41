// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Names to a plan; see plan.h. */
#include "cmd/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static const struct workload workloads[] = {
	{"math", 1000000, 0.15},
	{"crypto", 100000, 1.0},
	{"transfer", 0, 0.1},
	{"crypto-query", 20000, 0.4},
	{"crypto-fetched", 100000, 0.5},
	{"crypto-private", 100000, 0.3},
	{"churn", 1000, 0.2},
	{"populate", 2, 0.2},
};

static const char *const models[] = {"single", "threads", "procs"};

static const struct workload *find_workload(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++)
		if (strlen(workloads[i].name) == len && !memcmp(workloads[i].name, name, len))
			return &workloads[i];
	return NULL;
}

static const char *find_model(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(models); i++)
		if (strlen(models[i]) == len && !memcmp(models[i], name, len))
			return models[i];
	return NULL;
}

static int add_workload(struct plan *p, const char *name, size_t len, struct err *e)
{
	const struct workload *w = find_workload(name, len);
	int i;

	if (!w)
		return err_set(e, -EINVAL,
			       "no workload '%.*s'; there are: math crypto transfer crypto-query "
			       "crypto-fetched crypto-private churn populate",
			       (int)(len < 40 ? len : 40), name);
	for (i = 0; i < p->workload_cnt; i++)
		if (p->workloads[i] == w)
			return 0;
	p->workloads[p->workload_cnt++] = w;
	return 0;
}

static int add_model(struct plan *p, const char *name, size_t len, struct err *e)
{
	const char *m = find_model(name, len);
	int i;

	if (!m)
		return err_set(e, -EINVAL, "no model '%.*s'; there are: single threads procs",
			       (int)(len < 40 ? len : 40), name);
	for (i = 0; i < p->model_cnt; i++)
		if (p->models[i] == m)
			return 0;
	p->models[p->model_cnt++] = m;
	return 0;
}

static int check_runtime(struct plan *p, const char *name, size_t len, struct err *e)
{
	(void)p;
	if (len == 6 && !memcmp(name, "native", 6))
		return 0;
	return err_set(e, -EINVAL, "no runtime '%.*s'; there is: native",
		       (int)(len < 40 ? len : 40), name);
}

static int each(struct plan *p, const char *list, const char *option,
		int (*add)(struct plan *p, const char *name, size_t len, struct err *e),
		struct err *e)
{
	int err = 0;

	if (!*list)
		return err_set(e, -EINVAL, "%s takes names with commas between them", option);
	while (!err) {
		size_t len = strcspn(list, ",");

		err = add(p, list, len, e);
		if (!list[len])
			break;
		list += len + 1;
	}
	return err;
}

int plan_choose(struct plan *p, const char *workload_list, const char *model_list,
		const char *runtime_list, struct err *e)
{
	size_t i;
	int err = 0;

	p->workload_cnt = p->model_cnt = 0;
	for (i = 0; !workload_list && i < ARRAY_SIZE(workloads); i++)
		p->workloads[p->workload_cnt++] = &workloads[i];
	for (i = 0; !model_list && i < ARRAY_SIZE(models); i++)
		p->models[p->model_cnt++] = models[i];
	if (workload_list)
		err = each(p, workload_list, "--workloads", add_workload, e);
	if (!err && model_list)
		err = each(p, model_list, "--models", add_model, e);
	if (!err && runtime_list)
		err = each(p, runtime_list, "--runtimes", check_runtime, e);
	return err;
}

double plan_weight(const struct plan *p, const struct workload *w, const char *model)
{
	double per_task = p->quick && w->quick_n ? w->weight / 5 : w->weight;
	int lanes = strcmp(model, "single") ? p->workers : 1;

	return per_task * ((p->tasks + lanes - 1) / lanes);
}
