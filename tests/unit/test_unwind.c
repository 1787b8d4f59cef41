// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Unwind tables of whole files. Those of this system, at very many addresses, against libdw's
 * own look-up, which shares with ours the reading of entries and no more; the function starts
 * against the linker's .eh_frame_hdr. And small files made to be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "unit/cfi_make.h"
#include "unit/elf_make.h"
#include "unit/table_check.h"
#include "unwind/eh_frame.h"
#include "unwind/table.h"

/* --- the rule at an address as libdw has it --- */

static bool is_op(const Dwarf_Op *op, unsigned atom, Dwarf_Word number)
{
	return op->atom == atom && op->number == number;
}

/* Expressions of registers come with the CFA pushed before them: see dwarf_frame_register(). */
static bool is_breg(const Dwarf_Op *ops, size_t cnt, unsigned reg, int64_t *off)
{
	*off = (int64_t)ops[cnt - 1].number;
	return cnt == 2 && ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_breg0 + reg;
}

static bool is_at_cfa(const Dwarf_Op *ops, size_t cnt, int64_t *off)
{
	*off = cnt == 2 ? (int64_t)ops[1].number : 0;
	return (cnt == 1 || (cnt == 2 && ops[1].atom == DW_OP_plus_uconst)) &&
	       ops[0].atom == DW_OP_call_frame_cfa;
}

static bool is_plt(const Dwarf_Op *ops, size_t cnt)
{
	return cnt == 9 && ops[0].atom == DW_OP_breg7 && is_op(&ops[1], DW_OP_breg16, 0) &&
	       ops[2].atom == DW_OP_lit15 && ops[3].atom == DW_OP_and &&
	       ops[4].atom >= DW_OP_lit0 && ops[4].atom <= DW_OP_lit15 && ops[5].atom == DW_OP_ge &&
	       ops[6].atom == DW_OP_lit3 && ops[7].atom == DW_OP_shl && ops[8].atom == DW_OP_plus;
}

static struct wg_rule oracle_cfa(Dwarf_Frame *frame)
{
	struct wg_rule rule = {.cfa = WG_CFA_UNSUPPORTED};
	Dwarf_Op *ops;
	size_t cnt;

	if (dwarf_frame_cfa(frame, &ops, &cnt) || !cnt)
		return rule;
	if (cnt == 1 && ops[0].atom == DW_OP_bregx) {
		rule.cfa = ops[0].number == 7	? WG_CFA_RSP
			   : ops[0].number == 6 ? WG_CFA_RBP
						: WG_CFA_REG;
		rule.cfa_off = (int32_t)ops[0].number2;
		rule.cfa_arg = rule.cfa == WG_CFA_REG ? (uint8_t)ops[0].number : 0;
	} else if ((cnt == 2 || (cnt == 3 && ops[2].atom == DW_OP_plus_uconst)) &&
		   (ops[0].atom == DW_OP_breg7 || ops[0].atom == DW_OP_breg6) &&
		   ops[1].atom == DW_OP_deref) {
		rule.cfa = ops[0].atom == DW_OP_breg7 ? WG_CFA_RSP_DEREF : WG_CFA_RBP_DEREF;
		rule.cfa_off = (int32_t)ops[0].number;
		rule.cfa_arg = cnt == 3 ? (uint8_t)ops[2].number : 0;
	} else if (is_plt(ops, cnt)) {
		rule.cfa = WG_CFA_PLT;
		rule.cfa_off = (int32_t)ops[0].number;
		rule.cfa_arg = (uint8_t)(ops[4].atom - DW_OP_lit0);
	}
	return rule;
}

static void oracle_rbp(Dwarf_Frame *frame, struct wg_rule *rule)
{
	Dwarf_Op mem[3], *ops;
	int64_t off = 0;
	size_t cnt;

	rule->rbp = WG_RBP_LOST;
	if (dwarf_frame_register(frame, 6, mem, &ops, &cnt))
		return;
	if (!cnt && !ops)
		rule->rbp = WG_RBP_SAME;
	else if (cnt && is_at_cfa(ops, cnt, &off))
		rule->rbp = WG_RBP_AT_CFA;
	else if (cnt && is_breg(ops, cnt, 6, &off))
		rule->rbp = WG_RBP_AT_RBP;
	else if (cnt && is_breg(ops, cnt, 7, &off))
		rule->rbp = WG_RBP_AT_RSP;
	rule->rbp_off = rule->rbp == WG_RBP_LOST ? 0 : (int32_t)off;
}

