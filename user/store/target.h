/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A file that is to appear whole or not at all, in a folder that others may write to: written
 * without a name, or under one that cannot be foreseen, by its descriptor alone; then synced, given
 * to its owner and named. No link is followed at its name, and nothing is replaced there but a
 * regular file of the same owner, as it was before. What a run that was killed left in the folder,
 * between such a name and its own, goes when the next file is made there: the file is locked as long as
 * its writer lives.
 *
 *   target_open -> (write to target.fd) -> target_commit
 *                                      \-> target_drop, at any time: nothing stays behind
 */
#ifndef WG_STORE_TARGET_H
#define WG_STORE_TARGET_H

#include <stdbool.h>

#include "base/err.h"

struct target {
	char *path;	  /* where it will be, as asked for */
	const char *name; /* the last part of it */
	int folder;	  /* that it is in */
	char *tmp;	  /* its name in folder now; NULL when it has none */
	int fd;
	bool replace; /* there was one of ours */
};

#define TARGET_NONE                                                                                \
	{                                                                                          \
		.path = NULL, .tmp = NULL, .folder = -1, .fd = -1                                  \
	}

/*
 * Make the file, mode 0600. Returns 0, or -errno with a line in e and nothing made; -EEXIST: the
 * name is taken by what is not to be replaced, a link, a device, a file of another's.
 */
int target_open(struct target *t, const char *path, struct err *e);

/*
 * Sync, chown to SUDO_UID and SUDO_GID when root (where that can be), give it its name, sync the
 * folder. -EEXIST: the name was taken meanwhile.
 */
int target_commit(struct target *t, struct err *e);

/* Remove what is left, free what t holds. Fine after target_commit and on TARGET_NONE. */
void target_drop(struct target *t);

#endif
