// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See code.h. A function is followed with a list of places that are still to be looked at; a place
 * is looked at again only when less is known there than was thought, so twice at the most.
 */
#include "unwind/code.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

#include "base/util.h"

/* What is known of the frame before an instruction. */
struct frame {
	uint8_t seen;	 /* a way leads here */
	uint8_t lost;	 /* nothing is known */
	uint8_t bp;	 /* enum bp */
	uint8_t free_sp; /* how far rsp is from the CFA is not known: only with BP_FRAME */
	int32_t sp;	 /* CFA - rsp */
};

enum bp {
	BP_CALLER, /* rbp is the caller's */
	BP_PUSHED, /* that, and it is saved at CFA - 16 */
	BP_FRAME,  /* rbp is CFA - 16, where the caller's is saved */
};

/* Of each byte of the function: the frame before the instruction that begins there, its length. */
struct place {
	struct frame frame;
	uint8_t len; /* 0: no instruction begins here */
	bool listed;
};

struct code_reader {
	csh plain, detailed;
	cs_insn *insn, *more;
	struct place place[CODE_FUNCTION_MAX];
	uint32_t list[CODE_FUNCTION_MAX];
	size_t list_cnt;
};

int code_open(struct code_reader **out)
{
	struct code_reader *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (!r)
		return -ENOMEM;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &r->plain) != CS_ERR_OK ||
	    cs_open(CS_ARCH_X86, CS_MODE_64, &r->detailed) != CS_ERR_OK ||
	    cs_option(r->detailed, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK) {
		code_close(r);
		return -ENOTSUP;
	}
	r->insn = cs_malloc(r->plain);
	r->more = cs_malloc(r->detailed);
	if (!r->insn || !r->more) {
		code_close(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void code_close(struct code_reader *r)
{
	if (!r)
		return;
	if (r->insn)
		cs_free(r->insn, 1);
	if (r->more)
		cs_free(r->more, 1);
	if (r->plain)
		cs_close(&r->plain);
	if (r->detailed)
		cs_close(&r->detailed);
	free(r);
}

/* --- decoding --- */

enum kind {
	KIND_OTHER,
	KIND_CALL,
	KIND_JUMP, /* not conditional */
	KIND_END,  /* nothing comes after it */
};

struct decoded {
	uint8_t len;
	uint8_t kind;
	bool may_write; /* rsp or rbp, by an operand that is no stack operation's */
};

/* Is it the field of an operand that is rsp or rbp, when REX does not extend it? */
static bool is_stack_reg(uint8_t field, uint8_t extended)
{
	return !extended && ((field & 7) == 4 || (field & 7) == 5);
}

/* Bytes of ModRM and what belongs to it: SIB, displacement. */
static size_t modrm_len(const uint8_t *c, size_t left)
{
	uint8_t mod, rm;
	size_t len = 1;

	if (!left)
		return SIZE_MAX / 2;
	mod = c[0] >> 6;
	rm = c[0] & 7;
	if (mod == 3)
		return len;
	if (rm == 4) {
		if (left < 2)
			return SIZE_MAX / 2;
		len++;
		if (mod == 0 && (c[1] & 7) == 5)
			len += 4;
	} else if (mod == 0 && rm == 5) {
		len += 4;
	}
	return len + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

enum dest { DEST_NONE, DEST_REG, DEST_RM, DEST_GROUP1, DEST_SLOW };

/* Where the result goes of opcodes with ModRM that code is full of; of others DEST_SLOW. */
static enum dest dest_of(uint8_t op, bool two_bytes, size_t *imm)
{
	*imm = 0;
	if (two_bytes) {
		if ((op & 0xf0) == 0x40 || op == 0xb6 || op == 0xb7 || op == 0xbe || op == 0xbf ||
		    op == 0xaf)
			return DEST_REG;
		return op == 0x1f ? DEST_NONE : DEST_SLOW;
	}
	switch (op) {
	case 0x38: /* cmp, test */
	case 0x39:
	case 0x3a:
	case 0x3b:
	case 0x84:
	case 0x85:
		return DEST_NONE;
	case 0x03: /* add, or, and, sub, xor, movsxd, mov, lea */
	case 0x0b:
	case 0x23:
	case 0x2b:
	case 0x33:
	case 0x63:
	case 0x8b:
	case 0x8d:
		return DEST_REG;
	case 0x01: /* the same to memory, or the other way round */
	case 0x09:
	case 0x21:
	case 0x29:
	case 0x31:
	case 0x88:
	case 0x89:
	case 0xd1: /* shifts */
	case 0xd3:
		return DEST_RM;
	case 0xc1:
	case 0xc6: /* mov */
		*imm = 1;
		return DEST_RM;
	case 0xc7:
		*imm = 4;
		return DEST_RM;
	case 0x83:
		*imm = 1;
		return DEST_GROUP1;
	case 0x81:
		*imm = 4;
		return DEST_GROUP1;
	default:
		return DEST_SLOW;
	}
}

/*
 * Most instructions are of a few forms, which take a hundredth of a disassembler's time here. False
 * for the rest: prefixes other than REX, what has 16-bit or vector operands, and so on.
 */
static bool decode_quick(const uint8_t *c, size_t left, struct decoded *d)
{
	size_t at = 0, imm, len;
	uint8_t rex = 0, op, modrm;
	bool two_bytes;
	enum dest dest;

	if (at < left && (c[at] & 0xf0) == 0x40)
		rex = c[at++];
	two_bytes = at < left && c[at] == 0x0f;
	at += two_bytes;
	if (at >= left)
		return false;
	op = c[at++];
	*d = (struct decoded){.kind = KIND_OTHER};
	dest = dest_of(op, two_bytes, &imm);
	if (dest == DEST_SLOW) {
		bool near = !two_bytes && (op & 0xf0) == 0x70,
		     far = two_bytes && (op & 0xf0) == 0x80;

		/* conditional jumps; push and pop */
		d->len = (uint8_t)(at + (near ? 1 : far ? 4 : 0));
		return d->len <= left && (near || far || (!two_bytes && (op & 0xf0) == 0x50));
	}
	len = modrm_len(c + at, left - at);
	if (len > left - at || imm > left - at - len)
		return false;
	modrm = c[at];
	d->len = (uint8_t)(at + len + imm);
	d->may_write = (dest == DEST_REG && is_stack_reg(modrm >> 3, rex & 4)) ||
		       ((dest == DEST_RM || (dest == DEST_GROUP1 && (modrm >> 3 & 7) != 7)) &&
			modrm >= 0xc0 && is_stack_reg(modrm, rex & 1));
	return true;
}

static bool decode(struct code_reader *r, const uint8_t *c, size_t left, struct decoded *d)
{
	uint64_t addr = 0;

	if (decode_quick(c, left, d))
		return true;
	if (!cs_disasm_iter(r->plain, &c, &left, &addr, r->insn))
		return false;
	*d = (struct decoded){.len = (uint8_t)r->insn->size, .may_write = true};
	switch (r->insn->id) {
	case X86_INS_RET:
	case X86_INS_UD2:
	case X86_INS_INT3:
	case X86_INS_HLT:
		d->kind = KIND_END;
		break;
	case X86_INS_CALL:
		d->kind = KIND_CALL;
		break;
	case X86_INS_JMP:
		d->kind = KIND_JUMP;
		break;
	default:
		break;
	}
	return true;
}

/* --- one instruction --- */

static void lose(struct frame *f)
{
	*f = (struct frame){.seen = 1, .lost = 1};
}

/* rsp is not known any more: with a frame pointer that does not matter. */
static void lose_sp(struct frame *f)
{
	f->free_sp = 1;
	f->sp = 0;
	if (f->bp != BP_FRAME)
		lose(f);
}

/* rsp moves down by so many bytes. */
static void move_sp(struct frame *f, int64_t down)
{
	int64_t sp = f->sp + down;

	if (f->free_sp)
		return;
	/* the return address is not to be popped, nor what is saved below it but by its own pop */
	if (sp < (f->bp == BP_CALLER ? 8 : 16) || sp > 1 << 20)
		lose_sp(f);
	else
		f->sp = (int32_t)sp;
}

static void push(struct frame *f, bool rbp)
{
	if (rbp && f->bp == BP_CALLER && f->sp == 8 && !f->free_sp)
		f->bp = BP_PUSHED;
	move_sp(f, 8);
}

static void pop(struct frame *f, bool rbp)
{
	bool saved = f->bp != BP_CALLER && !f->free_sp && f->sp == 16;

	if (rbp && saved) {
		f->bp = BP_CALLER;
		f->sp = 8;
	} else if (rbp) {
		lose(f); /* something else */
	} else if (saved && f->bp == BP_PUSHED) {
		f->bp = BP_CALLER; /* rbp is as it was, its copy gone */
		f->sp = 8;
	} else {
		move_sp(f, -8);
	}
}

/* The encodings of a move between rsp and rbp, both ways round. */
static bool is_move(const uint8_t *c, size_t len, uint8_t to_rm, uint8_t to_reg)
{
	return len == 3 && c[0] == 0x48 &&
	       ((c[1] == 0x89 && c[2] == to_rm) || (c[1] == 0x8b && c[2] == to_reg));
}

static int32_t immediate(const uint8_t *at, size_t sz)
{
	int32_t v;

	if (sz == 1)
		return (int8_t)*at;
	memcpy(&v, at, sizeof(v));
	return v;
}

/* sub rsp, imm; add rsp, imm; lea rsp, [rsp + disp]: how far down; false for anything else. */
static bool moves_sp(const uint8_t *c, size_t len, int64_t *down)
{
	if (len < 4 || c[0] != 0x48)
		return false;
	if ((c[1] == 0x83 && len == 4) || (c[1] == 0x81 && len == 7)) {
		*down = immediate(c + 3, len - 3);
		if (c[2] == 0xc4)
			*down = -*down;
		return c[2] == 0xec || c[2] == 0xc4;
	}
	if (c[1] == 0x8d && c[3] == 0x24 &&
	    ((c[2] == 0x64 && len == 5) || (c[2] == 0xa4 && len == 8))) {
		*down = -(int64_t)immediate(c + 4, len - 4);
		return true;
	}
	return false;
}

/* lea rsp, [rbp + disp] */
static bool sp_from_bp(const uint8_t *c, size_t len, int64_t *disp)
{
	if (len < 4 || c[0] != 0x48 || c[1] != 0x8d ||
	    !((c[2] == 0x65 && len == 4) || (c[2] == 0xa5 && len == 7)))
		return false;
	*disp = immediate(c + 3, len - 3);
	return true;
}

/* Those that only use the stack as the opcode says; true when c is one. */
static bool step_stack(struct frame *f, const uint8_t *c, size_t len)
{
	int64_t by;

	if (len == 1 && c[0] >= 0x50 && c[0] <= 0x57)
		push(f, c[0] == 0x55);
	else if ((len == 2 && c[0] == 0x41 && c[1] >= 0x50 && c[1] <= 0x57) ||
		 (len == 2 && c[0] == 0x6a) || (len == 5 && c[0] == 0x68))
		push(f, false);
	else if (len == 1 && c[0] >= 0x58 && c[0] <= 0x5f && c[0] != 0x5c)
		pop(f, c[0] == 0x5d);
	else if (len == 2 && c[0] == 0x41 && c[1] >= 0x58 && c[1] <= 0x5f)
		pop(f, false);
	else if (is_move(c, len, 0xe5, 0xec) && f->bp == BP_PUSHED && f->sp == 16)
		f->bp = BP_FRAME;
	else if (is_move(c, len, 0xec, 0xe5) && f->bp == BP_FRAME)
		*f = (struct frame){.seen = 1, .bp = BP_FRAME, .sp = 16};
	else if (len == 1 && c[0] == 0xc9 && f->bp == BP_FRAME)
		*f = (struct frame){.seen = 1, .bp = BP_CALLER, .sp = 8};
	else if (moves_sp(c, len, &by))
		move_sp(f, by);
	else if (sp_from_bp(c, len, &by) && f->bp == BP_FRAME && by <= 0 && by > -(1 << 20))
		*f = (struct frame){.seen = 1, .bp = BP_FRAME, .sp = (int32_t)(16 - by)};
	else
		return false;
	return true;
}

static bool is_family(uint16_t reg, const uint16_t family[4])
{
	return reg == family[0] || reg == family[1] || reg == family[2] || reg == family[3];
}

/* What writes rsp or rbp in another way. */
static void step_other(struct code_reader *r, struct frame *f, const uint8_t *c, size_t len)
{
	static const uint16_t sp[] = {X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL};
	static const uint16_t bp[] = {X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL};
	cs_regs read, written;
	uint8_t read_cnt, written_cnt;
	uint64_t addr = 0;

	if (!cs_disasm_iter(r->detailed, &c, &len, &addr, r->more) ||
	    cs_regs_access(r->detailed, r->more, read, &read_cnt, written, &written_cnt)) {
		lose(f);
		return;
	}
	for (uint8_t i = 0; i < written_cnt; i++) {
		if (is_family(written[i], bp)) {
			lose(f);
			return;
		}
		if (is_family(written[i], sp))
			lose_sp(f);
	}
}

/* --- ways through a function --- */

/* Where a jump with a fixed target leads, as an offset; false for others. */
static bool target_of(const uint8_t *c, size_t len, size_t at, int64_t *to)
{
	bool near, far;

	/* hints of branch prediction, bnd */
	for (; len > 2 && (*c == 0x2e || *c == 0x3e || *c == 0xf2); len--, at++)
		c++;
	near = len == 2 && (c[0] == 0xeb || (c[0] & 0xf0) == 0x70);
	far = (len == 5 && c[0] == 0xe9) || (len == 6 && c[0] == 0x0f && (c[1] & 0xf0) == 0x80);

	if (!near && !far)
		return false;
	*to = (int64_t)(at + len) + immediate(c + len - (near ? 1 : 4), near ? 1 : 4);
	return true;
}

static void reach(struct code_reader *r, int64_t at, size_t sz, const struct frame *f)
{
	struct place *p;

	if (at < 0 || (uint64_t)at >= sz)
		return; /* out of the function: a tail call */
	p = &r->place[at];
	if (!p->frame.seen)
		p->frame = *f;
	else if (p->frame.lost || !memcmp(&p->frame, f, sizeof(*f)))
		return;
	else if (!f->lost && p->frame.bp == BP_FRAME && f->bp == BP_FRAME && !p->frame.free_sp)
		lose_sp(&p->frame);
	else if (!f->lost && p->frame.bp == BP_FRAME && f->bp == BP_FRAME)
		return;
	else
		lose(&p->frame);
	if (!p->listed) {
		p->listed = true;
		r->list[r->list_cnt++] = (uint32_t)at;
	}
}

/* The instruction at `at`: where it leads, and with what frame. */
static void follow(struct code_reader *r, const uint8_t *code, size_t sz, size_t at)
{
	const uint8_t *c = code + at;
	struct place *p = &r->place[at];
	struct frame f = p->frame;
	struct decoded d;
	int64_t to;

	if (!decode(r, c, sz - at, &d)) {
		lose(&p->frame);
		p->len = 1;
		return;
	}
	p->len = d.len;
	switch (d.kind) {
	case KIND_END:
		return;
	case KIND_CALL:
		lose_sp(&f); /* what is called may take its arguments off the stack */
		break;
	case KIND_JUMP:
		if (target_of(c, d.len, at, &to))
			reach(r, to, sz, &f);
		return;
	default:
		if (target_of(c, d.len, at, &to))
			reach(r, to, sz, &f);
		else if (!f.lost && !step_stack(&f, c, d.len) && d.may_write)
			step_other(r, &f, c, d.len);
	}
	reach(r, (int64_t)(at + d.len), sz, &f);
}

static struct wg_rule rule_of(const struct frame *f)
{
	/* JIT code keeps no register for its caller but rbp */
	struct wg_rule rule = {.cfa = WG_CFA_NONE, .rbx = WG_RBX_LOST};

	if (!f->seen || f->lost)
		return (struct wg_rule){.cfa = WG_CFA_NONE};
	rule.cfa = f->bp == BP_FRAME ? WG_CFA_RBP : WG_CFA_RSP;
	rule.cfa_off = f->bp == BP_FRAME ? 16 : f->sp;
	rule.rbp = f->bp == BP_CALLER ? WG_RBP_SAME : WG_RBP_AT_CFA;
	rule.rbp_off = f->bp == BP_CALLER ? 0 : -16;
	return rule;
}

static int tell(const struct code_reader *r, size_t sz, code_row_fn row, void *ctx)
{
	struct wg_rule last = {.cfa = WG_CFA_NONE};
	size_t from = 0;
	int rc = 0;

	for (size_t at = 0; !rc && at < sz;) {
		const struct place *p = &r->place[at];
		struct wg_rule rule = rule_of(&p->frame);

		if (memcmp(&rule, &last, sizeof(rule)) != 0) {
			if (last.cfa != WG_CFA_NONE)
				rc = row(ctx, from, at, &last);
			last = rule;
			from = at;
		}
		at += p->len ? p->len : 1;
	}
	if (!rc && last.cfa != WG_CFA_NONE)
		rc = row(ctx, from, sz, &last);
	return rc;
}

int code_rules(struct code_reader *r, const uint8_t *code, size_t sz, code_row_fn row, void *ctx)
{
	const struct frame entry = {.seen = 1, .bp = BP_CALLER, .sp = 8};

	if (!sz || sz > CODE_FUNCTION_MAX)
		return 0;
	memset(r->place, 0, sz * sizeof(*r->place));
	r->list_cnt = 0;
	reach(r, 0, sz, &entry);
	while (r->list_cnt) {
		uint32_t at = r->list[--r->list_cnt];

		r->place[at].listed = false;
		follow(r, code, sz, at);
	}
	return tell(r, sz, row, ctx);
}