/* libdw does not know that rbx is kept: what nothing was said of is undefined to it. */
static void oracle_rbx(Dwarf_Frame *frame, struct wg_rule *rule)
{
	Dwarf_Op mem[3], *ops;
	int64_t off;
	size_t cnt;

	assert_int_equal(dwarf_frame_register(frame, 3, mem, &ops, &cnt), 0);
	if (cnt)
		rule->rbx = is_at_cfa(ops, cnt, &off) && off >= -254 * 8 && off < 0 && !(off & 7)
				    ? (uint8_t)(-off / 8)
				    : WG_RBX_LOST;
}

/* The return address is at CFA - 8 and the caller's rsp is the CFA. */
static bool oracle_ordinary(Dwarf_Frame *frame)
{
	Dwarf_Op mem[3], *ops;
	int64_t off;
	size_t cnt;

	if (dwarf_frame_register(frame, 16, mem, &ops, &cnt) || !cnt ||
	    !is_at_cfa(ops, cnt, &off) || off != -8)
		return false;
	return !dwarf_frame_register(frame, 7, mem, &ops, &cnt) && cnt == 2 &&
	       ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_stack_value;
}

static struct wg_rule oracle_signal(Dwarf_Frame *frame, const struct wg_rule *cfa)
{
	Dwarf_Op mem[3], *ops;
	int64_t rip, rsp, rbp;
	size_t cnt;

	if (cfa->cfa != WG_CFA_RSP_DEREF || cfa->cfa_arg ||
	    dwarf_frame_register(frame, 16, mem, &ops, &cnt) || !is_breg(ops, cnt, 7, &rip) ||
	    dwarf_frame_register(frame, 7, mem, &ops, &cnt) || !is_breg(ops, cnt, 7, &rsp) ||
	    dwarf_frame_register(frame, 6, mem, &ops, &cnt) || !is_breg(ops, cnt, 7, &rbp) ||
	    rsp != cfa->cfa_off || rip != rsp + 8 || rbp != rsp - 40)
		return (struct wg_rule){.cfa = WG_CFA_UNSUPPORTED};
	return (struct wg_rule){.cfa = WG_CFA_SIGNAL, .cfa_off = cfa->cfa_off - 160};
}

static struct wg_rule oracle_frame(Dwarf_Frame *frame, Dwarf_Addr *end)
{
	struct wg_rule rule = oracle_cfa(frame);
	Dwarf_Op mem[3], *ops;
	Dwarf_Addr start;
	bool signal;
	size_t cnt;

	assert_true(dwarf_frame_info(frame, &start, end, &signal) == 16);
	if (!dwarf_frame_register(frame, 16, mem, &ops, &cnt) && !cnt && ops)
		return (struct wg_rule){.cfa = WG_CFA_END};
	if (signal)
		return oracle_signal(frame, &rule);
	if (rule.cfa == WG_CFA_UNSUPPORTED || !oracle_ordinary(frame))
		return (struct wg_rule){.cfa = WG_CFA_UNSUPPORTED};
	oracle_rbp(frame, &rule);
	oracle_rbx(frame, &rule);
	return rule;
}

/* *end: where libdw's row ends; 0: none. */
static struct wg_rule oracle_find(Dwarf_CFI *cfi, uint64_t addr, Dwarf_Addr *end)
{
	struct wg_rule rule = {0};
	Dwarf_Frame *frame;

	*end = 0;
	if (dwarf_cfi_addrframe(cfi, addr, &frame)) {
		const char *why = dwarf_errmsg(dwarf_errno());

		if (strcmp(why, "no matching address range"))
			fail_msg("libdw at %#lx: %s", (unsigned long)addr, why);
		return rule;
	}
	rule = oracle_frame(frame, end);
	free(frame);
	return rule;
}

/* --- comparing --- */

struct oracle {
	const char *name;
	Elf *elf;
	Dwarf_CFI *cfi;
	struct unwind_table t;
	size_t checked_cnt, gap_cnt;
	size_t kind_cnt[WG_CFA_UNSUPPORTED + 1];
};

