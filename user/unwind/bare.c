// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Functions without CFI whose way of being called is known, so that code.c can tell their frames:
 * V8's built-ins, which node has in its .text. They have a frame on some ways through them and none
 * on others: by frame pointer alone, the function that called them would be left out.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strtab.h"
#include "base/util.h"
#include "unwind/code.h"
#include "unwind/source.h"

#define BARE_MAX 65536		   /* functions; V8 has some 2,000 */
#define BARE_CODE_MAX (32ul << 20) /* bytes of all of them */
#define BARE_NAME_MAX 256	   /* theirs are shorter */

/* src/builtins/builtins-definitions.h names them, src/snapshot/embedded adds the prefix. */
static const char prefix[] = "Builtins_";

/*
 * Those that are not called but jumped or returned to, with a frame that others have made:
 * src/builtins/x64/builtins-x64.cc.
 */
static bool is_entered_otherwise(const char *name)
{
	static const char *const parts[] = {"EnterAt",	  "ContinueTo",
					    "Deoptimiz",  "OnStackReplacement",
					    "LeaveFrame", "OutOfLinePrologue"};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (strstr(name, parts[i]))
			return true;
	}
	return false;
}

/* Of the segments that the table believes in. */
static bool is_code(const struct eh_frame *eh, uint64_t start, uint64_t sz)
{
	for (unsigned int i = 0; i < eh->code_cnt; i++) {
		const struct eh_frame_code *c = &eh->code[i];

		if (start >= c->start && start < c->end && sz <= c->end - start)
			return true;
	}
	return false;
}

static bool is_bare(const struct eh_frame *eh, struct strtab *names, const Elf64_Sym *sym)
{
	char name[BARE_NAME_MAX];

	if (ELF64_ST_TYPE(sym->st_info) != STT_FUNC || !sym->st_size ||
	    sym->st_size > CODE_FUNCTION_MAX || !is_code(eh, sym->st_value, sym->st_size))
		return false;
	strtab_get(names, sym->st_name, name, sizeof(name));
	return !strncmp(name, prefix, strlen(prefix)) && !is_entered_otherwise(name);
}

/* Their code, where the file has it; -EDQUOT: more than the budget has. */
static int read_one(const struct eh_frame *eh, const struct elf_file *f, struct bare_function *to)
{
	for (uint32_t i = 0; i < f->segment_cnt; i++) {
		const Elf64_Phdr *ph = &f->segment[i];

		if (ph->p_type != PT_LOAD || to->start < ph->p_vaddr ||
		    to->start - ph->p_vaddr > ph->p_filesz ||
		    to->sz > ph->p_filesz - (to->start - ph->p_vaddr))
			continue;
		if (!budget_take(eh->budget, to->sz))
			return -EDQUOT;
		to->code = malloc(to->sz);
		if (to->code && elf_file_read(f, ph->p_offset + (to->start - ph->p_vaddr), to->code,
					      to->sz) == to->sz)
			return 0;
		free(to->code);
		to->code = NULL;
		budget_give(eh->budget, to->sz);
	}
	return 0;
}

static int add_symbols(struct eh_frame *eh, const struct elf_file *f, const Elf64_Shdr *table,
		       struct strtab *names)
{
	Elf64_Sym block[512];
	uint64_t left = table->sh_size / sizeof(*block), off = table->sh_offset;
	int err = 0;

	while (left && !err) {
		size_t want = left < ARRAY_SIZE(block) ? left : ARRAY_SIZE(block);
		size_t got = elf_file_read(f, off, block, want * sizeof(*block)) / sizeof(*block);

		for (size_t i = 0; i < got && !err && eh->bare_cnt < BARE_MAX; i++) {
			if (!budget_step(eh->budget))
				return -EDQUOT;
			if (!is_bare(eh, names, &block[i]))
				continue;
			err = budget_grow(eh->budget, (void **)&eh->bare, &eh->bare_cap,
					  eh->bare_cnt, sizeof(*eh->bare));
			if (!err)
				eh->bare[eh->bare_cnt++] =
					(struct bare_function){.start = block[i].st_value,
							       .sz = (uint32_t)block[i].st_size};
		}
		if (got < want || eh->bare_cnt == BARE_MAX)
			break;
		left -= got;
		off += got * sizeof(*block);
	}
	return err;
}

static int by_start(const void *a, const void *b)
{
	const struct bare_function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->sz < y->sz ? -1 : x->sz > y->sz;
}

/* Sorted, without what overlaps or is not in the file. */
static int read_code(struct eh_frame *eh, const struct elf_file *f)
{
	size_t left = 0, total = 0, cnt = eh->bare_cnt;
	uint64_t end = 0;
	int err = 0;

	items_sort(eh->bare, cnt, sizeof(*eh->bare), by_start);
	eh->bare_cnt = 0; /* those that have their code */
	for (size_t i = 0; i < cnt && !err; i++) {
		struct bare_function one = eh->bare[i];

		if (one.start < end || total + one.sz > BARE_CODE_MAX)
			continue;
		err = budget_step(eh->budget) ? read_one(eh, f, &one) : -EDQUOT;
		if (err || !one.code)
			continue;
		eh->bare[left++] = one;
		eh->bare_cnt = left;
		end = one.start + one.sz;
		total += one.sz;
	}
	return err;
}

int bare_functions_read(struct eh_frame *eh, const struct elf_file *f)
{
	int err = 0;

	for (uint32_t i = 0; i < f->section_cnt && !err; i++) {
		const Elf64_Shdr *table = &f->section[i];
		struct strtab names;

		if (table->sh_type != SHT_SYMTAB || !elf_has_bytes(table))
			continue;
		err = strtab_open(&names, f, table);
		if (err)
			break;
		err = add_symbols(eh, f, table, &names);
		strtab_close(&names);
	}
	return err ? err : read_code(eh, f);
}
