// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Symbols of files and of JIT code, read when first asked for; see programs.h. */
#include "capture/programs.h"

#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

/* What a process looked like in this window. */
struct process_names {
	uint32_t tgid;
	struct jitmap *jit;
};

static int process_order(const void *a, const void *b)
{
	const struct process_names *x = a, *y = b;

	ORDER(x->tgid, y->tgid);
	return 0;
}

static struct process_names *process_of(struct programs *n, uint32_t tgid)
{
	struct process_names key = {.tgid = tgid}, *p, **found;

	found = tfind(&key, &n->processes, process_order);
	if (found)
		return *found;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->tgid = tgid;
	if (!tsearch(p, &n->processes, process_order)) {
		free(p);
		return NULL;
	}
	return p;
}

static void process_free(void *arg)
{
	struct process_names *p = arg;

	jitmap_free(p->jit);
	free(p);
}

/* Whose the process is now, if it is there: it may have changed since its mappings were read. */
static uid_t owner_of(const struct process *p)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u", p->tgid);
	/* root's, when the process may not be dumped: then what was noted is better */
	return stat(path, &st) || !st.st_uid ? p->uid : st.st_uid;
}

static void forget_jit(const void *node, VISIT visit, int depth)
{
	struct process_names *p = *(struct process_names *const *)node;

	(void)depth;
	if (visit != postorder && visit != leaf)
		return;
	jitmap_free(p->jit);
	p->jit = NULL;
}

/* Give up what was read of files, to be read again: one of them wants more memory than there is left. */
static void make_room(struct programs *n)
{
	twalk(n->processes, forget_jit);
	for (size_t i = 0; i < n->symtab_cap; i++) {
		symtab_close(n->symtabs[i]);
		n->symtabs[i] = NULL;
		n->symtab_tried[i] = 0;
	}
}

static void read_jit(struct process_names *p, const struct process *sp)
{
	int root = sp->root_fd >= 0 ? sp->root_fd : AT_FDCWD;
	uid_t owner = owner_of(sp);
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%u.map", sp->ns_tgid);
	/* not there, or not to be trusted: the code has no names */
	jitmap_add_perf(p->jit, root, path, owner, NULL);
	for (size_t i = 0; i < sp->jitdump_cnt; i++)
		jitmap_add_jitdump(p->jit, root, sp->jitdumps[i], owner, NULL);
}

struct jitmap *programs_jit(struct programs *n, uint32_t tgid)
{
	const struct process *sp = spaces_process(n->spaces, tgid);
	struct process_names *p = process_of(n, tgid);

	if (!p || p->jit || jitmap_new(&p->jit))
		return p ? p->jit : NULL;
	if (!sp || !sp->identified)
		return p->jit; /* whose file it would be is not known */
	read_jit(p, sp);
	if (jitmap_wants_room(p->jit)) {
		jitmap_forget(p->jit);
		p->jit = NULL;
		make_room(n);
		if (jitmap_new(&p->jit))
			return NULL;
		read_jit(p, sp);
	}
	return p->jit;
}

static void open_symtab(struct programs *n, uint32_t number, const struct module *m)
{
	n->symtab_tried[number] = 1;
	if (m->fd >= 0)
		symtab_open(&n->symtabs[number], m->fd, m->path, "", NULL);
	else
		symtab_open_image(&n->symtabs[number], m->image, m->image_sz, m->path, NULL);
}

struct symtab *programs_symtab(struct programs *n, uint32_t number, const struct module *m)
{
	size_t cap = n->symtab_cap;

	while (number >= cap)
		cap = cap ? cap * 2 : 64;
	if (cap != n->symtab_cap) {
		struct symtab **s = reallocarray(n->symtabs, cap, sizeof(*s));
		uint8_t *t;

		if (!s)
			return NULL;
		n->symtabs = s;
		t = realloc(n->symtab_tried, cap);
		if (!t)
			return NULL;
		n->symtab_tried = t;
		memset(s + n->symtab_cap, 0, (cap - n->symtab_cap) * sizeof(*s));
		memset(t + n->symtab_cap, 0, cap - n->symtab_cap);
		n->symtab_cap = cap;
	}
	if (!n->symtab_tried[number]) {
		open_symtab(n, number, m);
		if (n->symtabs[number] && symtab_wants_room(n->symtabs[number])) {
			symtab_forget(n->symtabs[number]);
			n->symtabs[number] = NULL;
			make_room(n);
			open_symtab(n, number, m);
		}
	}
	return n->symtabs[number];
}

void programs_forget(struct programs *n)
{
	tdestroy(n->processes, process_free);
	n->processes = NULL;
}

void programs_clear(struct programs *n)
{
	programs_forget(n);
	for (size_t i = 0; i < n->symtab_cap; i++)
		symtab_close(n->symtabs[i]);
	free(n->symtabs);
	free(n->symtab_tried);
	*n = (struct programs){0};
}
