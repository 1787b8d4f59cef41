/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From addresses to functions: raw frames and stacks of the collector become frames and stacks of
 * the recording, each once. Files are opened when first asked for, and stay so.
 */
#ifndef WG_CAPTURE_NAMES_H
#define WG_CAPTURE_NAMES_H

#include "collect/collector.h"
#include "model/recording.h"

struct names;

/* Adds to r; spaces and stacks are those of collector_names_begin, given anew by names_use. */
int names_new(struct names **out, struct recording *r);
void names_free(struct names *n); /* accepts NULL */

/* Between collector_names_begin and collector_names_end. */
void names_use(struct names *n, const struct spaces *spaces, struct stacks *stacks);

/*
 * The recording's stack for a raw one, whose 0 stands for `leaf`; tgid is the process that was in
 * it. NO_INDEX without memory. A stack whose frames never came has none, and ends as lost.
 */
uint32_t names_stack(struct names *n, uint64_t hash, uint64_t leaf, uint32_t tgid);

/*
 * The recording's frame for the start routine of the thread with this row, by the frames at the
 * root of its stacks. NO_INDEX: not known, or no memory.
 */
uint32_t names_start(struct names *n, const struct wg_row *row);

/* The user leaf of a raw stack, as the kernel side gives frames; 0: there is none. */
uint64_t names_leaf(const struct names *n, uint64_t hash);

/* Whether the instruction of a user leaf, or the one before it, is an atomic read-modify-write. */
enum traffic { TRAFFIC_NO, TRAFFIC_YES, TRAFFIC_UNKNOWN };
enum traffic names_traffic(struct names *n, uint64_t leaf, uint32_t tgid);

/* The recording's lock for an address waited on; NO_INDEX without memory. */
uint32_t names_futex(struct names *n, uint32_t tgid, uint64_t addr, uint32_t site_flags);
uint32_t names_klock(struct names *n, uint64_t addr, uint32_t site_flags);

/* Forget what the processes looked like, but not the files: between windows. */
void names_window(struct names *n);

#endif
