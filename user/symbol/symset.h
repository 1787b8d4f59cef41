/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A set of symbols that is looked up by address. Symbols may overlap in any way; sorted, they are
 * flattened to segments that do not, so that a look-up is one binary search whatever a file holds:
 *
 *   symbols    outer  |---------------------|        [start, end)
 *              inner        |-----|
 *   segments   outer |inner |outer          |none
 *
 * Private to this folder.
 */
#ifndef WG_SYMBOL_SYMSET_H
#define WG_SYMBOL_SYMSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of those that start together, higher ones win. */
enum rank { RANK_LABEL, RANK_LOCAL, RANK_GLOBAL, RANK_EXPORTED };

enum table { TABLE_STATIC, TABLE_DYNAMIC, TABLE_CNT, TABLE_READY = TABLE_CNT };

struct sym {
	uint64_t start, end;
	uint32_t
		name; /* offset in the strings of its table; TABLE_READY: index of a readable name */
	uint8_t table; /* enum table */
	uint8_t rank;  /* enum rank */
	bool exported;
	bool sized; /* else end is its section's until it is flattened */
};

struct budget;
struct strtab;

struct segment {
	uint64_t start;
	uint32_t sym;	   /* index, or UINT32_MAX for none */
} __attribute__((packed)); /* there may be millions */

struct symset {
	struct sym *sym;
	size_t cnt, cap; /* less than UINT32_MAX */
	struct segment *seg;
	size_t seg_cnt, seg_cap;
};

/* 0, -ENOMEM or -EDQUOT. */
int symset_add(struct symset *set, const struct sym *sym, struct budget *b);
/*
 * Once all symbols are in: make it ready for look-ups. strings: of each table, the names. reach:
 * the most bytes that a symbol without a size holds. 0, -ENOMEM or -EDQUOT.
 */
int symset_flatten(struct symset *set, struct strtab *strings, uint64_t reach, struct budget *b);
/* The symbol that holds addr: of several, the one that starts last; or NULL. */
struct sym *symset_find(const struct symset *set, uint64_t addr);
void symset_clear(struct symset *set, struct budget *b);

#endif
