// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The model whose lanes live in processes of their own: `procs`. A child is forked while the
 * orchestrator has no other thread, makes one thread that is the lane, and sleeps for the rest of
 * its life; it dies with the orchestrator.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "notice.h"
#include "pool.h"

/*
 * A copy of another lane's or of the loader's descriptor would hide that its owner is gone.
 * keep ascends; -1 is none.
 */
static void close_all_but(const int *keep, size_t keep_cnt)
{
	unsigned int from = STDERR_FILENO + 1;

	for (size_t i = 0; i < keep_cnt; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned int)keep[i] > from)
			close_range(from, (unsigned int)keep[i] - 1, 0);
		from = (unsigned int)keep[i] + 1;
	}
	close_range(from, ~0u, 0);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void *child_lane(void *arg)
{
	lane_main(arg);
	_exit(0);
}

static void child_main(struct lane *l, pid_t orchestrator) __attribute__((noreturn));
static void child_main(struct lane *l, pid_t orchestrator)
{
	int keep[] = {l->pool->reply_wr, l->pool->pass_wr, l->wake_fd};
	char name[16];
	int err;

	notice_forget();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != orchestrator)
		_exit(1);
	qsort(keep, ARRAY_SIZE(keep), sizeof(keep[0]), by_number);
	close_all_but(keep, ARRAY_SIZE(keep));
	snprintf(name, sizeof(name), "child %d", l->index % 1000000);
	prctl(PR_SET_NAME, name);
	err = lane_start_thread(l, child_lane);
	if (err)
		lane_report_failure(l, "its thread cannot be made", err);
	for (;;)
		pause();
}

static int procs_start_lane(struct pool *p, int i)
{
	pid_t orchestrator = getpid();
	pid_t child = fork();

	if (!child)
		child_main(&p->lanes[i], orchestrator);
	if (child < 0)
		return pool_fail(p, -errno,
				 "process %d of %d cannot be made: %s (see ulimit -u, the pids "
				 "cgroup, kernel.pid_max)",
				 i + 1, p->spec.workers, strerror(errno));
	p->lanes[i].child = child;
	return 0;
}

static void procs_join(struct pool *p)
{
	for (int i = 0; i < p->started; i++)
		while (p->lanes[i].child > 0 && waitpid(p->lanes[i].child, NULL, 0) < 0 &&
		       errno == EINTR)
			;
}

const struct model model_procs = {
	.name = "procs",
	.other_process = true,
	.start_lane = procs_start_lane,
	.join = procs_join,
};
