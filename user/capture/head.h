/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* All of a recording but its runs: who made it, of what, on which machine, and what was lost. */
#ifndef WG_CAPTURE_HEAD_H
#define WG_CAPTURE_HEAD_H

#include "base/runas.h"
#include "collect/collector.h"
#include "model/recording.h"

/*
 * At the beginning: version, command line, user (NULL: nothing is run), time, host and the first
 * conditions. 0 or -ENOMEM.
 */
int head_begin(struct recording *r, const char *command, int argc, char **argv,
	       const struct runas *as, const struct collector *c);
/* At the end: the second conditions, our own cost, losses. stopped: by a signal. */
int head_end(struct recording *r, const struct collector *c, int stopped);

#endif
