/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The frame of an ELF file: headers, sections, notes. Everything is copied by pread, never mapped,
 * since a file that is cut short under a mapping would end us by SIGBUS; every size is held
 * against the file's, a bound and a budget before memory is taken. 64-bit little-endian files only:
 * those the profiler unwinds.
 */
#ifndef WG_BASE_ELFFILE_H
#define WG_BASE_ELFFILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;

struct elf_file {
	int fd;		       /* owned; -1 when it is an image */
	struct budget *budget; /* that all is taken from; NULL: no limits */
	const uint8_t *image;
	uint64_t size;
	Elf64_Phdr *segment;
	uint32_t segment_cnt;
	Elf64_Shdr *section; /* none where the section table is broken or cut off */
	uint32_t section_cnt;
	char *section_name; /* section_name_sz bytes and a 0 */
	size_t section_name_sz;
};

#define ELF_BUILD_ID_MAX 64

/* Takes fd, also on failure. 0; -ENOEXEC: not a 64-bit little-endian ELF file; -ENOMEM. */
int elf_file_open(struct elf_file *f, int fd, struct budget *b);
/* image must outlive f. */
int elf_file_open_image(struct elf_file *f, const void *image, size_t sz, struct budget *b);
void elf_file_close(struct elf_file *f); /* accepts a zeroed one with fd -1 */

/* Whether a section has bytes of its own in the file, as they are. */
bool elf_has_bytes(const Elf64_Shdr *s);

/* Bytes at a file offset: up to len of them; returns how many. */
size_t elf_file_read(const struct elf_file *f, uint64_t off, void *buf, size_t len);

/* The first section of that type (any: SHT_NULL) and name (any: NULL) with contents, or NULL. */
const Elf64_Shdr *elf_file_section(const struct elf_file *f, uint32_t type, const char *name);
/*
 * The section's bytes and a 0 behind them, for elf_file_unload; NULL: none, cut off, more than max, or
 * than the budget has.
 */
void *elf_file_load(const struct elf_file *f, const Elf64_Shdr *s, size_t max);
void elf_file_unload(const struct elf_file *f, const Elf64_Shdr *s, void *copy);

/* The build-id into id; returns its length, or 0 when there is none. */
size_t elf_file_build_id(const struct elf_file *f, uint8_t id[ELF_BUILD_ID_MAX]);

#endif
