// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * execchain [leader|thread] [N] [MS]: keeps the CPU for MS milliseconds, then calls exec of itself,
 * N times over: from the main thread, or from another thread, which by that becomes the main one
 * (same task, new thread id) while the old main thread is killed.
 *
 * Truth: N + 1 stages of MS of CPU each, all under one process id. leader: one task. thread: N + 1
 * tasks; each but the first is born with an id of its own and ends with the process's.
 */
#include "planted.h"

static bool from_thread;
static uint64_t left, stage_ns;

static void next_stage(void)
{
	char n[32], ms[32];
	char *argv[] = {"execchain", from_thread ? "thread" : "leader", n, ms, NULL};

	snprintf(n, sizeof(n), "%llu", (unsigned long long)(left - 1));
	snprintf(ms, sizeof(ms), "%llu", (unsigned long long)(stage_ns / NS_PER_MS));
	execv("/proc/self/exe", argv);
	die("execv");
}

static void *other_thread(void *arg)
{
	(void)arg;
	spin(stage_ns);
	next_stage();
	return NULL;
}

int main(int argc, char **argv)
{
	struct self self;
	FILE *f;

	from_thread = !strcmp(arg_str(argc, argv, 1, "leader"), "thread");
	left = arg_u64(argc, argv, 2, 5);
	stage_ns = arg_u64(argc, argv, 3, 23) * NS_PER_MS;
	if (left && from_thread)
		pthread_join(start_thread(other_thread, NULL), NULL);
	self_begin(&self, "last");
	spin(stage_ns);
	if (left)
		next_stage();
	self_end(&self);
	f = truth_open("execchain");
	truth_u64(f, "ns", stage_ns);
	truth_close(f, &self, 1);
	return 0;
}
