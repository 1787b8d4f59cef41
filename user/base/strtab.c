// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Reads strings page by page; see strtab.h. */
#include "base/strtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"

#define PAGE 4096u
#define SLOT_MAX 1024u /* 4 MiB: all of most tables */

static size_t bytes_of(const struct strtab *t)
{
	return t->slot_cnt * (PAGE + sizeof(*t->holds));
}

static int keep_pages(struct strtab *t, size_t cnt)
{
	t->slot_cnt = cnt;
	if (!budget_take(t->file->budget, bytes_of(t))) {
		t->slot_cnt = 0;
		return -EDQUOT;
	}
	t->page = malloc((size_t)cnt * PAGE);
	t->holds = calloc(cnt, sizeof(*t->holds));
	return t->page && t->holds ? 0 : -ENOMEM;
}

int strtab_open(struct strtab *t, const struct elf_file *f, const Elf64_Shdr *symbols)
{
	const Elf64_Shdr *s;
	uint64_t pages;
	int err;

	*t = (struct strtab){.file = f};
	if (symbols->sh_link >= f->section_cnt)
		return 0;
	s = &f->section[symbols->sh_link];
	if (!elf_has_bytes(s) || s->sh_offset > f->size || s->sh_size > f->size - s->sh_offset)
		return 0;
	t->off = s->sh_offset;
	t->sz = s->sh_size;
	pages = (t->sz + PAGE - 1) / PAGE;
	if (!pages)
		return 0;
	err = keep_pages(t, pages < SLOT_MAX ? (size_t)pages : SLOT_MAX);
	if (err)
		strtab_close(t);
	return err;
}

void strtab_shrink(struct strtab *t)
{
	if (t->slot_cnt <= 1)
		return;
	budget_give(t->file->budget, bytes_of(t));
	free(t->page);
	free(t->holds);
	t->page = NULL;
	t->holds = NULL;
	if (keep_pages(t, 1))
		strtab_close(t);
}

void strtab_close(struct strtab *t)
{
	if (t->slot_cnt)
		budget_give(t->file->budget, bytes_of(t));
	free(t->page);
	free(t->holds);
	*t = (struct strtab){0};
}

/* What is at off, to the end of its page: *left bytes; NULL past the end. */
static const char *at(struct strtab *t, uint64_t off, size_t *left)
{
	uint64_t page = off / PAGE;
	size_t slot, want;

	if (off >= t->sz || !t->slot_cnt)
		return NULL;
	slot = page % t->slot_cnt;
	want = t->sz - page * PAGE < PAGE ? (size_t)(t->sz - page * PAGE) : PAGE;
	if (t->holds[slot] != page + 1) {
		t->holds[slot] = 0;
		if (elf_file_read(t->file, t->off + page * PAGE, t->page + slot * PAGE, want) !=
		    want)
			return NULL;
		t->holds[slot] = page + 1;
	}
	*left = want - off % PAGE;
	return t->page + slot * PAGE + off % PAGE;
}

size_t strtab_get(struct strtab *t, uint64_t off, char *buf, size_t sz)
{
	size_t len = 0, left, n;
	const char *from;

	while (len < sz - 1 && (from = at(t, off + len, &left))) {
		if (left > sz - 1 - len)
			left = sz - 1 - len;
		n = strnlen(from, left);
		memcpy(buf + len, from, n);
		len += n;
		if (n < left)
			break;
	}
	buf[len] = 0;
	return len;
}
