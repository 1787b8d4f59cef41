/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Notes and errors, a line each, made harmless for a terminal (base/plain.h). Reports go their own
 * way; functions that a caller can hear say what went wrong in a struct err instead.
 */
#ifndef WG_BASE_SAY_H
#define WG_BASE_SAY_H

#include "base/err.h"

/* One line on stderr; it ends here. */
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same on stdout. */
void say_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "wallgap COMMAND: what" on stderr. Returns status. */
int say_error(const char *command, int status, const struct err *e);

#endif
