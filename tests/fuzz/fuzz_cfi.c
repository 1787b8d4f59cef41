// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* An ELF file to an unwind table: from memory and from a descriptor, which must agree. */
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "unit/elf_make.h"
#include "unit/table_check.h"
#include "unwind/table.h"

static int build_from_file(struct unwind_table *t, const uint8_t *data, size_t sz)
{
	int fd = memfd_create("fuzz_cfi", MFD_CLOEXEC);
	int rc;

	if (fd < 0 || write(fd, data, sz) != (ssize_t)sz)
		abort();
	rc = unwind_table_build(t, fd, NULL, NULL);
	close(fd);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	struct unwind_table t, u;
	int rc = unwind_table_build_image(&t, data, sz, NULL);

	if (build_from_file(&u, data, sz) != rc || t.row_cnt != u.row_cnt ||
	    t.rule_cnt != u.rule_cnt || t.start_cnt != u.start_cnt)
		abort();
	if (!rc && table_wrong(&t))
		abort();
	if (rc && (t.page || t.row || t.rule || t.start))
		abort();
	unwind_table_clear(&t);
	unwind_table_clear(&u);
	return 0;
}

void seed_write(const char *folder)
{
	/* a little code with CFI, by its section and by .eh_frame_hdr */
	static const uint8_t eh_frame[] = {
		0x14, 0,  0,	0,    0,    0,	  0, 0,	   1,	 'z', 'R',  0,	  1,
		0x78, 16, 1,	0x1b, 0x0c, 7,	  8, 0x90, 1,	 0,   0,    0x14, 0,
		0,    0,  0x1c, 0,    0,    0,	  0, 0,	   0,	 0,   0x40, 0,	  0,
		0,    0,  0x41, 0x0e, 0x10, 0x86, 2, 0x43, 0x0d, 0,   0,    0,	  0,
	};
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	static struct elf_image image;

	elf_make(&image, eh_frame, sizeof(eh_frame), ELF_MAKE_SECTIONS);
	seed_bytes(folder, "section", image.data, image.sz);
	elf_make(&image, eh_frame, sizeof(eh_frame), ELF_MAKE_HDR);
	seed_bytes(folder, "segment", image.data, image.sz);
	if (vdso)
		seed_bytes(folder, "vdso", vdso, elf_size(vdso));
}
