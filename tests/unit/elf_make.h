/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A small ELF file in memory with the .eh_frame given. Its one segment is executable and covers
 * the file, which is its own address space from ELF_MAKE_VADDR on:
 *
 *   0        Ehdr, Phdr[2]
 *   0x200    .eh_frame_hdr, 8 bytes
 *   0x400    code, to 0x1400
 *   0x1400   .eh_frame
 *   then     names and Shdr[3]
 */
#ifndef WG_UNIT_ELF_MAKE_H
#define WG_UNIT_ELF_MAKE_H

#include <assert.h>
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ELF_MAKE_VADDR 0x10000
#define ELF_MAKE_CODE 0x400
#define ELF_MAKE_EH_FRAME 0x1400

enum elf_make_flags {
	ELF_MAKE_SECTIONS = 1 << 0, /* section headers */
	ELF_MAKE_HDR = 1 << 1,	    /* .eh_frame_hdr and its segment */
};

struct elf_image {
	size_t sz;
	uint8_t data[0x8000] __attribute__((aligned(16)));
};

static inline Elf64_Ehdr *elf_make_ehdr(struct elf_image *image)
{
	return (Elf64_Ehdr *)image->data;
}

static inline Elf64_Phdr *elf_make_phdr(struct elf_image *image)
{
	return (Elf64_Phdr *)(image->data + sizeof(Elf64_Ehdr));
}

static inline Elf64_Shdr *elf_make_shdr(struct elf_image *image)
{
	return (Elf64_Shdr *)(image->data + elf_make_ehdr(image)->e_shoff);
}

/* The section header of .eh_frame. */
static inline Elf64_Shdr *elf_make_eh_frame(struct elf_image *image)
{
	return elf_make_shdr(image) + 1;
}

static inline void elf_make_sections(struct elf_image *image, size_t eh_frame_sz)
{
	static const char names[] = "\0.eh_frame\0.shstrtab";
	Elf64_Ehdr *head = elf_make_ehdr(image);
	size_t names_off = image->sz;
	Elf64_Shdr *section;

	memcpy(image->data + names_off, names, sizeof(names));
	head->e_shoff = (names_off + sizeof(names) + 15) & ~15UL;
	head->e_shentsize = sizeof(*section);
	head->e_shnum = 3;
	head->e_shstrndx = 2;
	section = elf_make_shdr(image);
	section[1] = (Elf64_Shdr){.sh_name = 1,
				  .sh_type = SHT_PROGBITS,
				  .sh_flags = SHF_ALLOC,
				  .sh_addr = ELF_MAKE_VADDR + ELF_MAKE_EH_FRAME,
				  .sh_offset = ELF_MAKE_EH_FRAME,
				  .sh_size = eh_frame_sz};
	section[2] = (Elf64_Shdr){.sh_name = 11,
				  .sh_type = SHT_STRTAB,
				  .sh_offset = names_off,
				  .sh_size = sizeof(names)};
	image->sz = head->e_shoff + 3 * sizeof(*section);
}

static inline void elf_make(struct elf_image *image, const void *eh_frame, size_t eh_frame_sz,
			    unsigned flags)
{
	static const uint8_t hdr[4] = {1, 0x1b, 0xff, 0xff};
	const int32_t to_eh_frame = ELF_MAKE_EH_FRAME - (0x200 + 4);
	Elf64_Ehdr *head;
	Elf64_Phdr *segment;

	assert(eh_frame_sz < 0x4000);
	memset(image, 0, sizeof(*image));
	head = elf_make_ehdr(image);
	segment = elf_make_phdr(image);
	memcpy(image->data + ELF_MAKE_EH_FRAME, eh_frame, eh_frame_sz);
	image->sz = ELF_MAKE_EH_FRAME + eh_frame_sz;
	memcpy(head->e_ident, ELFMAG, SELFMAG);
	head->e_ident[EI_CLASS] = ELFCLASS64;
	head->e_ident[EI_DATA] = ELFDATA2LSB;
	head->e_ident[EI_VERSION] = EV_CURRENT;
	head->e_type = ET_DYN;
	head->e_machine = EM_X86_64;
	head->e_version = EV_CURRENT;
	head->e_ehsize = sizeof(*head);
	head->e_phoff = sizeof(*head);
	head->e_phentsize = sizeof(*segment);
	head->e_phnum = flags & ELF_MAKE_HDR ? 2 : 1;
	if (flags & ELF_MAKE_SECTIONS)
		elf_make_sections(image, eh_frame_sz);
	segment[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_flags = PF_R | PF_X,
				  .p_vaddr = ELF_MAKE_VADDR,
				  .p_filesz = image->sz,
				  .p_memsz = image->sz};
	if (!(flags & ELF_MAKE_HDR))
		return;
	memcpy(image->data + 0x200, hdr, sizeof(hdr));
	memcpy(image->data + 0x204, &to_eh_frame, sizeof(to_eh_frame));
	segment[1] = (Elf64_Phdr){.p_type = PT_GNU_EH_FRAME,
				  .p_flags = PF_R,
				  .p_offset = 0x200,
				  .p_vaddr = ELF_MAKE_VADDR + 0x200,
				  .p_filesz = sizeof(hdr) + sizeof(to_eh_frame)};
}

/* Bytes of an ELF file that lies whole in memory, as the vDSO does: to its section headers' end. */
static inline size_t elf_size(const void *image)
{
	const Elf64_Ehdr *head = image;

	return head->e_shoff + (size_t)head->e_shnum * head->e_shentsize;
}

#endif
