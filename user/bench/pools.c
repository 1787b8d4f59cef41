// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Pools: made, tracked, measured, ended; see pools.h. */
#include "bench/pools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/say.h"
#include "base/util.h"
#include "capture/procs.h"
#include "host/host.h"
#include "host/memory.h"
#include "host/timing.h"
#include "runner/privatetmp.h"

/* --- absences */

/* What went wrong (or, with no e, is not there) in a row of the recording; failures on stderr too. */
static int add_absence(struct pools *p, const struct contender *k, const char *workload,
		       const char *model, const char *why, bool failed)
{
	struct absence *a = recording_add_absence(p->r);

	if (!a)
		return -ENOMEM;
	a->runtime = strdup(k->label);
	a->workload = strdup(workload);
	a->model = strdup(model);
	a->why = strdup(why);
	a->failed = failed;
	p->failed |= failed;
	return a->runtime && a->workload && a->model && a->why ? 0 : -ENOMEM;
}

/* --- contenders */

static int find_contender(struct pools *p, const struct plan_runtime *asked)
{
	struct contender *k = &p->contenders[p->contender_cnt++];
	int err = runtime_find(&k->runtime, asked->name, asked->path,
			       p->plan->jit_names && p->private_tmp, p->plan->as);

	k->label = strdup(asked->name);
	k->alone = true;
	for (int i = 0; i + 1 < p->contender_cnt; i++)
		if (!strcmp(p->contenders[i].runtime.name, asked->name))
			k->alone = p->contenders[i].alone = false;
	if (err || !k->label)
		return -ENOMEM;
	if (*k->runtime.missing)
		return add_absence(p, k, "", "", k->runtime.missing, false);
	collector_preload(p->c, k->runtime.path);
	return 0;
}

int pools_init(struct pools *p, const struct plan *plan, struct capture *capture,
	       const volatile sig_atomic_t *stop)
{
	int err = privatetmp_try();

	*p = (struct pools){.plan = plan,
			    .r = capture_recording(capture),
			    .c = capture_collector(capture),
			    .capture = capture,
			    .stop = stop};
	p->private_tmp = !err;
	if (err)
		say_note("wallgap bench: the runners cannot have a /tmp of their own (%s): code "
			 "that runtimes make while they run stays without names",
			 strerror(-err));
	err = 0;
	for (int i = 0; i < plan->runtime_cnt && !err; i++)
		err = find_contender(p, &plan->runtimes[i]);
	return err;
}

void pools_clear(struct pools *p)
{
	pools_close(p);
	for (int i = 0; i < p->contender_cnt; i++) {
		struct contender *k = &p->contenders[i];

		runtime_clear(&k->runtime);
		free(k->label);
		free(k->workloads);
		free(k->models);
	}
	p->contender_cnt = 0;
}

static char *join_libs(const struct runner_hello *hello)
{
	char *text = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&text, &sz);

	if (!f)
		return NULL;
	for (size_t i = 0; i < hello->lib_cnt; i++)
		fprintf(f, "%s%s %s", i ? ", " : "", hello->libs[i].name, hello->libs[i].version);
	return fclose(f) ? NULL : text;
}

static int add_runtime(struct pools *p, const struct contender *k, const struct runner_hello *hello)
{
	struct runtime_info *info = recording_add_runtime(p->r);

	if (!info)
		return -ENOMEM;
	info->name = strdup(k->label);
	info->version = strdup(hello->version);
	info->libs = join_libs(hello);
	info->flags = strdup(hello->flags);
	info->path = strdup(k->runtime.path);
	return info->name && info->version && info->libs && info->flags && info->path ? 0 : -ENOMEM;
}

