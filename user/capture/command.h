/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A command watched from its exec to the exit of its last descendant, or a process that runs
 * already, for a while: one run of a recording.
 */
#ifndef WG_CAPTURE_COMMAND_H
#define WG_CAPTURE_COMMAND_H

#include <signal.h>

#include "capture/capture.h"
#include "capture/child.h"

struct command {
	char **argv; /* NULL: the processes tgids instead */
	const int *tgids;
	int tgid_cnt;
	const struct runas *as;		   /* the user that it runs as; NULL: ours */
	int seconds;			   /* at the most; 0: until it ends */
	const char *label;		   /* of the run; NULL: the words of argv */
	const char *side;		   /* of a comparison: the run's model; NULL: none */
	bool path;			   /* keep the critical path */
	bool quiet;			   /* its standard output goes nowhere */
	const volatile sig_atomic_t *stop; /* not 0: a signal wants us to stop */
};

/*
 * One run, added to the recording. last: no other command will be started. *status becomes the
 * command's own when that is not 0; child->exec_failed tells of an error that it could not be run.
 * After Ctrl-C the command is asked to end but not waited for: first what was seen is
 * saved. The caller calls ending_finish for child at the end.
 */
int command_run(struct capture *k, const struct command *o, struct child *child, int repeat,
		bool last, int *status, struct err *e);

/*
 * Load the unwind table of what execvp will find, as far as a shell's rules go; a hint, so failing
 * to is no harm.
 */
void command_preload(struct collector *c, const char *command);

#endif
