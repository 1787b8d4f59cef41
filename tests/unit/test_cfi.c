// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * .eh_frame made by hand: what each call frame instruction and each form of expression becomes;
 * every way to write an entry; entries that are broken, overlap or claim too much.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "unit/cfi_make.h"
#include "unit/table_check.h"
#include "unwind/table.h"

#define FUNC 0x2000
#define FUNC_SZ 0x400

/* A function's instructions, and the rule wanted at an offset in it. */
struct op_case {
	const char *name;
	uint8_t program[48];
	uint8_t program_sz;
	uint16_t at;
	uint8_t cfa, cfa_arg;
	int32_t cfa_off;
	uint8_t rbp;
	int32_t rbp_off;
	uint8_t rbx;
	uint8_t bad_cnt;
};

#define OPS(...) .program = {__VA_ARGS__}, .program_sz = sizeof((uint8_t[]){__VA_ARGS__})
#define RSP(off) .cfa = WG_CFA_RSP, .cfa_off = (off)
#define RBP(off) .cfa = WG_CFA_RBP, .cfa_off = (off)
#define UNSUPPORTED .cfa = WG_CFA_UNSUPPORTED
#define RBP_IS(kind, off) .rbp = WG_RBP_##kind, .rbp_off = (off)
#define BREG(n) (DW_OP_breg0 + (n))
#define ROW (DW_CFA_advance_loc | 0x10) /* what follows holds from 0x10 on */

