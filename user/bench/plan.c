// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Names to a plan; see plan.h. */
#include "bench/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "runner/runtime.h"

static const struct workload workloads[] = {
	{"math", 0, 1000000, 0.15, false},
	/* half of the default: with three runtimes that is what keeps a bench below two minutes */
	{"crypto", 500000, 100000, 0.5, false},
	{"transfer", 0, 0, 0.1, false},
	{"crypto-query", 0, 20000, 0.4, false},
	{"crypto-fetched", 0, 100000, 0.5, false},
	{"crypto-private", 0, 100000, 0.3, false},
	{"crypto-query-private", 0, 20000, 0.2, true},
	{"churn", 0, 1000, 0.2, false},
	{"populate", 0, 2, 0.2, false},
};

static const char *const models[] = {"single", "threads", "procs"};
static const char *const runtimes[] = {"native", "node", "bun"};

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
			       "crypto-fetched crypto-private crypto-query-private churn populate",
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

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* "node", "node20.9=/opt/node-20.9/bin/node" or "/opt/node-20.9/bin/node". */
static int split_runtime(struct plan_runtime *rt, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len), *slash = memrchr(text, '/', len);
	const char *name = text, *path = equals ? equals + 1 : slash ? text : NULL;
	size_t name_len = equals ? (size_t)(equals - text) : len;

	if (!equals && slash) {
		name = slash + 1;
		name_len = (size_t)(text + len - name);
	}
	if (!name_len || (path && path == text + len))
		return -EINVAL;
	rt->name = strndup(name, name_len);
	rt->path = path ? strndup(path, (size_t)(text + len - path)) : NULL;
	return rt->name && (rt->path || !path) ? 0 : -ENOMEM;
}

static int add_runtime(struct plan *p, const char *text, size_t len, struct err *e)
{
	struct plan_runtime *rt = &p->runtimes[p->runtime_cnt];
	int err, shown = (int)(len < 40 ? len : 40), i;

	if (p->runtime_cnt == PLAN_RUNTIME_MAX)
		return err_set(e, -EINVAL, "more than %d runtimes", PLAN_RUNTIME_MAX);
	*rt = (struct plan_runtime){0};
	p->runtime_cnt++; /* plan_clear sees to what it holds */
	err = split_runtime(rt, text, len);
	if (err == -ENOMEM)
		return err_sys(e, err, "runtimes");
	if (err)
		return err_set(e, err, "'%.*s' is no runtime: NAME, NAME=PATH or PATH", shown,
			       text);
	if (!rt->path && !runtime_known(rt->name))
		return err_set(e, -EINVAL,
			       "no runtime '%.*s'; there are: native node bun, and NAME=PATH for "
			       "another runner",
			       shown, text);
	for (i = 0; i + 1 < p->runtime_cnt; i++) {
		if (!same_text(p->runtimes[i].name, rt->name) ||
		    !same_text(p->runtimes[i].path, rt->path))
			continue;
		free(rt->name);
		free(rt->path);
		p->runtime_cnt--;
		break;
	}
	return 0;
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

	p->workload_cnt = p->model_cnt = p->runtime_cnt = 0;
	p->workloads_named = workload_list;
	for (i = 0; !workload_list && i < ARRAY_SIZE(workloads); i++)
		if (!workloads[i].on_request)
			p->workloads[p->workload_cnt++] = &workloads[i];
	for (i = 0; !model_list && i < ARRAY_SIZE(models); i++)
		p->models[p->model_cnt++] = models[i];
	if (workload_list)
		err = each(p, workload_list, "--workloads", add_workload, e);
	if (!err && model_list)
		err = each(p, model_list, "--models", add_model, e);
	if (runtime_list && !err)
		err = each(p, runtime_list, "--runtimes", add_runtime, e);
	for (i = 0; !runtime_list && !err && i < ARRAY_SIZE(runtimes); i++)
		err = add_runtime(p, runtimes[i], strlen(runtimes[i]), e);
	return err;
}

void plan_clear(struct plan *p)
{
	for (int i = 0; i < p->runtime_cnt; i++) {
		free(p->runtimes[i].name);
		free(p->runtimes[i].path);
	}
	p->runtime_cnt = 0;
}

double plan_weight(const struct plan *p, const struct workload *w, const char *model)
{
	double per_task = p->quick && w->quick_n ? w->weight / 5 : w->weight;
	int lanes = strcmp(model, "single") ? p->workers : 1;

	return per_task * ((p->tasks + lanes - 1) / lanes);
}
