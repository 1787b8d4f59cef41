/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A file that is to appear whole or not at all: written under a temporary name in the same
 * folder, then synced, given to its owner and renamed.
 *
 *   target_open -> (write to target.tmp) -> target_commit
 *                                       \-> target_drop, at any time: nothing stays behind
 */
#ifndef WG_TARGET_H
#define WG_TARGET_H

#include "base/err.h"

struct target {
	char *path; /* where it will be: links followed */
	char *tmp;  /* where it is now; NULL when there is none */
	int fd;
};

#define TARGET_NONE                                                                                \
	{                                                                                          \
		.path = NULL, .tmp = NULL, .fd = -1                                                \
	}

/* Make the temporary file, mode 0600. Returns 0, or -errno with a line in e and nothing made. */
int target_open(struct target *t, const char *path, struct err *e);

/* Sync, chown to SUDO_UID and SUDO_GID when root, rename, sync the folder. */
int target_commit(struct target *t, struct err *e);

/* Remove what is left, free what t holds. Fine after target_commit and on TARGET_NONE. */
void target_drop(struct target *t);

#endif