/* The one place where we know better: the few bytes without CFI before a thread's entry. */
static bool is_clone_gap(struct oracle *o, uint64_t addr, const struct wg_rule *got)
{
	const struct wg_rule at_entry = {.cfa = WG_CFA_RSP, .cfa_off = 8};
	uint64_t next = addr + 1;

	while (next < addr + 16 && unwind_table_find(&o->t, next).cfa == WG_CFA_RSP)
		next++;
	return !memcmp(got, &at_entry, sizeof(*got)) &&
	       unwind_table_find(&o->t, next).cfa == WG_CFA_END;
}

static uint64_t check_at(struct oracle *o, uint64_t addr)
{
	struct wg_rule got = unwind_table_find(&o->t, addr);
	Dwarf_Addr end;
	struct wg_rule want = oracle_find(o->cfi, addr, &end);

	if (want.cfa == WG_CFA_NONE && is_clone_gap(o, addr, &got)) {
		o->gap_cnt++;
		return end;
	}
	if (memcmp(&got, &want, sizeof(got)))
		fail_msg("%s at %#lx: cfa %d arg %d off %d, rbp %d off %d, rbx %d; "
			 "libdw: %d %d %d, %d %d, %d",
			 o->name, (unsigned long)addr, got.cfa, got.cfa_arg, got.cfa_off, got.rbp,
			 got.rbp_off, got.rbx, want.cfa, want.cfa_arg, want.cfa_off, want.rbp,
			 want.rbp_off, want.rbx);
	o->checked_cnt++;
	o->kind_cnt[want.cfa]++;
	return end;
}

/* Around every step-th of our rows, and where libdw's rows there end: a boundary we may lack. */
static void check_rows(struct oracle *o, uint32_t step)
{
	for (uint32_t page = 0; page < o->t.page_cnt; page++) {
		uint32_t begin = o->t.page[page], end = o->t.page[page + 1];

		for (uint32_t i = begin + (step - begin % step) % step; i < end; i += step) {
			uint64_t addr = o->t.base + page * 256ULL + (o->t.row[i] & 0xff);
			uint64_t libdw_end = check_at(o, addr);

			check_at(o, addr - 1);
			check_at(o, addr + 1);
			if (libdw_end) {
				check_at(o, libdw_end - 1);
				check_at(o, libdw_end);
			}
		}
	}
}

/* All over, by a prime, from before the code to after it. */
static void check_stride(struct oracle *o, uint64_t stride)
{
	uint64_t end = o->t.base + o->t.page_cnt * 256ULL + 300;

	for (uint64_t addr = o->t.base - 300; addr < end; addr += stride)
		check_at(o, addr);
}

static Elf_Data *section(Elf *elf, const char *wanted)
{
	Elf_Scn *scn = NULL;
	size_t names;

	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		assert_non_null(gelf_getshdr(scn, &sh));
		if (!strcmp(elf_strptr(elf, names, sh.sh_name), wanted))
			return elf_rawdata(scn, NULL);
	}
	return NULL;
}

/* The linker's sorted list of function starts: each once, and no other. */
static void check_starts(struct oracle *o)
{
	Elf_Data *hdr = section(o->elf, ".eh_frame_hdr");
	const uint8_t usual[] = {1, 0x1b, 0x03, 0x3b};
	const int32_t *entry;
	uint32_t cnt, i;
	uint64_t first;

	assert_non_null(hdr);
	assert_memory_equal(hdr->d_buf, usual, sizeof(usual));
	memcpy(&cnt, (char *)hdr->d_buf + 8, sizeof(cnt));
	entry = (const int32_t *)((char *)hdr->d_buf + 12);
	assert_int_equal(o->t.start_cnt, cnt);
	assert_true(hdr->d_size >= 12 + 8 * (size_t)cnt);
	/* relative to .eh_frame_hdr there, to the first page here */
	first = (uint64_t)o->t.start[0] - (uint64_t)entry[0];
	for (i = 0; i < cnt; i++)
		assert_int_equal(o->t.start[i], first + (uint64_t)entry[2 * i]);
}

