// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Pairs about waiting for a CPU: too many threads, a competitor, a quota, hand-overs. */
#include "gaps.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LANES 2

/* --- oversubscribed: three lanes a CPU, in a one. Truth: run delay of the lane that ends last. */

static void work_lane(struct lane *l)
{
	burn(amount(l->side, steps_of_us(120000)));
}

static void run_crowd(struct side *s)
{
	struct lane lanes[LANES_MAX];

	s->cause_ns = delayed_ns(&run_lanes(lanes, s->b ? 3 * LANES : LANES, s, work_lane)->self);
}

/*
 * --- nice: a niced worker on one CPU; in b another process, not niced, works there too and ends
 * before it. Truth: run delay of the worker.
 */

static void run_nice(struct side *s)
{
	struct self self;
	pid_t child;

	pin(allowed_cpu(0));
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		if (s->b)
			burn(amount(s, steps_of_us(150000)));
		_exit(0);
	}
	errno = 0;
	if (nice(5) == -1 && errno)
		die("nice");
	SELF_AROUND(&self, burn(amount(s, steps_of_us(150000))));
	waitpid(child, NULL, 0);
	s->cause_ns = delayed_ns(&self);
}

/*
 * --- condvar-pingpong: two lanes work in turn, on a CPU each, handing over after each portion, in
 * a once. This is no pure pair. Truth, by the scheduler's tracepoints on a virtual machine of two
 * CPUs: of some 20 us a hand-over, 80% pass from sched_waking until the other is switched in (most
 * of that until it is on a queue at all: an interrupt to an idle CPU), the rest is CPU time of
 * futex and switch. Run delay as the kernel counts it begins on the queue: 5%. Nobody waits for
 * the mutex.
 */

static pthread_mutex_t turn_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_cond = PTHREAD_COND_INITIALIZER;
static int turn;

static void take_turn(int whose)
{
	pthread_mutex_lock(&turn_mutex);
	while (turn != whose)
		pthread_cond_wait(&turn_cond, &turn_mutex);
	pthread_mutex_unlock(&turn_mutex);
}

static void pass_turn(int to)
{
	pthread_mutex_lock(&turn_mutex);
	turn = to;
	pthread_mutex_unlock(&turn_mutex);
	pthread_cond_signal(&turn_cond);
}

static void turn_lane(struct lane *l)
{
	uint64_t left = amount(l->side, 6000), batch = l->side->b ? 1 : left;

	while (left) {
		take_turn(l->index);
		for (uint64_t i = batch; i; i--, left--)
			burn(steps_of_us(15));
		pass_turn(!l->index);
	}
}

static void run_turns(struct side *s)
{
	struct lane lanes[LANES];

	run_lanes(lanes, LANES, s, turn_lane);
}

/*
 * --- cpu-quota: a child in a cgroup of its own, in b with half a CPU. Truth: time that the cgroup
 * was throttled, from its cpu.stat.
 */

struct cgroup {
	char dir[256];
	bool v2;
};

static bool write_text(const struct cgroup *g, const char *file, const char *text)
{
	char path[512];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", g->dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool has(const char *dir, const char *file)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return !access(path, F_OK);
}

/*
 * Make one, with a period of 10 ms; quota_us below 0: without a quota. Its weight is the greatest, so
 * that nothing else makes it wait. Skips where any of that is refused.
 */
static void cgroup_make(struct cgroup *g, int quota_us)
{
	static const char *const tops[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"};
	struct cgroup top = {.dir = ""};
	char text[64];
	bool ok;

	for (size_t i = 0; i < ARRAY_SIZE(tops) && !*top.dir; i++)
		if (has(tops[i], "cgroup.procs"))
			snprintf(top.dir, sizeof(top.dir), "%s", tops[i]);
	g->v2 = has(top.dir, "cgroup.controllers");
	if (g->v2)
		write_text(&top, "cgroup.subtree_control", "+cpu");
	snprintf(g->dir, sizeof(g->dir), "%.200s/planted-gaps-%d", top.dir, (int)getpid());
	if (mkdir(g->dir, 0700))
		skip(g->dir);
	if (g->v2) {
		snprintf(text, sizeof(text), quota_us < 0 ? "max 10000" : "%d 10000", quota_us);
		ok = write_text(g, "cpu.weight", "10000") && write_text(g, "cpu.max", text);
	} else {
		snprintf(text, sizeof(text), "%d", quota_us);
		ok = write_text(g, "cpu.shares", "262144") &&
		     write_text(g, "cpu.cfs_period_us", "10000") &&
		     write_text(g, "cpu.cfs_quota_us", text);
	}
	if (!ok) {
		rmdir(g->dir);
		skip("CPU quota");
	}
}

static uint64_t throttled_ns(const struct cgroup *g)
{
	unsigned long long value;
	uint64_t ns = 0;
	char path[512], key[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cpu.stat", g->dir);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fscanf(f, "%63s %llu", key, &value) == 2) {
		if (!strcmp(key, "throttled_time"))
			ns = value;
		if (!strcmp(key, "throttled_usec"))
			ns = value * NS_PER_US;
	}
	fclose(f);
	return ns;
}

static void run_quota(struct side *s)
{
	struct cgroup g;
	int status = 1;
	pid_t child;

	cgroup_make(&g, s->b ? 5000 : -1);
	child = fork();
	if (!child) {
		if (!write_text(&g, "cgroup.procs", "0"))
			_exit(1);
		pin(allowed_cpu(0));
		burn(amount(s, steps_of_us(150000)));
		_exit(0);
	}
	if (child > 0)
		waitpid(child, &status, 0);
	s->cause_ns = throttled_ns(&g);
	rmdir(g.dir);
	errno = EPERM;
	if (status)
		skip("a process in a new cgroup");
}

static void can_quota(void)
{
	struct cgroup g;

	cgroup_make(&g, 5000);
	rmdir(g.dir);
}

const struct pair queue_pairs[] = {
	{"oversubscribed", run_crowd, NULL},
	{"nice", run_nice, NULL},
	{"condvar-pingpong", run_turns, NULL},
	{"cpu-quota", run_quota, can_quota},
	{NULL, NULL, NULL},
};
