// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Finds the separate debug file of an ELF file; see debugfile.h. */
#include "symbol/debugfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/budget.h"
#include "base/files.h"
#include "base/util.h"
#include "symbol/regular.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define MAX_CRC_SZ (4ull << 30) /* reading more takes too long, or is a trap */

struct wanted {
	uint8_t id[ELF_BUILD_ID_MAX];
	size_t id_len;
	char link[NAME_MAX + 1]; /* "": no debug link */
	uint32_t crc;
};

/* .gnu_debuglink: a name, a 0, padding to 4 bytes, the CRC of the debug file. */
static void read_link(struct wanted *w, const struct elf_file *f)
{
	const Elf64_Shdr *s = elf_file_section(f, SHT_NULL, ".gnu_debuglink");
	char link[sizeof(w->link) + 8];
	size_t len, crc_at;

	if (!s || s->sh_size > sizeof(link) ||
	    elf_file_read(f, s->sh_offset, link, s->sh_size) != s->sh_size)
		return;
	len = strnlen(link, s->sh_size);
	crc_at = (len + 4) & ~(size_t)3;
	/* a name only: a path could lead anywhere */
	if (!len || len >= sizeof(w->link) || memchr(link, '/', len) || crc_at + 4 > s->sh_size)
		return;
	memcpy(w->link, link, len);
	memcpy(&w->crc, link + crc_at, 4);
}

/* False when the budget has no time for that. */
static bool crc_is(const struct elf_file *f, uint32_t want)
{
	enum { BLOCK = 1 << 16 };
	scoped_free uint8_t *block = malloc(BLOCK);
	uLong crc = crc32(0, NULL, 0);
	uint64_t off = 0;
	size_t n;

	while (block && (n = elf_file_read(f, off, block, BLOCK)) > 0) {
		if (!budget_has_time(f->budget))
			return false;
		crc = crc32(crc, block, (uInt)n);
		off += n;
	}
	return crc == want;
}

static bool belongs(const struct elf_file *debug, const struct wanted *w)
{
	uint8_t id[ELF_BUILD_ID_MAX];
	size_t len;

	if (!elf_file_section(debug, SHT_SYMTAB, NULL))
		return false;
	len = elf_file_build_id(debug, id);
	if (len && w->id_len)
		return len == w->id_len && memcmp(id, w->id, len) == 0;
	return w->link[0] && debug->size <= MAX_CRC_SZ && crc_is(debug, w->crc);
}

static bool try(struct elf_file *out, int root, const struct wanted *w, const char *path,
		struct budget *b)
{
	int fd = regular_open(root, path, root == AT_FDCWD ? 0 : RESOLVE_NO_MAGICLINKS, NULL);

	if (fd >= 0 && !files_may_keep(fd)) {
		close(fd);
		budget_stop(b, BUDGET_DESCRIPTORS);
		return false;
	}
	if (fd < 0 || elf_file_open(out, fd, b))
		return false;
	if (belongs(out, w))
		return true;
	elf_file_close(out);
	return false;
}

static bool by_build_id(struct elf_file *out, int root, const struct wanted *w, struct budget *b)
{
	char path[sizeof(DEBUG_ROOT "/.build-id//.debug") + 2 * ELF_BUILD_ID_MAX];
	size_t at;

	if (w->id_len < 2)
		return false;
	at = (size_t)sprintf(path, DEBUG_ROOT "/.build-id/%02x/", w->id[0]);
	for (size_t i = 1; i < w->id_len; i++)
		at += (size_t)sprintf(path + at, "%02x", w->id[i]);
	strcpy(path + at, ".debug");
	return try(out, root, w, path, b);
}

static bool by_link(struct elf_file *out, int root, const struct wanted *w, const char *path,
		    struct budget *b)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) : 0;
	char at[PATH_MAX];
	const struct {
		const char *before, *after;
	} place[] = {{"", "/"}, {"", "/.debug/"}, {DEBUG_ROOT, "/"}};

	if (!w->link[0] || path[0] != '/')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(place); i++) {
		if (snprintf(at, sizeof(at), "%s%.*s%s%s", place[i].before, dir, path,
			     place[i].after, w->link) < (int)sizeof(at) &&
		    try(out, root, w, at, b))
			return true;
	}
	return false;
}

int debugfile_open(struct elf_file *out, const struct elf_file *f, const char *path,
		   const char *root)
{
	bool elsewhere = root && root[0];
	scoped_fd int fd = elsewhere ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	int at = elsewhere ? fd : AT_FDCWD;
	struct wanted w = {0};

	w.id_len = elf_file_build_id(f, w.id);
	read_link(&w, f);
	/* the root may be gone with its process */
	if ((!elsewhere || fd >= 0) &&
	    (by_build_id(out, at, &w, f->budget) || by_link(out, at, &w, path, f->budget)))
		return 0;
	return elsewhere && by_build_id(out, AT_FDCWD, &w, f->budget) ? 0 : -ENOENT;
}