static const struct op_case op_cases[] = {
	{"nothing", .program_sz = 0, RSP(8)},
	{"nop", OPS(DW_CFA_nop, DW_CFA_nop), RSP(8)},
	{"args size", OPS(DW_CFA_GNU_args_size, 0x80, 1, DW_CFA_def_cfa_offset, 16), RSP(16)},

	{"def_cfa rbp", OPS(DW_CFA_def_cfa, 6, 16), RBP(16)},
	{"def_cfa r10", OPS(DW_CFA_def_cfa, 10, 0), .cfa = WG_CFA_REG, .cfa_arg = 10},
	{"def_cfa rip", OPS(DW_CFA_def_cfa, 16, 0), UNSUPPORTED},
	{"def_cfa of no register", OPS(DW_CFA_def_cfa, 0xff, 0xff, 0x7f, 0), UNSUPPORTED},
	{"def_cfa register 2^32 + 7", OPS(DW_CFA_def_cfa, 0x87, 0x80, 0x80, 0x80, 0x10, 8),
	 UNSUPPORTED},
	{"def_cfa_sf", OPS(DW_CFA_def_cfa_sf, 7, 0x7e), RSP(16)},
	{"def_cfa_register", OPS(DW_CFA_def_cfa_register, 6), RBP(8)},
	{"def_cfa_offset", OPS(DW_CFA_def_cfa_offset, 0x80, 2), RSP(256)},
	{"def_cfa_offset 2^31 - 1", OPS(DW_CFA_def_cfa_offset, 0xff, 0xff, 0xff, 0xff, 7),
	 RSP(INT32_MAX)},
	{"def_cfa_offset 2^31", OPS(DW_CFA_def_cfa_offset, 0x80, 0x80, 0x80, 0x80, 8), UNSUPPORTED},
	{"def_cfa_offset_sf", OPS(DW_CFA_def_cfa_offset_sf, 0x7d), RSP(24)},
	{"def_cfa_offset_sf below", OPS(DW_CFA_def_cfa_offset_sf, 3), RSP(-24)},

	{"*(rsp - 8)", OPS(DW_CFA_def_cfa_expression, 3, BREG(7), 0x78, DW_OP_deref),
	 .cfa = WG_CFA_RSP_DEREF, .cfa_off = -8},
	{"*(rbp - 40)", OPS(DW_CFA_def_cfa_expression, 3, BREG(6), 0x58, DW_OP_deref),
	 .cfa = WG_CFA_RBP_DEREF, .cfa_off = -40},
	{"*(rsp + 152) + 8",
	 OPS(DW_CFA_def_cfa_expression, 6, BREG(7), 0x98, 1, DW_OP_deref, DW_OP_plus_uconst, 8),
	 .cfa = WG_CFA_RSP_DEREF, .cfa_off = 152, .cfa_arg = 8},
	{"*(rsp) + 255",
	 OPS(DW_CFA_def_cfa_expression, 6, BREG(7), 0, DW_OP_deref, DW_OP_plus_uconst, 0xff, 1),
	 .cfa = WG_CFA_RSP_DEREF, .cfa_arg = 255},
	{"*(rsp) + 256",
	 OPS(DW_CFA_def_cfa_expression, 6, BREG(7), 0, DW_OP_deref, DW_OP_plus_uconst, 0x80, 2),
	 UNSUPPORTED},
	{"*(rbx)", OPS(DW_CFA_def_cfa_expression, 3, BREG(3), 0, DW_OP_deref), UNSUPPORTED},
	{"rsp + 8 by expression", OPS(DW_CFA_def_cfa_expression, 2, BREG(7), 8), UNSUPPORTED},
	{"**rsp", OPS(DW_CFA_def_cfa_expression, 4, BREG(7), 0, DW_OP_deref, DW_OP_deref),
	 UNSUPPORTED},
	{"*(rsp) + 8 and one more",
	 OPS(DW_CFA_def_cfa_expression, 6, BREG(7), 0, DW_OP_deref, DW_OP_plus_uconst, 8,
	     DW_OP_nop),
	 UNSUPPORTED},
	{"*(rsp + 8 + r9 * 8) + 8",
	 OPS(DW_CFA_def_cfa_expression, 10, BREG(7), 8, BREG(9), 0, DW_OP_lit8, DW_OP_mul,
	     DW_OP_plus, DW_OP_deref, DW_OP_plus_uconst, 8),
	 UNSUPPORTED},
	{"an expression of nothing", OPS(DW_CFA_def_cfa_expression, 0), UNSUPPORTED},
	{"an expression cut off", OPS(DW_CFA_def_cfa_expression, 2, BREG(7), 0x80), UNSUPPORTED},
	{"a register of an expression",
	 OPS(DW_CFA_def_cfa_expression, 3, BREG(7), 0, DW_OP_deref, DW_CFA_def_cfa_register, 7),
	 UNSUPPORTED},
	{"an offset of an expression",
	 OPS(DW_CFA_def_cfa_expression, 3, BREG(7), 0, DW_OP_deref, DW_CFA_def_cfa_offset, 8),
	 UNSUPPORTED},
	{"mended by def_cfa",
	 OPS(DW_CFA_def_cfa_expression, 3, BREG(7), 0, DW_OP_deref, DW_CFA_def_cfa_offset, 8,
	     DW_CFA_def_cfa, 7, 24),
	 RSP(24)},

	{"PLT",
	 OPS(DW_CFA_def_cfa_expression, 11, BREG(7), 8, BREG(16), 0, DW_OP_lit15, DW_OP_and,
	     DW_OP_lit11, DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus),
	 .cfa = WG_CFA_PLT, .cfa_off = 8, .cfa_arg = 11},
	{"PLT for IBT",
	 OPS(DW_CFA_def_cfa_expression, 11, BREG(7), 8, BREG(16), 0, DW_OP_lit15, DW_OP_and,
	     DW_OP_lit9, DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus),
	 .cfa = WG_CFA_PLT, .cfa_off = 8, .cfa_arg = 9},
	{"PLT with > for >=",
	 OPS(DW_CFA_def_cfa_expression, 11, BREG(7), 8, BREG(16), 0, DW_OP_lit15, DW_OP_and,
	     DW_OP_lit11, DW_OP_gt, DW_OP_lit3, DW_OP_shl, DW_OP_plus),
	 UNSUPPORTED},
	{"PLT with lit16",
	 OPS(DW_CFA_def_cfa_expression, 11, BREG(7), 8, BREG(16), 0, DW_OP_lit15, DW_OP_and,
	     DW_OP_lit16, DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus),
	 UNSUPPORTED},
	{"PLT at rip + 1",
	 OPS(DW_CFA_def_cfa_expression, 11, BREG(7), 8, BREG(16), 1, DW_OP_lit15, DW_OP_and,
	     DW_OP_lit11, DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus),
	 UNSUPPORTED},

	{"rbp at CFA", OPS(DW_CFA_offset | 6, 2), RSP(8), RBP_IS(AT_CFA, -16)},
	{"offset_extended", OPS(DW_CFA_offset_extended, 6, 3), RSP(8), RBP_IS(AT_CFA, -24)},
	{"offset_extended_sf", OPS(DW_CFA_offset_extended_sf, 6, 2), RSP(8), RBP_IS(AT_CFA, -16)},
	{"offset_extended_sf above", OPS(DW_CFA_offset_extended_sf, 6, 0x7e), RSP(8),
	 RBP_IS(AT_CFA, 16)},
	{"negative_offset_extended", OPS(DW_CFA_GNU_negative_offset_extended, 6, 2), RSP(8),
	 RBP_IS(AT_CFA, 16)},
	{"rbp too far", OPS(DW_CFA_offset | 6, 0x80, 0x80, 0x80, 0x80, 8), RSP(8), RBP_IS(LOST, 0)},
	{"rbp is CFA + 8", OPS(DW_CFA_val_offset, 6, 1), RSP(8), RBP_IS(LOST, 0)},
	{"val_offset_sf", OPS(DW_CFA_val_offset_sf, 6, 1), RSP(8), RBP_IS(LOST, 0)},
	{"rbp in r9", OPS(DW_CFA_register, 6, 9), RSP(8), RBP_IS(LOST, 0)},
	{"rbp undefined", OPS(DW_CFA_undefined, 6), RSP(8), RBP_IS(LOST, 0)},
	{"rbp kept", OPS(DW_CFA_offset | 6, 2, DW_CFA_same_value, 6), RSP(8), RBP_IS(SAME, 0)},
	{"rbp at rbp", OPS(DW_CFA_expression, 6, 2, BREG(6), 0), RSP(8), RBP_IS(AT_RBP, 0)},
	{"rbp at rsp + 16", OPS(DW_CFA_expression, 6, 2, BREG(7), 16), RSP(8), RBP_IS(AT_RSP, 16)},
	{"rbp at rbx", OPS(DW_CFA_expression, 6, 2, BREG(3), 0), RSP(8), RBP_IS(LOST, 0)},
	{"rbp at *rbp", OPS(DW_CFA_expression, 6, 3, BREG(6), 8, DW_OP_deref), RSP(8),
	 RBP_IS(LOST, 0)},
	{"rbp at rbp + 2^31", OPS(DW_CFA_expression, 6, 6, BREG(6), 0x80, 0x80, 0x80, 0x80, 8),
	 RSP(8), RBP_IS(LOST, 0)},
	{"rbp is rbp + 8", OPS(DW_CFA_val_expression, 6, 2, BREG(6), 8), RSP(8), RBP_IS(LOST, 0)},
	{"restore", OPS(DW_CFA_offset | 6, 2, DW_CFA_restore | 6), RSP(8), RBP_IS(SAME, 0)},
	{"restore_extended", OPS(DW_CFA_offset | 6, 2, DW_CFA_restore_extended, 6), RSP(8)},
	{"rbx at CFA", OPS(DW_CFA_offset | 3, 2), RSP(8), .rbx = 2},
	{"rbx at CFA, far", OPS(DW_CFA_offset | 3, 0xfe, 1), RSP(8), .rbx = 254},
	{"rbx at CFA, too far", OPS(DW_CFA_offset | 3, 0xff, 1), RSP(8), .rbx = WG_RBX_LOST},
	{"rbx at CFA, 2048 off", OPS(DW_CFA_offset | 3, 0x80, 2), RSP(8), .rbx = WG_RBX_LOST},
	{"rbx above the CFA", OPS(DW_CFA_offset_extended_sf, 3, 0x7f), RSP(8), .rbx = WG_RBX_LOST},
	{"rbx at the CFA itself", OPS(DW_CFA_offset | 3, 0), RSP(8), .rbx = WG_RBX_LOST},
	{"rbx at rbp", OPS(DW_CFA_expression, 3, 2, BREG(6), 0), RSP(8), .rbx = WG_RBX_LOST},
	{"rbx in r8", OPS(DW_CFA_register, 3, 8), RSP(8), .rbx = WG_RBX_LOST},
	{"rbx undefined", OPS(DW_CFA_undefined, 3), RSP(8), .rbx = WG_RBX_LOST},
	{"rbx kept", OPS(DW_CFA_offset | 3, 2, DW_CFA_same_value, 3), RSP(8)},
	{"rbx restored", OPS(DW_CFA_offset | 3, 2, DW_CFA_restore | 3), RSP(8)},
	{"rbx, return address undefined", OPS(DW_CFA_offset | 3, 2, DW_CFA_undefined, 16),
	 .cfa = WG_CFA_END},
	{"other registers",
	 OPS(DW_CFA_offset | 12, 2, DW_CFA_offset_extended, 0xc8, 1, 2, DW_CFA_undefined, 1,
	     DW_CFA_register, 12, 3, DW_CFA_restore | 12, DW_CFA_expression, 13, 2, BREG(6), 8),
	 RSP(8)},

	{"return address undefined", OPS(DW_CFA_undefined, 16), .cfa = WG_CFA_END},
	{"return address restored", OPS(DW_CFA_undefined, 16, DW_CFA_restore | 16), RSP(8)},
	{"return address in rdx", OPS(DW_CFA_register, 16, 1), UNSUPPORTED},
	{"return address elsewhere", OPS(DW_CFA_offset | 16, 2), UNSUPPORTED},
	{"return address kept", OPS(DW_CFA_same_value, 16), UNSUPPORTED},
	{"return address by expression", OPS(DW_CFA_expression, 16, 2, BREG(7), 0), UNSUPPORTED},
	{"rsp is the CFA", OPS(DW_CFA_val_offset, 7, 0), RSP(8)},
	{"rsp is CFA - 8", OPS(DW_CFA_val_offset, 7, 1), UNSUPPORTED},
	{"rsp in r8", OPS(DW_CFA_register, 7, 8), UNSUPPORTED},
	{"rsp saved", OPS(DW_CFA_offset | 7, 2), UNSUPPORTED},

	{"row before", OPS(ROW, DW_CFA_def_cfa_offset, 16), .at = 0xf, RSP(8)},
	{"row", OPS(ROW, DW_CFA_def_cfa_offset, 16), .at = 0x10, RSP(16)},
	{"row to the end", OPS(ROW, DW_CFA_def_cfa_offset, 16), .at = FUNC_SZ - 1, RSP(16)},
	{"past the end", OPS(ROW, DW_CFA_def_cfa_offset, 16), .at = FUNC_SZ, .cfa = WG_CFA_NONE},
	{"loc1 before", OPS(DW_CFA_advance_loc1, 0x81, DW_CFA_def_cfa_offset, 16), .at = 0x80,
	 RSP(8)},
	{"loc1", OPS(DW_CFA_advance_loc1, 0x81, DW_CFA_def_cfa_offset, 16), .at = 0x81, RSP(16)},
	{"loc2 before", OPS(DW_CFA_advance_loc2, 1, 2, DW_CFA_def_cfa_offset, 16), .at = 0x200,
	 RSP(8)},
	{"loc2", OPS(DW_CFA_advance_loc2, 1, 2, DW_CFA_def_cfa_offset, 16), .at = 0x201, RSP(16)},
	{"loc4", OPS(DW_CFA_advance_loc4, 1, 2, 0, 0, DW_CFA_def_cfa_offset, 16), .at = 0x201,
	 RSP(16)},
	{"loc8", OPS(DW_CFA_MIPS_advance_loc8, 1, 2, 0, 0, 0, 0, 0, 0, DW_CFA_def_cfa_offset, 16),
	 .at = 0x201, RSP(16)},
	{"set_loc before", OPS(DW_CFA_set_loc, 0x20, 0x20, 0, 0, DW_CFA_def_cfa_offset, 16),
	 .at = 0x1f, RSP(8)},
	{"set_loc", OPS(DW_CFA_set_loc, 0x20, 0x20, 0, 0, DW_CFA_def_cfa_offset, 16), .at = 0x20,
	 RSP(16)},
	{"set_loc back", OPS(ROW, DW_CFA_set_loc, 0x01, 0x20, 0, 0), .at = 0x10, UNSUPPORTED,
	 .bad_cnt = 1},
	{"advance by 0", OPS(DW_CFA_advance_loc, DW_CFA_def_cfa_offset, 16), .at = 0, RSP(16)},
	{"advance past the end", OPS(DW_CFA_advance_loc4, 0, 0, 0, 0xff, DW_CFA_def_cfa_offset, 16),
	 .at = FUNC_SZ - 1, RSP(8)},
	{"advance past all",
	 OPS(DW_CFA_MIPS_advance_loc8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	     DW_CFA_def_cfa_offset, 16),
	 .at = FUNC_SZ - 1, RSP(8)},

	{"remembered",
	 OPS(DW_CFA_remember_state, DW_CFA_def_cfa, 6, 16, DW_CFA_offset | 6, 2, ROW,
	     DW_CFA_restore_state),
	 .at = 0xf, RBP(16), RBP_IS(AT_CFA, -16)},
	{"restored",
	 OPS(DW_CFA_remember_state, DW_CFA_def_cfa, 6, 16, DW_CFA_offset | 6, 2, ROW,
	     DW_CFA_restore_state),
	 .at = 0x10, RSP(8)},
	{"restored twice",
	 OPS(DW_CFA_remember_state, DW_CFA_def_cfa_offset, 16, DW_CFA_remember_state,
	     DW_CFA_def_cfa_offset, 24, DW_CFA_restore_state, ROW, DW_CFA_restore_state),
	 .at = 0xf, RSP(16)},
	{"restored too often", OPS(ROW, DW_CFA_restore_state), .at = 0x10, UNSUPPORTED,
	 .bad_cnt = 1},
	{"before the break", OPS(ROW, DW_CFA_restore_state), .at = 0xf, RSP(8), .bad_cnt = 1},
	{"unknown instruction", OPS(ROW, 0x3f), .at = 0x10, UNSUPPORTED, .bad_cnt = 1},
	{"SPARC's window_save", OPS(DW_CFA_GNU_window_save), UNSUPPORTED, .bad_cnt = 1},
	{"operand cut off", OPS(DW_CFA_offset | 6, 2, DW_CFA_def_cfa, 7), UNSUPPORTED,
	 .bad_cnt = 1},
	{"expression cut off", OPS(DW_CFA_def_cfa_expression, 9, BREG(7)), UNSUPPORTED,
	 .bad_cnt = 1},
	{"number of 70 bits",
	 OPS(DW_CFA_def_cfa_offset, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
	     0x80, 1),
	 UNSUPPORTED, .bad_cnt = 1},
};

