/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Names of JIT code: perf maps (/tmp/perf-PID.map) and jitdump files. Both are files of other
 * users, read by root: opened without following links, they must be regular files with one name,
 * owned by the process's owner (or root); sizes and line lengths are bounded; what makes no sense
 * is counted and ignored. Formats: linux/tools/perf/Documentation/jit-interface.txt and
 * jitdump-specification.txt.
 */
#ifndef WG_SYMBOL_JITMAP_H
#define WG_SYMBOL_JITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct jitmap;

/* An empty map. */
int jitmap_new(struct jitmap **out);
void jitmap_free(struct jitmap *m); /* accepts NULL */

/*
 * Add what path holds. `root` is an open folder that path is taken below, as in "/proc/PID/root",
 * with no way out of it (AT_FDCWD: the file system as it is). -EPERM: a link (also a hard one),
 * not a regular file, or another owner's; -ENOEXEC: no jitdump of this machine. Of a
 * perf map of more than 32 MiB the end is read. What takes more than the budget (base/budget.h) has no
 * names at all: what the missing part said could be newer.
 */
int jitmap_add_perf(struct jitmap *m, int root, const char *path, uid_t owner, struct err *e);
int jitmap_add_jitdump(struct jitmap *m, int root, const char *path, uid_t owner, struct err *e);
/*
 * From memory: what the above two read; for tests. Returns 0 or -ENOMEM or, for a jitdump without
 * its header, -ENOEXEC. A last line without its newline, or a last record that is cut off, is still
 * being written: it is counted as bad.
 */
int jitmap_parse_perf(struct jitmap *m, const char *text, size_t sz);
int jitmap_parse_jitdump(struct jitmap *m, const void *data, size_t sz);

/*
 * The name of what holds addr; of several, what was added last. Owned by m, or NULL. when_ns
 * (CLOCK_MONOTONIC) chooses among jitdump records that reuse an address: the last one not later;
 * 0: the last of all. *start (may be NULL): where the code starts.
 */
const char *jitmap_find(struct jitmap *m, uint64_t addr, uint64_t when_ns, uint64_t *start);
/* Whether names were left out since others hold the memory that is for all; jitmap_forget. */
bool jitmap_wants_room(const struct jitmap *m);
/* Free it, to be read anew: what was left out is not lost. */
void jitmap_forget(struct jitmap *m);
/* Lines and records that made no sense, or were more than is kept. */
uint64_t jitmap_bad_cnt(const struct jitmap *m);
/*
 * Bytes from addr to the end of the function that jitmap_find(m, addr, 0, NULL) names, where a
 * jitdump has them: up to len; returns how many.
 */
size_t jitmap_bytes(struct jitmap *m, uint64_t addr, void *buf, size_t len);

#endif