/* budget: about how many addresses to look at. */
static void compare(struct oracle *o, size_t budget)
{
	uint32_t step = (uint32_t)(o->t.row_cnt * 5 / budget + 1);
	uint64_t stride = o->t.page_cnt * 256ULL / budget + 1;

	o->cfi = dwarf_getcfi_elf(o->elf);
	assert_non_null(o->cfi);
	assert_null(table_wrong(&o->t));
	assert_int_equal(o->t.fde_bad_cnt, 0);
	assert_true(o->t.row_cnt > 0);
	check_starts(o);
	check_rows(o, step);
	check_stride(o, stride | 1);
	assert_true(o->checked_cnt > 100);
	dwarf_cfi_end(o->cfi);
}

/* The table from CFI alone, which is all that libdw knows. */
static int build_from_cfi(struct unwind_table *t, int fd)
{
	struct eh_frame eh;
	struct err e = {0};
	int rc = eh_frame_read(&eh, fd, NULL, 0, NULL, &e);

	if (rc)
		return rc;
	while (eh.bare_cnt)
		free(eh.bare[--eh.bare_cnt].code);
	rc = unwind_table_from_eh_frame(t, &eh);
	eh_frame_clear(&eh);
	return rc;
}

/* False when there is no such file. */
static bool compare_file(struct oracle *o, const char *path, size_t budget)
{
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t ns = now_ns();

	*o = (struct oracle){.name = path};
	if (fd < 0)
		return false;
	assert_int_equal(build_from_cfi(&o->t, fd), 0);
	ns = now_ns() - ns;
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	o->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	compare(o, budget);
	elf_end(o->elf);
	print_message("%s: %u functions, %u rows, %u of them unsupported, %u rules, %.1f ms; %zu "
		      "addresses\n",
		      path, o->t.start_cnt, o->t.row_cnt, o->t.row_unsupported_cnt, o->t.rule_cnt,
		      (double)ns / NSEC_PER_MSEC, o->checked_cnt);
	unwind_table_clear(&o->t);
	return true;
}

/* Debian's and Fedora's folders. */
static bool compare_library(struct oracle *o, const char *name, size_t budget)
{
	static const char *const folders[] = {"/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64",
					      "/usr/lib"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (compare_file(o, path, budget))
			return true;
	}
	return false;
}

static void test_libc(void **state)
{
	struct oracle o;

	(void)state;
	assert_true(compare_library(&o, "libc.so.6", 250000));
	assert_true(o.kind_cnt[WG_CFA_RSP] > 0);
	assert_true(o.kind_cnt[WG_CFA_RBP] > 0);
	assert_true(o.kind_cnt[WG_CFA_NONE] > 0);
	assert_true(o.kind_cnt[WG_CFA_END] > 0);    /* clone */
	assert_true(o.kind_cnt[WG_CFA_SIGNAL] > 0); /* __restore_rt */
}

static void test_ld(void **state)
{
	struct oracle o;

	(void)state;
	assert_true(compare_file(&o, "/lib64/ld-linux-x86-64.so.2", 100000));
}

static void test_libcrypto(void **state)
{
	struct oracle o;

	(void)state;
	if (!compare_library(&o, "libcrypto.so.3", 250000))
		skip();
	assert_true(o.kind_cnt[WG_CFA_RSP_DEREF] > 0); /* its assembly */
	assert_true(o.kind_cnt[WG_CFA_REG] > 0);
}

static void test_node(void **state)
{
	struct oracle o;

	(void)state;
	if (!compare_file(&o, "/usr/bin/node", 250000))
		skip();
}

/* As V8's built-ins are: no CFI, a way without a frame and one with it. */
__asm__(".text\n"
	".type Builtins_TestTwoWays, @function\n"
	"Builtins_TestTwoWays:\n"
	"	test %eax, %eax\n"
	"	jne 1f\n"
	"	ret\n"
	"1:	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	nop\n"
	"	leave\n"
	"	ret\n"
	".size Builtins_TestTwoWays, .-Builtins_TestTwoWays\n"
	/* others make its frame */
	".type Builtins_TestContinueTo, @function\n"
	"Builtins_TestContinueTo:\n"
	"	ret\n"
	".size Builtins_TestContinueTo, .-Builtins_TestContinueTo\n"
	".type Ordinary_Test, @function\n"
	"Ordinary_Test:\n"
	"	ret\n"
	".size Ordinary_Test, .-Ordinary_Test\n");

