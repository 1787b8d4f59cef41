/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the readers of perf maps and jitdumps (perfmap.c, jitdump.c) fill and jitmap.c looks up:
 * entries in the order they are added, with memory that does not move. Private to this folder.
 */
#ifndef WG_SYMBOL_JITCODE_H
#define WG_SYMBOL_JITCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "symbol/window.h"

#define JIT_NAME_MAX 512	/* bytes of a name; longer ones are cut */
#define JIT_CODE_MAX (1u << 30) /* a function larger than that is junk */

struct jitcode {
	uint64_t start, end;
	uint64_t when_ns; /* 0: from the beginning */
	const char *name;
	const uint8_t *code; /* NULL: not known */
	uint32_t order;	     /* later ones win */
	/* of the branch this entry is the root of, see jitmap.c */
	uint32_t branch_order; /* highest order */
	uint64_t branch_end;   /* highest end */
};

struct jitmap {
	struct budget budget;
	char path[64]; /* the first file, for the budget */
	struct jitcode *entry;
	size_t cnt, cap;
	struct block *block; /* names and code */
	size_t block_total, code_total;
	uint64_t bad_cnt;
};

/* Whether [start, start + size) can be code of a process. */
bool jitcode_sane(uint64_t start, uint64_t size);

/*
 * Add an entry with when_ns, start and end set; makes its own copy of the name. 0, -ENOMEM or -EDQUOT.
 */
int jitcode_add(struct jitmap *m, struct jitcode entry, const char *name, size_t name_len);
/* Room for the code of an entry that is to be added; NULL: there is none. */
uint8_t *jitcode_room(struct jitmap *m, size_t sz);
/* The same for names and code that m has. */
int jitcode_add_known(struct jitmap *m, struct jitcode entry);

/*
 * What the files hold, to m. within: it begins within a line. 0, -ENOMEM, -EDQUOT or, for a jitdump,
 * -ENOEXEC.
 */
int jitmap_read_perf(struct jitmap *m, struct window *w, bool within);
int jitmap_read_jitdump(struct jitmap *m, struct window *w);

/* After adding: entries from index `from` on are new; by_time: they are ordered by when_ns. */
void jitcode_settle(struct jitmap *m, size_t from, bool by_time);

#endif
