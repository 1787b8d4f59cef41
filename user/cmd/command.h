/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A command watched from its exec to the exit of its last descendant, or a process that runs
 * already, for a while: one run of a recording.
 */
#ifndef WG_CMD_COMMAND_H
#define WG_CMD_COMMAND_H

#include "cmd/child.h"
#include "cmd/names.h"
#include "cmd/options.h"
#include "collect/collector.h"
#include "model/recording.h"

/* What a recording is made with. */
struct recorder {
	struct collector *c;
	struct recording r;
	struct names *names;
	bool last; /* no other command will be started */
};

struct command {
	char **argv;		/* NULL: the processes tgids instead */
	const struct runas *as; /* the user that it runs as; NULL: ours */
	struct opt_ints tgids;
	int seconds;	   /* at the most; 0: until it ends */
	const char *label; /* of the run; NULL: the words of argv */
	const char *side;  /* of a comparison: the run's model; NULL: none */
	bool path;	   /* keep the critical path */
	bool quiet;	   /* its standard output goes nowhere */
};

/*
 * One run, added to the recording. *status becomes the command's own when that is not 0, or that of
 * a failed exec. After Ctrl-C the command is asked to end but not waited for: first what was seen is
 * saved. The caller calls ending_finish for child at the end.
 */
int command_run(struct recorder *rec, const struct command *o, struct child *child, int repeat,
		int *status, struct err *e);

/*
 * Load the unwind table of what execvp will find, as far as a shell's rules go; a hint, so failing
 * to is no harm.
 */
void command_preload(struct collector *c, const char *command);

#endif
