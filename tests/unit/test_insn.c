// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Atomic instructions in code assembled by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "symbol/insn.h"

static void atomic_instructions(void **state)
{
	static const struct {
		const char *what;
		uint8_t code[32];
		size_t sz, at;
		bool is;
	} cases[] = {
		{"lock cmpxchg at", {0xf0, 0x0f, 0xb1, 0x17}, 4, 0, true},
		{"lock cmpxchg before", {0xf0, 0x0f, 0xb1, 0x17, 0x90}, 5, 4, true},
		{"at the end of the code", {0xf0, 0x0f, 0xb1, 0x17}, 4, 4, true},
		{"within it", {0xf0, 0x0f, 0xb1, 0x17, 0x90}, 5, 1, false},
		{"two before", {0xf0, 0x0f, 0xb1, 0x17, 0x90, 0x90}, 6, 5, false},
		{"lock xadd, 64 bits", {0x90, 0xf0, 0x48, 0x0f, 0xc1, 0x07}, 6, 1, true},
		{"lock incl, rip-relative", {0xf0, 0xff, 0x05, 1, 2, 3, 4}, 7, 0, true},
		{"lock behind a segment", {0x64, 0xf0, 0xff, 0x07, 0x90}, 5, 0, true},
		{"lock or $0, (%rsp)", {0xf0, 0x83, 0x0c, 0x24, 0x00, 0x90}, 6, 5, true},
		{"xchg with memory", {0x87, 0x07, 0x90}, 3, 0, true},
		{"xchg with memory, before", {0x87, 0x07, 0x90}, 3, 2, true},
		{"xchg of a byte with memory", {0x86, 0x47, 0x08}, 3, 0, true},
		{"xchg with memory, 64 bits", {0x48, 0x87, 0x03, 0x90}, 4, 3, true},
		{"xacquire xchg", {0xf2, 0x87, 0x07}, 3, 0, true},
		{"xchg of registers", {0x87, 0xc8, 0x90}, 3, 0, false},
		{"xchg of registers, before", {0x48, 0x87, 0xd8, 0x90}, 4, 3, false},
		{"cmpxchg without lock", {0x0f, 0xb1, 0x17, 0x90}, 4, 3, false},
		{"mov", {0x48, 0x89, 0xc3, 0x90}, 4, 3, false},
		/* f0 and 87 as parts of other instructions */
		{"mov $0x...f0", {0xb8, 0xf0, 0x0f, 0xb1, 0x17, 0x90}, 6, 5, false},
		{"mov $0x...8707", {0xb8, 0x00, 0x00, 0x87, 0x07, 0x90}, 6, 5, false},
		{"into the middle of mov", {0xb8, 0x00, 0x00, 0x87, 0x07, 0x90}, 6, 3, false},
		{"behind what does not decode", {0x06, 0xf0, 0x0f, 0xb1, 0x17, 0x90}, 6, 1, false},
		{"cut off", {0xf0, 0x0f, 0xb1}, 3, 0, false},
		{"nothing", {0}, 0, 0, false},
		{"outside", {0xf0, 0x0f, 0xb1, 0x17}, 4, 5, false},
	};
	struct insn *i;

	(void)state;
	assert_int_equal(insn_open(&i), 0);
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		/* of its own size, so that ASan sees its end */
		uint8_t *code = malloc(cases[c].sz ? cases[c].sz : 1);

		assert_non_null(code);
		memcpy(code, cases[c].code, cases[c].sz);
		if (insn_is_atomic_rmw(i, code, cases[c].sz, cases[c].at) != cases[c].is)
			fail_msg("%s", cases[c].what);
		free(code);
	}
	insn_close(i);
	insn_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(atomic_instructions),
	};

	return cmocka_run_group_tests_name("insn", tests, NULL, NULL);
}
