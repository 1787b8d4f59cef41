/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Writes .eh_frame entry by entry, right or wrong, for tests. */
#ifndef WG_UNIT_CFI_MAKE_H
#define WG_UNIT_CFI_MAKE_H

#include <assert.h>
#include <dwarf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/eh_frame.h"

#define CFI_MAKE_VADDR 0x80000

struct cfi_make {
	size_t sz;
	uint8_t data[16384];
};

static inline void put_bytes(struct cfi_make *m, const void *bytes, size_t sz)
{
	assert(m->sz + sz <= sizeof(m->data));
	if (sz)
		memcpy(m->data + m->sz, bytes, sz);
	m->sz += sz;
}

static inline void put_uint(struct cfi_make *m, uint64_t value, unsigned sz)
{
	put_bytes(m, &value, sz); /* little-endian, as the machine is */
}

static inline void put_uleb(struct cfi_make *m, uint64_t value)
{
	do {
		put_uint(m, (value & 0x7f) | (value > 0x7f ? 0x80 : 0), 1);
		value >>= 7;
	} while (value);
}

static inline void put_sleb(struct cfi_make *m, int64_t value)
{
	bool more;

	do {
		uint8_t low = value & 0x7f;

		value >>= 7;
		more = !(value == 0 && !(low & 0x40)) && !(value == -1 && (low & 0x40));
		put_uint(m, low | (more ? 0x80 : 0), 1);
	} while (more);
}

static inline void put_pointer(struct cfi_make *m, uint8_t how, uint64_t addr)
{
	if ((how & 0x70) == DW_EH_PE_pcrel)
		addr -= CFI_MAKE_VADDR + m->sz;
	switch (how & 0x0f) {
	case DW_EH_PE_uleb128:
		put_uleb(m, addr);
		break;
	case DW_EH_PE_sleb128:
		put_sleb(m, (int64_t)addr);
		break;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		put_uint(m, addr, 2);
		break;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		put_uint(m, addr, 4);
		break;
	default:
		put_uint(m, addr, 8);
	}
}

/* An entry's length, to be set by end_entry(); wide: of 64-bit DWARF. Returns where it is. */
static inline size_t begin_entry(struct cfi_make *m, bool wide)
{
	size_t at = m->sz;

	if (wide)
		put_uint(m, 0xffffffff, 4);
	put_uint(m, 0, wide ? 8 : 4);
	return at;
}

static inline void end_entry(struct cfi_make *m, size_t at, bool wide)
{
	uint64_t sz = m->sz - at - (wide ? 12 : 4);

	memcpy(m->data + at + (wide ? 4 : 0), &sz, wide ? 8 : 4);
}

struct cie_make {
	uint8_t version;	  /* 0: 1 */
	const char *augmentation; /* NULL: "zR" with pointer */
	uint8_t pointer;
	uint8_t data[24]; /* augmentation data after its length, when augmentation is set */
	uint8_t data_sz;
	uint8_t ra;	    /* 0: 16 */
	uint8_t code_align; /* 0: 1 */
	int8_t data_align;  /* 0: -8 */
	bool wide;
	const uint8_t *program; /* NULL: CFA rsp + 8, return address at CFA - 8 */
	size_t program_sz;
};

/* Returns its offset, for the FDEs. */
static inline size_t put_cie(struct cfi_make *m, const struct cie_make *cie)
{
	static const uint8_t usual[] = {DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1};
	const char *augmentation = cie->augmentation ? cie->augmentation : "zR";
	uint8_t version = cie->version ? cie->version : 1;
	size_t at = begin_entry(m, cie->wide);

	put_uint(m, 0, cie->wide ? 8 : 4);
	put_uint(m, version, 1);
	put_bytes(m, augmentation, strlen(augmentation) + 1);
	if (version >= 4)
		put_uint(m, 8, 2); /* an address has 8 bytes, a segment selector none */
	if (!strcmp(augmentation, "eh"))
		put_uint(m, 0, 8);
	put_uleb(m, cie->code_align ? cie->code_align : 1);
	put_sleb(m, cie->data_align ? cie->data_align : -8);
	put_uint(m, cie->ra ? cie->ra : 16, 1);
	if (!cie->augmentation) {
		put_uleb(m, 1);
		put_uint(m, cie->pointer, 1);
	} else if (augmentation[0] == 'z') {
		put_uleb(m, cie->data_sz);
		put_bytes(m, cie->data, cie->data_sz);
	}
	if (cie->program)
		put_bytes(m, cie->program, cie->program_sz);
	else
		put_bytes(m, usual, sizeof(usual));
	end_entry(m, at, cie->wide);
	return at;
}

struct fde_make {
	size_t cie;
	uint8_t pointer; /* as its CIE has it */
	uint64_t start;
	uint64_t sz;
	bool unsized;	 /* no augmentation data: its CIE has no 'z' */
	uint8_t data_sz; /* of augmentation data, all of it 0xee */
	bool wide;
	const uint8_t *program;
	size_t program_sz;
};

static inline void put_fde(struct cfi_make *m, const struct fde_make *fde)
{
	size_t at = begin_entry(m, fde->wide);

	put_uint(m, m->sz - fde->cie, fde->wide ? 8 : 4);
	put_pointer(m, fde->pointer, fde->start);
	put_pointer(m, fde->pointer & 0x0f, fde->sz);
	if (!fde->unsized) {
		put_uleb(m, fde->data_sz);
		for (int i = 0; i < fde->data_sz; i++)
			put_uint(m, 0xee, 1);
	}
	put_bytes(m, fde->program, fde->program_sz);
	end_entry(m, at, fde->wide);
}

/* The table of the first sz bytes of m, with code from 0x1000 to 0x60000 and 0x70000 to 0x80000. */
static inline int make_table_of(struct unwind_table *t, const struct cfi_make *m, size_t sz)
{
	struct eh_frame eh = {
		.data = calloc(1, sz + EH_FRAME_PAD),
		.sz = sz,
		.vaddr = CFI_MAKE_VADDR,
		.code_cnt = 2,
		.code = {{0x1000, 0x60000}, {0x70000, 0x80000}},
		.span_max = EH_FRAME_SPAN_MAX / 2,
	};
	int rc;

	assert(eh.data);
	memcpy(eh.data, m->data, sz);
	rc = unwind_table_from_eh_frame(t, &eh);
	eh_frame_clear(&eh);
	return rc;
}

static inline int make_table(struct unwind_table *t, const struct cfi_make *m)
{
	return make_table_of(t, m, m->sz);
}

#endif
