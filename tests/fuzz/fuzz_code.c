// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Instructions to rules: any bytes end, and give rules in order, within the function. */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "unwind/code.h"

struct seen {
	size_t end, sz;
};

static int check(void *ctx, size_t from, size_t to, const struct wg_rule *rule)
{
	struct seen *s = ctx;

	if (from < s->end || from >= to || to > s->sz)
		abort();
	if (rule->cfa == WG_CFA_RSP ? rule->cfa_off < 8 : rule->cfa != WG_CFA_RBP)
		abort();
	s->end = to;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	static struct code_reader *reader;
	struct seen s = {.sz = sz};

	if (!reader && code_open(&reader))
		abort();
	if (code_rules(reader, data, sz, check, &s))
		abort();
	return 0;
}

void seed_write(const char *folder)
{
	static const uint8_t framed[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xe8,
					 0,    0,    0,	   0,	 0x48, 0x89, 0xec, 0x5d, 0xc3};
	static const uint8_t two_ways[] = {0x85, 0xc0, 0x75, 0x01, 0xc3, 0x55, 0x48, 0x89,
					   0xe5, 0xe8, 0,    0,	   0,	 0,    0xc9, 0xc3};

	seed_bytes(folder, "framed", framed, sizeof(framed));
	seed_bytes(folder, "two-ways", two_ways, sizeof(two_ways));
}
