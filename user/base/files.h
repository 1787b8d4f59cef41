/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How many files may be open: we hold every file that a watched process runs code from, so we take
 * what the hard limit allows, and give our children the limit that we were given.
 */
#ifndef WG_FILES_H
#define WG_FILES_H

/* Raise the soft limit to the hard one. Failing to is no harm: what cannot be opened is a loss. */
void files_raise(void);
/* In a child before its exec: the limit as it was before files_raise. */
void files_restore(void);

#endif
