// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Find .eh_frame in an ELF file, by its section or, without sections, by way of .eh_frame_hdr,
 * and read it. Nothing is mapped: a file that shrinks meanwhile gives a short read and no SIGBUS.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "unwind/eh_frame.h"
#include "unwind/source.h"

#define ADDR_MAX ((1ULL << 47) - 1) /* of user space */

/* Cut a segment to what the file has of it; false when nothing is left or it makes no sense. */
static bool segment(const struct elf_file *f, size_t i, Elf64_Phdr *ph)
{
	*ph = f->segment[i];
	if (ph->p_offset >= f->size)
		return false;
	if (ph->p_filesz > f->size - ph->p_offset)
		ph->p_filesz = f->size - ph->p_offset;
	return ph->p_filesz && ph->p_vaddr <= ADDR_MAX && ph->p_filesz <= ADDR_MAX - ph->p_vaddr;
}

static void find_code(struct eh_frame *eh, const struct elf_file *f)
{
	Elf64_Phdr ph;

	for (size_t i = 0; i < f->segment_cnt && eh->code_cnt < EH_FRAME_CODE_MAX; i++) {
		if (!segment(f, i, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		eh->code[eh->code_cnt++] = (struct eh_frame_code){
			.start = ph.p_vaddr,
			.end = ph.p_vaddr + ph.p_filesz,
		};
	}
	/* segments may lie apart, yet not by much more than the file is large */
	eh->span_max =
		f->size > EH_FRAME_SPAN_MAX / 4 ? EH_FRAME_SPAN_MAX : 2 * f->size + (64 << 20);
	if (eh->span_max > EH_FRAME_SPAN_MAX - WG_PAGE_SIZE)
		eh->span_max = EH_FRAME_SPAN_MAX - WG_PAGE_SIZE;
}

/* -ENOENT when there is no such section. */
static int by_section(const struct elf_file *f, uint64_t *off, struct eh_frame *eh)
{
	for (uint32_t i = 0; i < f->section_cnt; i++) {
		const Elf64_Shdr *sh = &f->section[i];

		if (!(sh->sh_flags & SHF_ALLOC) ||
		    (sh->sh_type != SHT_PROGBITS && sh->sh_type != SHT_X86_64_UNWIND))
			continue;
		if (sh->sh_name >= f->section_name_sz ||
		    strcmp(f->section_name + sh->sh_name, ".eh_frame") != 0)
			continue;
		*off = sh->sh_offset;
		eh->vaddr = sh->sh_addr;
		eh->sz = sh->sh_size;
		return 0;
	}
	return -ENOENT;
}

/* From vaddr to the end of the segment that holds it, which is more than .eh_frame. */
static int by_vaddr(const struct elf_file *f, uint64_t *off, struct eh_frame *eh)
{
	Elf64_Phdr ph;

	for (size_t i = 0; i < f->segment_cnt; i++) {
		if (!segment(f, i, &ph) || ph.p_type != PT_LOAD || eh->vaddr < ph.p_vaddr ||
		    eh->vaddr - ph.p_vaddr >= ph.p_filesz)
			continue;
		*off = ph.p_offset + (eh->vaddr - ph.p_vaddr);
		eh->sz = ph.p_filesz - (eh->vaddr - ph.p_vaddr);
		eh->terminated = true;
		return 0;
	}
	return -ENOENT;
}

/* .eh_frame_hdr is a version, three encodings, then where .eh_frame is (LSB 5.0). */
static int by_segment(const struct elf_file *f, uint64_t *off, struct eh_frame *eh)
{
	const uint8_t version = 1, pcrel_sdata4 = 0x1b; /* the encoding that linkers use */
	Elf64_Phdr ph;

	for (size_t i = 0; i < f->segment_cnt; i++) {
		uint8_t head[8];
		struct cursor cur = cursor_at(head + 4, head + sizeof(head));

		if (!segment(f, i, &ph) || ph.p_type != PT_GNU_EH_FRAME)
			continue;
		if (ph.p_filesz < sizeof(head) ||
		    elf_file_read(f, ph.p_offset, head, sizeof(head)) != sizeof(head))
			return -ENOENT;
		if (head[0] != version || head[1] != pcrel_sdata4)
			return -ENOENT;
		eh->vaddr = ph.p_vaddr + 4 + (uint64_t)cursor_int(&cur, 4);
		return by_vaddr(f, off, eh);
	}
	return -ENOENT;
}

/* -ENOEXEC for what no code of ours can run. */
static int check_kind(const struct elf_file *f, struct err *e)
{
	Elf64_Ehdr head;

	if (elf_file_read(f, 0, &head, sizeof(head)) != sizeof(head) ||
	    head.e_machine != EM_X86_64 || (head.e_type != ET_EXEC && head.e_type != ET_DYN))
		return err_set(e, -ENOEXEC, "no unwind table: not an x86-64 program or library");
	if (head.e_phnum && !f->segment_cnt)
		return err_set(e, -ENOEXEC, "no unwind table: broken ELF program headers");
	return 0;
}

static int read_data(struct eh_frame *eh, const struct elf_file *f, uint64_t off, struct err *e)
{
	if (off > f->size || eh->sz > f->size - off || eh->sz > EH_FRAME_SZ_MAX)
		return err_set(e, -ENOEXEC, "no unwind table: .eh_frame is larger than %s",
			       eh->sz > EH_FRAME_SZ_MAX ? "is believable" : "the file");
	if (!budget_take(eh->budget, eh->sz + EH_FRAME_PAD))
		return -EDQUOT;
	eh->data = malloc(eh->sz + EH_FRAME_PAD);
	if (!eh->data)
		return err_sys(e, -ENOMEM, "no memory for a file's .eh_frame");
	memset(eh->data + eh->sz, 0, EH_FRAME_PAD);
	if (elf_file_read(f, off, eh->data, eh->sz) != eh->sz)
		return err_set(e, -ENOEXEC, "no unwind table: .eh_frame could not be read");
	return 0;
}

static int read_from(struct eh_frame *eh, const struct elf_file *f, struct err *e)
{
	uint64_t off = 0;
	int rc = check_kind(f, e);

	if (rc)
		return rc;
	find_code(eh, f);
	rc = bare_functions_read(eh, f);
	if (rc == -ENOMEM)
		return err_sys(e, rc, "no memory for a file's functions");
	if (!rc && by_section(f, &off, eh) && by_segment(f, &off, eh)) {
		eh->sz = 0;
		return 0;
	}
	if (!rc)
		rc = read_data(eh, f, off, e);
	eh->cut = rc == -EDQUOT;
	return eh->cut ? 0 : rc;
}

int eh_frame_read(struct eh_frame *eh, int fd, const void *image, size_t image_sz, struct budget *b,
		  struct err *e)
{
	struct elf_file f;
	int rc;

	*eh = (struct eh_frame){.budget = b};
	if (fd < 0) {
		rc = elf_file_open_image(&f, image, image_sz, b);
	} else {
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return err_sys(e, -errno, "no unwind table");
		rc = elf_file_open(&f, fd, b);
	}
	if (rc)
		return err_set(e, rc, "no unwind table: not an ELF file of 64 bits");
	rc = read_from(eh, &f, e);
	elf_file_close(&f);
	if (rc)
		eh_frame_clear(eh);
	return rc;
}

void eh_frame_clear(struct eh_frame *eh)
{
	if (eh->data)
		budget_give(eh->budget, eh->sz + EH_FRAME_PAD);
	free(eh->data);
	for (size_t i = 0; i < eh->bare_cnt; i++) {
		budget_give(eh->budget, eh->bare[i].sz);
		free(eh->bare[i].code);
	}
	budget_give(eh->budget, eh->bare_cap * sizeof(*eh->bare));
	free(eh->bare);
	*eh = (struct eh_frame){0};
}
