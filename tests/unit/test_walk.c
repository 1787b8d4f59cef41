// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The walk from outside, over made-up code, registers and stacks. Function f of the one module is
 * the 256 bytes of its table's page f, and the case's rule f holds in all of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "unwind/walk.h"

#define MODULE 7
#define BASE 0x1000 /* of the code, in the module's numbering */
#define BIAS 0x7f0000000000
#define FUNC_CNT 4
#define JIT 0x2000000 /* executable memory of no file */
#define NOWHERE 0x66000000
#define WORD_CNT 160
#define STACK 0x7ffd00000000

#define CODE(f, off) (BIAS + BASE + WG_PAGE_SIZE * (f) + (off))
#define S(i) (STACK + 8 * (i)) /* address of the stack's word i */

#define FRAME(f, off) ((uint64_t)MODULE << WG_MODULE_SHIFT | (BASE + WG_PAGE_SIZE * (f) + (off)))
#define EXACT(frame) ((frame) | WG_FRAME_EXACT)

struct world {
	struct unwind_table table;
	uint32_t page[FUNC_CNT + 1], row[FUNC_CNT];
	struct wg_rule rule[FUNC_CNT];
	uint64_t word[WORD_CNT];
};

static bool locate(void *ctx, uint64_t addr, struct walk_place *out)
{
	struct world *w = ctx;

	if (addr >= CODE(0, 0) && addr < CODE(FUNC_CNT, 0)) {
		*out = (struct walk_place){MODULE, BIAS, &w->table};
		return true;
	}
	/* the bias of what is in no file says nothing */
	*out = (struct walk_place){.bias = 0x123};
	return addr >= JIT && addr < JIT + 0x1000;
}

static bool read_memory(void *ctx, uint64_t addr, void *to, size_t sz)
{
	const struct world *w = ctx;

	if (addr < STACK || addr > S(WORD_CNT) - sz)
		return false;
	memcpy(to, (const char *)w->word + (addr - STACK), sz);
	return true;
}

static const struct walk_ops ops = {locate, read_memory};

static void make_world(struct world *w, const struct wg_rule *rule)
{
	*w = (struct world){0};
	for (uint32_t f = 0; f < FUNC_CNT; f++) {
		w->page[f] = f;
		w->row[f] = f << 8;
		w->rule[f] = rule[f];
	}
	w->page[FUNC_CNT] = FUNC_CNT;
	w->table = (struct unwind_table){.base = BASE,
					 .page_cnt = FUNC_CNT,
					 .page = w->page,
					 .row_cnt = FUNC_CNT,
					 .row = w->row,
					 .rule_cnt = FUNC_CNT,
					 .rule = w->rule};
}

struct walk_case {
	const char *name;
	struct wg_rule rule[FUNC_CNT];
	struct walk_regs regs;
	uint64_t word[48]; /* of the stack, from its lowest address */
	uint64_t frame[5]; /* wanted; 0 ends them */
	enum wg_stack_end end;
};

#define ROOT .cfa = WG_CFA_END
#define RSP(off) .cfa = WG_CFA_RSP, .cfa_off = (off)
#define RBP(off) .cfa = WG_CFA_RBP, .cfa_off = (off)
#define RBX(off) .cfa = WG_CFA_REG, .cfa_arg = WG_REG_RBX, .cfa_off = (off)
#define SAVES_RBP(kind, off) .rbp = WG_RBP_##kind, .rbp_off = (off)
#define NO_RULE .cfa = WG_CFA_NONE

