/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Names of functions: their plain part, and the patterns of the rule tables. A pattern is a name in
 * which each "*" stands for anything: "futex_wait*", "*::lockSlow*".
 */
#ifndef WG_MODEL_MATCH_H
#define WG_MODEL_MATCH_H

#include <stdbool.h>
#include <stddef.h>

/* The part of a name that patterns are held against. */
struct bare_name {
	const char *s;
	size_t len;
};

/*
 * A kernel function: without what the compiler hangs on clones (".isra.0", ".cold"). A user
 * function: without that, without a symbol version ("@@GLIBC_2.34"), and without the underscores
 * and "GI_" in front that tell the aliases of one libc function apart.
 */
struct bare_name bare_kernel_name(const char *name);
struct bare_name bare_user_name(const char *name);

/* Length of a demangled name without its arguments and without the hash that Rust appends. */
size_t bare_function_len(const char *name);

bool name_matches(struct bare_name n, const char *pattern);

#endif
