// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The runner by hand: the same pools without a loader, so that anybody can time the work with
 * nothing watching. Options in; one line of wall seconds a repeat out, nothing else on stdout.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "native.h"
#include "pool.h"

#define EXIT_USAGE 2
#define MAX_CPUS 65536

struct options {
	const char *workload, *model;
	long long workers, tasks, n, repeats;
	bool pin, touch;
};

static void print_help(void)
{
	printf("Usage: wallgap-native --workload NAME --model NAME [OPTION]...\n"
	       "Does a workload in a pool and prints the wall seconds of each repeat. Started by\n"
	       "wallgap, it speaks the runner protocol instead.\n\n"
	       "  --workload NAME  one of:");
	for (size_t i = 0; workload_at(i); i++)
		printf(" %s", workload_at(i)->name);
	printf("\n  --model NAME     one of:");
	for (size_t i = 0; model_at(i); i++)
		printf(" %s", model_at(i)->name);
	printf("\n  --workers N      lanes of the pool (default 2; single has one)\n"
	       "  --tasks N        tasks a repeat, shared out in turn (default: one a worker)\n"
	       "  --n N            size of a task (default: the workload's own)\n"
	       "  --repeats N      default 1\n"
	       "  --no-pin         leave lanes free to move; else lane i stays on the i-th CPU\n"
	       "  --no-touch       transfer: hand buffers over unwritten and unread\n");
}

static bool parse_count(const char *text, long long max, long long *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return !errno && end != text && !*end && *out > 0 && *out <= max;
}

/* EXIT_USAGE after a message, -1 to go on, or 0 after --help. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{"workload", required_argument, NULL, 'w'},
		{"model", required_argument, NULL, 'm'},
		{"workers", required_argument, NULL, 'k'},
		{"tasks", required_argument, NULL, 't'},
		{"n", required_argument, NULL, 'n'},
		{"repeats", required_argument, NULL, 'r'},
		{"no-pin", no_argument, NULL, 'f'},
		{"no-touch", no_argument, NULL, 'u'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c == 'h') {
			print_help();
			return 0;
		}
		if (c == 'w')
			o->workload = optarg;
		else if (c == 'm')
			o->model = optarg;
		else if (c == 'f')
			o->pin = false;
		else if (c == 'u')
			o->touch = false;
		else if (c == 'k')
			good = parse_count(optarg, POOL_MAX_WORKERS, &o->workers);
		else if (c == 't')
			good = parse_count(optarg, POOL_MAX_TASKS, &o->tasks);
		else if (c == 'n')
			good = parse_count(optarg, INT64_MAX, &o->n);
		else if (c == 'r')
			good = parse_count(optarg, 1000000, &o->repeats);
		else
			return EXIT_USAGE;
	}
	if (!good)
		fprintf(stderr, "wallgap-native: not a number in range: %s\n", optarg);
	else if (optind < argc)
		fprintf(stderr, "wallgap-native: what is \"%s\"? Try --help\n", argv[optind]);
	else
		return -1;
	return EXIT_USAGE;
}

/* The CPU of each lane: the allowed ones in turn. NULL when that is not known. */
static int *share_out_cpus(int workers)
{
	size_t sz = CPU_ALLOC_SIZE(MAX_CPUS);
	cpu_set_t *set = CPU_ALLOC(MAX_CPUS);
	int *cpus = calloc((size_t)workers, sizeof(*cpus));
	int cpu = -1;

	if (!set || !cpus || sched_getaffinity(0, sz, set) || !CPU_COUNT_S(sz, set)) {
		CPU_FREE(set);
		free(cpus);
		return NULL;
	}
	for (int i = 0; i < workers; i++) {
		do
			cpu = (cpu + 1) % MAX_CPUS;
		while (!CPU_ISSET_S((size_t)cpu, sz, set));
		cpus[i] = cpu;
	}
	CPU_FREE(set);
	return cpus;
}

static int fill_spec(const struct options *o, struct pool_spec *spec)
{
	spec->workload = o->workload ? workload_find(o->workload) : NULL;
	spec->model = o->model ? model_find(o->model) : NULL;
	if (!spec->workload || !spec->model) {
		fprintf(stderr,
			"wallgap-native: needs --workload and --model; --help lists them\n");
		return EXIT_USAGE;
	}
	spec->workers = spec->model->one_lane ? 1 : (int)o->workers;
	spec->tasks = (int)(o->tasks ? o->tasks : o->workers);
	spec->n = o->n ? o->n : spec->workload->default_n;
	spec->touch = o->touch;
	spec->loader_fd = -1;
	if (spec->n <= spec->workload->max_n)
		return 0;
	fprintf(stderr, "wallgap-native: --n is at most %lld for %s\n", spec->workload->max_n,
		spec->workload->name);
	return EXIT_USAGE;
}

int by_hand(int argc, char **argv)
{
	struct options o = {.workers = 2, .repeats = 1, .pin = true, .touch = true};
	scoped_free int *cpus = NULL;
	struct pool_spec spec = {0};
	struct pool pool;
	int status;

	status = parse_options(argc, argv, &o);
	if (status >= 0)
		return status;
	status = fill_spec(&o, &spec);
	if (status)
		return status;
	cpus = o.pin ? share_out_cpus(spec.workers) : NULL;
	spec.cpus = cpus;
	status = pool_open(&pool, &spec);
	for (long long i = 0; !status && i < o.repeats; i++) {
		status = pool_go(&pool);
		if (!status)
			printf("%.6f\n", (double)(pool.end_ns - pool.begin_ns) / 1e9);
		fflush(stdout);
	}
	if (!status) {
		pool_close(&pool);
		return 0;
	}
	fprintf(stderr, "wallgap-native: %s\n", pool.why);
	pool_abandon(&pool, 1);
}