static const struct walk_case cases[] = {
	/* --- where the frame is --- */
	{
		"rsp",
		.rule = {{RSP(8)}, {RSP(24)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[0] = CODE(1, 9), [3] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"rbp, as the leaf has it",
		.rule = {{RSP(8)}, {RBP(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(5)},
		.word = {[0] = CODE(1, 9), [6] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"a word at rsp",
		.rule = {{.cfa = WG_CFA_RSP_DEREF, .cfa_off = 16, .cfa_arg = 8}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[2] = S(7), [7] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9)},
		.end = WG_END_COMPLETE,
	},
	{
		"a word at rbp",
		.rule = {{.cfa = WG_CFA_RBP_DEREF, .cfa_off = -8}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(4)},
		.word = {[3] = S(8), [7] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9)},
		.end = WG_END_COMPLETE,
	},
	{
		"PLT, before its push",
		.rule = {{.cfa = WG_CFA_PLT, .cfa_off = 8, .cfa_arg = 11}, {ROOT}},
		.regs = {.ip = CODE(0, 0x1a), .sp = S(0)},
		.word = {[0] = CODE(1, 9), [1] = NOWHERE},
		.frame = {EXACT(FRAME(0, 0x1a)), FRAME(1, 9)},
		.end = WG_END_COMPLETE,
	},
	{
		"PLT, behind its push",
		.rule = {{.cfa = WG_CFA_PLT, .cfa_off = 8, .cfa_arg = 11}, {ROOT}},
		.regs = {.ip = CODE(0, 0x1b), .sp = S(0)},
		.word = {[0] = NOWHERE, [1] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 0x1b)), FRAME(1, 9)},
		.end = WG_END_COMPLETE,
	},

	/* --- the caller's rbp --- */
	{
		"rbp at CFA",
		.rule = {{RSP(24), SAVES_RBP(AT_CFA, -16)}, {RBP(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = NOWHERE},
		.word = {[1] = S(6), [2] = CODE(1, 9), [7] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"rbp at rbp",
		.rule = {{RBP(24), SAVES_RBP(AT_RBP, 8)}, {RBP(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(1)},
		.word = {[1] = NOWHERE, [2] = S(6), [3] = CODE(1, 9), [7] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"rbp at rsp, the callee's",
		.rule = {{RSP(24), SAVES_RBP(AT_RSP, 8)}, {RBP(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[1] = S(6), [2] = CODE(1, 9), [4] = NOWHERE, [7] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"rbp lost, and not needed",
		.rule = {{RSP(8), SAVES_RBP(LOST, 0)}, {RSP(8)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[0] = CODE(1, 9), [1] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"rbp lost, needed by a rule",
		.rule = {{RSP(8), SAVES_RBP(LOST, 0)}, {RBP(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[0] = CODE(1, 9), [3] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9)},
		.end = WG_END_BROKEN,
	},
	{
		"rbp lost, needed by a word at it",
		.rule = {{RSP(8), SAVES_RBP(LOST, 0)}, {.cfa = WG_CFA_RBP_DEREF}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[0] = CODE(1, 9), [2] = S(4), [3] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9)},
		.end = WG_END_BROKEN,
	},
	{
		"rbp lost, needed where there is no rule",
		.rule = {{RSP(8), SAVES_RBP(LOST, 0)}, {NO_RULE}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[0] = CODE(1, 9), [3] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9)},
		.end = WG_END_BROKEN,
	},
	{
		"rbp where nothing can be read is lost",
		.rule = {{RSP(8), SAVES_RBP(AT_RBP, 8 * WORD_CNT)}, {RBP(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[0] = CODE(1, 9), [3] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9)},
		.end = WG_END_BROKEN,
	},

	/* --- rbx, and other registers --- */
	{
		"rbx, as the leaf has it",
		.rule = {{RSP(8)}, {RBX(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bx = S(3)},
		.word = {[0] = CODE(1, 9), [4] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"rbx, saved by a callee",
		.rule = {{RSP(24), .rbx = 2}, {RBX(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bx = NOWHERE},
		.word = {[1] = S(5), [2] = CODE(1, 9), [6] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"rbx, lost",
		.rule = {{RSP(8), .rbx = WG_RBX_LOST}, {RBX(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bx = S(3)},
		.word = {[0] = CODE(1, 9), [4] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9)},
		.end = WG_END_UNSUPPORTED,
	},
	{
		"rbx, lost, then saved",
		.rule = {{RSP(8), .rbx = WG_RBX_LOST}, {RSP(16), .rbx = 2}, {RBX(8)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bx = NOWHERE},
		.word = {[0] = CODE(1, 9), [1] = S(4), [2] = CODE(2, 3), [4] = CODE(3, 1)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3), FRAME(3, 1)},
		.end = WG_END_COMPLETE,
	},
	{
		"another register is not known",
		.rule = {{.cfa = WG_CFA_REG, .cfa_arg = 10, .cfa_off = 16}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bx = S(0)},
		.word = {[1] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_UNSUPPORTED,
	},

	/* --- signal frames: all registers from struct ucontext --- */
	{
		"signal, by rsp",
		.rule = {{.cfa = WG_CFA_SIGNAL, .cfa_off = 8}, {RSP(8)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[0] = NOWHERE, /* struct ucontext is at S(1) */
			 [1 + WG_UC_RSP / 8] = S(36),
			 [1 + WG_UC_RIP / 8] = CODE(1, 0),
			 [36] = CODE(2, 7)},
		.frame = {EXACT(FRAME(0, 5)), EXACT(FRAME(1, 0)), FRAME(2, 7)},
		.end = WG_END_COMPLETE,
	},
	{
		"signal, by the other registers",
		.rule = {{RSP(8), SAVES_RBP(LOST, 0), .rbx = WG_RBX_LOST},
			 {.cfa = WG_CFA_SIGNAL, .cfa_off = 8},
			 {RBP(16)},
			 {RBX(8)}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[0] = CODE(1, 1), /* rsp is S(1) then, struct ucontext at S(2) */
			 [2 + WG_UC_RBP / 8] = S(40),
			 [2 + WG_UC_RBX / 8] = S(45),
			 [2 + WG_UC_RSP / 8] = S(36),
			 [2 + WG_UC_RIP / 8] = CODE(2, 0),
			 [41] = CODE(3, 7),
			 [45] = 0},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 1), EXACT(FRAME(2, 0)), FRAME(3, 7)},
		.end = WG_END_COMPLETE,
	},
	{
		"signal, struct ucontext cannot be read",
		.rule = {{.cfa = WG_CFA_SIGNAL, .cfa_off = 8 * WORD_CNT}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_BROKEN,
	},

	/* --- frame pointers, where there is no rule --- */
	{
		"frame pointers up to none",
		.rule = {{NO_RULE}, {NO_RULE}, {NO_RULE}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[2] = S(4), [3] = CODE(1, 9), [4] = 0, [5] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"a frame pointer, then a rule",
		.rule = {{NO_RULE}, {RSP(16)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[2] = NOWHERE, [3] = CODE(1, 9), [5] = CODE(2, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"a frame pointer that is none",
		.rule = {{NO_RULE}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2) + 4},
		.word = {[2] = CODE(1, 9), [3] = CODE(1, 9), [4] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_BROKEN,
	},
	{
		"a frame pointer below the stack pointer",
		.rule = {{NO_RULE}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(4), .bp = S(2)},
		.word = {[3] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_BROKEN,
	},
	{
		"a frame pointer to nowhere",
		.rule = {{NO_RULE}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(WORD_CNT - 1)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_BROKEN,
	},
	{
		"a frame pointer, return address 0",
		.rule = {{NO_RULE}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[2] = S(4), [3] = 0},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_COMPLETE,
	},

	/* --- how it ends --- */
	{
		"a rule, return address 0",
		.rule = {{RSP(8)}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_COMPLETE,
	},
	{
		"CFI that is not evaluated",
		.rule = {{RSP(8)}, {.cfa = WG_CFA_UNSUPPORTED}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[0] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(1, 9)},
		.end = WG_END_UNSUPPORTED,
	},
	{
		"a caller that is not above",
		.rule = {{RSP(0)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(1)},
		.word = {[0] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_BROKEN,
	},
	{
		"a frame between words",
		.rule = {{RSP(12)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[0] = CODE(1, 9), [1] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_BROKEN,
	},
	{
		"a return address that cannot be read",
		.rule = {{RSP(8 * WORD_CNT + 8)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.frame = {EXACT(FRAME(0, 5))},
		.end = WG_END_BROKEN,
	},

	/* --- which code it is --- */
	{
		"a call that is a function's last instruction",
		.rule = {{RSP(8)}, {RSP(16)}, {.cfa = WG_CFA_UNSUPPORTED}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[0] = CODE(2, 0), [2] = CODE(3, 3)},
		.frame = {EXACT(FRAME(0, 5)), FRAME(2, 0), FRAME(3, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"a leaf at a function's first instruction",
		.rule = {{.cfa = WG_CFA_UNSUPPORTED}, {RSP(8)}, {ROOT}},
		.regs = {.ip = CODE(1, 0), .sp = S(0)},
		.word = {[0] = CODE(2, 3)},
		.frame = {EXACT(FRAME(1, 0)), FRAME(2, 3)},
		.end = WG_END_COMPLETE,
	},
	{
		"through code of no file",
		.rule = {{RSP(8)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[0] = JIT + 0x10, [3] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5)), JIT + 0x10, FRAME(1, 9)},
		.end = WG_END_COMPLETE,
	},
	{
		"through code in no mapping",
		.rule = {{RSP(8)}, {ROOT}},
		.regs = {.ip = CODE(0, 5), .sp = S(0), .bp = S(2)},
		.word = {[0] = NOWHERE, [3] = CODE(1, 9)},
		.frame = {EXACT(FRAME(0, 5)), NOWHERE, FRAME(1, 9)},
		.end = WG_END_COMPLETE,
	},
	{
		"into code in no mapping",
		.rule = {{RSP(8)}},
		.regs = {.ip = CODE(0, 5), .sp = S(0)},
		.word = {[0] = NOWHERE},
		.frame = {EXACT(FRAME(0, 5)), NOWHERE},
		.end = WG_END_UNMAPPED,
	},
};

static uint32_t frames_wanted(const struct walk_case *c)
{
	uint32_t cnt = 0;

	while (cnt < ARRAY_SIZE(c->frame) && c->frame[cnt])
		cnt++;
	return cnt;
}

static void test_cases(void **state)
{
	uint64_t frame[WG_FRAMES_MAX];
	enum wg_stack_end end;
	struct walk_regs regs;
	struct world w;
	uint32_t cnt;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct walk_case *c = &cases[i];

		make_world(&w, c->rule);
		memcpy(w.word, c->word, sizeof(c->word));
		regs = c->regs;
		cnt = walk_stack(&ops, &w, &regs, frame, &end);
		if (cnt != frames_wanted(c) || end != c->end ||
		    memcmp(frame, c->frame, cnt * sizeof(*frame)))
			fail_msg("%s: %u frames, the last %#llx, end %d", c->name, cnt,
				 (unsigned long long)frame[cnt - 1], (int)end);
	}
}

/* Recursion without end, the stack full of it: as many frames as there is room for. */
static void test_deep(void **state)
{
	const struct wg_rule rule[FUNC_CNT] = {{RSP(8)}};
	struct walk_regs regs = {.ip = CODE(0, 5), .sp = S(0)};
	uint64_t frame[WG_FRAMES_MAX];
	enum wg_stack_end end;
	struct world w;

	(void)state;
	make_world(&w, rule);
	for (size_t i = 0; i < WORD_CNT; i++)
		w.word[i] = CODE(0, 9);
	assert_int_equal(walk_stack(&ops, &w, &regs, frame, &end), WG_FRAMES_MAX);
	assert_int_equal(end, WG_END_TRUNCATED);
	assert_int_equal(frame[0], EXACT(FRAME(0, 5)));
	assert_int_equal(frame[WG_FRAMES_MAX - 1], FRAME(0, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
