// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * From a row of CFI to a wg_rule. Expressions are recognised by their form, not evaluated: there
 * are five in use (compilers' realigned stacks, OpenSSL's assembly, linkers' PLT, C libraries'
 * signal trampolines). What has another form is said to be unsupported, never guessed.
 */
#include <dwarf.h>

#include "unwind/eh_frame.h"

static struct cursor expr_of(const struct cfi_place *place)
{
	return cursor_at(place->expr, place->expr + place->expr_sz);
}

static bool expr_op(struct cursor *cur, uint8_t op)
{
	return cursor_uint(cur, 1) == op && !cur->bad;
}

static bool expr_done(const struct cursor *cur)
{
	return cur->p == cur->end && !cur->bad;
}

/* DW_OP_breg<reg> off */
static bool expr_breg(struct cursor *cur, unsigned *reg, int32_t *off)
{
	uint64_t op = cursor_uint(cur, 1);
	int64_t value = cursor_sleb(cur);

	if (cur->bad || op < DW_OP_breg0 || op > DW_OP_breg31)
		return false;
	*reg = (unsigned)(op - DW_OP_breg0);
	*off = (int32_t)value;
	return *off == value;
}

/* The address is a register plus off, and no more. */
static bool place_is_breg(const struct cfi_place *place, unsigned reg, int32_t *off)
{
	struct cursor cur;
	unsigned got;

	if (place->how != CFI_AT_EXPR)
		return false;
	cur = expr_of(place);
	return expr_breg(&cur, &got, off) && got == reg && expr_done(&cur);
}

/* DW_OP_breg6/7 off; DW_OP_deref; or with DW_OP_plus_uconst after it. */
static bool cfa_is_deref(const struct cfi_place *cfa, struct wg_rule *rule)
{
	struct cursor cur = expr_of(cfa);
	uint64_t addend = 0;
	unsigned reg;

	if (!expr_breg(&cur, &reg, &rule->cfa_off) || !expr_op(&cur, DW_OP_deref))
		return false;
	if (!expr_done(&cur)) {
		if (!expr_op(&cur, DW_OP_plus_uconst))
			return false;
		addend = cursor_uleb(&cur);
	}
	if (!expr_done(&cur) || addend > UINT8_MAX || (reg != CFI_RSP && reg != CFI_RBP))
		return false;
	rule->cfa = reg == CFI_RSP ? WG_CFA_RSP_DEREF : WG_CFA_RBP_DEREF;
	rule->cfa_arg = (uint8_t)addend;
	return true;
}

/* What ld writes for its PLT: breg7 off; breg16 0; lit15; and; lit<arg>; ge; lit3; shl; plus */
static bool cfa_is_plt(const struct cfi_place *cfa, struct wg_rule *rule)
{
	struct cursor cur = expr_of(cfa);
	unsigned rsp, rip;
	int32_t rip_off;
	uint64_t lit;

	if (!expr_breg(&cur, &rsp, &rule->cfa_off) || rsp != CFI_RSP ||
	    !expr_breg(&cur, &rip, &rip_off) || rip != CFI_RA || rip_off ||
	    !expr_op(&cur, DW_OP_lit15) || !expr_op(&cur, DW_OP_and))
		return false;
	lit = cursor_uint(&cur, 1);
	if (lit < DW_OP_lit0 || lit > DW_OP_lit15)
		return false;
	if (!expr_op(&cur, DW_OP_ge) || !expr_op(&cur, DW_OP_lit3) || !expr_op(&cur, DW_OP_shl) ||
	    !expr_op(&cur, DW_OP_plus) || !expr_done(&cur))
		return false;
	rule->cfa = WG_CFA_PLT;
	rule->cfa_arg = (uint8_t)(lit - DW_OP_lit0);
	return true;
}

static bool cfa_is_register(const struct cfi_place *cfa, struct wg_rule *rule)
{
	if (cfa->off != (int32_t)cfa->off || cfa->reg >= CFI_RA)
		return false;
	rule->cfa_off = (int32_t)cfa->off;
	if (cfa->reg == CFI_RSP) {
		rule->cfa = WG_CFA_RSP;
	} else if (cfa->reg == CFI_RBP) {
		rule->cfa = WG_CFA_RBP;
	} else {
		rule->cfa = WG_CFA_REG;
		rule->cfa_arg = (uint8_t)cfa->reg;
	}
	return true;
}

