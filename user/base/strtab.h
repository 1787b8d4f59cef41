/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A string table of an ELF file, read page by page as strings are asked for: it may be larger than
 * memory, or claim to be. Some pages are kept.
 */
#ifndef WG_BASE_STRTAB_H
#define WG_BASE_STRTAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/elffile.h"

struct strtab {
	const struct elf_file *file; /* must outlive it */
	uint64_t off, sz;
	char *page;	 /* slot_cnt of them; page N in slot N % slot_cnt */
	uint64_t *holds; /* page in each slot + 1; 0: none */
	size_t slot_cnt;
};

/* That of a section with a table of symbols. 0 (an empty one, where there is none), -ENOMEM, -EDQUOT. */
int strtab_open(struct strtab *t, const struct elf_file *f, const Elf64_Shdr *symbols);
/* Keep no pages any more: those that are asked for are read again. */
void strtab_shrink(struct strtab *t);
void strtab_close(struct strtab *t); /* accepts a zeroed one */

/* The string at off to buf, cut to sz - 1 bytes, with its 0. Returns its length there; 0: none. */
size_t strtab_get(struct strtab *t, uint64_t off, char *buf, size_t sz);

#endif
