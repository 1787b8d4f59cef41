/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Ends a command and all that it started, whatever process group, session or parent these have by
 * now: what is tracked is what came of it, and nothing else is.
 */
#ifndef WG_CAPTURE_ENDING_H
#define WG_CAPTURE_ENDING_H

#include "capture/child.h"
#include "collect/collector.h"

/*
 * From now until ending_finish: a signal that stops wallgap at once kills the command as well. c is
 * to track nothing but what came of child.
 */
void ending_prepare(struct collector *c, const struct child *child);
/* Ask them all to end: SIGTERM, and SIGCONT for who is stopped. */
void ending_ask(struct collector *c, struct child *child);
/* Ask, wait a while, kill who has not ended. The child is reaped and cleared. */
void ending_finish(struct collector *c, struct child *child);

#endif
