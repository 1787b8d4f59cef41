/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The recording file: SQLite, one file a recording. Written to a temporary name beside it in one
 * transaction and renamed when complete, so that a file of that name is always whole; mode 0600,
 * owned by the user who called sudo.
 */
#ifndef WG_STORE_STORE_H
#define WG_STORE_STORE_H

#include <stddef.h>

#include "base/err.h"
#include "model/recording.h"

/*
 * Say at once whether path can be written: before the measurement, not after it. Leaves nothing
 * behind. Returns 0, or -errno with one line in e.
 */
int store_check_writable(const char *path, struct err *e);

/* Write r to path. Returns 0, or -errno with one line in e and no file (or the old one) at path. */
int store_write(const char *path, const struct recording *r, struct err *e);

/*
 * The same, but what was measured is not lost when the name was taken meanwhile by what is not to be
 * replaced: then path, of sz bytes, becomes the next free "NAME-1.wg".
 */
int store_save(char *path, size_t sz, const struct recording *r, struct err *e);

/*
 * Read path into r (which recording_init has set up). Returns 0; -errno with one line in e when
 * it is not there, is no recording, was cut short, or has a newer schema. r is then empty.
 */
int store_read(const char *path, struct recording *r, struct err *e);

#endif