/* Two of one name get their versions behind it; of one version too, a number. */
static int tell_apart(struct pools *p, struct contender *k, const char *version)
{
	scoped_free char *label = NULL;
	int same = 1;

	version += *version == 'v';
	if (asprintf(&label, "%s %s", k->runtime.name, version) < 0)
		label = NULL;
	for (size_t i = 0; label && i < p->r->runtime_cnt; i++)
		same += !strncmp(p->r->runtimes[i].name, label, strlen(label));
	free(k->label);
	k->label = NULL;
	if (!label || asprintf(&k->label, same > 1 ? "%s (%d)" : "%s", label, same) < 0)
		return -ENOMEM;
	return 0;
}

/* What its first hello tells. */
static int meet(struct pools *p, struct contender *k, const struct runner_hello *hello)
{
	int err = 0;

	if (k->workloads || !hello->models)
		return 0;
	k->workloads = strdup(hello->workloads);
	k->models = strdup(hello->models);
	if (!k->workloads || !k->models)
		return -ENOMEM;
	if (!k->alone)
		err = tell_apart(p, k, hello->version);
	return err ? err : add_runtime(p, k, hello);
}

/* --- making a pool */

/* Who works and who hands out the work: their call paths are kept apart. */
static int mark_lanes(struct collector *c, const struct runner *rn, struct err *e)
{
	int n, i;
	const struct runner_lane *lanes = runner_lanes(rn, &n);
	scoped_free struct lane_mark *marks = calloc((size_t)n + 1, sizeof(*marks));

	if (!marks)
		return err_sys(e, -ENOMEM, "marks of %d lanes", n);
	marks[0] = (struct lane_mark){(uint32_t)runner_pid(rn), WG_LANE_ORCHESTRATOR};
	for (i = 0; i < n; i++)
		marks[i + 1] = (struct lane_mark){lanes[i].tid, WG_LANE_WORKER};
	return collector_mark_lanes(c, marks, (size_t)n + 1, e);
}

/* The processes of the lanes, each once, into a new array. */
static uint32_t *lane_processes(const struct runner *rn, size_t *cnt)
{
	int n, i;
	const struct runner_lane *lanes = runner_lanes(rn, &n);
	uint32_t *tgids = calloc((size_t)(n ? n : 1), sizeof(*tgids));

	*cnt = 0;
	for (i = 0; tgids && i < n; i++)
		if (!*cnt || tgids[*cnt - 1] != lanes[i].tgid)
			tgids[(*cnt)++] = lanes[i].tgid;
	return tgids;
}

/* --- variants */

#define TUNABLES "GLIBC_TUNABLES="

#define WORKLOAD_SZ 64

/* Of a runner's environment: the runtime's, and one of a switch; or the workload in place of w. */
struct changed {
	const char *list[RUNTIME_ARGS_MAX + 2];
	char tunables[1024];
	char workload[WORKLOAD_SZ];
};

/* A tunable goes behind those that are set: the last of one name holds. */
static const char *with_inherited(struct changed *v, const char *var)
{
	const char *set = getenv("GLIBC_TUNABLES");
	int len;

	if (strncmp(var, TUNABLES, strlen(TUNABLES)) || !set || !*set)
		return var;
	len = snprintf(v->tunables, sizeof(v->tunables), TUNABLES "%s:%s", set,
		       var + strlen(TUNABLES));
	return len < (int)sizeof(v->tunables) ? v->tunables : var;
}

static void add_variable(struct runner_spec *spec, struct changed *v, const char *var)
{
	int cnt = 0;

	for (; cnt < RUNTIME_ARGS_MAX && spec->env && spec->env[cnt]; cnt++)
		v->list[cnt] = spec->env[cnt];
	v->list[cnt] = with_inherited(v, var);
	v->list[cnt + 1] = NULL;
	spec->env = v->list;
}

/* What a variant does otherwise. v is what spec may point to. */
static void set_switch(struct runner_spec *spec, const struct pools *p, const struct pool *pool,
		       struct changed *v)
{
	int cpus = p->r->host.cpus;