extern char Builtins_TestTwoWays[], Builtins_TestContinueTo[], Ordinary_Test[];

static int bias_of_self(struct dl_phdr_info *info, size_t sz, void *bias)
{
	(void)sz;
	*(uint64_t *)bias = info->dlpi_addr; /* the program comes first */
	return 1;
}

static void assert_cfa(const struct unwind_table *t, uint64_t addr, enum wg_cfa cfa, int off)
{
	struct wg_rule r = unwind_table_find(t, addr);

	assert_int_equal(r.cfa, cfa);
	assert_int_equal(r.cfa_off, off);
}

static void test_builtins(void **state)
{
	scoped_fd int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct unwind_table t;
	struct err e = {0};
	uint64_t bias = 0, at;

	(void)state;
	dl_iterate_phdr(bias_of_self, &bias);
	assert_int_equal(unwind_table_build(&t, fd, NULL, &e), 0);
	assert_null(table_wrong(&t));
	at = (uint64_t)Builtins_TestTwoWays - bias;
	assert_cfa(&t, at, WG_CFA_RSP, 8);
	assert_cfa(&t, at + 4, WG_CFA_RSP, 8);
	assert_cfa(&t, at + 5, WG_CFA_RSP, 8);
	assert_cfa(&t, at + 6, WG_CFA_RSP, 16);
	assert_cfa(&t, at + 9, WG_CFA_RBP, 16);
	assert_cfa(&t, at + 11, WG_CFA_RSP, 8);
	assert_int_equal(unwind_table_start(&t, at + 9), at);
	assert_cfa(&t, (uint64_t)Builtins_TestContinueTo - bias, WG_CFA_NONE, 0);
	assert_cfa(&t, (uint64_t)Ordinary_Test - bias, WG_CFA_NONE, 0);
	/* beside them, CFI holds as before */
	assert_int_not_equal(unwind_table_find(&t, (uint64_t)(uintptr_t)test_node - bias).cfa,
			     WG_CFA_NONE);
	unwind_table_clear(&t);
}

static void test_self(void **state)
{
	struct oracle o;

	(void)state;
	assert_true(compare_file(&o, "/proc/self/exe", 100000));
}

static void test_vdso(void **state)
{
	char *image = (char *)getauxval(AT_SYSINFO_EHDR);
	struct oracle o = {.name = "[vdso]"};
	struct err e = {0};

	(void)state;
	if (!image)
		skip();
	assert_int_equal(unwind_table_build_image(&o.t, image, elf_size(image), &e), 0);
	elf_version(EV_CURRENT);
	o.elf = elf_memory(image, elf_size(image));
	compare(&o, 100000);
	elf_end(o.elf);
	unwind_table_clear(&o.t);
}

/* --- files made by hand --- */

#define CODE (ELF_MAKE_VADDR + ELF_MAKE_CODE)

/* .eh_frame with one function at code, of sz bytes. */
static void make_eh_frame(struct cfi_make *m, uint64_t code, uint64_t sz)
{
	put_fde(m, &(struct fde_make){
			   .cie = put_cie(m, &(struct cie_make){0}), .start = code, .sz = sz});
	put_uint(m, 0, 4);
}

static void make_image(struct elf_image *image, unsigned flags)
{
	struct cfi_make m = {0};

	make_eh_frame(&m, CODE, 0x100);
	elf_make(image, m.data, m.sz, flags);
}

/* Both ways to build must say the same; the table is t. */
static int build_both(struct unwind_table *t, const struct elf_image *image, struct err *e)
{
	scoped_fd int fd = memfd_create("test_unwind", MFD_CLOEXEC);
	struct unwind_table from_file;
	struct err file_e = {0};
	int rc = unwind_table_build_image(t, image->data, image->sz, e);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, image->data, image->sz), image->sz);
	assert_int_equal(unwind_table_build(&from_file, fd, NULL, &file_e), rc);
	assert_string_equal(file_e.msg, e->msg);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), image->sz);
	assert_int_equal(from_file.row_cnt, t->row_cnt);
	assert_int_equal(from_file.fde_bad_cnt, t->fde_bad_cnt);
	assert_null(table_wrong(t));
	unwind_table_clear(&from_file);
	return rc;
}

