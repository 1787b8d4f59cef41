/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How many files may be open: we hold every file that a watched process runs code from, so we take
 * what the hard limit allows, and give our children the limit that we were given.
 */
#ifndef WG_BASE_FILES_H
#define WG_BASE_FILES_H

#include <stdbool.h>

/* Raise the soft limit to the hard one. Failing to is no harm: what cannot be opened is a loss. */
void files_raise(void);
/* In a child before its exec: the limit as it was before files_raise. */
void files_restore(void);
/*
 * Whether fd may stay open for as long as we run. The last numbers below the limit are left to what
 * comes and goes: /proc, the recording. Numbers are given lowest first, so no other account is needed.
 */
bool files_may_keep(int fd);

#endif
