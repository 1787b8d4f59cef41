/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A progress bar with the time left, on stderr, only when that is a terminal. */
#ifndef WG_CMD_PROGRESS_H
#define WG_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	double done, all; /* in any unit of expected work */
	uint64_t begin_ns;
};

void progress_begin(struct progress *p, double all);
/* There is that much more to do than was known. */
void progress_more(struct progress *p, double work);
/* `work` more is done; `what` is next. */
void progress_step(struct progress *p, double work, const char *what);
/* Wipes the line. */
void progress_end(struct progress *p);

#endif