static void assert_builds(const struct elf_image *image, uint32_t start_cnt, uint32_t bad_cnt)
{
	struct unwind_table t;
	struct err e = {0};

	assert_int_equal(build_both(&t, image, &e), 0);
	assert_int_equal(t.start_cnt, start_cnt);
	assert_int_equal(t.fde_bad_cnt, bad_cnt);
	if (start_cnt) {
		assert_int_equal(unwind_table_find(&t, CODE - 1).cfa, WG_CFA_NONE);
		assert_int_equal(unwind_table_find(&t, CODE).cfa, WG_CFA_RSP);
		assert_int_equal(unwind_table_find(&t, CODE + 0xff).cfa_off, 8);
		assert_int_equal(unwind_table_find(&t, CODE + 0x100).cfa, WG_CFA_NONE);
	}
	unwind_table_clear(&t);
}

static void assert_refused(const struct elf_image *image, const char *why)
{
	struct unwind_table t;
	struct err e = {0};

	assert_int_equal(build_both(&t, image, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, why));
	assert_null(strchr(e.msg, '\n'));
	assert_null(t.page);
	assert_int_equal(t.row_cnt, 0);
}

static void test_elf(void **state)
{
	struct elf_image image;

	(void)state;
	make_image(&image, ELF_MAKE_SECTIONS | ELF_MAKE_HDR);
	assert_builds(&image, 1, 0);
	make_image(&image, ELF_MAKE_SECTIONS);
	assert_builds(&image, 1, 0);
	make_image(&image, ELF_MAKE_HDR);
	assert_builds(&image, 1, 0);
	make_image(&image, 0);
	assert_builds(&image, 0, 0);
	make_image(&image, ELF_MAKE_SECTIONS);
	elf_make_ehdr(&image)->e_type = ET_EXEC;
	assert_builds(&image, 1, 0);
	/* as in a separate debug file */
	elf_make_eh_frame(&image)->sh_type = SHT_NOBITS;
	assert_builds(&image, 0, 0);
	elf_make_eh_frame(&image)->sh_type = SHT_X86_64_UNWIND;
	assert_builds(&image, 1, 0);
}

static void test_not_elf(void **state)
{
	struct elf_image image;
	struct unwind_table t;
	struct err e = {0};

	(void)state;
	make_image(&image, ELF_MAKE_SECTIONS);
	elf_make_ehdr(&image)->e_machine = EM_AARCH64;
	assert_refused(&image, "not an x86-64 program or library");
	make_image(&image, ELF_MAKE_SECTIONS);
	elf_make_ehdr(&image)->e_type = ET_REL;
	assert_refused(&image, "not an x86-64 program or library");
	make_image(&image, ELF_MAKE_SECTIONS);
	elf_make_ehdr(&image)->e_ident[EI_CLASS] = ELFCLASS32;
	assert_refused(&image, "not an ELF file of 64 bits");
	make_image(&image, ELF_MAKE_SECTIONS);
	image.data[0] = 0;
	assert_refused(&image, "not an ELF file");
	image.sz = 3;
	assert_refused(&image, "not an ELF file");
	image.sz = 0;
	assert_refused(&image, "not an ELF file");
	assert_int_equal(unwind_table_build(&t, open("/", O_RDONLY), NULL, &e), -ENOEXEC);
}

