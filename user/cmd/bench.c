// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wallgap bench: the same work by one thread, by threads and by processes. Every pool of a
 * workload is built once; then the repeats go round the models, forth and back (A B C C B A),
 * so that drift of the machine falls on all alike.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/common.h"
#include "cmd/plan.h"
#include "cmd/progress.h"
#include "cmd/window.h"
#include "host/host.h"
#include "host/memory.h"
#include "runner/runner.h"

#define WORKERS_MAX 10000

struct bench {
	struct plan plan;
	const char *out;
	char runner[PATH_MAX];
	int freq_hz;
	bool verbose, stacks;
	struct collector *c;
	struct names *names;
	struct recording r;
	struct progress progress;
};

static const char examples[] =
	"  wallgap bench --quick\n"
	"  wallgap bench --workloads crypto,crypto-private --models threads,procs --repeats 10\n"
	"  wallgap bench --workers 8 --no-pin -o eight.wg\n";

static int parse(struct bench *b, int argc, char **argv)
{
	const char *workloads = NULL, *models = NULL, *runtimes = NULL;
	struct plan *p = &b->plan;
	const struct opt opts[] = {
		{"workloads", 'w', OPT_STR, &workloads, 0, 0, "LIST",
		 "math,crypto,transfer,crypto-query,... (all)"},
		{"models", 'm', OPT_STR, &models, 0, 0, "LIST", "single,threads,procs (all)"},
		{"runtimes", 'R', OPT_STR, &runtimes, 0, 0, "LIST", "native"},
		{"workers", 'n', OPT_INT, &p->workers, 1, WORKERS_MAX, "N",
		 "lanes of a pool (the CPUs allowed, at least 2)"},
		{"repeats", 'r', OPT_INT, &p->repeats, 1, 1000, "N",
		 "measured windows of each (5; with --quick 3)"},
		{"tasks", 't', OPT_INT, &p->tasks, 1, 1000000, "N",
		 "units of work a window, shared out over the lanes (one a lane)"},
		{"quick", 'q', OPT_FLAG, &p->quick, 0, 0, NULL, "smaller tasks, fewer repeats"},
		{"pin", 0, OPT_FLAG, &p->pin, 0, 0, NULL, "a CPU for each lane (default)"},
		{"no-pin", 0, OPT_UNFLAG, &p->pin, 0, 0, NULL, "leave that to the scheduler"},
		{"timeout", 0, OPT_INT, &p->timeout_s, 1, 86400, "SECONDS",
		 "give a window up after so long (60)"},
		{"freq", 'F', OPT_INT, &b->freq_hz, 0, 20000, "HZ",
		 "on-CPU samples a second and CPU (997; 0: none)"},
		{"no-stacks", 0, OPT_UNFLAG, &b->stacks, 0, 0, NULL,
		 "no call paths: buckets and counts only"},
		{"output", 'o', OPT_STR, &b->out, 0, 0, "FILE",
		 "the recording (wallgap-<date>-<time>.wg)"},
		{"verbose", 'v', OPT_FLAG, &b->verbose, 0, 0, NULL, "every thread in the report"},
		{0},
	};
	const struct usage u = {"bench", "[OPTION...]",
				"Run pools of workers over the workloads, each by one thread, by "
				"threads and by processes;\nwatch them and say where the time "
				"went.",
				examples, opts};
	struct err e = {""};
	int status, first = parse_or_end(&u, argc, argv, &status);

	if (first < 0)
		return status;
	if (first < argc)
		err_set(&e, -EINVAL, "'%.40s' is not an option; try: wallgap bench --help",
			argv[first]);
	else
		plan_choose(p, workloads, models, runtimes, &e);
	return e.msg[0] ? say_error("bench", EXIT_USAGE, &e) : -1;
}

static int allowed_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

static void fill_defaults(struct plan *p)
{
	int cpus = allowed_cpus();

	if (!p->workers)
		p->workers = cpus > 2 ? cpus : 2;
	if (!p->repeats)
		p->repeats = p->quick ? 3 : 5;
	if (!p->tasks)
		p->tasks = p->workers;
}

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

static int open_runner(struct bench *b, const struct workload *w, const char *model,
		       struct runner **out, struct err *e)
{
	const struct plan *p = &b->plan;
	struct runner_spec spec = {
		.path = b->runner,
		.workload = w->name,
		.model = model,
		.workers = strcmp(model, "single") ? p->workers : 1,
		.tasks = p->tasks,
		.n = p->quick ? w->quick_n : 0,
		.pin = p->pin,
		.timeout_s = p->timeout_s,
	};
	int err = runner_open(out, &spec, e);

