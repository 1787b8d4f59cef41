// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * child [FORM] [N] [MS]: N times, one after the other, a child that sleeps for MS milliseconds.
 *
 *   FORM  wait4, waitid    fork and wait
 *         vfork            the parent stands still until the child, having slept, calls exec
 *         spawn            posix_spawn of this program as `child nap MS`, and wait
 *
 * Truth: "child" of the parent is wall less CPU less run delay between begin and end (vfork:
 * less the moment that the exec'd program takes to exit), and at least N * MS. Each child's "sleep"
 * is at least MS.
 */
#include "planted.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static char self_path[] = "/proc/self/exe";

static void await(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || status)
		die("waitpid");
}

static void by_fork(uint64_t ns, bool waitid_form)
{
	pid_t child = fork();
	siginfo_t info;

	if (child < 0)
		die("fork");
	if (!child) {
		nap(ns);
		_exit(0);
	}
	if (!waitid_form)
		await(child);
	else if (waitid(P_PID, (id_t)child, &info, WEXITED))
		die("waitid");
}

static void by_vfork(uint64_t ns)
{
	char *argv[] = {"child", "nap", "0", NULL};
	pid_t child = vfork();

	if (child < 0)
		die("vfork");
	if (!child) {
		nap(ns);
		execve(self_path, argv, environ);
		_exit(1);
	}
	await(child);
}

static void by_spawn(uint64_t ns)
{
	char ms[32], *argv[] = {"child", "nap", ms, NULL};
	pid_t child;

	snprintf(ms, sizeof(ms), "%llu", (unsigned long long)(ns / NS_PER_MS));
	errno = posix_spawn(&child, self_path, NULL, NULL, argv, environ);
	if (errno)
		die("posix_spawn");
	await(child);
}

static void run_child(const char *form, uint64_t ns)
{
	if (!strcmp(form, "wait4"))
		by_fork(ns, false);
	else if (!strcmp(form, "waitid"))
		by_fork(ns, true);
	else if (!strcmp(form, "vfork"))
		by_vfork(ns);
	else
		by_spawn(ns);
}

int main(int argc, char **argv)
{
	const char *form = arg_str(argc, argv, 1, "wait4");
	uint64_t i, n, ns;
	struct self self;
	FILE *f;

	if (!strcmp(form, "nap")) {
		nap(arg_u64(argc, argv, 2, 0) * NS_PER_MS);
		return 0;
	}
	n = arg_u64(argc, argv, 2, 7);
	ns = arg_u64(argc, argv, 3, 23) * NS_PER_MS;
	self_begin(&self, "parent");
	for (i = 0; i < n; i++)
		run_child(form, ns);
	self_end(&self);
	f = truth_open("child");
	truth_u64(f, "n", n);
	truth_u64(f, "ns", ns);
	truth_close(f, &self, 1);
	return 0;
}
