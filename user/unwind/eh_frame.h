/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From the bytes of .eh_frame to rules; private to this folder and its tests.
 *
 *   ELF file --elf.c--> eh_frame --entry.c--> CIEs, FDEs --cfi.c--> states --rule.c--> wg_rule
 *        \                                                              \--table.c--> pages, rows
 *         \--bare.c--> functions without CFI --code.c--> wg_rule ----------/
 *
 * The format is the one of LSB 5.0, "Exception Frames", which is that of DWARF 4, 6.4, with
 * another way to write addresses. The input is not to be trusted, nor is its size: all of this
 * bounds its work and its memory by a budget (base/budget.h).
 */
#ifndef WG_UNWIND_EH_FRAME_H
#define WG_UNWIND_EH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/err.h"
#include "shared.h"
#include "unwind/bytes.h"
#include "unwind/table.h"

/* libdw reads a little past the end of a malformed CIE: see entry.c. */
#define EH_FRAME_PAD 256
/* No file known has a tenth of either: more is not believed. */
#define EH_FRAME_SZ_MAX (256UL << 20)
#define EH_FRAME_SPAN_MAX (1ULL << 32)
#define EH_FRAME_CODE_MAX 16

struct eh_frame {
	struct budget *budget; /* that all is taken from; NULL: no limits */
	bool cut;	       /* the budget has no more: there is CFI, which was not read */
	uint8_t *data;	       /* sz bytes and EH_FRAME_PAD of zeros */
	size_t sz;
	uint64_t vaddr;	   /* of the first byte, in the file's numbering */
	bool terminated;   /* ends at the first terminator: what follows is something else */
	unsigned code_cnt; /* where code is: executable segments, as far as the file has them */
	uint64_t span_max; /* bytes from the lowest to the highest function believed */
	struct eh_frame_code {
		uint64_t start;
		uint64_t end;
	} code[EH_FRAME_CODE_MAX];
	/* functions without CFI that are called as the ABI has it; sorted by start, none overlap */
	struct bare_function {
		uint64_t start;
		uint32_t sz;
		uint8_t *code;
	} * bare;
	size_t bare_cnt, bare_cap;
};

/* What is in the file: fd, or image when fd is negative. An empty eh_frame when it has no CFI. */
int eh_frame_read(struct eh_frame *eh, int fd, const void *image, size_t image_sz, struct budget *b,
		  struct err *e);
void eh_frame_clear(struct eh_frame *eh);

/*
 * Where the caller's value of a register is (DWARF 4, 6.4.1, "register rules"), or what it is.
 */
enum cfi_how {
	CFI_UNSET, /* as the ABI has it: rbp and rbx are kept, rsp is the CFA */
	CFI_SAME,
	CFI_UNDEFINED,
	CFI_AT_CFA,	/* at CFA + off */
	CFI_CFA_PLUS,	/* CFA + off */
	CFI_REGISTER,	/* in register off */
	CFI_AT_EXPR,	/* at the address that expr gives */
	CFI_EXPR,	/* what expr gives */
	CFI_REG_PLUS,	/* of the CFA only: register reg + off */
	CFI_IMPOSSIBLE, /* of the CFA only: the instructions contradict themselves */
};

struct cfi_place {
	uint16_t how; /* enum cfi_how */
	uint16_t reg; /* 0xffff for all from there */
	uint32_t expr_sz;
	union {
		int64_t off;
		const uint8_t *expr;
	};
};

/* One row of the table that CFI describes, as far as a wg_rule needs it. */
struct cfi_state {
	struct cfi_place cfa;
	struct cfi_place rbp;
	struct cfi_place rbx;
	struct cfi_place rsp;
	struct cfi_place ra;
};

/* DWARF numbers of x86-64 (System V ABI, figure 3.36). */
enum { CFI_RBX = 3, CFI_RBP = 6, CFI_RSP = 7, CFI_RA = 16 };

struct cfi_cie {
	uint32_t off; /* in .eh_frame: what FDEs refer to it by */
	bool bad;
	bool sized;	      /* augmentation 'z': an FDE says how long its augmentation data is */
	bool signal;	      /* augmentation 'S': the frame of a signal's trampoline */
	uint8_t pointer;      /* augmentation 'R': DW_EH_PE_* of the addresses in FDEs */
	uint32_t fde_data_sz; /* augmentation data of an FDE when not sized */
	uint64_t code_align;
	int64_t data_align;
	struct cfi_state initial;
};

struct cfi_fde {
	uint64_t start; /* code it covers */
	uint64_t end;
	uint32_t program; /* its instructions, as offsets in .eh_frame */
	uint32_t program_end;
	uint32_t cie;
	uint32_t idx; /* in the order of .eh_frame */
};

struct cfi {
	const struct eh_frame *eh;
	struct cfi_cie *cie;
	size_t cie_cnt, cie_cap;
	struct cfi_fde *fde; /* sorted by start, none overlap */
	size_t fde_cnt, fde_cap;
	uint32_t bad_cnt; /* entries left out */
};

/* List the entries of eh, which must outlive c. 0, -ENOMEM or -EDQUOT: more than the budget has. */
int cfi_read(struct cfi *c, const struct eh_frame *eh);
void cfi_clear(struct cfi *c);

/* An address as DW_EH_PE_* writes it; false when that is not one that code's addresses have. */
bool cfi_pointer(const struct eh_frame *eh, struct cursor *cur, uint8_t how, uint64_t *addr);

/* Fill cie->initial from its instructions. False when they are broken. */
bool cfi_run_cie(const struct eh_frame *eh, struct cfi_cie *cie, struct cursor program);

/*
 * Call row for each stretch of the FDE's code with one state, in ascending order, until it
 * returns other than 0; returns that, or 0. Broken instructions: the state is one without a
 * CFA from there on, and *broken is set.
 */
typedef int (*cfi_row_fn)(void *ctx, uint64_t start, uint64_t end, const struct cfi_state *s);
int cfi_run_fde(const struct cfi *c, const struct cfi_fde *fde, cfi_row_fn row, void *ctx,
		bool *broken);

/* The rule for a state; signal: of a CIE with augmentation 'S'. */
struct wg_rule cfi_rule(const struct cfi_state *s, bool signal);

/*
 * Build the table: t is zeroed or empty before. 0 or -ENOMEM. Where the budget has no more, all code of
 * the file is said to be unsupported.
 */
int unwind_table_from_eh_frame(struct unwind_table *t, const struct eh_frame *eh);

#endif
