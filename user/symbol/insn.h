/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* x86-64 instructions at sampled addresses: atomic read-modify-writes, found by disassembly. */
#ifndef WG_SYMBOL_INSN_H
#define WG_SYMBOL_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct insn; /* a disassembler; not shared between threads */

int insn_open(struct insn **out);
void insn_close(struct insn *i); /* accepts NULL */

/*
 * Whether the instruction at code + at, or the one that ends there, is an atomic read-modify-write
 * (a lock prefix, or xchg with memory). code begins at an instruction: a function's start; it
 * is decoded from there. False where the decoding does not come by at (at <= sz). A quick answer,
 * without decoding, where no bytes near at are those of such an instruction.
 */
bool insn_is_atomic_rmw(struct insn *i, const uint8_t *code, size_t sz, size_t at);

#endif
