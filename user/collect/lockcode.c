// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Functions of locks, by address; see lockcode.h. */
#include "collect/lockcode.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "symbol/symtab.h"

#define FUNCTION_MAX 20000 /* of one file: each is held against all rules */

struct codes {
	lock_class_fn *class_of;
	const char *module;
	struct wg_lock_code *code;
	size_t cnt, cap;
};

/* Functions come in order of their addresses. */
static int add_function(void *ctx, const struct symbol *f)
{
	struct codes *c = ctx;
	enum wg_lock_class class = c->class_of(f->name, c->module);
	struct wg_lock_code *last = c->cnt ? &c->code[c->cnt - 1] : NULL;

	if (class == WG_LOCK_NONE || f->size > UINT32_MAX / 2)
		return 0;
	if (last && last->lock_class == class && last->start + last->size == f->start &&
	    last->size < UINT32_MAX / 2) {
		last->size += (uint32_t)f->size;
		return 0;
	}
	if (array_grow((void **)&c->code, &c->cap, c->cnt, sizeof(*c->code)))
		return -1;
	c->code[c->cnt++] = (struct wg_lock_code){f->start, (uint32_t)f->size, (uint32_t) class};
	return 0;
}

static int hand_over(struct lockcode *l, uint32_t number, const struct codes *c)
{
	struct wg_lock_codes entry = {.pos = l->cnt, .cnt = (uint32_t)c->cnt};

	if (c->cnt > WG_LOCK_CODE_MAX - l->cnt)
		return -1;
	for (size_t i = 0; i < c->cnt; i++) {
		uint32_t at = l->cnt + (uint32_t)i;

		if (bpf_map_update_elem(l->codes_fd, &at, &c->code[i], BPF_ANY))
			return -1;
	}
	l->cnt += (uint32_t)c->cnt;
	return bpf_map_update_elem(l->modules_fd, &number, &entry, BPF_ANY);
}

void lockcode_add(struct lockcode *l, uint32_t number, const struct module *m)
{
	const char *slash = strrchr(m->path, '/');
	struct codes c = {.class_of = l->class_of, .module = slash ? slash + 1 : m->path};
	struct symtab *s;
	struct err e;

	if (!l->class_of || !m->elf || m->fd < 0 || symtab_open(&s, m->fd, m->path, "", &e))
		return;
	if (!symtab_each_function(s, FUNCTION_MAX, add_function, &c) && c.cnt)
		hand_over(l, number, &c);
	free(c.code);
	symtab_close(s);
}
