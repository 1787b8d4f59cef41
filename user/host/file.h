/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Reading the kernel's small text files whole, wherever they are mounted or not. */
#ifndef WG_HOST_FILE_H
#define WG_HOST_FILE_H

#include <stddef.h>

/* Read path into buf, cut to sz - 1, always NUL-terminated. Returns bytes read or -errno. */
long file_read(const char *path, char *buf, size_t sz);

/*
 * The same for a file of a pseudo file system ("securityfs", "debugfs"): from where it is mounted
 * by custom, else through a mount of our own that no one else sees and that ends with the call.
 */
long file_read_pseudo(const char *fstype, const char *custom, const char *rel, char *buf,
		      size_t sz);

/* The whole of a text file that may be gzipped, up to limit bytes, to be freed; NULL if not had. */
char *file_read_gz(const char *path, size_t limit);

#endif
