// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The entries of .eh_frame: common information (CIE) and the functions that use it (FDE), by
 * libdw, which leaves the augmentation data and the addresses to us. Instructions are cfi.c's.
 */
#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "unwind/eh_frame.h"

bool cfi_pointer(const struct eh_frame *eh, struct cursor *cur, uint8_t how, uint64_t *addr)
{
	uint64_t base = 0;

	switch (how & 0xf0) {
	case DW_EH_PE_absptr:
		break;
	case DW_EH_PE_pcrel:
		base = eh->vaddr + (uint64_t)(cur->p - eh->data);
		break;
	default: /* indirect, or relative to what x86-64 does not define */
		return false;
	}
	switch (how & 0x0f) {
	case DW_EH_PE_uleb128:
		*addr = base + cursor_uleb(cur);
		break;
	case DW_EH_PE_sleb128:
		*addr = base + (uint64_t)cursor_sleb(cur);
		break;
	case DW_EH_PE_udata2:
		*addr = base + cursor_uint(cur, 2);
		break;
	case DW_EH_PE_sdata2:
		*addr = base + (uint64_t)cursor_int(cur, 2);
		break;
	case DW_EH_PE_udata4:
		*addr = base + cursor_uint(cur, 4);
		break;
	case DW_EH_PE_sdata4:
		*addr = base + (uint64_t)cursor_int(cur, 4);
		break;
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		*addr = base + cursor_uint(cur, 8);
		break;
	default:
		return false;
	}
	return !cur->bad;
}

/* Skip a pointer of any kind; how much room it takes depends on its format alone. */
static void skip_pointer(struct cursor *cur, uint8_t how)
{
	static const uint8_t sz[8] = {8, 0, 2, 4, 8, 0, 0, 0};

	if (how == DW_EH_PE_omit)
		return;
	if ((how & 7) == DW_EH_PE_uleb128)
		cursor_uleb(cur);
	else if (sz[how & 7])
		cursor_skip(cur, sz[how & 7]);
	else
		cursor_fail(cur);
}

/*
 * Letters after the 'z' say what the augmentation data holds. A letter that we do not know ends
 * what we can read of it; its length is known, so the instructions can still be found.
 */
static bool read_augmentation(struct cfi_cie *cie, const Dwarf_CIE *entry)
{
	const uint8_t *data = entry->augmentation_data;
	const char *letter = entry->augmentation;
	struct cursor cur;

	cie->pointer = DW_EH_PE_absptr;
	if (*letter != 'z')
		return *letter == '\0' || !strcmp(letter, "eh");
	cie->sized = true;
	cur = cursor_at(data, data + entry->augmentation_data_size);
	for (letter++; *letter; letter++) {
		if (*letter == 'R')
			cie->pointer = (uint8_t)cursor_uint(&cur, 1);
		else if (*letter == 'L')
			cursor_skip(&cur, 1);
		else if (*letter == 'P')
			skip_pointer(&cur, (uint8_t)cursor_uint(&cur, 1));
		else if (*letter == 'S')
			cie->signal = true;
		else
			break;
	}
	return !cur.bad;
}

static int add_cie(struct cfi *c, uint64_t off, const Dwarf_CIE *entry)
{
	struct cfi_cie *cie;
	int rc = budget_grow(c->eh->budget, (void **)&c->cie, &c->cie_cap, c->cie_cnt,
			     sizeof(*c->cie));

	if (rc)
		return rc;
	cie = &c->cie[c->cie_cnt++];
	*cie = (struct cfi_cie){0};
	cie->off = (uint32_t)off;
	cie->code_align = entry->code_alignment_factor;
	cie->data_align = entry->data_alignment_factor;
	cie->fde_data_sz = (uint32_t)entry->fde_augmentation_data_size;
	cie->bad = entry->return_address_register != CFI_RA || !read_augmentation(cie, entry) ||
		   !cfi_run_cie(
			   c->eh, cie,
			   cursor_at(entry->initial_instructions, entry->initial_instructions_end));
	c->bad_cnt += cie->bad;
	return 0;
}

/* CIEs come in ascending order and mostly right before their FDEs. NULL when there is none. */
static const struct cfi_cie *find_cie(const struct cfi *c, uint64_t off)
{
	size_t lo = 0, hi = c->cie_cnt;

	if (hi && c->cie[hi - 1].off == off)
		return &c->cie[hi - 1];
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->cie[mid].off == off)
			return &c->cie[mid];
		if (c->cie[mid].off < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool is_code(const struct eh_frame *eh, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < eh->code_cnt; i++)
		if (start >= eh->code[i].start && end <= eh->code[i].end)
			return true;
	return false;
}

static bool read_fde(const struct cfi *c, const Dwarf_FDE *entry, struct cfi_fde *fde)
{
	const struct cfi_cie *cie = find_cie(c, entry->CIE_pointer);
	struct cursor cur = cursor_at(entry->start, entry->end);
	uint64_t sz;

	if (!cie || cie->bad)
		return false;
	if (!cfi_pointer(c->eh, &cur, cie->pointer, &fde->start) ||
	    !cfi_pointer(c->eh, &cur, cie->pointer & 0x0f, &sz))
		return false;
	fde->end = fde->start + sz;
	if (fde->end <= fde->start || !is_code(c->eh, fde->start, fde->end))
		return false;
	cursor_skip(&cur, cie->sized ? cursor_uleb(&cur) : cie->fde_data_sz);
	fde->program = (uint32_t)(cur.p - c->eh->data);
	fde->program_end = (uint32_t)(entry->end - c->eh->data);
	fde->cie = (uint32_t)(cie - c->cie);
	return !cur.bad;
}

