/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Opening files that other users may have put in place. */
#ifndef WG_SYMBOL_REGULAR_H
#define WG_SYMBOL_REGULAR_H

#include <stdint.h>
#include <sys/stat.h>

/*
 * A descriptor to read path, when that is a regular file. It is looked at before it is opened, so
 * a FIFO cannot hang us, nor a device be set off. root is an open folder with no way out of it, or
 * AT_FDCWD: the file system as it is. resolve: more RESOLVE_ flags of openat2. *st, if not NULL,
 * describes the file. Returns the descriptor; -EPERM: a link in the way that resolve forbids, or
 * not a regular file; or what openat2 says.
 */
int regular_open(int root, const char *path, uint64_t resolve, struct stat *st);

#endif
