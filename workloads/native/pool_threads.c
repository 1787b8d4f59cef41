// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The models whose lanes are threads of the orchestrator's own process: `threads`, and `single`,
 * which is one lane that does all tasks in turn. The single lane is a thread as well: libraries
 * take other paths in a program that has never made one.
 */
#include <errno.h>
#include <string.h>

#include "pool.h"

static void *thread_body(void *arg)
{
	lane_main(arg);
	return NULL;
}

static int threads_start_lane(struct pool *p, int i)
{
	int err = lane_start_thread(&p->lanes[i], thread_body);

	if (!err)
		return 0;
	return pool_fail(p, err,
			 "thread %d of %d cannot be made: %s (see ulimit -u, the pids cgroup, "
			 "kernel.threads-max)",
			 i + 1, p->spec.workers, strerror(-err));
}

static void threads_join(struct pool *p)
{
	for (int i = 0; i < p->started; i++)
		pthread_join(p->lanes[i].thread, NULL);
}

const struct model model_single = {
	.name = "single",
	.one_lane = true,
	.start_lane = threads_start_lane,
	.join = threads_join,
};

const struct model model_threads = {
	.name = "threads",
	.start_lane = threads_start_lane,
	.join = threads_join,
};
