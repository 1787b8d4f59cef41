// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Rules from instructions: what is known of a frame on all ways to an address, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "unwind/code.h"

static struct code_reader *reader;

static int setup(void **state)
{
	(void)state;
	return code_open(&reader);
}

static int teardown(void **state)
{
	(void)state;
	code_close(reader);
	return 0;
}

/* "0:s8 1:s16p 4:f 9:s8 10:-": from where on the CFA is rsp + 8, rsp + 16 with rbp pushed, by rbp */
static int put(void *ctx, size_t from, size_t to, const struct wg_rule *r)
{
	char *out = ctx;
	size_t len = strlen(out), end = 0;
	char *last = strrchr(out, ' ');

	assert_true(from < to);
	assert_int_equal(r->rbx, WG_RBX_LOST);
	if (last)
		sscanf(last, " %zu:-", &end);
	/* where this one begins at the end of the last one, there is no gap to tell */
	if (last && end == from)
		*last = '\0';
	len = strlen(out);
	if (r->cfa == WG_CFA_RBP) {
		assert_int_equal(r->cfa_off, 16);
		snprintf(out + len, 200 - len, "%s%zu:f", len ? " " : "", from);
	} else {
		assert_int_equal(r->cfa, WG_CFA_RSP);
		snprintf(out + len, 200 - len, "%s%zu:s%d%s", len ? " " : "", from, r->cfa_off,
			 r->rbp == WG_RBP_AT_CFA ? "p" : "");
	}
	if (r->rbp == WG_RBP_AT_CFA)
		assert_int_equal(r->rbp_off, -16);
	else
		assert_int_equal(r->rbp, WG_RBP_SAME);
	len = strlen(out);
	snprintf(out + len, 200 - len, " %zu:-", to);
	return 0;
}

static void expect(const char *hex, const char *rules)
{
	uint8_t code[64];
	char got[200] = "";
	size_t sz = 0;
	int used;

	for (unsigned int byte; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used)
		code[sz++] = (uint8_t)byte;
	assert_int_equal(code_rules(reader, code, sz, put, got), 0);
	if (strcmp(got, rules) != 0)
		fail_msg("got \"%s\", want \"%s\"", got, rules);
}

static void without_a_frame(void **state)
{
	(void)state;
	expect("31 c0 c3", "0:s8 3:-");
	expect("53 41 54 41 5c 5b c3", "0:s8 1:s16 3:s24 5:s16 6:s8 7:-");
	expect("48 83 ec 18 48 83 c4 18 c3", "0:s8 4:s32 8:s8 9:-");
	expect("48 8d 64 24 f8 90 48 8d 64 24 08 c3", "0:s8 5:s16 11:s8 12:-");
	expect("6a 01 58 c3", "0:s8 2:s16 3:s8 4:-");
}

static void with_a_frame(void **state)
{
	(void)state;
	/* push rbp; mov rbp, rsp; sub rsp, 32; call; mov rsp, rbp; pop rbp; ret */
	expect("55 48 89 e5 48 83 ec 20 e8 00 00 00 00 48 89 ec 5d c3",
	       "0:s8 1:s16p 4:f 17:s8 18:-");
	/* the other encoding, and leave */
	expect("55 48 8b ec 50 c9 c3", "0:s8 1:s16p 4:f 6:s8 7:-");
	/* pushed and popped again, never a frame pointer */
	expect("55 90 5d c3", "0:s8 1:s16p 3:s8 4:-");
	/* add rsp brings it back: pop rbp is known to be the saved one */
	expect("55 48 89 e5 50 48 83 c4 08 5d c3", "0:s8 1:s16p 4:f 10:s8 11:-");
	/* rsp is moved by a register: the frame pointer still holds */
	expect("55 48 89 e5 48 29 c4 c9 c3", "0:s8 1:s16p 4:f 8:s8 9:-");
	/* and rsp, -16 */
	expect("55 48 89 e5 48 83 e4 f0 c9 c3", "0:s8 1:s16p 4:f 9:s8 10:-");
	/* lea rsp, [rbp - 8]; pop rbx; pop rbp */
	expect("55 48 89 e5 53 48 8d 65 f8 5b 5d c3", "0:s8 1:s16p 4:f 11:s8 12:-");
}

