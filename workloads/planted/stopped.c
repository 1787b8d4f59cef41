// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * stopped [busy|asleep] [N] [MS]: a child that is on the CPU, or asleep, is stopped N times by
 * SIGSTOP for MS milliseconds each, with MS between them.
 *
 * Truth: the child's "stopped" is what the parent measured, stopped_ns, from the moment it saw the
 * child stopped to the moment it sent SIGCONT: that much, or a little more for each stop. Whatever
 * call the child was in, that time is not a wait in it.
 */
#include "planted.h"

#include <signal.h>
#include <sys/wait.h>

static void be_child(bool asleep)
{
	name_thread("stoppee");
	for (;;) {
		if (asleep)
			nap(NS_PER_S);
		else
			spin(NS_PER_MS);
	}
}

/* One stop; returns for how long the child was seen stopped. */
static uint64_t stop_once(pid_t child, uint64_t ns)
{
	uint64_t begin_ns;
	int status;

	if (kill(child, SIGSTOP) || waitpid(child, &status, WUNTRACED) != child ||
	    !WIFSTOPPED(status))
		die("SIGSTOP");
	begin_ns = mono_ns();
	nap(ns);
	begin_ns = mono_ns() - begin_ns;
	if (kill(child, SIGCONT))
		die("SIGCONT");
	return begin_ns;
}

int main(int argc, char **argv)
{
	bool asleep = !strcmp(arg_str(argc, argv, 1, "busy"), "asleep");
	uint64_t i, stopped_ns = 0, n = arg_u64(argc, argv, 2, 7);
	uint64_t ns = arg_u64(argc, argv, 3, 23) * NS_PER_MS;
	struct self self;
	pid_t child;
	FILE *f;

	self_begin(&self, "parent");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child)
		be_child(asleep);
	for (i = 0; i < n; i++) {
		nap(ns);
		stopped_ns += stop_once(child, ns);
	}
	nap(ns);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	self_end(&self);
	f = truth_open("stopped");
	truth_u64(f, "n", n);
	truth_u64(f, "ns", ns);
	truth_u64(f, "child", (uint64_t)child);
	truth_u64(f, "stopped_ns", stopped_ns);
	truth_close(f, &self, 1);
	return 0;
}
