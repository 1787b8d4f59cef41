// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See names.h. */
#include "report/names.h"

#include <limits.h>
#include <string.h>

#include "base/util.h"
#include "model/match.h"
#include "report/format.h"

#define NAME_MAX_COLUMNS 48
#define TEMPLATE_MAX 24 /* longer template arguments become ".." */

/* Where the "<" at s is closed; NULL when it is not. */
static char *closing(char *s)
{
	int depth = 0;

	for (; *s; s++) {
		depth += *s == '<';
		depth -= *s == '>';
		if (!depth)
			return s;
	}
	return NULL;
}

/* "<a long list>" becomes "<..>"; not at the very beginning, where Rust puts the type itself. */
static void squeeze_templates(char *s)
{
	for (char *p = s + (*s == '<'); (p = strchr(p, '<')); p++) {
		char *end = closing(p);

		if (end && end - p > TEMPLATE_MAX) {
			memcpy(p + 1, "..", 2);
			memmove(p + 3, end, strlen(end) + 1);
		}
	}
}

/* Scopes without a name say nothing. */
static void drop_anonymous(char *s)
{
	static const char anonymous[] = "(anonymous namespace)::";
	const size_t len = sizeof(anonymous) - 1;

	for (char *p = s; (p = strstr(p, anonymous));)
		memmove(p, p + len, strlen(p + len) + 1);
}

/*
 * Of a scoped name that is too wide, the scopes that may go: what it ends in says most. Where its
 * last parts begin that fit into max columns, ".." included; s itself when all fits or none does.
 */
static const char *last_scopes(const char *s, int max)
{
	const char *p = s, *next;
	int depth = 0;

	if (display_width(s) <= max)
		return s;
	for (next = s; *next; next++) {
		depth += *next == '<' || *next == '(' || *next == '{';
		depth -= *next == '>' || *next == ')' || *next == '}';
		if (depth > 0 || strncmp(next, "::", 2) != 0)
			continue;
		p = next + 2;
		if (display_width(p) + 2 <= max)
			return p;
	}
	return s;
}

char *short_function(const char *name, int max)
{
	scoped_free char *cut = NULL;
	const char *tail;

	scoped_free char *copy = NULL;

	if (!*str(name))
		return strdup("[unknown]");
	copy = strndup(name, bare_function_len(name));
	if (!copy)
		return NULL;
	squeeze_templates(copy);
	drop_anonymous(copy);
	tail = max > 0 ? last_scopes(copy, max) : copy;
	if (tail == copy || asprintf(&cut, "..%s", tail) < 0)
		return printable(copy, max);
	return printable(cut, max);
}

/* --- paths */

#define SEPARATOR " < "
#define GAP ".."

/* The chosen words with the separator between them, ".." where some were left out. */
static char *join(char **words, const bool *chosen, uint32_t cnt)
{
	char *line = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&line, &sz);
	bool gap = false, any = false;

	if (!f)
		return NULL;
	for (uint32_t i = 0; i < cnt; i++) {
		if (!words[i] || !chosen[i]) {
			gap = true;
			continue;
		}
		fprintf(f, "%s%s%s", any ? SEPARATOR : "", any && gap ? GAP SEPARATOR : "",
			words[i]);
		any = true;
		gap = false;
	}
	if (gap && any)
		fputs(SEPARATOR GAP, f);
	if (fclose(f)) {
		free(line);
		return NULL;
	}
	return line;
}

/* Columns that these words take, each gap between chosen ones counted. */
static int width_of(char **words, const bool *chosen, uint32_t cnt)
{
	bool gap = false;
	int width = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		if (!words[i] || !chosen[i]) {
			gap = true;
			continue;
		}
		width += display_width(words[i]) + (int)strlen(SEPARATOR);
		width += gap ? (int)strlen(GAP SEPARATOR) : 0;
		gap = false;
	}
	return width + (gap ? (int)strlen(GAP) : -(int)strlen(SEPARATOR));
}

/* Leaf and root and, between them, `script`; then from the leaf on, as long as all fits. */
static void choose(char **words, bool *chosen, uint32_t cnt, uint32_t script, int max)
{
	uint32_t last = cnt;

	while (last && !words[last - 1])
		last--;
	for (uint32_t i = 0; script < cnt && i < 3; i++) {
		const uint32_t first[] = {0, script, last - 1};

		if (!words[first[i]] || chosen[first[i]])
			continue;
		chosen[first[i]] = true;
		if (i && width_of(words, chosen, cnt) > max)
			chosen[first[i]] = false;
	}
	for (uint32_t i = 0; i < cnt; i++) {
		uint32_t at = i == 1 && last ? last - 1 : i > 1 ? i - 1 : i;

		if (!words[at] || chosen[at])
			continue;
		chosen[at] = true;
		if (at && width_of(words, chosen, cnt) > max) {
			chosen[at] = false;
			if (i > 1)
				break;
		}
	}
}

