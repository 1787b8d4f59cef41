/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The ELF file that an unwind table is made of; private to this folder. */
#ifndef WG_SOURCE_H
#define WG_SOURCE_H

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "unwind/eh_frame.h"

struct source {
	int fd; /* or negative: the image */
	const uint8_t *image;
	uint64_t sz;
	Elf *elf;
};

/* All of the sz bytes at off, or false. */
bool source_read(const struct source *s, uint64_t off, void *buf, uint64_t sz);

/* Fill eh->bare, with their code. 0 or -ENOMEM. */
int bare_functions_read(struct eh_frame *eh, const struct source *s);

#endif
