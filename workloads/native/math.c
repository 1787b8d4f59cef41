// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The workload `math`: arithmetic without memory, locks or system calls. No state. */
#include <math.h>
#include <stdio.h>

#include "workload.h"

/* The order of the additions is part of the checksum. */
static double sum_of_waves(long long n)
{
	double sum = 0;

	for (long long i = 0; i < n; i++)
		sum += sqrt((double)i) * sin((double)i);
	return sum;
}

static int math_run(struct task *t)
{
	snprintf(t->checksum, sizeof(t->checksum), "%.17g", sum_of_waves(t->n));
	return 0;
}

const struct workload workload_math = {
	.name = "math",
	.unit = "terms",
	.default_n = 5000000,
	.max_n = 1000000000000ll,
	.run = math_run,
};
