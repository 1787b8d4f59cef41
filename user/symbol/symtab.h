/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Names of addresses in one ELF file: .symtab, .dynsym, .gnu_debugdata, separate debug files by
 * build-id and debug link. Addresses are the file's own (p_vaddr). Read when first asked.
 *
 * An address has a name only if a symbol's [start, start + size) holds it. A symbol without a size
 * holds up to the next one of its section, but a bounded way: code that a stripped file does not
 * name is never named after what comes before it.
 *
 * All it takes of memory and time is out of a budget of its own (base/budget.h). A table of symbols that
 * takes more is left out as a whole: half of the names could be the wrong ones.
 */
#ifndef WG_SYMBOL_SYMTAB_H
#define WG_SYMBOL_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct budget;
struct symtab; /* not shared between threads */

struct symbol {
	const char *name;     /* as demangle() has it; owned by the symtab */
	uint64_t start, size; /* size 0: not known */
	bool exported;	      /* in .dynsym */
};

/*
 * Takes a duplicate of fd. path is where the file is, for its debug link; root is put before the
 * folders that debug files are looked for in ("" or "/proc/PID/root"). -ENOEXEC: not a 64-bit ELF
 * file.
 */
int symtab_open(struct symtab **out, int fd, const char *path, const char *root, struct err *e);
/* An image in memory, which must outlive the symtab: the vDSO. */
int symtab_open_image(struct symtab **out, const void *image, size_t sz, const char *name,
		      struct err *e);
void symtab_close(struct symtab *s); /* accepts NULL */

/*
 * The function, or the data object, that holds addr; of several, the one that starts last. Of those
 * that start together, an exported name before a global one before a local one, then the shortest,
 * then the first by strcmp. Thread-local variables have no address and are left out. False: none, or no
 * memory or time for it, and out is as it was.
 */
bool symtab_function(struct symtab *s, uint64_t addr, struct symbol *out);
bool symtab_object(struct symtab *s, uint64_t addr, struct symbol *out);

/*
 * Each function's stretches of code, in the order of their addresses and without overlaps, to
 * take(ctx, symbol): start and size are the stretch's. Ends with what take returns when that is
 * not 0; else 0, -ENOMEM, or -E2BIG for a file with more than max symbols.
 */
int symtab_each_function(struct symtab *s, size_t max,
			 int (*take)(void *ctx, const struct symbol *f), void *ctx);

/* Up to len bytes of the file's code or data at addr; returns how many. */
size_t symtab_bytes(struct symtab *s, uint64_t addr, void *buf, size_t len);

/* Whether names were left out since other files hold the memory that is for all. */
bool symtab_wants_room(struct symtab *s);
/* Close it, to be opened anew: what was left out is not lost. */
void symtab_forget(struct symtab *s);

/* Where the names came from: "symtab", "debug file", "gnu_debugdata", "dynsym", "none". */
const char *symtab_source(struct symtab *s);

/* Lower-case hex of the file's build-id into buf, or "" when there is none or it does not fit. */
void elf_build_id(int fd, char *buf, size_t sz, struct budget *b);
void elf_build_id_image(const void *image, size_t image_sz, char *buf, size_t sz);

/*
 * A new string, NULL without memory: name as a reader wants it. The symbol version goes; C++ and
 * Rust are demangled, without argument lists and "[clone ...]", template arguments kept. What does
 * not demangle as a whole stays as it is. Bytes that are no text become '?'.
 */
char *demangle(const char *name);

#endif
