/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A /tmp of a runner's own. Runtimes write what they tell of their code to /tmp under names that
 * anybody can foresee (V8: /tmp/perf-PID.map) and follow links there. In a mount namespace of its
 * own a runner has an empty /tmp in memory, which ends with its last process, whatever ends that.
 * Of the real one it sees the folders of root's and of its user's, and what its program needs.
 */
#ifndef WG_RUNNER_PRIVATETMP_H
#define WG_RUNNER_PRIVATETMP_H

#include <sys/types.h>

#include "base/err.h"

#define PRIVATETMP_KEEP_MAX 200

struct privatetmp {
	char *tmp;			 /* where /tmp is, links followed */
	char *keep[PRIVATETMP_KEEP_MAX]; /* entries of it, as "/tmp/NAME" */
	int keep_cnt;
	char *cwd; /* to be in again; NULL: not known */
};

/*
 * In the parent: what stays to be seen. needed: paths, ended by NULL. Returns 0 or -errno; t needs
 * privatetmp_clear in either case.
 */
int privatetmp_init(struct privatetmp *t, uid_t user, const char *const *needed);
void privatetmp_clear(struct privatetmp *t);

/* In the child, while it may still mount: 0 or -errno. Only system calls. */
int privatetmp_enter(const struct privatetmp *t);

/* Can it be had here? Tried in a child. 0 or -errno. */
int privatetmp_try(void);

#endif
