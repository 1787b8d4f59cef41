// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Call frame instructions (DWARF 4, 6.4.2) played out: where the CFA is, and where the caller's
 * rbp, rbx, rsp and return address are, for each stretch of a function's code. Other registers are
 * read over.
 */
#include <dwarf.h>
#include <string.h>

#include "unwind/eh_frame.h"

/* Compilers nest remember_state by one or two. */
#define CFI_DEPTH_MAX 64
#define CFI_ALL_REGS 0xffff

struct run {
	const struct eh_frame *eh;
	const struct cfi_cie *cie;
	struct cursor cur;
	uint64_t loc;
	bool in_cie;
	unsigned depth;
	struct cfi_state now;
	struct cfi_state then[CFI_DEPTH_MAX]; /* remembered */
};

/* What an instruction did. */
enum step { STEP_ON, STEP_ROW, STEP_BAD, STEP_OTHER };

static struct cfi_place *place_of(struct cfi_state *s, uint64_t reg)
{
	switch (reg) {
	case CFI_RBX:
		return &s->rbx;
	case CFI_RBP:
		return &s->rbp;
	case CFI_RSP:
		return &s->rsp;
	case CFI_RA:
		return &s->ra;
	default:
		return NULL;
	}
}

static void set_place(struct run *r, uint64_t reg, enum cfi_how how, int64_t off)
{
	struct cfi_place *place = place_of(&r->now, reg);

	if (place)
		*place = (struct cfi_place){.how = how, .off = off};
}

/* An offset in units of the data alignment; nonsense wraps around. */
static int64_t factored(const struct run *r, uint64_t off)
{
	return (int64_t)(off * (uint64_t)r->cie->data_align);
}

static struct cfi_place read_expr(struct run *r, enum cfi_how how)
{
	uint64_t sz = cursor_uleb(&r->cur);
	const uint8_t *expr = r->cur.p;

	cursor_skip(&r->cur, sz);
	return (struct cfi_place){.how = how, .expr = expr, .expr_sz = (uint32_t)sz};
}

static void set_cfa(struct run *r, uint64_t reg, int64_t off)
{
	r->now.cfa = (struct cfi_place){
		.how = CFI_REG_PLUS,
		.reg = reg < CFI_ALL_REGS ? (uint16_t)reg : CFI_ALL_REGS,
		.off = off,
	};
}

/* An instruction that changes one half of "register plus offset" needs the CFA to be that. */
static void change_cfa(struct run *r, bool is_reg, uint64_t value)
{
	if (r->now.cfa.how != CFI_REG_PLUS)
		r->now.cfa.how = CFI_IMPOSSIBLE;
	else if (is_reg)
		set_cfa(r, value, r->now.cfa.off);
	else
		r->now.cfa.off = (int64_t)value;
}

static enum step op_cfa(struct run *r, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case DW_CFA_def_cfa:
		reg = cursor_uleb(&r->cur);
		set_cfa(r, reg, (int64_t)cursor_uleb(&r->cur));
		break;
	case DW_CFA_def_cfa_sf:
		reg = cursor_uleb(&r->cur);
		set_cfa(r, reg, factored(r, (uint64_t)cursor_sleb(&r->cur)));
		break;
	case DW_CFA_def_cfa_register:
		change_cfa(r, true, cursor_uleb(&r->cur));
		break;
	case DW_CFA_def_cfa_offset:
		change_cfa(r, false, cursor_uleb(&r->cur));
		break;
	case DW_CFA_def_cfa_offset_sf:
		change_cfa(r, false, (uint64_t)factored(r, (uint64_t)cursor_sleb(&r->cur)));
		break;
	case DW_CFA_def_cfa_expression:
		r->now.cfa = read_expr(r, CFI_EXPR);
		break;
	default:
		return STEP_OTHER;
	}
	return STEP_ON;
}

static enum step op_expr(struct run *r, uint8_t op)
{
	uint64_t reg = cursor_uleb(&r->cur);
	struct cfi_place *place = place_of(&r->now, reg);
	struct cfi_place expr = read_expr(r, op == DW_CFA_expression ? CFI_AT_EXPR : CFI_EXPR);

	if (place)
		*place = expr;
	return STEP_ON;
}

/* Back to what the CIE says of reg, which is not something that the CIE itself can ask for. */
static enum step op_restore(struct run *r, uint64_t reg)
{
	struct cfi_state initial = r->cie->initial;
	struct cfi_place *place = place_of(&r->now, reg);

	if (r->in_cie)
		return STEP_BAD;
	if (place)
		*place = *place_of(&initial, reg);
	return STEP_ON;
}

static enum step op_reg(struct run *r, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case DW_CFA_undefined:
		set_place(r, cursor_uleb(&r->cur), CFI_UNDEFINED, 0);
		break;
	case DW_CFA_same_value:
		set_place(r, cursor_uleb(&r->cur), CFI_SAME, 0);
		break;
	case DW_CFA_restore_extended:
		return op_restore(r, cursor_uleb(&r->cur));
	case DW_CFA_register:
		reg = cursor_uleb(&r->cur);
		set_place(r, reg, CFI_REGISTER, (int64_t)cursor_uleb(&r->cur));
		break;
	case DW_CFA_offset_extended:
		reg = cursor_uleb(&r->cur);
		set_place(r, reg, CFI_AT_CFA, factored(r, cursor_uleb(&r->cur)));
		break;
	case DW_CFA_offset_extended_sf:
		reg = cursor_uleb(&r->cur);
		set_place(r, reg, CFI_AT_CFA, factored(r, (uint64_t)cursor_sleb(&r->cur)));
		break;
	case DW_CFA_GNU_negative_offset_extended:
		reg = cursor_uleb(&r->cur);
		set_place(r, reg, CFI_AT_CFA, factored(r, -cursor_uleb(&r->cur)));
		break;
	case DW_CFA_val_offset:
		reg = cursor_uleb(&r->cur);
		set_place(r, reg, CFI_CFA_PLUS, factored(r, cursor_uleb(&r->cur)));
		break;
	case DW_CFA_val_offset_sf:
		reg = cursor_uleb(&r->cur);
		set_place(r, reg, CFI_CFA_PLUS, factored(r, (uint64_t)cursor_sleb(&r->cur)));
		break;
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		return op_expr(r, op);
	default:
		return STEP_OTHER;
	}
	return STEP_ON;
}

