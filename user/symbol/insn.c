// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Finds atomic read-modify-writes; see insn.h. Which instruction is one shows in its first bytes:
 * a lock prefix, or xchg (86, 87) with memory, which locks without one. Capstone knows the
 * lengths, and so whether an instruction begins there at all. Most addresses have no such bytes at
 * or before them, and nothing is decoded for those.
 */
#include "symbol/insn.h"

#include <errno.h>
#include <stdlib.h>

#include <capstone/capstone.h>

#define MAX_INSN 15 /* bytes; the processor takes no longer ones */

struct insn {
	csh handle;
	cs_insn *one;
};

int insn_open(struct insn **out)
{
	struct insn *i = calloc(1, sizeof(*i));

	*out = NULL;
	if (!i)
		return -ENOMEM;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &i->handle) != CS_ERR_OK) {
		free(i);
		return -ENOTSUP;
	}
	i->one = cs_malloc(i->handle);
	if (!i->one) {
		insn_close(i);
		return -ENOMEM;
	}
	*out = i;
	return 0;
}

void insn_close(struct insn *i)
{
	if (!i)
		return;
	if (i->one)
		cs_free(i->one, 1);
	cs_close(&i->handle);
	free(i);
}

static bool is_legacy_prefix(uint8_t b)
{
	switch (b) {
	case 0x26: /* segments */
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66: /* operand size */
	case 0x67: /* address size */
	case 0xf2: /* repeats, and the hints of lock elision */
	case 0xf3:
		return true;
	default:
		return false;
	}
}

/* Whether the bytes, if an instruction begins there, are an atomic read-modify-write. */
static bool looks_atomic(const uint8_t *code, size_t sz)
{
	size_t at = 0;

	while (at < sz && is_legacy_prefix(code[at]))
		at++;
	if (at < sz && code[at] == 0xf0)
		return true;
	if (at < sz && (code[at] & 0xf0) == 0x40) /* REX */
		at++;
	/* register with register is mod 3 */
	return at + 1 < sz && (code[at] == 0x86 || code[at] == 0x87) && code[at + 1] < 0xc0;
}

/* Length of the instruction at code + at; 0 when there is none. */
static size_t length_at(struct insn *i, const uint8_t *code, size_t sz, size_t at)
{
	const uint8_t *c = code + at;
	size_t left = sz - at;
	uint64_t addr = at;

	return cs_disasm_iter(i->handle, &c, &left, &addr, i->one) ? i->one->size : 0;
}

/*
 * Where an atomic read-modify-write may begin that ends at `at`, or at itself; SIZE_MAX: nowhere.
 */
static size_t candidate(struct insn *i, const uint8_t *code, size_t sz, size_t at)
{
	if (looks_atomic(code + at, sz - at) && length_at(i, code, sz, at))
		return at;
	for (size_t back = 1; back <= MAX_INSN && back <= at; back++) {
		if (looks_atomic(code + at - back, back) &&
		    length_at(i, code, sz, at - back) == back)
			return at - back;
	}
	return SIZE_MAX;
}

bool insn_is_atomic_rmw(struct insn *i, const uint8_t *code, size_t sz, size_t at)
{
	size_t here = 0, last = SIZE_MAX, len;

	if (at > sz || candidate(i, code, sz, at) == SIZE_MAX)
		return false;
	while (here < at) {
		len = length_at(i, code, sz, here);
		if (!len)
			return false;
		last = here;
		here += len;
	}
	if (here != at)
		return false;
	return (looks_atomic(code + at, sz - at) && length_at(i, code, sz, at)) ||
	       (last != SIZE_MAX && looks_atomic(code + last, at - last));
}
