// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Functions without CFI whose way of being called is known, so that code.c can tell their frames:
 * V8's built-ins, which node has in its .text. They have a frame on some ways through them and none
 * on others: by frame pointer alone, the function that called them would be left out.
 */
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "unwind/code.h"
#include "unwind/source.h"

#define BARE_MAX 65536		   /* functions; V8 has some 2,000 */
#define BARE_CODE_MAX (32ul << 20) /* bytes of all of them */

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

static bool is_bare(const struct eh_frame *eh, const struct source *s, const GElf_Shdr *table,
		    const GElf_Sym *sym)
{
	const char *name;

	if (GELF_ST_TYPE(sym->st_info) != STT_FUNC || !sym->st_size ||
	    sym->st_size > CODE_FUNCTION_MAX || !is_code(eh, sym->st_value, sym->st_size))
		return false;
	name = elf_strptr(s->elf, table->sh_link, sym->st_name);
	return name && !strncmp(name, prefix, strlen(prefix)) && !is_entered_otherwise(name);
}

/* Their code, where the file has it. */
static uint8_t *code_of(const struct source *s, size_t phdr_cnt, uint64_t start, uint32_t sz)
{
	GElf_Phdr ph;
	uint8_t *code;

	for (size_t i = 0; i < phdr_cnt; i++) {
		if (!gelf_getphdr(s->elf, (int)i, &ph) || ph.p_type != PT_LOAD ||
		    start < ph.p_vaddr || start - ph.p_vaddr > ph.p_filesz ||
		    sz > ph.p_filesz - (start - ph.p_vaddr))
			continue;
		code = malloc(sz);
		if (code && source_read(s, ph.p_offset + (start - ph.p_vaddr), code, sz))
			return code;
		free(code);
	}
	return NULL;
}

static int add_symbols(struct eh_frame *eh, const struct source *s, Elf_Scn *scn,
		       const GElf_Shdr *table)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t cnt = data && table->sh_entsize ? data->d_size / table->sh_entsize : 0;
	GElf_Sym sym;

	for (size_t i = 0; i < cnt && i <= INT32_MAX && eh->bare_cnt < BARE_MAX; i++) {
		if (!gelf_getsym(data, (int)i, &sym) || !is_bare(eh, s, table, &sym))
			continue;
		if (array_grow((void **)&eh->bare, &eh->bare_cap, eh->bare_cnt, sizeof(*eh->bare)))
			return -ENOMEM;
		eh->bare[eh->bare_cnt++] =
			(struct bare_function){.start = sym.st_value, .sz = (uint32_t)sym.st_size};
	}
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct bare_function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->sz < y->sz ? -1 : x->sz > y->sz;
}

/* Sorted, without what overlaps or is not in the file. */
static void read_code(struct eh_frame *eh, const struct source *s)
{
	uint64_t end = 0, total = 0;
	size_t phdr_cnt = 0, left = 0;

	if (elf_getphdrnum(s->elf, &phdr_cnt))
		phdr_cnt = 0;
	if (eh->bare_cnt)
		qsort(eh->bare, eh->bare_cnt, sizeof(*eh->bare), by_start);
	for (size_t i = 0; i < eh->bare_cnt; i++) {
		struct bare_function f = eh->bare[i];

		if (f.start < end || total + f.sz > BARE_CODE_MAX)
			continue;
		f.code = code_of(s, phdr_cnt, f.start, f.sz);
		if (!f.code)
			continue;
		eh->bare[left++] = f;
		end = f.start + f.sz;
		total += f.sz;
	}
	eh->bare_cnt = left;
}

int bare_functions_read(struct eh_frame *eh, const struct source *s)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	int rc = 0;

	while (!rc && (scn = elf_nextscn(s->elf, scn))) {
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB)
			rc = add_symbols(eh, s, scn, &sh);
	}
	if (!rc)
		read_code(eh, s);
	return rc;
}
