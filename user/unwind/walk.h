/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The walk of a stack from outside: the same rules as in bpf/unwind.bpf.c, for threads that were
 * asleep before we came and so have not passed the scheduler in front of us. Pure: memory and
 * mappings come through functions of the caller.
 */
#ifndef WG_UNWIND_WALK_H
#define WG_UNWIND_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/table.h"

struct walk_regs {
	uint64_t ip, sp, bp, bx;
};

/* What holds an address: module 0 for code of no file. */
struct walk_place {
	uint32_t module;
	uint64_t bias;
	const struct unwind_table *table; /* NULL: none */
};

struct walk_ops {
	bool (*locate)(void *ctx, uint64_t addr, struct walk_place *out);
	bool (*read)(void *ctx, uint64_t addr, void *to, size_t sz);
};

/*
 * Fill frame with up to WG_FRAMES_MAX frames, the leaf first, as described under "Call paths" in
 * bpf/shared.h. regs are those of the leaf, and are used up. Returns how many; *end says how it
 * ended. Works by DWARF 4, 6.4, and psABI 3.4.1 for frame pointers.
 */
uint32_t walk_stack(const struct walk_ops *ops, void *ctx, struct walk_regs *regs,
		    uint64_t frame[WG_FRAMES_MAX], enum wg_stack_end *end);

#endif