static bool is_script(const struct frame *f)
{
	return f->flags & FRAME_JIT && f->flags & FRAME_NAMED &&
	       is_program_script(str(f->name), str(f->module));
}

char *short_path(const struct recording *r, const uint32_t *frames, uint32_t cnt, int max)
{
	uint32_t script = PATH_FRAMES_MAX; /* the program's innermost */
	char *words[PATH_FRAMES_MAX] = {NULL}, *line = NULL;
	bool chosen[PATH_FRAMES_MAX] = {false}, failed = false;
	int name_max = max / 2 < NAME_MAX_COLUMNS ? max / 2 : NAME_MAX_COLUMNS;
	char *cut;

	if (cnt > PATH_FRAMES_MAX)
		cnt = PATH_FRAMES_MAX;
	if (!cnt)
		return strdup("[no call path]");
	for (uint32_t i = 0; i < cnt; i++) {
		if (frames[i] == NO_INDEX)
			continue;
		words[i] = short_function(r->frames[frames[i]].name, name_max);
		failed |= !words[i];
		if (script == PATH_FRAMES_MAX && is_script(&r->frames[frames[i]]))
			script = i;
	}
	if (!failed) {
		choose(words, chosen, cnt, script, max);
		line = join(words, chosen, cnt);
	}
	for (uint32_t i = 0; i < cnt; i++)
		free(words[i]);
	if (!line)
		return NULL;
	cut = printable(line, max);
	free(line);
	return cut;
}

char *full_path(const struct recording *r, const struct stack *s)
{
	scoped_free char *line = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&line, &sz);

	if (!f)
		return NULL;
	for (uint32_t i = 0; i < s->frame_cnt; i++) {
		const char *name = str(r->frames[s->frames[i]].name);

		fprintf(f, "%s%s%s", i ? SEPARATOR : "", *name ? name : "[unknown]",
			i < s->kernel_cnt ? "[k]" : "");
	}
	if (s->end != WG_END_COMPLETE && s->end != WG_END_NONE)
		fprintf(f, "%s(%s)", s->frame_cnt ? SEPARATOR : "",
			stack_end_name((enum wg_stack_end)s->end));
	if (fclose(f))
		return NULL;
	return printable(line, INT_MAX);
}

/* --- causes */

static char *lock_words(const struct locks *l, const struct where_cause *c, bool count_objects)
{
	const struct lock_object *o = &l->objects[c->object];
	const char *type = lock_type_name(c->type);
	char *words;
	int n;

	if (c->type == TYPE_MMAP || c->type == TYPE_VMA)
		n = asprintf(&words, "%s", o->name);
	else if (o->kernel && !*str(o->lock->symbol))
		n = asprintf(&words, "kernel %s", o->name);
	else if (count_objects && c->object_cnt > 1)
		n = asprintf(&words, "%ux %s, %s", c->object_cnt, type, o->name);
	else
		n = asprintf(&words, "%s, %s%s", type, o->name,
			     o->shared ? ", shared by processes" : "");
	return n < 0 ? NULL : words;
}

static char *futex_words(const struct where_cause *c, bool count_objects)
{
	const char *idle = c->wait == WAIT_IDLE ? " (idle wait)" : "";
	char *words;
	int n;

	if (count_objects && c->object_cnt > 1)
		n = asprintf(&words, "%ux %s%s", c->object_cnt, lock_type_name(c->type), idle);
	else
		n = asprintf(&words, "%s%s", lock_type_name(c->type), idle);
	return n < 0 ? NULL : words;
}

static char *kernel_words(const struct recording *r, const struct where_cause *c)
{
	const char *call = c->frame == NO_INDEX ? NULL : syscall_of(r->frames[c->frame].name);
	char *words;

	if (c->kclass == KC_SYSCALL && call)
		return asprintf(&words, "syscall %s", call) < 0 ? NULL : words;
	return strdup(kclass_name(c->kclass));
}

char *cause_words(const struct locks *l, const struct where_cause *c, bool count_objects)
{
	scoped_free char *raw = NULL;

	switch (c->kind) {
	case CAUSE_LOCK:
		raw = lock_words(l, c, count_objects);
		break;
	case CAUSE_FUTEX:
		raw = futex_words(c, count_objects);
		break;
	case CAUSE_KERNEL:
		raw = kernel_words(l->paths->r, c);
		break;
	case CAUSE_BLOCKED:
		raw = strdup(blocked_rule_name(c->blocked));
		break;
	case CAUSE_UNKNOWN:
		raw = strdup("no call path");
		break;
	case CAUSE_LOST:
		raw = strdup("lost: no room for it");
		break;
	default:
		raw = strdup("");
	}
	return raw ? printable(raw, INT_MAX) : NULL;
}
