/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A command as a child that waits at a gate before its exec, so that tracking begins before it
 * does.
 */
#ifndef WG_CAPTURE_CHILD_H
#define WG_CAPTURE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/runas.h"

struct child {
	pid_t pid;
	int gate_fd; /* a byte lets the child go on, end of file ends it */
	int exec_fd; /* end of file once exec has worked; an errno before that */
	int pid_fd;  /* readable when the child has ended */
	bool reaped;
	bool exec_failed;	/* there is no status of the command's own */
	const struct runas *as; /* the user that it runs as; NULL: ours */
	int status;		/* as a shell gives it: exit status, or 128 + signal */
};

/* Is the first word of text one that sh knows and that is no program: exit, cd, ulimit ...? */
bool shell_knows(const char *text);

/* as: kept, see there; quiet: its standard output is /dev/null. */
int child_fork(struct child *c, char **argv, const struct runas *as, bool quiet, struct err *e);
/* Let it exec. -errno of exec, with one line in e, when that fails: the child is reaped then. */
int child_exec(struct child *c, char **argv, struct err *e);
/* If it has ended: reap it, set status. Returns whether it has. */
bool child_poll(struct child *c);
/* Ask it to end. */
void child_ask(struct child *c);
/* Ask it to end, wait a while, kill it if it does not. Harmless when reaped. */
void child_stop(struct child *c);
void child_clear(struct child *c);

#endif
