/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Options of a subcommand as a table of data: parsed, checked and printed as help from the same
 * rows.
 */
#ifndef WG_CMD_OPTIONS_H
#define WG_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

enum opt_kind {
	OPT_FLAG,   /* bool *: set to true */
	OPT_UNFLAG, /* bool *: set to false */
	OPT_INT,    /* int *: within min..max */
	OPT_STR,    /* const char **: points into argv */
	OPT_INTS,   /* struct opt_ints *: one more, within min..max */
};

/* Of an option that may be given several times. */
struct opt_ints {
	int v[64];
	int cnt;
};

struct opt {
	const char *name; /* without "--"; NULL ends the table */
	char letter;	  /* or 0 */
	enum opt_kind kind;
	void *to;
	int min, max;	 /* OPT_INT */
	const char *arg; /* name of the argument in the help */
	const char *help;
};

/* What a subcommand says of itself. */
struct usage {
	const char *name;     /* "bench" */
	const char *synopsis; /* "[OPTION...] -- CMD [ARG...]" */
	const char *what;     /* one sentence */
	const char *examples; /* lines, or NULL */
	const struct opt *opts;
};

/*
 * Parse argv[1..]. Returns the index of the first operand; -EINVAL with one line in e for a
 * usage error; -ECANCELED when --help was asked for and printed to stdout.
 */
int options_parse(const struct usage *u, int argc, char **argv, struct err *e);
void usage_print(FILE *f, const struct usage *u);

#endif
