// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Ends a command with all its descendants; see ending.h. */
#include "capture/ending.h"

#include <signal.h>
#include <time.h>

#include "base/interrupt.h"
#include "base/say.h"
#include "base/util.h"

#define WAIT_NS (10 * NSEC_PER_SEC) /* for a command that cleans up when it is asked to end */
#define KILL_ROUNDS 200		    /* of who is born while we kill: each takes a moment */

static const struct timespec moment = {.tv_nsec = 5000000};

static struct collector *volatile watched;
static volatile pid_t child_pid;

/* In a signal handler: what is born between the two rounds is found by the second. */
static void kill_all(void)
{
	struct collector *c = watched;
	int round;

	if (child_pid > 0)
		kill(child_pid, SIGKILL);
	for (round = 0; c && round < 2; round++)
		collector_signal(c, SIGKILL);
}

void ending_prepare(struct collector *c, const struct child *child)
{
	watched = c;
	child_pid = child->pid;
	interrupt_at_once(kill_all);
}

void ending_ask(struct collector *c, struct child *child)
{
	child_ask(child);
	collector_signal(c, SIGTERM);
	collector_signal(c, SIGCONT);
}

/* Nobody is left of it. A zombie of the child's is reaped on the way. */
static bool is_over(struct collector *c, struct child *child)
{
	bool reaped = child->pid <= 0 || child_poll(child);

	child_pid = reaped ? 0 : child->pid;
	return reaped && collector_signal(c, 0) <= 0;
}

void ending_finish(struct collector *c, struct child *child)
{
	uint64_t until;
	int round;

	if (!watched) /* nothing of ours: what -p watches is not ours to end */
		return;
	if (child->exec_failed || is_over(c, child))
		goto out;
	ending_ask(c, child);
	until = now_ns() + WAIT_NS;
	while (!is_over(c, child) && now_ns() < until)
		nanosleep(&moment, NULL);
	if (!is_over(c, child))
		say_note("wallgap: the command did not end within %d s of SIGTERM: killed",
			 (int)(WAIT_NS / NSEC_PER_SEC));
	for (round = 0; round < KILL_ROUNDS && !is_over(c, child); round++) {
		kill_all();
		nanosleep(&moment, NULL);
	}
out:
	interrupt_at_once(NULL);
	watched = NULL;
	child_pid = 0;
	child_clear(child);
}