static void assert_rule(const struct wg_rule *got, const struct wg_rule *want, const char *name)
{
	if (memcmp(got, want, sizeof(*got)))
		fail_msg("%s: cfa %d arg %d off %d, rbp %d off %d, rbx %d; wanted %d %d %d, %d %d, "
			 "%d",
			 name, got->cfa, got->cfa_arg, got->cfa_off, got->rbp, got->rbp_off,
			 got->rbx, want->cfa, want->cfa_arg, want->cfa_off, want->rbp,
			 want->rbp_off, want->rbx);
}

static void assert_find(const struct unwind_table *t, uint64_t addr, struct wg_rule want)
{
	struct wg_rule got = unwind_table_find(t, addr);
	char name[32];

	snprintf(name, sizeof(name), "%#lx", (unsigned long)addr);
	assert_rule(&got, &want, name);
}

static void test_ops(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(op_cases); i++) {
		const struct op_case *c = &op_cases[i];
		struct cfi_make m = {0};
		size_t cie = put_cie(&m, &(struct cie_make){.pointer = DW_EH_PE_udata4});
		struct wg_rule want = {.cfa = c->cfa,
				       .cfa_arg = c->cfa_arg,
				       .cfa_off = c->cfa_off,
				       .rbp = c->rbp,
				       .rbp_off = c->rbp_off,
				       .rbx = c->rbx};
		struct unwind_table t;
		struct wg_rule got;

		put_fde(&m, &(struct fde_make){.cie = cie,
					       .pointer = DW_EH_PE_udata4,
					       .start = FUNC,
					       .sz = FUNC_SZ,
					       .program = c->program,
					       .program_sz = c->program_sz});
		assert_int_equal(make_table(&t, &m), 0);
		got = unwind_table_find(&t, FUNC + c->at);
		assert_rule(&got, &want, c->name);
		if (t.fde_bad_cnt != c->bad_cnt)
			fail_msg("%s: %u bad", c->name, t.fde_bad_cnt);
		if ((got.cfa == WG_CFA_UNSUPPORTED) > t.row_unsupported_cnt)
			fail_msg("%s: not counted", c->name);
		if (table_wrong(&t))
			fail_msg("%s: %s", c->name, table_wrong(&t));
		unwind_table_clear(&t);
	}
}