	if (!pool->set)
		return;
	spec->n = pool->n;
	switch (pool->set->kind) {
	case SWITCH_WORKLOAD:
		spec->workload = switch_workload(pool->set, spec->workload, v->workload,
						 sizeof(v->workload));
		break;
	case SWITCH_ENV:
		add_variable(spec, v, pool->set->value);
		break;
	case SWITCH_NO_HUGE_PAGES:
		spec->no_huge_pages = true;
		break;
	case SWITCH_PIN:
	case SWITCH_NO_PIN:
		spec->pin = pool->set->kind == SWITCH_PIN;
		break;
	case SWITCH_WORKERS:
		spec->workers = cpus < spec->workers ? cpus : spec->workers;
		break;
	}
}

static int start_runner(struct pools *p, const struct workload *w, struct pool *pool, struct err *e,
			bool *ours)
{
	const struct plan *plan = p->plan;
	const struct runtime *rt = &pool->of->runtime;
	struct runner_spec spec = {
		.path = rt->path,
		.args = rt->args,
		.env = rt->env,
		.workload = w->name,
		.model = pool->model,
		.workers = strcmp(pool->model, "single") ? plan->workers : 1,
		.tasks = plan->tasks,
		.n = plan->quick ? w->quick_n : w->n,
		.pin = plan->pin,
		.no_touch = !plan->touch,
		.timeout_s = plan->timeout_s,
		.as = plan->as,
		.private_tmp = p->private_tmp,
	};
	struct changed changed;
	int err;

	*ours = true;
	set_switch(&spec, p, pool, &changed);
	err = runner_open(&pool->runner, &spec, e);
	if (!err)
		err = collector_track(p->c, runner_pid(pool->runner), true, e);
	if (err)
		return err;
	*ours = false;
	return runner_start(pool->runner, e);
}

static void end_runner(struct pool *pool)
{
	runner_close(pool->runner);
	pool->runner = NULL;
}

/* "threads", of a variant "threads+private-contexts". */
static char *pool_model(const struct pool *pool)
{
	char *text;

	return asprintf(&text, "%s%s%s", pool->model, pool->set ? "+" : "",
			pool->set ? pool->set->id : "") < 0
		       ? NULL
		       : text;
}

/*
 * The runner of a pool went wrong, as e says: a row of the recording, and a line on stderr. Without a
 * variant all that was asked for is there: no failure.
 */
static int drop_pool(struct pools *p, const struct workload *w, struct pool *pool,
		     const struct err *e)
{
	scoped_free char *model = pool_model(pool);
	int err = model ? add_absence(p, pool->of, w->name, model, e->msg, !pool->set) : -ENOMEM;

	pool->of->broken |= !pool->of->workloads;
	end_runner(pool);
	return err;
}

static bool has(const struct pools *p, const struct contender *k, const struct workload *w,
		const char *model)
{
	(void)p;
	return !*k->runtime.missing && !k->broken &&
	       (!k->workloads ||
		(runner_offers(k->workloads, w->name) && runner_offers(k->models, model)));
}

/* Not there, and the user had named it. */
static int add_lack(struct pools *p, const struct workload *w, const struct contender *k,
		    const char *model)
{
	bool workload = !runner_offers(k->workloads, w->name);

	if (!p->plan->workloads_named || (workload && strcmp(model, p->plan->models[0])))
		return 0;
	return add_absence(p, k, w->name, workload ? "" : model,
			   workload ? "does not have this workload" : "does not have this model",
			   false);
}

