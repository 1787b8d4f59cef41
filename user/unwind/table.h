/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Compact unwind tables from an ELF file's .eh_frame: what the walk in the kernel looks up for
 * an address. See struct wg_rule and "Unwind tables" in bpf/shared.h. Pure but for reading the
 * file and the cache.
 *
 *   page[p] .. page[p + 1]   the rows of the 256 bytes of code at base + 256 * p
 *   row                      low 8 bits: offset in the page; high 24: index into rule[]
 *   rule                     each once
 *   start                    function starts by the FDEs, sorted, relative to base
 *
 * Addresses are the file's own (p_vaddr). Code without CFI gets rows with WG_CFA_NONE, or, for
 * whole pages of it, no rows.
 */
#ifndef WG_UNWIND_TABLE_H
#define WG_UNWIND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "shared.h"

struct unwind_table {
	uint64_t base; /* of page 0; a multiple of WG_PAGE_SIZE */
	bool cut;      /* there is CFI, which was not read: all addresses are unsupported */
	uint32_t page_cnt;
	uint32_t *page; /* page_cnt + 1 */
	uint32_t row_cnt;
	uint32_t *row;
	uint32_t rule_cnt;
	struct wg_rule *rule;
	uint32_t start_cnt;
	uint32_t *start;
	uint32_t fde_bad_cnt; /* entries that make no sense: left out, or unsupported from there */
	uint32_t row_unsupported_cnt; /* rows that are WG_CFA_UNSUPPORTED */
};

struct budget;

/* Bytes of memory that it has. */
size_t unwind_table_bytes(const struct unwind_table *t);

/* A zeroed table is empty: every address in it has no CFI. */
void unwind_table_clear(struct unwind_table *t);

/*
 * Build from the ELF file open in fd (its offset is left alone) or from an image in memory (the
 * vDSO). An ELF file without .eh_frame gives an empty table and 0. -ENOEXEC: not an x86-64 ELF
 * file, or one too broken to read; with one line in e. b: what it may take; at the end it holds what
 * the table has. Of a file that takes more the table is cut.
 */
int unwind_table_build(struct unwind_table *t, int fd, struct budget *b, struct err *e);
int unwind_table_build_image(struct unwind_table *t, const void *image, size_t sz, struct err *e);

/* The rule at addr (a rule with WG_CFA_NONE where there is none). */
struct wg_rule unwind_table_find(const struct unwind_table *t, uint64_t addr);

/*
 * Start of the function that holds addr by the FDEs, or 0 when there is none. A part that the
 * compiler put elsewhere (.cold) has an FDE, and so a start, of its own.
 */
uint64_t unwind_table_start(const struct unwind_table *t, uint64_t addr);

/*
 * The cache: one file per build-id (lower-case hex) in a folder that only its owner can write to, nor
 * anybody else to those above it.
 * Loading refuses, with -ENOENT, whatever is not a regular file of ours, complete and of this
 * version; every index in it is checked. Saving is atomic, makes the folder if need be, and
 * failing to (a negative errno) is no harm.
 */
int unwind_cache_load(struct unwind_table *t, const char *folder, const char *build_id,
		      struct budget *b);
int unwind_cache_save(const struct unwind_table *t, const char *folder, const char *build_id);
/*
 * Where the folder has more files or bytes, those go that were not used for longest. tidy: to 2,048
 * files and 256 MiB, when this program has saved since; until then it saves no more than 1,024
 * (-EDQUOT).
 */
void unwind_cache_prune(const char *folder, size_t max_files, uint64_t max_bytes);
void unwind_cache_tidy(const char *folder);

#endif
