// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Small helpers: what they make of arrays without an element, which may be NULL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"

static void test_empty_arrays(void **state)
{
	const int one = 1;

	(void)state;
	items_move(NULL, NULL, 0, sizeof(one));
	items_move(NULL, &one, 0, sizeof(one));
	items_sort(NULL, 0, sizeof(uint32_t), order_u32);
	assert_true(items_equal(NULL, NULL, 0, sizeof(one)));
	assert_true(items_equal(NULL, &one, 0, sizeof(one)));
}

static void test_arrays(void **state)
{
	uint32_t a[] = {3, 1, 2}, b[3] = {0};

	(void)state;
	items_sort(a, 3, sizeof(*a), order_u32);
	items_move(b, a, 3, sizeof(*a));
	assert_int_equal(b[0], 1);
	assert_int_equal(b[2], 3);
	assert_true(items_equal(a, b, 3, sizeof(*a)));
	b[2] = 4;
	assert_false(items_equal(a, b, 3, sizeof(*a)));
	items_move(a, a + 1, 2, sizeof(*a));
	assert_int_equal(a[0], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_arrays),
		cmocka_unit_test(test_arrays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