static void set_rbp(const struct cfi_place *rbp, struct wg_rule *rule)
{
	rule->rbp = WG_RBP_LOST;
	rule->rbp_off = 0;
	if (rbp->how == CFI_UNSET || rbp->how == CFI_SAME) {
		rule->rbp = WG_RBP_SAME;
	} else if (rbp->how == CFI_AT_CFA && rbp->off == (int32_t)rbp->off) {
		rule->rbp = WG_RBP_AT_CFA;
		rule->rbp_off = (int32_t)rbp->off;
	} else if (place_is_breg(rbp, CFI_RBP, &rule->rbp_off)) {
		rule->rbp = WG_RBP_AT_RBP;
	} else if (place_is_breg(rbp, CFI_RSP, &rule->rbp_off)) {
		rule->rbp = WG_RBP_AT_RSP;
	} else {
		rule->rbp_off = 0;
	}
}

static void set_rbx(const struct cfi_place *rbx, struct wg_rule *rule)
{
	bool is_word = rbx->how == CFI_AT_CFA && rbx->off % 8 == 0;

	rule->rbx = WG_RBX_LOST;
	if (rbx->how == CFI_UNSET || rbx->how == CFI_SAME)
		rule->rbx = 0;
	else if (is_word && rbx->off < 0 && rbx->off > -8 * WG_RBX_LOST)
		rule->rbx = (uint8_t)(rbx->off / -8);
}

/* A trampoline whose CFA is the rsp saved in a ucontext at rsp + cfa_off, and the rest too. */
static bool is_signal(const struct cfi_state *s, struct wg_rule *rule)
{
	struct wg_rule cfa = {0};
	int32_t rip, rbp, rsp;

	if (s->cfa.how != CFI_EXPR || !cfa_is_deref(&s->cfa, &cfa) || cfa.cfa != WG_CFA_RSP_DEREF ||
	    cfa.cfa_arg)
		return false;
	if (!place_is_breg(&s->ra, CFI_RSP, &rip) || !place_is_breg(&s->rbp, CFI_RSP, &rbp))
		return false;
	if (s->rsp.how != CFI_UNSET &&
	    (!place_is_breg(&s->rsp, CFI_RSP, &rsp) || rsp != cfa.cfa_off))
		return false;
	if ((int64_t)rip - WG_UC_RIP != (int64_t)cfa.cfa_off - WG_UC_RSP ||
	    (int64_t)rbp - WG_UC_RBP != (int64_t)cfa.cfa_off - WG_UC_RSP ||
	    cfa.cfa_off < INT32_MIN + WG_UC_RSP)
		return false;
	*rule = (struct wg_rule){.cfa = WG_CFA_SIGNAL, .cfa_off = cfa.cfa_off - WG_UC_RSP};
	return true;
}

/* The walk takes the caller's rsp to be the CFA, and the return address to be right below it. */
static bool is_ordinary(const struct cfi_state *s)
{
	bool rsp_is_cfa = s->rsp.how == CFI_UNSET || (s->rsp.how == CFI_CFA_PLUS && !s->rsp.off);

	return rsp_is_cfa && s->ra.how == CFI_AT_CFA && s->ra.off == -8;
}

static bool is_cfa(const struct cfi_place *cfa, struct wg_rule *rule)
{
	if (cfa->how == CFI_REG_PLUS)
		return cfa_is_register(cfa, rule);
	return cfa->how == CFI_EXPR && (cfa_is_deref(cfa, rule) || cfa_is_plt(cfa, rule));
}

struct wg_rule cfi_rule(const struct cfi_state *s, bool signal)
{
	const struct wg_rule unsupported = {.cfa = WG_CFA_UNSUPPORTED};
	struct wg_rule rule = {0};

	if (s->ra.how == CFI_UNDEFINED)
		return (struct wg_rule){.cfa = WG_CFA_END};
	if (signal)
		return is_signal(s, &rule) ? rule : unsupported;
	if (!is_ordinary(s) || !is_cfa(&s->cfa, &rule))
		return unsupported;
	set_rbp(&s->rbp, &rule);
	set_rbx(&s->rbx, &rule);
	return rule;
}
