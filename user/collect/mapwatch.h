/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * News of executable mappings, of all processes: the kernel's perf events say when one is made
 * (mmap, mprotect). Only whose they are is taken from them; what is mapped is read from /proc.
 */
#ifndef WG_COLLECT_MAPWATCH_H
#define WG_COLLECT_MAPWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapwatch;

/* One ring a CPU. patient: there is news when one is half full, not at once. 0 or -errno. */
int mapwatch_open(struct mapwatch **out, bool patient);
void mapwatch_close(struct mapwatch *w); /* accepts NULL */

/* To wait on: readable when there is news. */
int mapwatch_fd(const struct mapwatch *w);

/* Call seen(ctx, tgid) for each record since the last call; the same tgid may come many times. */
void mapwatch_drain(struct mapwatch *w, void (*seen)(void *ctx, uint32_t tgid), void *ctx);

/* Records that the kernel had no room for. */
uint64_t mapwatch_lost(const struct mapwatch *w);

#endif
