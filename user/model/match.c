// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See match.h. */
#include "model/match.h"

#include <string.h>

#include "base/util.h"

struct bare_name bare_kernel_name(const char *name)
{
	static const char *const suffixes[] = {".isra.",     ".constprop.", ".part.", ".cold",
					       ".lto_priv.", ".llvm.",	    "@"};
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		const char *at = strstr(name, suffixes[i]);

		if (at && (size_t)(at - name) < len)
			len = (size_t)(at - name);
	}
	return (struct bare_name){.s = name, .len = len};
}

struct bare_name bare_user_name(const char *name)
{
	struct bare_name n;

	name += strspn(name, "_");
	if (!strncmp(name, "GI_", 3))
		name += 3;
	name += strspn(name, "_");
	n = bare_kernel_name(name);
	return n;
}

/* Length of a name without "(arguments)" and what follows: the first "(" that opens them. */
static size_t without_arguments(const char *name)
{
	static const char anonymous[] = "(anonymous", call[] = "operator()";
	int depth = 0;

	for (size_t i = 0; name[i]; i++) {
		if (!strncmp(name + i, anonymous, strlen(anonymous)))
			i += strlen(anonymous) - 1;
		else if (!strncmp(name + i, call, strlen(call)))
			i += strlen(call) - 1;
		else if (name[i] == '<')
			depth++;
		else if (name[i] == '>')
			depth--;
		else if (name[i] == '(' && depth <= 0 && i && name[i - 1] != ' ' &&
			 name[i - 1] != '.')
			return i;
	}
	return strlen(name);
}

/* "::h0123456789abcdef" at the end, which Rust's older mangling leaves. */
static size_t without_hash(const char *name, size_t len)
{
	const size_t hash = strlen("::h0123456789abcdef");

	if (len > hash && !strncmp(name + len - hash, "::h", 3) &&
	    strspn(name + len - hash + 3, "0123456789abcdef") >= hash - 3)
		return len - hash;
	return len;
}

size_t bare_function_len(const char *name)
{
	return without_hash(name, without_arguments(name));
}

/* The pattern's stars stand for any run of characters; a star that fails is tried longer. */
bool name_matches(struct bare_name n, const char *pattern)
{
	const char *star = NULL;
	size_t at = 0, retry = 0;

	while (at < n.len) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = at;
		} else if (*pattern == n.s[at]) {
			pattern++;
			at++;
		} else if (star) {
			pattern = star;
			at = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
