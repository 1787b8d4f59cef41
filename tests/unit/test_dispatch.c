// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What two timings, before our programs are attached and after, say of their cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "collect/dispatch.h"

static uint64_t program_ns, fault_ns;

static void costs(uint64_t handover_before, uint64_t handover_after, uint64_t fault_before,
		  uint64_t fault_after)
{
	const struct dispatch before = {handover_before, fault_before};
	const struct dispatch after = {handover_after, fault_after};

	dispatch_costs(&before, &after, 3, &program_ns, &fault_ns);
}

static void they_are_the_differences(void **state)
{
	(void)state;
	costs(2000, 2120, 1000, 1300);
	assert_int_equal(program_ns, 40);
	assert_int_equal(fault_ns, 300 - 2 * 40);
	costs(2000, 2300, 1000, 1150); /* no more than two programs */
	assert_int_equal(program_ns, 100);
	assert_int_equal(fault_ns, 0);
}

/* Where others had the CPU, or the caches, typical ones are taken. */
static void a_busy_machine_says_nothing(void **state)
{
	(void)state;
	costs(2000, 1900, 1000, 1300);
	assert_int_equal(program_ns, 30);
	assert_int_equal(fault_ns, 25);
	costs(2000, 9000, 1000, 1300);
	assert_int_equal(program_ns, 30);
	/* the handovers were in peace, the faults were not: 38% to 186% were said of forks once */
	costs(2000, 2201, 1000, 2840);
	assert_int_equal(program_ns, 67);
	assert_int_equal(fault_ns, 25);
	costs(2000, 2120, 1000, 900);
	assert_int_equal(program_ns, 40);
	assert_int_equal(fault_ns, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_the_differences),
		cmocka_unit_test(a_busy_machine_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
