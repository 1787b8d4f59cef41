/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Separate debug files, as gdb and elfutils look for them. */
#ifndef WG_SYMBOL_DEBUGFILE_H
#define WG_SYMBOL_DEBUGFILE_H

#include "base/elffile.h"

/*
 * The first of these that has a .symtab and belongs to f, which lies at path below root:
 *
 *   ROOT/usr/lib/debug/.build-id/xx/yyyy.debug    and the same without ROOT: containers have none
 *   the name in .gnu_debuglink: beside path, in .debug/ beside it, below ROOT/usr/lib/debug
 *
 * It belongs to f if its build-id is f's; where one of them has no build-id, if its CRC is the
 * debug link's (elfutils' libdwfl does the same). Links are followed inside of root only. Returns
 * 0 with *out open, or -ENOENT.
 */
int debugfile_open(struct elf_file *out, const struct elf_file *f, const char *path,
		   const char *root);

#endif
