/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is read of the ELF file that an unwind table is made of; private to this folder. */
#ifndef WG_UNWIND_SOURCE_H
#define WG_UNWIND_SOURCE_H

#include "base/elffile.h"
#include "unwind/eh_frame.h"

/* Fill eh->bare, with their code. 0, -ENOMEM or -EDQUOT. */
int bare_functions_read(struct eh_frame *eh, const struct elf_file *f);

#endif
