// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Ends runners when we are gone; see guard.h. */
#include "runner/guard.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/util.h"

#define GROUP_MAX 1024 /* pools of a bench that are open at a time: a dozen */

static int to_guard = -1;
static pid_t guard_pid;

/* --- in the guard */

static void give_up(void)
{
	capng_clear(CAPNG_SELECT_CAPS);
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_KILL);
	if (capng_apply(CAPNG_SELECT_CAPS)) { /* never had it: then runners are of our own user */
		capng_clear(CAPNG_SELECT_CAPS);
		capng_apply(CAPNG_SELECT_CAPS);
	}
	confine_filter(0);
}

static void note(pid_t *groups, int *cnt, pid_t said)
{
	for (int i = 0; i < *cnt; i++) {
		if (groups[i] == -said) {
			groups[i] = groups[--*cnt];
			return;
		}
	}
	if (said > 1 && *cnt < GROUP_MAX)
		groups[(*cnt)++] = said;
}

static void watch(int fd) __attribute__((noreturn));
static void watch(int fd)
{
	pid_t groups[GROUP_MAX], said;
	sigset_t all;
	int cnt = 0;
	ssize_t got;

	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "wallgap-guard");
	/* nothing of ours is kept open by it: not the other end, no terminal, no reader's pipe */
	if (dup2(fd, STDIN_FILENO) < 0)
		_exit(1);
	close_range(STDIN_FILENO + 1, ~0u, 0);
	give_up();
	while ((got = read(STDIN_FILENO, &said, sizeof(said))) == sizeof(said) ||
	       (got < 0 && errno == EINTR))
		if (got > 0)
			note(groups, &cnt, said);
	while (cnt)
		kill(-groups[--cnt], SIGKILL);
	_exit(0);
}

/* --- in wallgap */

int guard_open(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	guard_pid = fork();
	if (guard_pid == 0)
		watch(ends[0]);
	close(ends[0]);
	if (guard_pid < 0) {
		int err = -errno;

		close(ends[1]);
		return err;
	}
	to_guard = ends[1];
	return 0;
}

/* One that somebody has killed is done without: SIGPIPE is ignored while we measure. */
static void say(pid_t said)
{
	if (to_guard < 0 || write(to_guard, &said, sizeof(said)) == sizeof(said))
		return;
	close(to_guard);
	to_guard = -1;
}

void guard_add(pid_t pgid)
{
	say(pgid);
}

void guard_remove(pid_t pgid)
{
	say(-pgid);
}

void guard_close(void)
{
	if (guard_pid <= 0)
		return;
	cleanup_fd(&to_guard);
	to_guard = -1;
	while (waitpid(guard_pid, NULL, 0) < 0 && errno == EINTR)
		;
	guard_pid = 0;
}