/* A table of one function with this CIE, and a row at 0x10. */
static void build_one(struct unwind_table *t, const struct cie_make *cie, struct fde_make fde)
{
	static const uint8_t program[] = {ROW, DW_CFA_def_cfa_offset, 16};
	struct cfi_make m = {0};

	fde.cie = put_cie(&m, cie);
	if (!fde.sz)
		fde.sz = FUNC_SZ;
	if (!fde.start)
		fde.start = FUNC;
	fde.program = program;
	fde.program_sz = sizeof(program);
	put_fde(&m, &fde);
	assert_int_equal(make_table(t, &m), 0);
	assert_null(table_wrong(t));
}

static void assert_one(const struct cie_make *cie, struct fde_make fde, bool good)
{
	struct unwind_table t;

	build_one(&t, cie, fde);
	if (good) {
		assert_int_equal(t.fde_bad_cnt, 0);
		assert_find(&t, FUNC - 1, (struct wg_rule){0});
		assert_find(&t, FUNC, (struct wg_rule){RSP(8)});
		assert_find(&t, FUNC + 0x10, (struct wg_rule){RSP(16)});
		assert_find(&t, FUNC + FUNC_SZ, (struct wg_rule){0});
		assert_int_equal(unwind_table_start(&t, FUNC - 1), 0);
		assert_int_equal(unwind_table_start(&t, FUNC), FUNC);
		assert_int_equal(unwind_table_start(&t, FUNC + FUNC_SZ - 1), FUNC);
		assert_int_equal(unwind_table_start(&t, FUNC + FUNC_SZ), 0);
	} else {
		assert_true(t.fde_bad_cnt > 0);
		assert_int_equal(t.start_cnt, 0);
		assert_find(&t, FUNC, (struct wg_rule){0});
	}
	unwind_table_clear(&t);
}

