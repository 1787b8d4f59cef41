// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Reads the headers of ELF files and lends out their bytes; see elffile.h. */
#include "base/elffile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/util.h"

#define MAX_SECTIONS (1u << 18)
#define MAX_NAMES (16u << 20)
#define MAX_NOTES (64u << 10)
#define MAX_NOTE_SECTIONS 64

size_t elf_file_read(const struct elf_file *f, uint64_t off, void *buf, size_t len)
{
	if (off >= f->size)
		return 0;
	if (len > f->size - off)
		len = f->size - off;
	if (!f->image)
		return pread_all(f->fd, buf, len, off);
	memcpy(buf, f->image + off, len);
	return len;
}

/* sz bytes at off and a 0 behind them; NULL unless all of them are there. */
static void *read_copy(const struct elf_file *f, uint64_t off, uint64_t sz, size_t max)
{
	char *copy;

	if (sz > max || off > f->size || sz > f->size - off || !budget_take(f->budget, sz + 1))
		return NULL;
	copy = malloc(sz + 1);
	if (copy)
		copy[sz] = 0;
	if (copy && elf_file_read(f, off, copy, sz) == sz)
		return copy;
	free(copy);
	budget_give(f->budget, sz + 1);
	return NULL;
}

static void free_copy(const struct elf_file *f, void *copy, uint64_t sz)
{
	if (copy)
		budget_give(f->budget, sz + 1);
	free(copy);
}

bool elf_has_bytes(const Elf64_Shdr *s)
{
	return s->sh_type != SHT_NULL && s->sh_type != SHT_NOBITS &&
	       !(s->sh_flags & SHF_COMPRESSED);
}

void *elf_file_load(const struct elf_file *f, const Elf64_Shdr *s, size_t max)
{
	return elf_has_bytes(s) ? read_copy(f, s->sh_offset, s->sh_size, max) : NULL;
}

void elf_file_unload(const struct elf_file *f, const Elf64_Shdr *s, void *copy)
{
	free_copy(f, copy, s->sh_size);
}

const Elf64_Shdr *elf_file_section(const struct elf_file *f, uint32_t type, const char *name)
{
	for (uint32_t i = 0; i < f->section_cnt; i++) {
		const Elf64_Shdr *s = &f->section[i];

		if (!elf_has_bytes(s) || (type != SHT_NULL && s->sh_type != type))
			continue;
		if (!name || (s->sh_name < f->section_name_sz &&
			      strcmp(f->section_name + s->sh_name, name) == 0))
			return s;
	}
	return NULL;
}

static void read_segments(struct elf_file *f, const Elf64_Ehdr *eh)
{
	if (eh->e_phentsize != sizeof(Elf64_Phdr))
		return;
	f->segment = read_copy(f, eh->e_phoff, eh->e_phnum * sizeof(Elf64_Phdr), SIZE_MAX);
	f->segment_cnt = f->segment ? eh->e_phnum : 0;
}

static void read_sections(struct elf_file *f, const Elf64_Ehdr *eh)
{
	uint64_t cnt = eh->e_shnum, names = eh->e_shstrndx;
	Elf64_Shdr first;

	if (eh->e_shentsize != sizeof(first) || !eh->e_shoff ||
	    elf_file_read(f, eh->e_shoff, &first, sizeof(first)) != sizeof(first))
		return;
	if (!cnt)
		cnt = first.sh_size; /* more than fit into e_shnum */
	if (names == SHN_XINDEX)
		names = first.sh_link;
	if (cnt > MAX_SECTIONS)
		return;
	f->section = read_copy(f, eh->e_shoff, cnt * sizeof(first), SIZE_MAX);
	f->section_cnt = f->section ? (uint32_t)cnt : 0;
	if (names >= f->section_cnt)
		return;
	f->section_name = elf_file_load(f, &f->section[names], MAX_NAMES);
	f->section_name_sz = f->section_name ? f->section[names].sh_size : 0;
}

static int read_headers(struct elf_file *f)
{
	Elf64_Ehdr eh;

	if (elf_file_read(f, 0, &eh, sizeof(eh)) != sizeof(eh) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	read_segments(f, &eh);
	read_sections(f, &eh);
	return 0;
}

int elf_file_open(struct elf_file *f, int fd, struct budget *b)
{
	struct stat st;
	int err;

	*f = (struct elf_file){.fd = fd, .budget = b};
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -ENOEXEC;
	else {
		f->size = (uint64_t)st.st_size;
		err = read_headers(f);
	}
	if (err)
		elf_file_close(f);
	return err;
}

int elf_file_open_image(struct elf_file *f, const void *image, size_t sz, struct budget *b)
{
	int err;

	*f = (struct elf_file){.fd = -1, .budget = b, .image = image, .size = sz};
	err = read_headers(f);
	if (err)
		elf_file_close(f);
	return err;
}

void elf_file_close(struct elf_file *f)
{
	cleanup_fd(&f->fd);
	free_copy(f, f->segment, f->segment_cnt * sizeof(*f->segment));
	free_copy(f, f->section, f->section_cnt * sizeof(*f->section));
	free_copy(f, f->section_name, f->section_name_sz);
	*f = (struct elf_file){.fd = -1, .budget = f->budget};
}

static uint64_t align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* Looks through the notes at off for the build-id. */
static size_t note_build_id(const struct elf_file *f, uint64_t off, uint64_t sz, uint64_t align,
			    uint8_t *id)
{
	char *notes = read_copy(f, off, sz, MAX_NOTES);
	uint64_t at = 0, desc;
	size_t len = 0;
	Elf64_Nhdr n;

	align = align == 8 ? 8 : 4;
	while (notes && at + sizeof(n) <= sz) {
		memcpy(&n, notes + at, sizeof(n));
		desc = at + align_up(sizeof(n) + n.n_namesz, align);
		if (desc > sz || n.n_descsz > sz - desc)
			break;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    memcmp(notes + at + sizeof(n), ELF_NOTE_GNU, n.n_namesz) == 0 &&
		    n.n_descsz <= ELF_BUILD_ID_MAX) {
			memcpy(id, notes + desc, n.n_descsz);
			len = n.n_descsz;
			break;
		}
		at = align_up(desc + n.n_descsz, align);
	}
	free_copy(f, notes, sz);
	return len;
}

size_t elf_file_build_id(const struct elf_file *f, uint8_t id[ELF_BUILD_ID_MAX])
{
	uint32_t looked = 0;
	size_t len = 0;

	/* sections first: the segments of a separate debug file lead to bytes that are not there */
	for (uint32_t i = 0; i < f->section_cnt && !len; i++) {
		const Elf64_Shdr *s = &f->section[i];

		if (s->sh_type == SHT_NOTE && looked++ < MAX_NOTE_SECTIONS)
			len = note_build_id(f, s->sh_offset, s->sh_size, s->sh_addralign, id);
	}
	looked = 0;
	for (uint32_t i = 0; i < f->segment_cnt && !len; i++) {
		const Elf64_Phdr *p = &f->segment[i];

		if (p->p_type == PT_NOTE && looked++ < MAX_NOTE_SECTIONS)
			len = note_build_id(f, p->p_offset, p->p_filesz, p->p_align, id);
	}
	return len;
}
