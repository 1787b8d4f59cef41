/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The pool: what the walk of stacks in the kernel reads, written from here. See "The pool" in
 * bpf/shared.h. Append-only: what is in it stays, so a reader never sees a place used anew.
 */
#ifndef WG_COLLECT_POOL_H
#define WG_COLLECT_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "shared.h"
#include "unwind/table.h"

struct pool;

/* The fds are of the BPF maps, and stay the caller's. Returns 0 or -errno. */
int pool_new(struct pool **out, int pool_fd, int rules_fd, int modules_fd);
void pool_free(struct pool *p); /* accepts NULL */

/*
 * Make t the table of module number m (1 .. WG_MODULE_MAX - 1). -ENOSPC: no room is left for its
 * rows or rules, and stacks end in the module; or another -errno of bpf(2).
 */
int pool_add_module(struct pool *p, uint32_t m, const struct unwind_table *t);

/* Put a process's mappings, sorted, at most WG_LAYOUT_MAX, into the pool. -ENOSPC: no room. */
int pool_add_layout(struct pool *p, const struct wg_mapping *map, size_t cnt,
		    struct wg_layout *out);

/*
 * Have room for another chunk's worth ahead. To take one in makes the kernel wait until nobody can
 * be looking at its map of them, some 10 ms: better before a program begins than when it does.
 */
int pool_reserve(struct pool *p);

/* Bytes of kernel memory in use. */
size_t pool_bytes(const struct pool *p);

#endif