/* A new row begins; where that cannot be counted, past the end of any function. */
static enum step advance(struct run *r, uint64_t factor)
{
	uint64_t sz;

	if (__builtin_mul_overflow(factor, r->cie->code_align, &sz) ||
	    __builtin_add_overflow(r->loc, sz, &r->loc))
		r->loc = UINT64_MAX;
	return STEP_ROW;
}

static enum step op_loc(struct run *r, uint8_t op)
{
	uint64_t loc;

	switch (op) {
	case DW_CFA_set_loc:
		if (!cfi_pointer(r->eh, &r->cur, r->cie->pointer, &loc) || loc < r->loc)
			return STEP_BAD;
		r->loc = loc;
		return STEP_ROW;
	case DW_CFA_advance_loc1:
		return advance(r, cursor_uint(&r->cur, 1));
	case DW_CFA_advance_loc2:
		return advance(r, cursor_uint(&r->cur, 2));
	case DW_CFA_advance_loc4:
		return advance(r, cursor_uint(&r->cur, 4));
	case DW_CFA_MIPS_advance_loc8:
		return advance(r, cursor_uint(&r->cur, 8));
	default:
		return STEP_OTHER;
	}
}

static enum step op_stack(struct run *r, uint8_t op)
{
	switch (op) {
	case DW_CFA_remember_state:
		if (r->depth == CFI_DEPTH_MAX)
			return STEP_BAD;
		r->then[r->depth++] = r->now;
		return STEP_ON;
	case DW_CFA_restore_state:
		if (!r->depth)
			return STEP_BAD;
		r->now = r->then[--r->depth];
		return STEP_ON;
	case DW_CFA_GNU_args_size:
		cursor_uleb(&r->cur);
		return STEP_ON;
	case DW_CFA_nop:
		return STEP_ON;
	default:
		return STEP_OTHER;
	}
}

/* The instructions that have an operand in the low 6 bits of the opcode. */
static enum step op_primary(struct run *r, uint8_t op)
{
	uint8_t operand = op & 0x3f;

	switch (op & 0xc0) {
	case DW_CFA_advance_loc:
		return advance(r, operand);
	case DW_CFA_offset:
		set_place(r, operand, CFI_AT_CFA, factored(r, cursor_uleb(&r->cur)));
		return STEP_ON;
	case DW_CFA_restore:
		return op_restore(r, operand);
	default:
		return STEP_OTHER;
	}
}

static enum step step(struct run *r)
{
	static enum step (*const kind[])(struct run *, uint8_t) = {
		op_primary, op_cfa, op_stack, op_loc, op_reg,
	};
	uint8_t op = *r->cur.p++;
	enum step did = STEP_OTHER;

	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]) && did == STEP_OTHER; i++)
		did = kind[i](r, op);
	if (did == STEP_OTHER || r->cur.bad || (did == STEP_ROW && r->in_cie))
		return STEP_BAD;
	return did;
}

static void run_init(struct run *r, const struct eh_frame *eh, const struct cfi_cie *cie,
		     struct cursor program)
{
	r->eh = eh;
	r->cie = cie;
	r->cur = program;
	r->loc = 0;
	r->in_cie = false;
	r->depth = 0;
	r->now = cie->initial;
}

bool cfi_run_cie(const struct eh_frame *eh, struct cfi_cie *cie, struct cursor program)
{
	struct run r;

	cie->initial = (struct cfi_state){0};
	run_init(&r, eh, cie, program);
	r.in_cie = true;
	while (r.cur.p < r.cur.end)
		if (step(&r) == STEP_BAD)
			return false;
	cie->initial = r.now;
	return true;
}

int cfi_run_fde(const struct cfi *c, const struct cfi_fde *fde, cfi_row_fn row, void *ctx,
		bool *broken)
{
	const uint8_t *data = c->eh->data;
	struct run r;
	uint64_t start = fde->start;

	run_init(&r, c->eh, &c->cie[fde->cie],
		 cursor_at(data + fde->program, data + fde->program_end));
	r.loc = start;
	while (r.cur.p < r.cur.end && start < fde->end) {
		enum step did = step(&r);
		int rc;

		if (did == STEP_BAD) {
			*broken = true;
			r.now = (struct cfi_state){.cfa = {.how = CFI_IMPOSSIBLE}};
			break;
		}
		if (did != STEP_ROW || r.loc <= start)
			continue;
		rc = row(ctx, start, r.loc < fde->end ? r.loc : fde->end, &r.now);
		if (rc)
			return rc;
		start = r.loc;
	}
	return start < fde->end ? row(ctx, start, fde->end, &r.now) : 0;
}
