// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reads names of JIT code, see script.h. They are text that a program chose in part, and a
 * function's name may hold anything: what does not look as expected is left as it is. Formats: V8's
 * src/logging/log.cc (Logger::CodeCreateEvent with a script: "TAG:MARKname file:line:column"),
 * JavaScriptCore's assembler/PerfLog.cpp and LinkBuffer.cpp.
 */
#include "symbol/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "symbol/name.h"

/* Columns as far out as this are of a line that a bundler made: there the column tells functions. */
#define COLUMN_TOLD 200

struct position {
	const char *end; /* of the file's name */
	unsigned int line, column;
};

/* Digits before *end, at least one of them, and the colon before those. */
static bool take_number(const char *from, const char **end, unsigned int *out)
{
	const char *p = *end;

	while (p > from && p[-1] >= '0' && p[-1] <= '9')
		p--;
	if (p == *end || *end - p > 9 || p == from || p[-1] != ':')
		return false;
	*out = (unsigned int)strtoul(p, NULL, 10);
	*end = p - 1;
	return true;
}

/* ":line:column" at the end. */
static bool take_position(const char *s, struct position *at)
{
	at->end = s + strlen(s);
	return take_number(s, &at->end, &at->column) && take_number(s, &at->end, &at->line);
}

/*
 * Where the file's name begins in "function file". Both may hold blanks: at the first word that
 * begins as files of scripts do, else at the last word.
 */
static const char *file_in(const char *s, const char *end)
{
	static const char *const begins[] = {"/",     "file:", "node:", "http:",	"https:",
					     "data:", "blob:", "[eval", "evalmachine.", "wasm:"};
	const char *last = NULL;

	for (const char *p = s; p < end; p++) {
		if (*p != ' ')
			continue;
		last = p + 1;
		for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
			size_t len = strlen(begins[i]);

			if ((size_t)(end - last) >= len && !strncmp(last, begins[i], len))
				return last;
		}
	}
	return last;
}

/* The part of a file's name that tells it: its last component; all of "node:internal/util". */
static const char *base_of(const char *file, const char **end)
{
	const char *base = file;

	if ((size_t)(*end - file) > 5 && !strncmp(file, "data:", 5)) {
		*end = file + 5; /* what follows is the script */
		return file;
	}
	if ((size_t)(*end - file) > 5 && !strncmp(file, "node:", 5))
		return file;
	for (const char *p = file; p < *end; p++) {
		if (*p == '?' && !strncmp(file, "file:", 5)) {
			*end = p;
			break;
		}
		if (*p == '/' && p + 1 < *end)
			base = p + 1;
	}
	return base;
}

/* The tag of a script's function, what it is called when it has no name, and how far it goes. */
static const char *v8_tag(const char *raw, size_t *len)
{
	static const struct {
		const char *tag, *nameless;
	} tags[] = {
		{"JS:", "(anonymous)"},	      {"LazyCompile:", "(anonymous)"},
		{"Function:", "(anonymous)"}, {"Script:", "[script]"},
		{"Eval:", "[script]"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		*len = strlen(tags[i].tag);
		if (!strncmp(raw, tags[i].tag, *len))
			return tags[i].nameless;
	}
	return NULL;
}

/* Keep text that was printed into buf and may have been cut there within a character. */
static void keep(char *dst, const char *buf)
{
	name_clean(dst, SCRIPT_NAME_MAX, buf);
}

static bool v8_function(const char *raw, struct script_function *out)
{
	const char *nameless, *mark, *func, *file, *base, *end;
	char buf[SCRIPT_NAME_MAX], column[16] = "";
	struct position at;
	size_t len, marks;

	nameless = v8_tag(raw, &len);
	if (!nameless || !take_position(raw + len, &at))
		return false;
	mark = raw + len;
	marks = strspn(mark, "~^+*");
	func = mark + marks + (mark[marks] == '\''); /* "*'": code for one context only */
	file = file_in(func, at.end);
	if (!file)
		return false;
	len = (size_t)(file - func) - 1;
	snprintf(buf, sizeof(buf), "%.*s", (int)(at.end - file), file);
	keep(out->file, buf);
	end = at.end;
	base = base_of(file, &end);
	if (at.column >= COLUMN_TOLD)
		snprintf(column, sizeof(column), ":%u", at.column);
	snprintf(buf, sizeof(buf), "%.*s%.*s %.*s:%u%s", (int)marks, mark,
		 len ? (int)len : (int)strlen(nameless), len ? func : nameless, (int)(end - base),
		 base, at.line, column);
	keep(out->name, buf);
	return true;
}

static bool jsc_function(const char *raw, struct script_function *out)
{
	static const char *const tiers[] = {"JSC-Baseline: ", "JSC-DFG: ", "JSC-FTL: "};
	const size_t prefix = strlen("JSC-");
	char buf[SCRIPT_NAME_MAX];
	const char *func;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(tiers); i++) {
		len = strlen(tiers[i]);
		if (strncmp(raw, tiers[i], len) != 0)
			continue;
		func = raw + len;
		snprintf(buf, sizeof(buf), "%.*s%s%s", (int)(len - prefix - 1), tiers[i] + prefix,
			 !*func || *func == '#' ? "(anonymous)" : "", func);
		keep(out->name, buf);
		out->file[0] = '\0';
		return true;
	}
	return false;
}

bool script_function_of(const char *raw, struct script_function *out)
{
	return v8_function(raw, out) || jsc_function(raw, out);
}