	if (!err)
		err = collector_track(b->c, runner_pid(*out), true, e);
	if (!err)
		err = runner_start(*out, e);
	return err ? err : mark_lanes(b->c, *out, e);
}

/* The versions a runner reports, once each. */
static int add_libs(struct recording *r, const struct runner_hello *hello)
{
	size_t i, j;
	int err;

	for (j = 0; j < r->lib_cnt; j++)
		if (!strcmp(r->libs[j].name, hello->runtime))
			return 0;
	err = recording_add_lib(r, hello->runtime, hello->version);
	for (i = 0; i < hello->lib_cnt && !err; i++)
		err = recording_add_lib(r, hello->libs[i].name, hello->libs[i].version);
	return err;
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

static int by_tid(const void *a, const void *b)
{
	const struct thread *x = *(struct thread *const *)a, *y = *(struct thread *const *)b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
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
static void read_memory(struct run *run, const uint32_t *tgids, size_t cnt)
{
	struct memory *m = &run->memory;
	uint64_t bytes, ours;
	size_t i, j;

	for (i = 0; i < cnt; i++) {
		if (m->pss_sum_bytes != UNKNOWN && !host_pss(tgids[i], &bytes))
			m->pss_sum_bytes += bytes;
		else
			m->pss_sum_bytes = UNKNOWN;
		if (host_pgtables(tgids[i], &bytes))
			continue;
		ours = 0;
		for (j = 0; j < run->thread_cnt; j++)
			if (run->threads[j].tgid == tgids[i] &&
			    run->threads[j].pgtables_bytes > ours)
				ours = run->threads[j].pgtables_bytes;
		m->pgtables_kernel_bytes += bytes;
		m->pgtables_ours_bytes += ours;
	}
}

static int fill_run(struct run *run, const struct bench *b, const struct workload *w,
		    const char *model, const struct runner *rn, int repeat)
{
	const struct runner_hello *hello = runner_hello(rn);

	if (asprintf(&run->label, "%s/%s/%s", w->name, hello->runtime, model) < 0)
		run->label = NULL;
	run->runtime = strdup(hello->runtime);
	run->workload = strdup(w->name);
	run->model = strdup(model);
	run->detail = strdup(runner_detail(rn));
	runner_lanes(rn, &run->workers);
	run->task_cnt = b->plan.tasks;
	run->repeat = repeat;
	run->pinned = b->plan.pin;
	run->sample_hz = (uint64_t)collector_freq(b->c);
	return run->label && run->runtime && run->workload && run->model && run->detail ? 0
											: -ENOMEM;
}

/* Between the two edges: go, and wait until the work is done. Ctrl-C leaves what was seen. */
static int go_and_wait(struct window *w, struct runner *rn, struct run *run, struct err *e)
{
	int err = window_begin(w, runner_pid(rn), e);

	if (!err)
		err = runner_go(rn, e);
	if (!err)
		err = runner_wait(rn, run, &interrupted, e);
	if (err == -EINTR && interrupted) {
		run->interrupted = true;
		err = 0;
	}
	return err ? err : window_end(w, run, e);
}

static int measure(struct bench *b, const struct workload *wl, const char *model, struct runner *rn,
		   int repeat, struct err *e)
{
	struct run *run = recording_add_run(&b->r);
	struct mem_watch *watch = NULL;
	struct window w;
	size_t cnt;
	scoped_free uint32_t *tgids = lane_processes(rn, &cnt);
	int err;

	if (!run || !tgids || fill_run(run, b, wl, model, rn, repeat))
		return err_sys(e, -ENOMEM, "a run");
	err = mem_watch_start(&watch, tgids, cnt);
	if (err)
		return err_sys(e, err, "cannot start the memory sampler");
	window_init(&w, b->c, b->names);
	err = go_and_wait(&w, rn, run, e);
	mem_watch_stop(watch, &run->memory);
	if (!err) {
		read_memory(run, tgids, cnt);
		err = name_roles(run, rn, e);
	}
	if (!err)
		fit_window(run);
	window_clear(&w);
	return err;
}

/* All models of a workload do the same tasks: they must come to the same result. */
static int check_checksums(const struct recording *r, const struct workload *w, struct err *e)
{
	const struct run *first = NULL;
	size_t i;

	for (i = 0; i < r->run_cnt; i++) {
		const struct run *run = &r->runs[i];

		if (strcmp(run->workload, w->name) || run->interrupted || !run->checksum)
			continue;
		if (!first)
			first = run;
		else if (strcmp(first->checksum, run->checksum))
			return err_set(e, -EBADMSG,
				       "%s: checksum %.40s, but %.40s in %s: the work was not the "
				       "same",
				       run->label, run->checksum, first->checksum, first->label);
	}
	return 0;
}

static int run_workload(struct bench *b, const struct workload *w, struct err *e)
{
	const struct plan *p = &b->plan;
	struct runner *runners[PLAN_MODEL_MAX] = {NULL};
	char what[64];
	int err = 0, i, m, rep;

	for (m = 0; m < p->model_cnt && !err && !interrupted; m++) {
		snprintf(what, sizeof(what), "%s %s: building the pool", w->name, p->models[m]);
		progress_step(&b->progress, 0, what);
		err = open_runner(b, w, p->models[m], &runners[m], e);
		if (!err)
			err = add_libs(&b->r, runner_hello(runners[m]));
	}
	for (rep = 0; rep < p->repeats && !err && !interrupted; rep++) {
		for (i = 0; i < p->model_cnt && !err && !interrupted; i++) {
			m = rep % 2 ? p->model_cnt - 1 - i : i;
			snprintf(what, sizeof(what), "%s %s", w->name, p->models[m]);
			progress_step(&b->progress, 0, what);
			err = measure(b, w, p->models[m], runners[m], rep, e);
			progress_step(&b->progress, plan_weight(p, w, p->models[m]), what);
		}
	}
	for (m = 0; m < p->model_cnt; m++)
		runner_close(runners[m]);
	if (err == -EINTR && interrupted)
		err = 0; /* while a pool was being built: nothing was seen of it */
	return err ? err : check_checksums(&b->r, w, e);
}

static double all_work(const struct plan *p)
{
	double sum = 0;
	int i, m;

	for (i = 0; i < p->workload_cnt; i++)
		for (m = 0; m < p->model_cnt; m++)
			sum += p->repeats * plan_weight(p, p->workloads[i], p->models[m]);
	return sum;
}

static int bench(struct bench *b, const char *path, int argc, char **argv)
{
	struct err e = {""};
	int err, i, status = EXIT_FAILED;

	err = recording_begin(&b->r, "bench", argc, argv, b->c);
	if (!err)
		err = names_new(&b->names, &b->r);
	collector_preload(b->c, b->runner);
	progress_begin(&b->progress, all_work(&b->plan));
	for (i = 0; i < b->plan.workload_cnt && !err && !interrupted; i++)
		err = run_workload(b, b->plan.workloads[i], &e);
	progress_end(&b->progress);
	if (!err)
		err = recording_end(&b->r, b->c);
	if (!err && !b->r.run_cnt)
		err = err_set(&e, -EINTR, "interrupted before anything was measured");
	if (err) {
		if (!e.msg[0])
			err_sys(&e, err, "cannot measure");
		say_error("bench", status, &e);
	} else {
		status = recording_finish("bench", &b->r, path, b->verbose);
	}
	names_free(b->names);
	recording_clear(&b->r);
	return status;
}

int cmd_bench(int argc, char **argv)
{
	struct bench b = {.plan = {.pin = true}, .freq_hz = 997, .stacks = true};
	struct collector_opts copts;
	struct err e = {""};
	char path[PATH_MAX];
	int status = parse(&b, argc, argv), err;

	if (status >= 0)
		return status;
	fill_defaults(&b.plan);
	if (output_path(path, sizeof(path), b.out, &e))
		return say_error("bench", EXIT_FAILED, &e);
	copts = (struct collector_opts){.freq_hz = b.freq_hz,
					.preemptible = host_preemptible(),
					.stacks = b.stacks,
					.cache = UNWIND_CACHE};
	err = collector_open(&b.c, &copts, &e);
	if (err)
		return say_error("bench", status_of_open(err), &e);
	interrupt_catch();
	err = runner_find_native(b.runner, sizeof(b.runner));
	if (err) {
		err_sys(&e, err, "cannot find the native runner, wallgap-native");
		status = say_error("bench", EXIT_FAILED, &e);
	} else {
		status = bench(&b, path, argc, argv);
	}
	collector_close(b.c);
	return status;
}
