/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Errors. A function returns 0 or a negative errno and, where a caller will show it to the
 * user, fills a struct err with one line: what, on what, why, what to try. It never prints.
 */
#ifndef WG_BASE_ERR_H
#define WG_BASE_ERR_H

struct err {
	char msg[512]; /* one line, no newline; "" when unset */
};

/* Fill e (may be NULL) and return code, a negative errno. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same, with ": strerror(-code)" appended. */
int err_sys(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
