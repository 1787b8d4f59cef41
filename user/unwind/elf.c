// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Find .eh_frame in an ELF file, by its section or, without sections, by way of .eh_frame_hdr,
 * and read it. libelf reads the headers. Nothing is mapped: a file that shrinks meanwhile gives
 * a short read and no SIGBUS.
 */
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "unwind/eh_frame.h"
#include "unwind/source.h"

#define ADDR_MAX ((1ULL << 47) - 1) /* of user space */

bool source_read(const struct source *s, uint64_t off, void *buf, uint64_t sz)
{
	if (off > s->sz || sz > s->sz - off)
		return false;
	if (s->fd >= 0)
		return pread_all(s->fd, buf, sz, off) == sz;
	memcpy(buf, s->image + off, sz);
	return true;
}

/* Cut a segment to what the file has of it; false when nothing is left or it makes no sense. */
static bool segment(const struct source *s, size_t i, GElf_Phdr *ph)
{
	if (!gelf_getphdr(s->elf, (int)i, ph) || ph->p_offset >= s->sz)
		return false;
	if (ph->p_filesz > s->sz - ph->p_offset)
		ph->p_filesz = s->sz - ph->p_offset;
	return ph->p_filesz && ph->p_vaddr <= ADDR_MAX && ph->p_filesz <= ADDR_MAX - ph->p_vaddr;
}

static void find_code(struct eh_frame *eh, const struct source *s, size_t phdr_cnt)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < phdr_cnt && eh->code_cnt < EH_FRAME_CODE_MAX; i++) {
		if (!segment(s, i, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		eh->code[eh->code_cnt++] = (struct eh_frame_code){
			.start = ph.p_vaddr,
			.end = ph.p_vaddr + ph.p_filesz,
		};
	}
	/* segments may lie apart, yet not by much more than the file is large */
	eh->span_max = s->sz > EH_FRAME_SPAN_MAX / 4 ? EH_FRAME_SPAN_MAX : 2 * s->sz + (64 << 20);
	if (eh->span_max > EH_FRAME_SPAN_MAX - WG_PAGE_SIZE)
		eh->span_max = EH_FRAME_SPAN_MAX - WG_PAGE_SIZE;
}

/* -ENOENT when there is no such section. */
static int by_section(const struct source *s, uint64_t *off, struct eh_frame *eh)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(s->elf, &names))
		return -ENOENT;
	while ((scn = elf_nextscn(s->elf, scn))) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC))
			continue;
		if (sh.sh_type != SHT_PROGBITS && sh.sh_type != SHT_X86_64_UNWIND)
			continue;
		name = elf_strptr(s->elf, names, sh.sh_name);
		if (!name || strcmp(name, ".eh_frame"))
			continue;
		*off = sh.sh_offset;
		eh->vaddr = sh.sh_addr;
		eh->sz = sh.sh_size;
		return 0;
	}
	return -ENOENT;
}

/* From vaddr to the end of the segment that holds it, which is more than .eh_frame. */
static int by_vaddr(const struct source *s, size_t phdr_cnt, uint64_t *off, struct eh_frame *eh)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < phdr_cnt; i++) {
		if (!segment(s, i, &ph) || ph.p_type != PT_LOAD || eh->vaddr < ph.p_vaddr ||
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
static int by_segment(const struct source *s, size_t phdr_cnt, uint64_t *off, struct eh_frame *eh)
{
	const uint8_t version = 1, pcrel_sdata4 = 0x1b; /* the encoding that linkers use */
	GElf_Phdr ph;

	for (size_t i = 0; i < phdr_cnt; i++) {
		uint8_t head[8];
		struct cursor cur = cursor_at(head + 4, head + sizeof(head));

		if (!segment(s, i, &ph) || ph.p_type != PT_GNU_EH_FRAME)
			continue;
		if (ph.p_filesz < sizeof(head) || !source_read(s, ph.p_offset, head, sizeof(head)))
			return -ENOENT;
		if (head[0] != version || head[1] != pcrel_sdata4)
			return -ENOENT;
		eh->vaddr = ph.p_vaddr + 4 + (uint64_t)cursor_int(&cur, 4);
		return by_vaddr(s, phdr_cnt, off, eh);
	}
	return -ENOENT;
}

static int read_from(struct eh_frame *eh, const struct source *s, struct err *e)
{
	size_t phdr_cnt = 0;
	uint64_t off = 0;
	GElf_Ehdr head;

	if (!s->elf || elf_kind(s->elf) != ELF_K_ELF || !gelf_getehdr(s->elf, &head))
		return err_set(e, -ENOEXEC, "no unwind table: not an ELF file");
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
	    head.e_machine != EM_X86_64 || (head.e_type != ET_EXEC && head.e_type != ET_DYN))
		return err_set(e, -ENOEXEC, "no unwind table: not an x86-64 program or library");
	if (elf_getphdrnum(s->elf, &phdr_cnt))
		return err_set(e, -ENOEXEC, "no unwind table: broken ELF program headers");
	find_code(eh, s, phdr_cnt);
	if (bare_functions_read(eh, s))
		return err_sys(e, -ENOMEM, "no memory for a file's functions");
	if (by_section(s, &off, eh) && by_segment(s, phdr_cnt, &off, eh)) {
		eh->sz = 0;
		return 0;
	}
	if (off > s->sz || eh->sz > s->sz - off || eh->sz > EH_FRAME_SZ_MAX)
		return err_set(e, -ENOEXEC, "no unwind table: .eh_frame is larger than %s",
			       eh->sz > EH_FRAME_SZ_MAX ? "is believable" : "the file");
	eh->data = calloc(1, eh->sz + EH_FRAME_PAD);
	if (!eh->data)
		return err_sys(e, -ENOMEM, "no memory for a file's .eh_frame");
	if (!source_read(s, off, eh->data, eh->sz))
		return err_set(e, -ENOEXEC, "no unwind table: .eh_frame could not be read");
	return 0;
}

int eh_frame_read(struct eh_frame *eh, int fd, const void *image, size_t image_sz, struct err *e)
{
	struct source s = {.fd = fd, .image = image, .sz = image_sz};
	struct stat st;
	int rc;

	*eh = (struct eh_frame){0};
	elf_version(EV_CURRENT);
	if (fd >= 0) {
		if (fstat(fd, &st))
			return err_sys(e, -errno, "no unwind table");
		s.sz = (uint64_t)st.st_size;
		s.elf = elf_begin(fd, ELF_C_READ, NULL);
	} else {
		/* libelf only reads it, though it does not say so */
		s.elf = elf_memory((char *)(uintptr_t)image, image_sz);
	}
	rc = read_from(eh, &s, e);
	elf_end(s.elf);
	if (rc)
		eh_frame_clear(eh);
	return rc;
}

void eh_frame_clear(struct eh_frame *eh)
{
	free(eh->data);
	for (size_t i = 0; i < eh->bare_cnt; i++)
		free(eh->bare[i].code);
	free(eh->bare);
	*eh = (struct eh_frame){0};
}