static void test_pointers(void **state)
{
	static const struct {
		uint8_t how;
		bool good;
	} cases[] = {
		{DW_EH_PE_absptr, true},
		{DW_EH_PE_uleb128, true},
		{DW_EH_PE_sleb128, true},
		{DW_EH_PE_udata2, true},
		{DW_EH_PE_sdata2, true},
		{DW_EH_PE_udata4, true},
		{DW_EH_PE_sdata4, true},
		{DW_EH_PE_udata8, true},
		{DW_EH_PE_sdata8, true},
		{DW_EH_PE_pcrel | DW_EH_PE_absptr, true},
		{DW_EH_PE_pcrel | DW_EH_PE_sleb128, true},
		{DW_EH_PE_pcrel | DW_EH_PE_sdata4, true},
		{DW_EH_PE_pcrel | DW_EH_PE_sdata8, true},
		{DW_EH_PE_pcrel | DW_EH_PE_udata4, false}, /* .eh_frame lies above the code */
		{DW_EH_PE_pcrel | DW_EH_PE_sdata4 | DW_EH_PE_indirect, false},
		{DW_EH_PE_datarel | DW_EH_PE_sdata4, false},
		{DW_EH_PE_textrel | DW_EH_PE_sdata4, false},
		{DW_EH_PE_funcrel | DW_EH_PE_sdata4, false},
		{DW_EH_PE_aligned, false},
		{DW_EH_PE_omit, false},
		{0x05, false},
		{0x0f, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct cie_make cie = {.pointer = cases[i].how};
		const struct fde_make fde = {.pointer = cases[i].how};

		assert_one(&cie, fde, cases[i].good);
	}
}

static void test_augmentations(void **state)
{
	const uint8_t rel = DW_EH_PE_pcrel | DW_EH_PE_sdata4;

	(void)state;
	/* none: absolute addresses */
	assert_one(&(struct cie_make){.augmentation = ""}, (struct fde_make){.unsized = true},
		   true);
	assert_one(&(struct cie_make){.augmentation = "eh"}, (struct fde_make){.unsized = true},
		   true);
	assert_one(&(struct cie_make){.augmentation = "z"}, (struct fde_make){0}, true);
	/* as of C++: personality, LSDA, addresses */
	assert_one(&(struct cie_make){.augmentation = "zPLR",
				      .data = {0x9b, 1, 2, 3, 4, 0x1b, rel},
				      .data_sz = 7},
		   (struct fde_make){.pointer = rel, .data_sz = 4}, true);
	assert_one(&(struct cie_make){.augmentation = "zPLR",
				      .data = {DW_EH_PE_omit, 0x1b, rel},
				      .data_sz = 3},
		   (struct fde_make){.pointer = rel, .data_sz = 4}, true);
	assert_one(&(struct cie_make){.augmentation = "zRL", .data = {rel, 0x1b}, .data_sz = 2},
		   (struct fde_make){.pointer = rel, .data_sz = 4}, true);
	/* a letter we do not know, with data of its own, after those we need */
	assert_one(&(struct cie_make){.augmentation = "zRx", .data = {rel, 9, 9, 9}, .data_sz = 4},
		   (struct fde_make){.pointer = rel, .data_sz = 3}, true);
	/* what cannot be read over */
	assert_one(&(struct cie_make){.augmentation = "x"}, (struct fde_make){0}, false);
	assert_one(&(struct cie_make){.augmentation = "R"}, (struct fde_make){0}, false);
	assert_one(&(struct cie_make){.augmentation = "zR"}, (struct fde_make){0}, false);
	assert_one(&(struct cie_make){.augmentation = "zP", .data = {0x05}, .data_sz = 1},
		   (struct fde_make){0}, false);
	/* more letters than data: libdw would read past the entry */
	assert_one(&(struct cie_make){.augmentation = "zPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPP",
				      .data = {0x04},
				      .data_sz = 1},
		   (struct fde_make){0}, false);
}

/*
 * libdw reads on for every letter, wherever the entry ends. Past the padding there is a page
 * that cannot be read, so one letter too many for it ends this program.
 */
static void test_letters(void **state)
{
	const size_t page_sz = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages =
		mmap(NULL, 2 * page_sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct eh_frame eh = {.code_cnt = 1, .code = {{0x1000, 0x10000}}, .span_max = 0x10000};
	char letters[200] = "z";
	struct unwind_table t;

	(void)state;
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + page_sz, page_sz, PROT_NONE), 0);
	for (size_t cnt = 1; cnt < sizeof(letters) - 1; cnt++) {
		struct cfi_make m = {0};

		letters[cnt] = 'P';
		put_cie(&m, &(struct cie_make){.augmentation = letters});
		eh.sz = m.sz;
		eh.data = pages + page_sz - EH_FRAME_PAD - eh.sz;
		memcpy(eh.data, m.data, eh.sz);
		assert_int_equal(unwind_table_from_eh_frame(&t, &eh), 0);
		assert_int_equal(t.fde_bad_cnt, 1);
		unwind_table_clear(&t);
	}
	munmap(pages, 2 * page_sz);
}

static void test_versions(void **state)
{
	const struct cie_make wide = {.wide = true};

	(void)state;
	for (uint8_t version = 1; version < 8; version++)
		assert_one(&(struct cie_make){.version = version}, (struct fde_make){0},
			   version == 1 || version == 3 || version == 4);
	assert_one(&(struct cie_make){.ra = 15}, (struct fde_make){0}, false);
	assert_one(&wide, (struct fde_make){0}, true);
	assert_one(&(struct cie_make){0}, (struct fde_make){.wide = true}, true);
	assert_one(&wide, (struct fde_make){.wide = true}, true);
}

