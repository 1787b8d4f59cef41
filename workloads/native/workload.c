// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Finds workloads by name and says in words what a task of them is; see workload.h. */
#include "workload.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define MIB (1ll << 20)

static const struct workload *const table[] = {
	&workload_math,
	&workload_crypto,
	&workload_transfer,
	&workload_crypto_query,
	&workload_crypto_fetched,
	&workload_crypto_private,
	&workload_crypto_query_private,
	&workload_churn,
	&workload_populate,
};

const struct workload *workload_at(size_t i)
{
	return i < ARRAY_SIZE(table) ? table[i] : NULL;
}

const struct workload *workload_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i]->name, name))
			return table[i];
	return NULL;
}

/* 1234567 as "1,234,567", without a locale. */
static void group_digits(long long n, char *out, size_t sz)
{
	char digits[24];
	size_t len, o = 0;

	len = (size_t)snprintf(digits, sizeof(digits), "%lld", n);
	for (size_t i = 0; i < len && o + 2 < sz; i++) {
		if (i && (len - i) % 3 == 0)
			out[o++] = ',';
		out[o++] = digits[i];
	}
	out[o] = '\0';
}

void workload_describe(const struct workload *w, long long n, char *buf, size_t sz)
{
	bool mib = !strcmp(w->unit, "bytes") && n % MIB == 0;
	char number[32];

	group_digits(mib ? n / MIB : n, number, sizeof(number));
	snprintf(buf, sz, "%s %s a task", number, mib ? "MiB" : w->unit);
}