int pools_open(struct pools *p, const struct workload *w, int i, struct err *e)
{
	struct contender *k = &p->contenders[i / p->plan->model_cnt];
	struct pool *pool = &p->pools[p->pool_cnt];
	bool ours = false;
	int err, met;

	*pool = (struct pool){.of = k, .model = p->plan->models[i % p->plan->model_cnt]};
	if (*k->runtime.missing || k->broken)
		return 0;
	if (!has(p, k, w, pool->model))
		return add_lack(p, w, k, pool->model);
	p->pool_cnt++;
	err = start_runner(p, w, pool, e, &ours);
	met = pool->runner && runner_hello(pool->runner) ? meet(p, k, runner_hello(pool->runner))
							 : 0;
	if (met)
		return err_sys(e, met, "a runtime");
	if (!err)
		return mark_lanes(p->c, pool->runner, e);
	if (ours || err == -ENOMEM || *p->stop)
		return err;
	if (err != -ENOTSUP)
		return drop_pool(p, w, pool, e);
	end_runner(pool);
	p->pool_cnt--;
	return add_lack(p, w, k, pool->model);
}

bool pools_can(const struct pools *p, const struct workload *w, int i, const struct switch_def *set)
{
	const struct pool *pool = &p->pools[i];
	char name[WORKLOAD_SZ];

	return pool->runner && p->pool_cnt < POOL_MAX &&
	       (set->kind != SWITCH_WORKLOAD ||
		runner_offers(pool->of->workloads,
			      switch_workload(set, w->name, name, sizeof(name))));
}

int pools_open_variant(struct pools *p, const struct workload *w, int i,
		       const struct switch_def *set, struct err *e)
{
	const struct pool *base = &p->pools[i];
	struct pool *pool = &p->pools[p->pool_cnt++];
	bool ours = false;
	int err;

	*pool = (struct pool){
		.of = base->of, .model = base->model, .set = set, .n = runner_n(base->runner)};
	err = start_runner(p, w, pool, e, &ours);
	if (!err)
		return mark_lanes(p->c, pool->runner, e);
	return ours || err == -ENOMEM || *p->stop ? err : drop_pool(p, w, pool, e);
}

void pools_close(struct pools *p)
{
	for (int i = 0; i < p->pool_cnt; i++)
		end_runner(&p->pools[i]);
	p->pool_cnt = 0;
}

/* --- measuring one window */

static int by_tid(const void *a, const void *b)
{
	const struct thread *x = *(struct thread *const *)a, *y = *(struct thread *const *)b;

	ORDER(x->tid, y->tid);
	return 0;
}

static int name_roles(struct run *run, const struct runner *rn, struct err *e)
{
	int n, i, found = 0;
	const struct runner_lane *lanes = runner_lanes(rn, &n);
	scoped_free struct thread **index = calloc(run->thread_cnt + 1, sizeof(*index));
	struct thread key, *keyp = &key, **at;
	size_t j;

	if (!index)
		return err_sys(e, -ENOMEM, "roles of %zu threads", run->thread_cnt);
	for (j = 0; j < run->thread_cnt; j++)
		index[j] = &run->threads[j];
	qsort(index, run->thread_cnt, sizeof(*index), by_tid);
	for (i = -1; i < n; i++) {
		key.tid = i < 0 ? (uint32_t)runner_pid(rn) : lanes[i].tid;
		at = bsearch(&keyp, index, run->thread_cnt, sizeof(*index), by_tid);
		if (!at)
			continue;
		(*at)->role = i < 0 ? ROLE_ORCHESTRATOR : ROLE_WORKER;
		(*at)->lane = i;
		found += i >= 0;
	}
	if (found != n)
		return err_set(
			e, -ESRCH,
			"%d of %d worker lanes were not seen in the window: the kernel had no "
			"room for their ledgers, or they are gone",
			n - found, n);
	return 0;
}

/* The window is the lanes': the mean of where theirs begin and end, so that the mean lane's buckets sum to it. */
static void fit_window(struct run *run)
{
	double begin = 0, end = 0;
	uint64_t base = run->begin_ns;
	size_t i, n = 0;

	for (i = 0; i < run->thread_cnt; i++) {
		if (run->threads[i].role != ROLE_WORKER)
			continue;
		begin += (double)(int64_t)(run->threads[i].begin_ns - base);
		end += (double)(int64_t)(run->threads[i].end_ns - base);
		n++;
	}
	if (!n)
		return;
	run->begin_ns = base + (uint64_t)(int64_t)(begin / (double)n + 0.5);
	run->end_ns = base + (uint64_t)(int64_t)(end / (double)n + 0.5);
}