static void test_cie_program(void **state)
{
	static const uint8_t rows[] = {DW_CFA_def_cfa, 7, 8, DW_CFA_advance_loc | 1};
	static const uint8_t restore[] = {DW_CFA_def_cfa, 7, 8, DW_CFA_restore | 6};
	static const uint8_t outermost[] = {DW_CFA_undefined, 16};
	struct unwind_table t;

	(void)state;
	assert_one(&(struct cie_make){.program = rows, .program_sz = sizeof(rows)},
		   (struct fde_make){0}, false);
	assert_one(&(struct cie_make){.program = restore, .program_sz = sizeof(restore)},
		   (struct fde_make){0}, false);
	build_one(&t, &(struct cie_make){.program = outermost, .program_sz = sizeof(outermost)},
		  (struct fde_make){0});
	assert_find(&t, FUNC, (struct wg_rule){.cfa = WG_CFA_END});
	unwind_table_clear(&t);
	/* the row at 0x10 is in units of the code alignment */
	build_one(&t, &(struct cie_make){.code_align = 4}, (struct fde_make){0});
	assert_find(&t, FUNC + 0x3f, (struct wg_rule){RSP(8)});
	assert_find(&t, FUNC + 0x40, (struct wg_rule){RSP(16)});
	unwind_table_clear(&t);
}

/* rbx is said to be so many words below the CFA: not so when it is not at a word. */
static void test_data_align(void **state)
{
	static const uint8_t initial[] = {DW_CFA_def_cfa,    7, 8, DW_CFA_offset | 16, 2,
					  DW_CFA_offset | 3, 4};
	static const uint8_t odd[] = {DW_CFA_def_cfa,	 7, 8, DW_CFA_offset | 16, 2,
				      DW_CFA_offset | 3, 5};
	struct unwind_table t;

	(void)state;
	build_one(&t,
		  &(struct cie_make){
			  .data_align = -4, .program = initial, .program_sz = sizeof(initial)},
		  (struct fde_make){0});
	assert_find(&t, FUNC, (struct wg_rule){RSP(8), .rbx = 2});
	unwind_table_clear(&t);
	build_one(&t,
		  &(struct cie_make){.data_align = -4, .program = odd, .program_sz = sizeof(odd)},
		  (struct fde_make){0});
	assert_find(&t, FUNC, (struct wg_rule){RSP(8), .rbx = WG_RBX_LOST});
	unwind_table_clear(&t);
}

/* remember_state, depth times. */
static void build_deep(struct unwind_table *t, size_t depth)
{
	struct cfi_make m = {0};
	uint8_t program[100];

	memset(program, DW_CFA_remember_state, depth);
	put_fde(&m, &(struct fde_make){.cie = put_cie(&m, &(struct cie_make){0}),
				       .start = FUNC,
				       .sz = FUNC_SZ,
				       .program = program,
				       .program_sz = depth});
	assert_int_equal(make_table(t, &m), 0);
}

static void test_depth(void **state)
{
	struct unwind_table t;

	(void)state;
	build_deep(&t, 64);
	assert_int_equal(t.fde_bad_cnt, 0);
	assert_find(&t, FUNC, (struct wg_rule){RSP(8)});
	unwind_table_clear(&t);
	build_deep(&t, 65);
	assert_int_equal(t.fde_bad_cnt, 1);
	assert_find(&t, FUNC, (struct wg_rule){UNSUPPORTED});
	unwind_table_clear(&t);
}

/* A trampoline with a ucontext at rsp + off, as glibc's __restore_rt; each may be off by some. */
static void assert_signal(const char *augmentation, int off, int rip, int rbp, int rsp,
			  struct wg_rule want)
{
	struct cfi_make program = {0}, m = {0};
	struct unwind_table t;
	size_t cie = put_cie(&m, &(struct cie_make){.augmentation = augmentation,
						    .data = {DW_EH_PE_udata4},
						    .data_sz = 1});
	const struct {
		int reg, at;
	} places[] = {{6, off + rbp}, {7, off + rsp}, {16, off + rip}};

	put_bytes(&program, (uint8_t[]){DW_CFA_def_cfa_expression, 6, BREG(7)}, 3);
	put_uint(&program, ((off + 160) & 0x7f) | 0x80, 1);
	put_uint(&program, (((off + 160) >> 7) & 0x7f) | 0x80, 1);
	put_uint(&program, ((off + 160) >> 14) & 0x7f, 1);
	put_uint(&program, DW_OP_deref, 1);
	program.data[1] = (uint8_t)(program.sz - 2);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct cfi_make expr = {0};

		put_uint(&expr, BREG(7), 1);
		put_sleb(&expr, places[i].at);
		put_uint(&program, DW_CFA_expression, 1);
		put_uleb(&program, (uint64_t)places[i].reg);
		put_uleb(&program, expr.sz);
		put_bytes(&program, expr.data, expr.sz);
	}
	put_fde(&m, &(struct fde_make){.cie = cie,
				       .pointer = DW_EH_PE_udata4,
				       .start = FUNC,
				       .sz = FUNC_SZ,
				       .program = program.data,
				       .program_sz = program.sz});
	assert_int_equal(make_table(&t, &m), 0);
	assert_int_equal(t.fde_bad_cnt, 0);
	assert_find(&t, FUNC, want);
	unwind_table_clear(&t);
}

static void test_signal(void **state)
{
	const struct wg_rule unsupported = {UNSUPPORTED};

	(void)state;
	assert_signal("zRS", 0, 168, 120, 160, (struct wg_rule){.cfa = WG_CFA_SIGNAL});
	assert_signal("zRS", 128, 168, 120, 160,
		      (struct wg_rule){.cfa = WG_CFA_SIGNAL, .cfa_off = 128});
	assert_signal("zRS", -8, 168, 120, 160,
		      (struct wg_rule){.cfa = WG_CFA_SIGNAL, .cfa_off = -8});
	assert_signal("zRS", 0, 160, 120, 160, unsupported);
	assert_signal("zRS", 0, 168, 128, 160, unsupported);
	assert_signal("zRS", 0, 168, 120, 168, unsupported);
	assert_signal("zR", 0, 168, 120, 160, unsupported);
}

