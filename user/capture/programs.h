/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where names come from: the symbol tables of mapped files, and what processes say of the code that
 * they made. Opened when first asked for; given up, to be read again, when there is no memory left
 * for another.
 */
#ifndef WG_CAPTURE_PROGRAMS_H
#define WG_CAPTURE_PROGRAMS_H

#include <stddef.h>
#include <stdint.h>

#include "collect/space.h"
#include "symbol/jitmap.h"
#include "symbol/symtab.h"

struct programs {
	const struct spaces *spaces; /* not owned: valid for a window */
	struct symtab **symtabs;     /* by module number; NULL: not opened */
	size_t symtab_cap;
	uint8_t *symtab_tried;
	void *processes; /* tree of what each process looked like in this window */
};

/* Symbols of module m, that number; NULL: there are none, or no memory. Until the next call. */
struct symtab *programs_symtab(struct programs *n, uint32_t number, const struct module *m);
/* What the process's perf map and jitdumps say, read once a window; NULL without memory. Likewise. */
struct jitmap *programs_jit(struct programs *n, uint32_t tgid);
/* What processes looked like, not the files: between windows. */
void programs_forget(struct programs *n);
void programs_clear(struct programs *n);

#endif