/* What is asked of /proc once the window is closed: it takes the processes' locks. */
static void read_memory(struct pools *p, struct run *run, const uint32_t *tgids, size_t cnt)
{
	struct memory *m = &run->memory;
	uint64_t bytes;

	procs_pgtables(p->c, tgids, cnt, m);
	for (size_t i = 0; i < cnt; i++) {
		if (m->pss_sum_bytes != UNKNOWN && !host_pss(tgids[i], &bytes))
			m->pss_sum_bytes += bytes;
		else
			m->pss_sum_bytes = UNKNOWN;
	}
}

static int fill_run(struct run *run, const struct pools *p, const struct workload *w,
		    const struct pool *pool)
{
	const struct runner *rn = pool->runner;
	scoped_free char *model = pool_model(pool);

	if (!model || asprintf(&run->label, "%s/%s/%s", w->name, pool->of->label, model) < 0)
		run->label = NULL;
	run->runtime = strdup(pool->of->label);
	run->workload = strdup(w->name);
	run->model = strdup(pool->model);
	run->variant = strdup(pool->set ? pool->set->id : "");
	run->detail = strdup(runner_detail(rn));
	runner_lanes(rn, &run->workers);
	run->task_cnt = p->plan->tasks;
	run->repeat = pool->repeat_cnt;
	run->pinned = runner_pinned(rn);
	run->sample_hz = (uint64_t)collector_freq(p->c);
	return run->label && run->runtime && run->workload && run->model && run->variant &&
			       run->detail
		       ? 0
		       : -ENOMEM;
}

/*
 * Between the two edges: go, and wait until the work is done. Ctrl-C leaves what was seen. *ours:
 * what failed is not the runner.
 */
static int go_and_wait(struct pools *p, struct runner *rn, struct run *run, struct err *e,
		       bool *ours)
{
	int err = capture_begin(p->capture, runner_pid(rn), e);

	*ours = err;
	if (!err)
		err = runner_go(rn, e);
	if (!err)
		err = runner_wait(rn, run, p->stop, e);
	if (err == -EINTR && *p->stop) {
		run->interrupted = true;
		err = 0;
	}
	if (err)
		return err;
	*ours = true;
	return capture_end(p->capture, run, e);
}

/* The run is in the recording when all went well. */
static int measure(struct pools *p, const struct workload *wl, struct pool *pool, struct err *e,
		   bool *ours)
{
	struct run *run = recording_add_run(p->r);
	struct mem_watch *watch = NULL;
	size_t cnt;
	scoped_free uint32_t *tgids = lane_processes(pool->runner, &cnt);
	int err;

	*ours = true;
	if (!run || !tgids || fill_run(run, p, wl, pool))
		return err_sys(e, -ENOMEM, "a run");
	/* the lanes of all pools wait for work */
	timing_quick(&run->spin_ns, &run->cacheline_ns);
	err = mem_watch_start(&watch, tgids, cnt);
	if (err)
		return err_sys(e, err, "cannot start the memory sampler");
	err = go_and_wait(p, pool->runner, run, e, ours);
	mem_watch_stop(watch, &run->memory);
	if (!err) {
		read_memory(p, run, tgids, cnt);
		err = name_roles(run, pool->runner, e);
	}
	if (!err)
		fit_window(run);
	return err;
}

int pools_measure(struct pools *p, const struct workload *w, int i, struct err *e)
{
	struct pool *pool = &p->pools[i];
	bool ours;
	int err;

	if (!pool->runner)
		return 0;
	err = measure(p, w, pool, e, &ours);
	pool->repeat_cnt++;
	if (!err || ours)
		return err;
	recording_drop_run(p->r);
	return drop_pool(p, w, pool, e);
}