static void test_signal_plain(void **state)
{
	struct unwind_table t;

	(void)state;
	build_one(&t, &(struct cie_make){.augmentation = "zRS", .data_sz = 1},
		  (struct fde_make){0});
	assert_find(&t, FUNC, (struct wg_rule){UNSUPPORTED});
	unwind_table_clear(&t);
}

/* Functions [start, end) in this order; each has a CFA offset of 8 * (its index + 1). */
static void build_many(struct unwind_table *t, const uint64_t (*range)[2], size_t cnt)
{
	struct cfi_make m = {0};
	size_t cie = put_cie(&m, &(struct cie_make){0});

	for (size_t i = 0; i < cnt; i++) {
		uint8_t program[] = {DW_CFA_def_cfa_offset, (uint8_t)(8 * (i + 1))};

		put_fde(&m, &(struct fde_make){.cie = cie,
					       .start = range[i][0],
					       .sz = range[i][1] - range[i][0],
					       .program = program,
					       .program_sz = sizeof(program)});
	}
	assert_int_equal(make_table(t, &m), 0);
	assert_null(table_wrong(t));
}

static void assert_many(const struct unwind_table *t, uint64_t addr, int which, uint64_t start)
{
	struct wg_rule want = {0};

	if (which >= 0)
		want = (struct wg_rule){RSP(8 * (which + 1))};
	assert_find(t, addr, want);
	assert_int_equal(unwind_table_start(t, addr), start);
}

static void test_order(void **state)
{
	static const uint64_t range[][2] = {
		{0x3000, 0x3010},
		{0x2000, 0x2100},
		{0x2100, 0x2101},
		{0x2ffe, 0x3000},
	};
	struct unwind_table t;

	(void)state;
	build_many(&t, range, ARRAY_SIZE(range));
	assert_int_equal(t.fde_bad_cnt, 0);
	assert_int_equal(t.start_cnt, 4);
	assert_int_equal(t.base, 0x2000);
	assert_int_equal(t.page_cnt, 17);
	assert_int_equal(t.page[2], t.page[15]); /* pages without code have no rows */
	assert_many(&t, 0, -1, 0);
	assert_many(&t, 0x1fff, -1, 0);
	assert_many(&t, 0x2000, 1, 0x2000);
	assert_many(&t, 0x20ff, 1, 0x2000);
	assert_many(&t, 0x2100, 2, 0x2100);
	assert_many(&t, 0x2101, -1, 0);
	assert_many(&t, 0x2ffd, -1, 0);
	assert_many(&t, 0x2fff, 3, 0x2ffe);
	assert_many(&t, 0x3000, 0, 0x3000);
	assert_many(&t, 0x300f, 0, 0x3000);
	assert_many(&t, 0x3010, -1, 0);
	assert_many(&t, 0x3100, -1, 0);
	assert_many(&t, UINT64_MAX, -1, 0);
	unwind_table_clear(&t);
}

static void test_overlap(void **state)
{
	static const uint64_t range[][2] = {
		{0x2000, 0x2100}, {0x2040, 0x2050}, {0x2080, 0x2090},
		{0x2080, 0x20f0}, {0x3000, 0x3000},
	};
	struct unwind_table t;

	(void)state;
	build_many(&t, range, ARRAY_SIZE(range));
	assert_int_equal(t.fde_bad_cnt, 2); /* a second start at 0x2080, and one of nothing */
	assert_int_equal(t.start_cnt, 3);
	assert_many(&t, 0x203f, 0, 0x2000);
	assert_many(&t, 0x2040, 1, 0x2040);
	assert_many(&t, 0x2050, -1, 0);
	assert_many(&t, 0x2080, 2, 0x2080);
	assert_many(&t, 0x2090, -1, 0);
	unwind_table_clear(&t);
}

static void test_claims(void **state)
{
	static const uint64_t range[][2] = {
		{0x0fff, 0x1100},		 /* begins before the code */
		{0x5ff00, 0x60001},		 /* ends after it */
		{0x5ff00, 0x70001},		 /* from one segment into the next */
		{0x60000, 0x60001},		 /* between them */
		{0x2000, 1ULL << 40},		 /* all there is */
		{0x2000, 0x1000},		 /* backwards */
		{1ULL << 63, (1ULL << 63) + 16}, /* nowhere */
		{0x5ffff, 0x60000},		 /* the last byte: good */
		{0x7ffff, 0x80000},		 /* good */
		{0x1000, 0x1001},		 /* good */
	};
	struct unwind_table t;

	(void)state;
	build_many(&t, range, ARRAY_SIZE(range));
	assert_int_equal(t.fde_bad_cnt, 7);
	assert_int_equal(t.start_cnt, 3);
	assert_many(&t, 0x5ffff, 7, 0x5ffff);
	assert_many(&t, 0x60000, -1, 0);
	assert_many(&t, 0x7ffff, 8, 0x7ffff);
	assert_many(&t, 0x80000, -1, 0);
	assert_many(&t, 0x1000, 9, 0x1000);
	unwind_table_clear(&t);
}

static void test_terminator(void **state)
{
	static const uint8_t program[] = {DW_CFA_nop};
	struct fde_make fde = {.sz = 16, .program = program, .program_sz = sizeof(program)};
	struct cfi_make m = {0};
	struct eh_frame eh = {.code_cnt = 1,
			      .code = {{0x1000, 0x10000}},
			      .span_max = 0x10000,
			      .vaddr = CFI_MAKE_VADDR};
	struct unwind_table t;

	(void)state;
	fde.cie = put_cie(&m, &(struct cie_make){0});
	fde.start = 0x2000;
	put_fde(&m, &fde);
	put_uint(&m, 0, 4);
	fde.start = 0x3000;
	put_fde(&m, &fde);
	put_uint(&m, 0, 4);
	assert_int_equal(make_table(&t, &m), 0);
	assert_int_equal(t.fde_bad_cnt, 0);
	assert_int_equal(t.start_cnt, 2);
	unwind_table_clear(&t);
	/* found without sections: what follows the terminator is not .eh_frame's */
	eh.data = calloc(1, m.sz + EH_FRAME_PAD);
	assert_non_null(eh.data);
	memcpy(eh.data, m.data, m.sz);
	eh.sz = m.sz;
	eh.terminated = true;
	assert_int_equal(unwind_table_from_eh_frame(&t, &eh), 0);
	assert_int_equal(t.start_cnt, 1);
	unwind_table_clear(&t);
	eh_frame_clear(&eh);
}

