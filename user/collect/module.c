// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Mapped files; see module.h. */
#include "collect/module.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/util.h"
#include "symbol/symtab.h"

bool module_is(const struct module *m, const struct stat *st)
{
	return m->ino && m->dev == st->st_dev && m->ino == st->st_ino &&
	       m->mtime.tv_sec == st->st_mtim.tv_sec && m->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

static void add_segment(struct module *m, const Elf64_Phdr *ph)
{
	if (ph->p_type == PT_LOAD && ph->p_vaddr + ph->p_memsz > m->end)
		m->end = ph->p_vaddr + ph->p_memsz;
	if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || m->segment_cnt == SEGMENT_MAX)
		return;
	m->segment[m->segment_cnt++] = (struct segment){ph->p_offset, ph->p_vaddr, ph->p_filesz};
}

static bool is_ours(const Elf64_Ehdr *eh)
{
	return !memcmp(eh->e_ident, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_ident[EI_DATA] == ELFDATA2LSB && eh->e_machine == EM_X86_64 &&
	       eh->e_phentsize == sizeof(Elf64_Phdr);
}

static void read_segments(struct module *m)
{
	enum { BLOCK = 64 };
	Elf64_Ehdr eh;
	Elf64_Phdr ph[BLOCK];

	if (pread_all(m->fd, &eh, sizeof(eh), 0) != sizeof(eh) || !is_ours(&eh))
		return;
	m->elf = true;
	for (size_t i = 0; i < eh.e_phnum; i += BLOCK) {
		size_t want = eh.e_phnum - i < BLOCK ? eh.e_phnum - i : BLOCK;
		size_t got = pread_all(m->fd, ph, want * sizeof(*ph), eh.e_phoff + i * sizeof(*ph));

		for (size_t k = 0; k < got / sizeof(*ph); k++)
			add_segment(m, &ph[k]);
		if (got < want * sizeof(*ph))
			break;
	}
}

/*
 * By what a table is kept: the build-id, which anybody can give a file, and what only the kernel
 * gives it: which file it is, and when it was last changed.
 */
static void cache_key(const struct module *m, const struct stat *st, char *key, size_t sz)
{
	snprintf(key, sz, "%s%08llx%016llx%016llx%016llx%08lx", m->build_id,
		 (unsigned long long)st->st_dev & 0xffffffff, (unsigned long long)st->st_ino,
		 (unsigned long long)st->st_size, (unsigned long long)st->st_ctim.tv_sec,
		 (unsigned long)st->st_ctim.tv_nsec);
}

/*
 * Code is spread no thinner over its addresses than this, by what of the file is on the disk: a few
 * blocks that claim to be spread over gigabytes would fill the pool.
 */
#define SPREAD_MAX 16
#define SPREAD_FREE (16 << 20)

static bool is_spread(const struct module *m, const struct stat *st)
{
	return (uint64_t)m->table.page_cnt << WG_PAGE_SHIFT >
	       SPREAD_FREE + (uint64_t)st->st_blocks * 512 * SPREAD_MAX;
}

static void read_table(struct module *m, const struct stat *st, const char *cache)
{
	char key[160];

	cache_key(m, st, key, sizeof(key));
	if (!m->build_id[0])
		cache = NULL;
	if (cache && !unwind_cache_load(&m->table, cache, key, &m->budget))
		return;
	/* a file that makes no sense is one without a table */
	if (unwind_table_build(&m->table, m->fd, &m->budget, NULL))
		return;
	if (is_spread(m, st)) {
		budget_stop(&m->budget, BUDGET_FILE_MEMORY);
		unwind_table_clear(&m->table);
		m->table.cut = true;
		budget_close(&m->budget);
	} else if (cache && !m->budget.reason) {
		unwind_cache_save(&m->table, cache, key);
	}
}

int module_open(struct module *m, int fd, const struct stat *st, const char *path,
		const char *cache)
{
	*m = (struct module){.fd = fd,
			     .dev = st->st_dev,
			     .ino = st->st_ino,
			     .mtime = st->st_mtim,
			     .size = (uint64_t)st->st_size,
			     .path = strdup(path)};
	if (!m->path)
		return -ENOMEM;
	m->budget.path = m->path;
	read_segments(m);
	if (!m->elf) {
		close(m->fd); /* known for what it is: that is all */
		m->fd = -1;
		return 0;
	}
	budget_begin(&m->budget);
	elf_build_id(fd, m->build_id, sizeof(m->build_id), &m->budget);
	read_table(m, st, cache);
	budget_end(&m->budget);
	return 0;
}

/* How much of the image its headers speak of: to the end of the section headers. */
static size_t image_size(const Elf64_Ehdr *eh)
{
	size_t end = eh->e_shoff + (size_t)eh->e_shnum * eh->e_shentsize;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (end + page - 1) / page * page;
}

int module_open_vdso(struct module *m)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR); /* NOLINT: an address */
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)image;
	const Elf64_Phdr *ph;
	int i;

	if (!image || !is_ours(eh))
		return -ENOENT;
	*m = (struct module){.fd = -1,
			     .image = image,
			     .image_sz = image_size(eh),
			     .elf = true,
			     .path = strdup("[vdso]")};
	if (!m->path)
		return -ENOMEM;
	ph = (const Elf64_Phdr *)(image + eh->e_phoff);
	for (i = 0; i < eh->e_phnum; i++)
		add_segment(m, &ph[i]);
	elf_build_id_image(image, m->image_sz, m->build_id, sizeof(m->build_id));
	unwind_table_build_image(&m->table, image, m->image_sz, NULL);
	return 0;
}

void module_clear(struct module *m)
{
	free(m->path);
	if (m->fd >= 0)
		close(m->fd);
	unwind_table_clear(&m->table);
	budget_close(&m->budget);
	*m = (struct module){.fd = -1};
}

bool module_bias(const struct module *m, uint64_t start, uint64_t offset, uint64_t *bias)
{
	const struct segment *s;
	size_t i;

	for (i = 0; i < m->segment_cnt; i++) {
		s = &m->segment[i];
		/* a mapping begins at a page, its segment perhaps within it */
		if (offset + 4095 >= s->offset && offset < s->offset + s->size) {
			*bias = start - (s->vaddr + (offset - s->offset));
			return true;
		}
	}
	return false;
}
