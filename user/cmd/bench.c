// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wallgap bench: the same work by one thread, by threads and by processes, in each runtime. Every
 * pool of a workload is built once; then the repeats go round the pools, forth and back
 * (A B C C B A), so that drift of the machine falls on all alike. With --prove more repeats follow,
 * of those between which there is a gap, side by side with variants that should not have it.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "bench/plan.h"
#include "bench/pools.h"
#include "bench/prove.h"
#include "capture/confining.h"
#include "capture/head.h"
#include "cmd/common.h"
#include "cmd/progress.h"
#include "host/host.h"
#include "model/proof.h"
#include "model/sums.h"
#include "runner/guard.h"

#define WORKERS_MAX 10000

struct bench {
	struct plan plan;
	const char *out, *user;
	struct runas as;
	int freq_hz;
	bool verbose, stacks, prove;
	struct collector *c;
	struct capture *capture;
	struct recording r;
	struct pools pools;
	struct progress progress;
};

static const char examples[] =
	"  wallgap bench --quick\n"
	"  wallgap bench --workloads crypto,crypto-private --models threads,procs --repeats 10\n"
	"  wallgap bench --workloads crypto --runtimes native --prove\n"
	"  wallgap bench --runtimes node,node=/opt/node-20.9/bin/node --workloads crypto\n"
	"  wallgap bench --runtimes bun --workloads transfer --no-touch\n"
	"  wallgap bench --workers 8 --no-pin -o eight.wg\n";

