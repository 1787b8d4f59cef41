/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Two commands in turn (A B B A ...), each watched: the measuring half of `wallgap compare`. */
#ifndef WG_CMD_VERSUS_H
#define WG_CMD_VERSUS_H

#include <stdbool.h>

#include "model/recording.h"

struct versus {
	const char *text[2];  /* the commands, as a shell takes them */
	const char *label[2]; /* of the two sides */
	const char *out;      /* -o, or NULL */
	const char *user;     /* --user, or NULL */
	int repeats, warmup, freq_hz;
	bool show_output;
};

/*
 * Measure and save. rec holds the recording then, to be cleared by the caller, and path (PATH_MAX
 * bytes) its file. Returns an exit status; what went wrong has been said. *keep: there is something
 * to report all the same.
 */
int versus_measure(const struct versus *v, int argc, char **argv, struct recording *rec, char *path,
		   bool *keep);

#endif
