/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rules from a function's instructions, where it has no CFI: private to this folder and its tests.
 *
 * From the entry, where the return address is at rsp, the code is followed along all its branches,
 * with what is known of the frame at each instruction: how far rsp is from the CFA, and whether
 * rbp is pushed or is the frame pointer. Where two ways to one instruction disagree, or something
 * is done that is not understood, nothing is known from there on. Nothing is guessed: code that no
 * way leads to gets no rule.
 */
#ifndef WG_UNWIND_CODE_H
#define WG_UNWIND_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "shared.h"

struct code_reader; /* a disassembler and its memory; not shared between threads */

int code_open(struct code_reader **out); /* 0, -ENOMEM or -ENOTSUP */
void code_close(struct code_reader *r);	 /* accepts NULL */

#define CODE_FUNCTION_MAX (256u << 10) /* bytes of a function; larger ones get no rules */

/*
 * Call row for each stretch of code with one rule, in ascending order, until it returns other than
 * 0; returns that, or 0, or -ENOMEM. from and to are offsets in code, which is sz bytes.
 */
typedef int (*code_row_fn)(void *ctx, size_t from, size_t to, const struct wg_rule *rule);
int code_rules(struct code_reader *r, const uint8_t *code, size_t sz, code_row_fn row, void *ctx);

#endif