static int parse(struct bench *b, int argc, char **argv)
{
	const char *workloads = NULL, *models = NULL, *runtimes = NULL;
	struct plan *p = &b->plan;
	const struct opt opts[] = {
		{"workloads", 'w', OPT_STR, &workloads, 0, 0, "LIST",
		 "math,crypto,transfer,crypto-query,... (all)"},
		{"models", 'm', OPT_STR, &models, 0, 0, "LIST", "single,threads,procs (all)"},
		{"runtimes", 'R', OPT_STR, &runtimes, 0, 0, "LIST",
		 "native,node,bun (all), NAME=PATH for another binary or runner"},
		{"workers", 'n', OPT_INT, &p->workers, 1, WORKERS_MAX, "N",
		 "lanes of a pool (the CPUs allowed, at least 2)"},
		{"repeats", 'r', OPT_INT, &p->repeats, 1, 1000, "N",
		 "measured windows of each (5; with --quick 3)"},
		{"tasks", 't', OPT_INT, &p->tasks, 1, 1000000, "N",
		 "units of work a window, shared out over the lanes (one a lane)"},
		{"quick", 'q', OPT_FLAG, &p->quick, 0, 0, NULL, "smaller tasks, fewer repeats"},
		{"pin", 0, OPT_FLAG, &p->pin, 0, 0, NULL, "a CPU for each lane (default)"},
		{"no-pin", 0, OPT_UNFLAG, &p->pin, 0, 0, NULL, "leave that to the scheduler"},
		{"no-touch", 0, OPT_UNFLAG, &p->touch, 0, 0, NULL,
		 "transfer: hand over buffers that nobody wrote to or reads"},
		{"no-jit-names", 0, OPT_UNFLAG, &p->jit_names, 0, 0, NULL,
		 "do not ask runtimes for the names of the code they make"},
		{"prove", 0, OPT_FLAG, &b->prove, 0, 0, NULL,
		 "run again with a cause of a gap switched off: does the gap go?"},
		{"timeout", 0, OPT_INT, &p->timeout_s, 1, 86400, "SECONDS",
		 "give a window up after so long (60)"},
		{"freq", 'F', OPT_INT, &b->freq_hz, 0, 20000, "HZ",
		 "on-CPU samples a second and CPU (997; 0: none)"},
		{"no-stacks", 0, OPT_UNFLAG, &b->stacks, 0, 0, NULL,
		 "no call paths: buckets and counts only"},
		{"user", 'u', OPT_STR, &b->user, 0, 0, "NAME", USER_HELP},
		{"output", 'o', OPT_STR, &b->out, 0, 0, "FILE",
		 "the recording (wallgap-<date>-<time>.wg)"},
		{"verbose", 'v', OPT_FLAG, &b->verbose, 0, 0, NULL, "every thread in the report"},
		{0},
	};
	const struct usage u = {"bench", "[OPTION...]",
				"Run pools of workers over the workloads, each by one thread, by "
				"threads and by processes,\nin each runtime; watch them and say "
				"where the time went.",
				examples, opts};
	struct err e = {""};
	int status, first = parse_or_end(&u, argc, argv, &status);

	if (first < 0)
		return status;
	if (first < argc)
		err_set(&e, -EINVAL, "'%.40s' is not an option; try: wallgap bench --help",
			argv[first]);
	else if (b->prove && (!b->stacks || (p->repeats && p->repeats < INTERVAL_RUNS_MIN)))
		err_set(&e, -EINVAL, "--prove needs call paths and %d repeats or more",
			INTERVAL_RUNS_MIN);
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

static void say_where(struct bench *b, const struct workload *w, const struct pool *pool,
		      const char *what)
{
	char text[128];

	snprintf(text, sizeof(text), "%s %s %s%s%s%s", w->name, pool->of->label, pool->model,
		 pool->set ? "+" : "", pool->set ? pool->set->id : "", what);
	progress_step(&b->progress, 0, text);
}

static int build_pools(struct bench *b, const struct workload *w, struct err *e)
{
	struct pools *p = &b->pools;
	int err = 0;

	for (int i = 0; i < p->contender_cnt * b->plan.model_cnt && !err && !interrupted(); i++) {
		const struct pool next = {.of = &p->contenders[i / b->plan.model_cnt],
					  .model = b->plan.models[i % b->plan.model_cnt]};

		say_where(b, w, &next, ": building the pool");
		err = pools_open(p, w, i, e);
	}
	return err;
}

/* Repeats that go round the pools, forth and back. share: of the work, of one window. */
static int measure_rounds(struct bench *b, const struct workload *w, const struct round *round,
			  double share, struct err *e)
{
	int err = 0;

	for (int rep = 0; rep < b->plan.repeats && !err && !interrupted(); rep++) {
		for (int i = 0; i < round->cnt && !err && !interrupted(); i++) {
			int at = round->pools[rep % 2 ? round->cnt - 1 - i : i];

			say_where(b, w, &b->pools.pools[at], "");
			err = pools_measure(&b->pools, w, at, e);
			progress_step(&b->progress, share, w->name);
		}
	}
	return err;
}

static int measure_workload(struct bench *b, const struct workload *w, struct err *e)
{
	struct pools *p = &b->pools;
	struct round all = {.cnt = p->pool_cnt};
	double share = 0;

	for (int i = 0; i < b->plan.model_cnt; i++)
		share += plan_weight(&b->plan, w, b->plan.models[i]) * p->contender_cnt;
	if (p->pool_cnt)
		share /= p->pool_cnt; /* pools that are not there are done */
	for (int i = 0; i < all.cnt; i++)
		all.pools[i] = i;
	return measure_rounds(b, w, &all, share, e);
}

static int prove_workload(struct bench *b, const struct workload *w, struct err *e)
{
	double share = plan_weight(&b->plan, w, "threads");
	struct round round;
	int err;

	progress_step(&b->progress, 0, "looking for what can be proved");
	err = prove_open(&b->pools, w, &round, e);
	if (err)
		return err;
	if (!round.cnt) {
		progress_end(&b->progress);
		say_note("wallgap bench: %s: nothing to prove: no gap that stands out from the "
			 "noise has a cause with a switch",
			 w->name);
	}
	progress_more(&b->progress, share * round.cnt * b->plan.repeats);
	return measure_rounds(b, w, &round, share, e);
}

static int run_workload(struct bench *b, const struct workload *w, struct err *e)
{
	int err = build_pools(b, w, e);

	if (!err)
		err = measure_workload(b, w, e);
	if (!err && b->prove && !interrupted())
		err = prove_workload(b, w, e);
	pools_close(&b->pools);
	/* interrupted while a pool was being built: nothing was seen of it */
	return err == -EINTR && interrupted() ? 0 : err;
}

static double all_work(const struct bench *b)
{
	const struct plan *p = &b->plan;
	double sum = 0;

	for (int i = 0; i < p->workload_cnt; i++)
		for (int m = 0; m < p->model_cnt; m++)
			sum += p->repeats * b->pools.contender_cnt *
			       plan_weight(p, p->workloads[i], p->models[m]);
	return sum;
}

/* Why there is nothing to report, in one line. */
static int nothing_measured(const struct bench *b, struct err *e)
{
	const struct absence *a = b->r.absences;

	if (interrupted())
		return err_set(e, -EINTR, "interrupted before anything was measured");
	for (size_t i = 0; i < b->r.absence_cnt; i++)
		if (b->r.absences[i].failed && !a->failed)
			a = &b->r.absences[i];
	if (!b->r.absence_cnt)
		return err_set(e, -ENOENT, "no runtime has these workloads and models");
	return err_set(e, -ENOENT, a->failed ? "%.0s%s" : "%s: %s", a->runtime, a->why);
}

/* What went wrong, a line each, and whether that is a failure. */
static int say_failures(const struct bench *b)
{
	int status = EXIT_DONE;
	struct err e;
	size_t i;

	for (i = 0; i < b->r.absence_cnt; i++) {
		if (!b->r.absences[i].failed)
			continue;
		err_set(&e, 0, "%s", b->r.absences[i].why);
		status = say_error("bench", EXIT_FAILED, &e);
	}
	for (i = 0; i < (size_t)b->plan.workload_cnt; i++) {
		if (sums_differ(&b->r, b->plan.workloads[i]->name, e.msg, sizeof(e.msg)))
			status = say_error("bench", EXIT_FAILED, &e);
	}
	return status;
}

static int measure_all(struct bench *b, struct err *e)
{
	int err = pools_init(&b->pools, &b->plan, b->capture, interrupt_flag());

	progress_begin(&b->progress, all_work(b));
	for (int i = 0; i < b->plan.workload_cnt && !err && !interrupted(); i++)
		err = run_workload(b, b->plan.workloads[i], e);
	progress_end(&b->progress);
	interrupt_say("bench", &b->r);
	if (!err)
		err = head_end(&b->r, b->c, interrupted());
	if (!err && !b->r.run_cnt)
		err = nothing_measured(b, e);
	return err;
}

/* path: of PATH_MAX. */
static int bench(struct bench *b, char *path, int argc, char **argv)
{
	struct err e = {""};
	int err, status = EXIT_FAILED, failures;

	err = head_begin(&b->r, "bench", argc, argv, &b->as, b->c);
	if (!err)
		err = capture_new(&b->capture, b->c, &b->r);
	if (!err)
		err = measure_all(b, &e);
	if (err) {
		if (!e.msg[0])
			err_sys(&e, err, "cannot measure");
		say_error("bench", status, &e);
		status = err == -EINTR ? interrupt_status(EXIT_DONE) : status;
	} else {
		status = recording_finish("bench", &b->r, path, PATH_MAX, b->verbose);
		failures = say_failures(b);
		status = interrupt_status(status ? status : failures);
	}
	pools_clear(&b->pools);
	capture_free(b->capture);
	recording_clear(&b->r);
	return status;
}

static void begin_guard(void)
{
	int err = guard_open();

	if (err)
		say_note("wallgap bench: cannot start a guard (%s): a kill -9 may leave what "
			 "runners "
			 "have started",
			 strerror(-err));
}

int cmd_bench(int argc, char **argv)
{
	struct bench b = {.plan = {.pin = true, .touch = true, .jit_names = true},
			  .freq_hz = 997,
			  .stacks = true};
	struct collector_opts copts;
	struct err e = {""};
	char path[PATH_MAX];
	int status = parse(&b, argc, argv);

	if (status < 0)
		status = choose_user("bench", &b.as, b.user);
	if (status >= 0) {
		plan_clear(&b.plan);
		return status;
	}
	fill_defaults(&b.plan);
	b.plan.as = &b.as;
	copts = (struct collector_opts){.freq_hz = b.freq_hz,
					.preemptible = host_preemptible(),
					.stacks = b.stacks,
					.cache = UNWIND_CACHE};
	begin_guard();
	status = measuring_open(&b.c, &copts, path, sizeof(path), b.out, &e);
	if (status != EXIT_DONE) {
		say_error("bench", status, &e);
	} else {
		confine_or_note(CONFINE_STARTS);
		interrupt_catch();
		status = bench(&b, path, argc, argv);
		collector_close(b.c);
	}
	guard_close();
	runas_clear(&b.as);
	plan_clear(&b.plan);
	return status;
}
