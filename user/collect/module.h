/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One file that is mapped executable, held open, with its unwind table. */
#ifndef WG_COLLECT_MODULE_H
#define WG_COLLECT_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/budget.h"
#include "unwind/table.h"

#define SEGMENT_MAX 16

struct module {
	char *path;	   /* as its first process saw it; "[vdso]" */
	int fd;		   /* -1: an image in memory */
	const void *image; /* the vDSO */
	size_t image_sz;
	bool elf;
	char build_id[64]; /* hex, or "" */
	struct unwind_table table;
	struct budget budget; /* that the table is out of */
	/* what tells it from others */
	dev_t dev;
	ino_t ino;
	struct timespec mtime;
	uint64_t size;
	/* executable PT_LOADs: from addresses in the file to its own numbering */
	struct segment {
		uint64_t offset, vaddr, size;
	} segment[SEGMENT_MAX];
	size_t segment_cnt;
	uint64_t end; /* of all PT_LOADs, data and bss included, by its own numbering */
};

/*
 * Take over fd, of a file that its process knows as path. cache: folder of unwind tables, or NULL.
 * A file that is no x86-64 ELF file gives a module without elf. 0 or -ENOMEM.
 */
int module_open(struct module *m, int fd, const struct stat *st, const char *path,
		const char *cache);
/* The vDSO of this process, which is everybody's. -ENOENT: there is none. */
int module_open_vdso(struct module *m);
void module_clear(struct module *m);

bool module_is(const struct module *m, const struct stat *st);

/* What to take from an address in a mapping that begins at `start` and shows the file from `offset` on. False: no executable part of it is there. */
bool module_bias(const struct module *m, uint64_t start, uint64_t offset, uint64_t *bias);

#endif
