// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The walk of a stack from outside; see walk.h. */
#include "unwind/walk.h"

struct walk {
	const struct walk_ops *ops;
	void *ctx;
	struct walk_regs r;
	uint64_t bx_at; /* where the nearest frame below has saved rbx; 0: nowhere */
	bool bp_lost, bx_lost, exact;
};

static bool read_word(struct walk *w, uint64_t from, uint64_t *to)
{
	return w->ops->read(w->ctx, from, to, sizeof(*to));
}

/* Each step returns WG_END_NONE to go on, or how the walk ended. */

static enum wg_stack_end step_frame_pointer(struct walk *w)
{
	uint64_t saved[2];

	if (w->bp_lost)
		return WG_END_BROKEN;
	if (!w->r.bp)
		return WG_END_COMPLETE;
	if (w->r.bp & 7 || w->r.bp < w->r.sp ||
	    !w->ops->read(w->ctx, w->r.bp, saved, sizeof(saved)))
		return WG_END_BROKEN;
	w->r.sp = w->r.bp + 16;
	w->r.bp = saved[0];
	w->r.ip = saved[1];
	w->exact = false;
	return w->r.ip ? WG_END_NONE : WG_END_COMPLETE;
}

static enum wg_stack_end step_signal(struct walk *w, const struct wg_rule *rule)
{
	uint64_t uc = w->r.sp + (uint64_t)(int64_t)rule->cfa_off, sp;

	if (!read_word(w, uc + WG_UC_RBP, &w->r.bp) || !read_word(w, uc + WG_UC_RSP, &sp) ||
	    !read_word(w, uc + WG_UC_RIP, &w->r.ip))
		return WG_END_BROKEN;
	w->r.sp = sp;
	w->bx_at = uc + WG_UC_RBX;
	w->exact = true;
	w->bp_lost = w->bx_lost = false;
	return WG_END_NONE;
}

static bool cfa_of(struct walk *w, const struct wg_rule *rule, uint64_t *cfa)
{
	uint64_t off = (uint64_t)(int64_t)rule->cfa_off;

	switch (rule->cfa) {
	case WG_CFA_RSP:
		*cfa = w->r.sp + off;
		return true;
	case WG_CFA_RBP:
		*cfa = w->r.bp + off;
		return !w->bp_lost;
	case WG_CFA_RSP_DEREF:
		if (!read_word(w, w->r.sp + off, cfa))
			return false;
		*cfa += rule->cfa_arg;
		return true;
	case WG_CFA_RBP_DEREF:
		if (w->bp_lost || !read_word(w, w->r.bp + off, cfa))
			return false;
		*cfa += rule->cfa_arg;
		return true;
	case WG_CFA_PLT:
		*cfa = w->r.sp + off + ((w->r.ip & 15) >= rule->cfa_arg ? 8 : 0);
		return true;
	case WG_CFA_REG:
		*cfa = w->r.bx;
		if (rule->cfa_arg != WG_REG_RBX || w->bx_lost ||
		    (w->bx_at && !read_word(w, w->bx_at, cfa)))
			return false;
		*cfa += off;
		return true;
	default:
		return false;
	}
}

static void bp_of(struct walk *w, const struct wg_rule *rule, uint64_t cfa)
{
	uint64_t off = (uint64_t)(int64_t)rule->rbp_off;

	switch (rule->rbp) {
	case WG_RBP_SAME:
		break;
	case WG_RBP_AT_CFA:
		w->bp_lost = !read_word(w, cfa + off, &w->r.bp);
		break;
	case WG_RBP_AT_RBP:
		w->bp_lost = !read_word(w, w->r.bp + off, &w->r.bp);
		break;
	case WG_RBP_AT_RSP:
		w->bp_lost = !read_word(w, w->r.sp + off, &w->r.bp);
		break;
	default:
		w->bp_lost = true;
	}
}

static enum wg_stack_end step_rule(struct walk *w, const struct wg_rule *rule)
{
	uint64_t cfa;

	if (!cfa_of(w, rule, &cfa))
		return rule->cfa == WG_CFA_REG ? WG_END_UNSUPPORTED : WG_END_BROKEN;
	if (cfa <= w->r.sp || cfa & 7)
		return WG_END_BROKEN;
	w->bx_lost |= rule->rbx == WG_RBX_LOST;
	if (rule->rbx && rule->rbx != WG_RBX_LOST) {
		w->bx_at = cfa - 8 * (uint64_t)rule->rbx;
		w->bx_lost = false;
	}
	bp_of(w, rule, cfa);
	if (!read_word(w, cfa - 8, &w->r.ip))
		return WG_END_BROKEN;
	w->r.sp = cfa;
	w->exact = false;
	return w->r.ip ? WG_END_NONE : WG_END_COMPLETE;
}

static enum wg_stack_end step(struct walk *w, const struct walk_place *at)
{
	struct wg_rule rule = {.cfa = WG_CFA_NONE};

	if (at->table)
		rule = unwind_table_find(at->table, w->r.ip - at->bias - !w->exact);
	switch (rule.cfa) {
	case WG_CFA_NONE:
		return step_frame_pointer(w);
	case WG_CFA_END:
		return WG_END_COMPLETE;
	case WG_CFA_SIGNAL:
		return step_signal(w, &rule);
	case WG_CFA_UNSUPPORTED:
		return WG_END_UNSUPPORTED;
	default:
		return step_rule(w, &rule);
	}
}

uint32_t walk_stack(const struct walk_ops *ops, void *ctx, struct walk_regs *regs,
		    uint64_t frame[WG_FRAMES_MAX], enum wg_stack_end *end)
{
	struct walk w = {.ops = ops, .ctx = ctx, .r = *regs, .exact = true};
	struct walk_place at;
	uint32_t cnt = 0;
	bool known;

	*end = WG_END_NONE;
	while (*end == WG_END_NONE && cnt < WG_FRAMES_MAX) {
		at = (struct walk_place){0};
		known = ops->locate(ctx, w.r.ip, &at);
		if (!at.module)
			at.bias = 0;
		frame[cnt++] = (uint64_t)at.module << WG_MODULE_SHIFT |
			       WG_FRAME_ADDR(w.r.ip - at.bias) | (w.exact ? WG_FRAME_EXACT : 0);
		*end = step(&w, &at);
		if (!known && *end != WG_END_NONE)
			*end = WG_END_UNMAPPED;
	}
	if (*end == WG_END_NONE)
		*end = WG_END_TRUNCATED;
	return cnt;
}
