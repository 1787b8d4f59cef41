/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the measuring commands share: errors to the terminal, Ctrl-C, names, head of a recording. */
#ifndef WG_CMD_COMMON_H
#define WG_CMD_COMMON_H

#include <stdbool.h>

#include "base/err.h"
#include "base/interrupt.h"
#include "base/runas.h"
#include "base/say.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "collect/collector.h"
#include "model/recording.h"

/* Parse; returns the first operand's index, or -1 with *status set when the command is to end. */
int parse_or_end(const struct usage *u, int argc, char **argv, int *status);

/* The exit status for err of an exec that failed, as a shell has it. */
int status_of_exec(int err);
/* The exit status for err of collector_open: 77 where this machine cannot. */
int status_of_open(int err);

/* The signal that stopped us, or 0. */
int interrupted(void);
/* The exit status: 128 + signal after one, where nothing else went wrong. */
int interrupt_status(int status);
/* If interrupted: one line, and the reason into r. */
void interrupt_say(const char *command, struct recording *r);
/*
 * The user for commands and runners, of --user (NULL: not given); an exit status when there is no
 * such user, which has been said; else -1, and as needs runas_clear.
 */
int choose_user(const char *command, struct runas *as, const char *name);
#define USER_HELP "whom it runs as (who called sudo; root: keep root)"

/* Where to save: the user's -o or wallgap-<date>-<time>.wg, checked to be writable. */
int output_path(char *buf, size_t sz, const char *wanted, struct err *e);

/*
 * Both of it, before anything runs, with *c open at the end or not at all. Who may not measure here is told
 * that first, whatever is to be said of the folder. Returns an exit status, with e where it is not EXIT_DONE.
 */
int measuring_open(struct collector **c, const struct collector_opts *o, char *path, size_t sz,
		   const char *wanted, struct err *e);

/*
 * Save r to path, print the text report to stdout with the name of the file last. Returns an
 * exit status.
 */
int recording_finish(const char *command, const struct recording *r, char *path, size_t sz,
		     bool verbose);

/* Where unwind tables are kept from one run to the next. */
#define UNWIND_CACHE "/var/cache/wallgap/unwind"

#endif