/* V8's own: a fast way without a frame, a slow one with it. */
static void two_ways(void **state)
{
	(void)state;
	/* test eax; jne 5; ret; push rbp; mov rbp, rsp; call; leave; ret */
	expect("85 c0 75 01 c3 55 48 89 e5 e8 00 00 00 00 c9 c3", "0:s8 6:s16p 9:f 15:s8 16:-");
	/* a loop over one place */
	expect("31 c0 ff c0 eb fc", "0:s8 6:-");
	/* jumps out of the function and back before it */
	expect("0f 84 00 01 00 00 e9 00 f0 ff ff", "0:s8 11:-");
}

static void not_known(void **state)
{
	(void)state;
	/* two ways with different frames come together: jne +1; push rax; nop; ret */
	expect("75 01 50 90 c3", "0:s8 3:-");
	/* with frame pointers on both, rsp alone is unknown */
	expect("55 48 89 e5 75 01 50 90 c9 c3", "0:s8 1:s16p 4:f 9:s8 10:-");
	/* who is called may pop its arguments */
	expect("50 e8 00 00 00 00 59 c3", "0:s8 1:s16 6:-");
	/* rsp from elsewhere; rbp from elsewhere, with a frame and without */
	expect("48 89 c4 90 c3", "0:s8 3:-");
	expect("48 89 c5 90 c3", "0:s8 3:-");
	expect("55 48 89 e5 48 89 c5 90 c3", "0:s8 1:s16p 4:f 7:-");
	expect("55 48 89 e5 bd 01 00 00 00 90 c3", "0:s8 1:s16p 4:f 9:-");
	/* half of it counts as well: mov ebp, eax; xchg rax, rsp */
	expect("89 c5 90 c3", "0:s8 2:-");
	expect("48 94 90 c3", "0:s8 2:-");
	/* the return address is popped */
	expect("59 90 51 c3", "0:s8 1:-");
	/* rbp is pushed where nobody looks for it */
	expect("50 55 48 89 e5 90 c3", "0:s8 1:s16 2:s24 5:-");
	/* pop rbp of something else */
	expect("50 5d 90 c3", "0:s8 1:s16 2:-");
	/* nothing leads behind an indirect jump, a return, a trap, an instruction that is none */
	expect("ff e0 90 c3", "0:s8 2:-");
	expect("c3 90 90", "0:s8 1:-");
	expect("0f 0b 90", "0:s8 2:-");
	expect("90 06 90 c3", "0:s8 1:-");
	expect("", "");
}

/* r12 and r13 have the numbers of rsp and rbp, but for a bit of the prefix; reading is no writing. */
static void others_are_left_alone(void **state)
{
	(void)state;
	expect("49 89 c4 49 89 c5 c3", "0:s8 7:-"); /* mov r12, rax; mov r13, rax */
	expect("48 89 e0 48 89 e8 c3", "0:s8 7:-"); /* mov rax, rsp; mov rax, rbp */
	expect("48 39 e5 48 85 ed c3", "0:s8 7:-"); /* cmp rbp, rsp; test rbp, rbp */
	expect("48 8b 45 08 48 89 45 08 48 8b 04 24 c3", "0:s8 13:-");
	expect("41 bd 01 00 00 00 c3", "0:s8 7:-"); /* mov r13d, 1 */
}

static int stop(void *ctx, size_t from, size_t to, const struct wg_rule *r)
{
	(void)from;
	(void)to;
	(void)r;
	++*(int *)ctx;
	return -7;
}

static void the_caller_may_stop(void **state)
{
	static const uint8_t code[] = {0x53, 0x5b, 0xc3};
	int calls = 0;

	(void)state;
	assert_int_equal(code_rules(reader, code, sizeof(code), stop, &calls), -7);
	assert_int_equal(calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_frame),
		cmocka_unit_test(with_a_frame),
		cmocka_unit_test(two_ways),
		cmocka_unit_test(not_known),
		cmocka_unit_test(others_are_left_alone),
		cmocka_unit_test(the_caller_may_stop),
	};

	return cmocka_run_group_tests_name("code", tests, setup, teardown);
}