/* More different rules than there are numbers for: the rest is unsupported. */
static void test_rules_overflow(void **state)
{
	const size_t row_cnt = WG_RULE_MAX + 100;
	struct cfi_make *m = calloc(1, sizeof(*m));
	struct eh_frame eh = {.code_cnt = 1,
			      .code = {{0x1000, 0x100000}},
			      .span_max = 1 << 30,
			      .vaddr = CFI_MAKE_VADDR};
	struct unwind_table t;
	uint32_t sz;

	(void)state;
	assert_non_null(m);
	put_fde(m, &(struct fde_make){.cie = put_cie(m, &(struct cie_make){0}),
				      .start = 0x1000,
				      .sz = row_cnt});
	eh.data = calloc(1, m->sz + 5 * row_cnt + EH_FRAME_PAD);
	assert_non_null(eh.data);
	memcpy(eh.data, m->data, m->sz);
	eh.sz = m->sz;
	for (size_t i = 0; i < row_cnt; i++) {
		uint8_t row[] = {DW_CFA_def_cfa_offset, 0x80 | (i & 0x7f), 0x80 | (i >> 7 & 0x7f),
				 (uint8_t)(i >> 14), DW_CFA_advance_loc | 1};

		memcpy(eh.data + eh.sz, row, sizeof(row));
		eh.sz += sizeof(row);
	}
	/* the FDE is the last entry, and now longer */
	memcpy(&sz, eh.data, sizeof(sz));
	sz = (uint32_t)(eh.sz - (4 + sz) - 4);
	memcpy(eh.data + (eh.sz - sz - 4), &sz, sizeof(sz));
	assert_int_equal(unwind_table_from_eh_frame(&t, &eh), 0);
	assert_null(table_wrong(&t));
	assert_int_equal(t.rule_cnt, WG_RULE_MAX);
	assert_find(&t, 0x1000 + 1000, (struct wg_rule){RSP(1000)});
	assert_find(&t, 0x1000 + WG_RULE_MAX - 3, (struct wg_rule){RSP(WG_RULE_MAX - 3)});
	assert_find(&t, 0x1000 + WG_RULE_MAX - 2, (struct wg_rule){UNSUPPORTED});
	assert_find(&t, 0x1000 + row_cnt - 1, (struct wg_rule){UNSUPPORTED});
	assert_true(t.row_unsupported_cnt >= 1);
	unwind_table_clear(&t);
	eh_frame_clear(&eh);
	free(m);
}

static void make_sample(struct cfi_make *m)
{
	/* clang-format off */
	static const uint8_t program[] = {
		DW_CFA_remember_state,
		ROW, DW_CFA_def_cfa_offset, 16, DW_CFA_offset | 6, 2,
		DW_CFA_advance_loc1, 0x90, DW_CFA_def_cfa_expression, 6,
			BREG(7), 0x98, 1, DW_OP_deref, DW_OP_plus_uconst, 8,
		DW_CFA_advance_loc2, 0x60, 1, DW_CFA_expression, 6, 2, BREG(6), 0,
		DW_CFA_restore_state,
	};
	/* clang-format on */
	struct fde_make fde = {.pointer = DW_EH_PE_udata4,
			       .start = FUNC,
			       .sz = FUNC_SZ,
			       .program = program,
			       .program_sz = sizeof(program)};

	fde.cie = put_cie(m, &(struct cie_make){.pointer = DW_EH_PE_udata4});
	put_fde(m, &fde);
	fde.cie = put_cie(m, &(struct cie_make){.augmentation = "zPLR",
						.data = {3, 1, 2, 3, 4, 3, 3},
						.data_sz = 7,
						.wide = true});
	fde.start += FUNC_SZ;
	fde.data_sz = 4;
	fde.wide = true;
	put_fde(m, &fde);
	put_uint(m, 0, 4);
}

/* Cut off anywhere, or with any byte wrong: a sound table of what is left. */
static void test_broken(void **state)
{
	static const uint8_t wrong[] = {0x01, 0x02, 0x80, 0x7f, 0xff, 0x40};
	struct cfi_make m = {0};
	struct unwind_table t;

	(void)state;
	make_sample(&m);
	assert_int_equal(make_table(&t, &m), 0);
	assert_int_equal(t.fde_bad_cnt, 0);
	assert_int_equal(t.start_cnt, 2);
	unwind_table_clear(&t);
	for (size_t sz = 0; sz < m.sz; sz++) {
		assert_int_equal(make_table_of(&t, &m, sz), 0);
		assert_null(table_wrong(&t));
		assert_true(t.start_cnt <= (sz < m.sz - 4 ? 1 : 2));
		unwind_table_clear(&t);
	}
	for (size_t i = 0; i < m.sz; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(wrong); j++) {
			m.data[i] ^= wrong[j];
			assert_int_equal(make_table(&t, &m), 0);
			assert_null(table_wrong(&t));
			unwind_table_clear(&t);
			m.data[i] ^= wrong[j];
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ops),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_augmentations),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_cie_program),
		cmocka_unit_test(test_data_align),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_plain),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_terminator),
		cmocka_unit_test(test_rules_overflow),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
