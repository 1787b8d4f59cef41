/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the measuring commands share: errors to the terminal, Ctrl-C, names, head of a recording. */
#ifndef WG_CMD_COMMON_H
#define WG_CMD_COMMON_H

#include <signal.h>
#include <stdbool.h>

#include "base/confine.h"
#include "base/err.h"
#include "base/runas.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "collect/collector.h"
#include "model/recording.h"

/* "wallgap COMMAND: what" on stderr, one line that a terminal takes. Returns status. */
int say_error(const char *command, int status, const struct err *e);
/* One line likewise; it ends here. */
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same on stdout. */
void say_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Parse; returns the first operand's index, or -1 with *status set when the command is to end. */
int parse_or_end(const struct usage *u, int argc, char **argv, int *status);

/* The exit status for err of collector_open: 77 where this machine cannot. */
int status_of_open(int err);

/* See base/confine.h. What fails, and what was never had, is a line on stderr each. */
void confine_or_note(enum confine how);

/*
 * From now on the first signal that would end us sets interrupted to its number; a second SIGINT,
 * SIGTERM or SIGQUIT calls what interrupt_at_once was given, and ends the program with 128 + its number.
 * SIGPIPE and SIGXFSZ do nothing: the write fails.
 */
void interrupt_catch(void);
/* fn runs in a signal handler; NULL: nothing is to be done. */
void interrupt_at_once(void (*fn)(void));
/* The exit status: 128 + signal after one, where nothing else went wrong. */
int interrupt_status(int status);
/* If interrupted: one line, and the reason into r. */
void interrupt_say(const char *command, struct recording *r);
/* In a child, before its exec: signals as we found them. */
void interrupt_restore(void);
extern volatile sig_atomic_t interrupted;

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
 * Fill version, command line, user (NULL: nothing is run), time, host and the first conditions; the
 * second at the end.
 */
int recording_begin(struct recording *r, const char *command, int argc, char **argv,
		    const struct runas *as, const struct collector *c);
int recording_end(struct recording *r, const struct collector *c);

/*
 * Save r to path, print the text report to stdout with the name of the file last. Returns an
 * exit status.
 */
int recording_finish(const char *command, const struct recording *r, char *path, size_t sz,
		     bool verbose);

/* Where unwind tables are kept from one run to the next. */
#define UNWIND_CACHE "/var/cache/wallgap/unwind"

/* When this program was exec'd, on CLOCK_MONOTONIC, to the clock tick's precision; 0 if not known. */
uint64_t program_start_ns(void);

#endif