static void test_elf_claims(void **state)
{
	const uint64_t kernel = 0xffff800000000000ULL;
	struct elf_image image;
	struct cfi_make m = {0};

	(void)state;
	/* .eh_frame beyond the file's end */
	make_image(&image, ELF_MAKE_SECTIONS);
	elf_make_eh_frame(&image)->sh_size = image.sz;
	assert_refused(&image, "larger than the file");
	elf_make_eh_frame(&image)->sh_size = UINT64_MAX;
	assert_refused(&image, "larger than");
	elf_make_eh_frame(&image)->sh_offset = UINT64_MAX - 8;
	assert_refused(&image, "larger than");
	/* a segment of more than the file has is cut; a function out there is none */
	make_eh_frame(&m, CODE, 1ULL << 40);
	elf_make(&image, m.data, m.sz, ELF_MAKE_SECTIONS);
	elf_make_phdr(&image)->p_filesz = 1ULL << 41;
	elf_make_phdr(&image)->p_memsz = 1ULL << 41;
	assert_builds(&image, 0, 1);
	/* segments that wrap around, lie in the kernel or are not executable */
	make_image(&image, ELF_MAKE_SECTIONS);
	elf_make_phdr(&image)->p_filesz = UINT64_MAX;
	assert_builds(&image, 1, 0);
	elf_make_phdr(&image)->p_vaddr = UINT64_MAX - 16;
	assert_builds(&image, 0, 1);
	m.sz = 0;
	make_eh_frame(&m, kernel + ELF_MAKE_CODE, 0x100);
	elf_make(&image, m.data, m.sz, ELF_MAKE_SECTIONS);
	elf_make_phdr(&image)->p_vaddr = kernel;
	assert_builds(&image, 0, 1);
	make_image(&image, ELF_MAKE_SECTIONS);
	elf_make_phdr(&image)->p_flags = PF_R;
	assert_builds(&image, 0, 1);
	make_image(&image, ELF_MAKE_SECTIONS);
	elf_make_phdr(&image)->p_offset = UINT64_MAX;
	assert_builds(&image, 0, 1);
}

/* Two executable segments so far apart, with a function each: one of the two is believed. */
static void assert_apart(uint64_t apart)
{
	struct cfi_make m = {0};
	struct elf_image image;
	Elf64_Phdr *segment;
	struct fde_make fde = {
		.cie = put_cie(&m, &(struct cie_make){0}), .start = CODE, .sz = 0x100};
	struct unwind_table t;
	struct err e = {0};

	put_fde(&m, &fde);
	fde.start = CODE + apart;
	put_fde(&m, &fde);
	elf_make(&image, m.data, m.sz, ELF_MAKE_SECTIONS | ELF_MAKE_HDR);
	segment = elf_make_phdr(&image);
	segment[1] = segment[0];
	segment[1].p_vaddr = ELF_MAKE_VADDR + apart;
	assert_int_equal(build_both(&t, &image, &e), 0);
	assert_int_equal(t.start_cnt, 1);
	assert_int_equal(t.fde_bad_cnt, 1);
	assert_true(t.page_cnt < 10);
	unwind_table_clear(&t);
}

/* A table has a word for each 256 bytes from the first function to the last. */
static void test_elf_apart(void **state)
{
	(void)state;
	assert_apart(1ULL << 30);
	assert_apart(1ULL << 40);
	assert_apart(0xffff800000000000ULL);
}

static void test_elf_broken(void **state)
{
	static const uint8_t wrong[] = {0x01, 0x80, 0xff};
	struct elf_image image;
	struct unwind_table t;
	struct err e = {0};
	size_t sz;

	(void)state;
	make_image(&image, ELF_MAKE_SECTIONS | ELF_MAKE_HDR);
	sz = image.sz;
	for (image.sz = 0; image.sz < sz; image.sz++) {
		e = (struct err){0};
		build_both(&t, &image, &e);
		unwind_table_clear(&t);
	}
	for (size_t i = 0; i < sz; i++) {
		if (i >= 0x210 && i < ELF_MAKE_EH_FRAME)
			continue; /* nothing reads the code */
		for (size_t j = 0; j < ARRAY_SIZE(wrong); j++) {
			image.data[i] ^= wrong[j];
			e = (struct err){0};
			build_both(&t, &image, &e);
			unwind_table_clear(&t);
			image.data[i] ^= wrong[j];
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libc),	  cmocka_unit_test(test_ld),
		cmocka_unit_test(test_libcrypto), cmocka_unit_test(test_node),
		cmocka_unit_test(test_builtins),  cmocka_unit_test(test_self),
		cmocka_unit_test(test_vdso),	  cmocka_unit_test(test_elf),
		cmocka_unit_test(test_not_elf),	  cmocka_unit_test(test_elf_claims),
		cmocka_unit_test(test_elf_apart), cmocka_unit_test(test_elf_broken),
	};

	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