static int add_fde(struct cfi *c, const Dwarf_FDE *entry)
{
	int rc = budget_grow(c->eh->budget, (void **)&c->fde, &c->fde_cap, c->fde_cnt,
			     sizeof(*c->fde));

	if (rc)
		return rc;
	if (read_fde(c, entry, &c->fde[c->fde_cnt])) {
		c->fde[c->fde_cnt].idx = (uint32_t)c->fde_cnt;
		c->fde_cnt++;
	} else {
		c->bad_cnt++;
	}
	return 0;
}

/*
 * For each letter of an augmentation libdw reads a byte, or a byte and a pointer, without a look
 * at where the entry ends (seen in 0.188). So letters are limited to what the padding after
 * the data takes; there are five.
 */
static bool augmentation_too_long(const struct eh_frame *eh, uint64_t off)
{
	const size_t letter_max = EH_FRAME_PAD / (1 + 8);
	struct cursor cur = cursor_at(eh->data + off, eh->data + eh->sz);
	unsigned off_sz = cursor_uint(&cur, 4) == 0xffffffff ? 8 : 4;
	size_t left;

	cursor_skip(&cur, off_sz == 8 ? 8 : 0);
	if (cursor_uint(&cur, off_sz))
		return false; /* an FDE: it has none */
	cursor_skip(&cur, 1);
	left = (size_t)(cur.end - cur.p);
	return strnlen((const char *)cur.p, left) > letter_max;
}

/* Where the entry at off ends by its own length; the end of all when that makes no sense. */
static uint64_t entry_end(const struct eh_frame *eh, uint64_t off)
{
	struct cursor cur = cursor_at(eh->data + off, eh->data + eh->sz);
	uint64_t sz = cursor_uint(&cur, 4);

	if (sz == 0xffffffff)
		sz = cursor_uint(&cur, 8);
	cursor_skip(&cur, sz);
	return (uint64_t)(cur.p - eh->data);
}

static int read_entries(struct cfi *c)
{
	static const unsigned char ident[EI_NIDENT] = {
		ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT,
	};
	const struct eh_frame *eh = c->eh;
	Elf_Data data = {.d_buf = eh->data, .d_size = eh->sz, .d_version = EV_CURRENT};
	uint64_t off = 0;
	int rc = 0;

	while (!rc && off + 4 < eh->sz) {
		uint64_t end = entry_end(eh, off);
		Dwarf_CFI_Entry entry;
		Dwarf_Off next;
		int got;

		if (!budget_step(eh->budget))
			return -EDQUOT;
		/* A length of 0: what crtend.o adds, though other files' CFI may follow it. */
		if (end == off + 4) {
			if (eh->terminated)
				break;
			off = end;
			continue;
		}
		got = augmentation_too_long(eh, off)
			      ? -1
			      : dwarf_next_cfi(ident, &data, true, off, &next, &entry);
		if (got)
			c->bad_cnt++;
		else if (dwarf_cfi_cie_p(&entry))
			rc = add_cie(c, off, &entry.cie);
		else
			rc = add_fde(c, &entry.fde);
		off = end;
	}
	return rc;
}

static int by_start(const void *a, const void *b)
{
	const struct cfi_fde *x = a, *y = b;

	ORDER(x->start, y->start);
	ORDER(x->idx, y->idx);
	return 0;
}

/*
 * Sort FDEs and cut where they overlap, as unwinders do that look for the last start not after
 * an address: an FDE ends where the next begins. Of two with one start the first counts.
 */
static void sort_fdes(struct cfi *c)
{
	uint64_t limit;
	size_t kept = 0;
	bool sorted = true;

	for (size_t i = 1; i < c->fde_cnt && sorted; i++)
		sorted = c->fde[i - 1].start <= c->fde[i].start;
	if (!sorted)
		qsort(c->fde, c->fde_cnt, sizeof(*c->fde), by_start);
	limit = c->fde_cnt ? c->fde[0].start + c->eh->span_max : 0;
	for (size_t i = 0; i < c->fde_cnt; i++) {
		const struct cfi_fde *fde = &c->fde[i];

		if (fde->end > limit || (kept && c->fde[kept - 1].start == fde->start)) {
			c->bad_cnt++;
			continue;
		}
		if (kept && c->fde[kept - 1].end > fde->start)
			c->fde[kept - 1].end = fde->start;
		c->fde[kept++] = *fde;
	}
	c->fde_cnt = kept;
}

int cfi_read(struct cfi *c, const struct eh_frame *eh)
{
	int rc;

	*c = (struct cfi){.eh = eh};
	rc = read_entries(c);
	if (rc)
		cfi_clear(c);
	else
		sort_fdes(c);
	return rc;
}

void cfi_clear(struct cfi *c)
{
	if (c->eh)
		budget_give(c->eh->budget,
			    c->cie_cap * sizeof(*c->cie) + c->fde_cap * sizeof(*c->fde));
	free(c->cie);
	free(c->fde);
	*c = (struct cfi){0};
}
