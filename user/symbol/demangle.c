// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * From a symbol to a name to read; see symtab.h. libiberty knows the manglings of C++ and Rust. A
 * short symbol can stand for gigabytes of text by referring back to itself, and libiberty has no
 * limit for that: we leave it by a long jump once there is more text than any name is worth. It
 * keeps what it works on, but for the odd word of punycode, on the stack.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>
#undef ARRAY_SIZE /* libiberty's own, the same as ours */

#include "base/util.h"
#include "symbol/name.h"
#include "symbol/symtab.h"

#define MAX_TEXT 8192

struct text {
	jmp_buf full;
	size_t len, part_cnt;
	char buf[MAX_TEXT];
};

static void append(const char *part, size_t len, void *arg)
{
	struct text *t = arg;

	/* parts may be empty, and NULL then */
	if (++t->part_cnt > MAX_TEXT || len >= sizeof(t->buf) - t->len)
		longjmp(t->full, 1);
	if (!len)
		return;
	memcpy(t->buf + t->len, part, len);
	t->len += len;
	t->buf[t->len] = 0;
}

static bool rust(struct text *t, const char *name)
{
	t->len = t->part_cnt = 0;
	if (setjmp(t->full))
		return false;
	return rust_demangle_callback(name, 0, append, t) && t->len;
}

static bool cxx(struct text *t, const char *name, int options)
{
	t->len = t->part_cnt = 0;
	if (setjmp(t->full))
		return false;
	return cplus_demangle_v3_callback(name, options, append, t) && t->len;
}

/* "memcpy@@GLIBC_2.14" and "memcpy@GLIBC_2.2.5": up to the at sign; else the whole of it. */
static size_t without_version(const char *name)
{
	const char *at = strchr(name, '@'), *version;

	if (!at || at == name)
		return strlen(name);
	version = at + 1 + (at[1] == '@');
	for (const char *c = version; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.' && *c != '-')
			return strlen(name);
	}
	return *version ? (size_t)(at - name) : strlen(name);
}

static char *cleaned(const char *name)
{
	size_t sz = strlen(name) + 1;
	char *copy = malloc(sz);

	if (!copy)
		return NULL;
	name_clean(copy, sz, name);
	return copy;
}

char *demangle(const char *name)
{
	scoped_free char *plain = strndup(name, without_version(name));
	scoped_free struct text *t = NULL;

	if (!plain)
		return NULL;
	if (strncmp(plain, "_Z", 2) != 0 && strncmp(plain, "_R", 2) != 0)
		return cleaned(plain);
	t = malloc(sizeof(*t));
	if (!t)
		return NULL;
	if (rust(t, plain))
		return cleaned(t->buf);
	/* Without DMGL_PARAMS what follows a name is ignored, sense or not: ask first with it. */
	if (plain[1] == 'Z' && cxx(t, plain, DMGL_PARAMS | DMGL_ANSI) && cxx(t, plain, DMGL_ANSI))
		return cleaned(t->buf);
	return cleaned(plain);
}
