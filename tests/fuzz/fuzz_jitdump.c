// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A jitdump file: records are read or counted; the code of those found is readable to their end. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "symbol/jitmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	uint8_t code[256];
	struct jitmap *m;
	const char *name;
	uint64_t start;
	int err;

	if (jitmap_new(&m))
		abort();
	err = jitmap_parse_jitdump(m, data, sz);
	if (err && err != -ENOEXEC)
		abort();
	for (uint64_t addr = 0; addr < 1 << 16; addr += 61) {
		name = jitmap_find(m, addr, addr % 3 ? addr : 0, &start);
		if (name && (err || start > addr || strlen(name) > 512))
			abort();
		if (jitmap_bytes(m, addr, code, sizeof(code)) > sizeof(code))
			abort();
	}
	jitmap_free(m);
	return 0;
}

void seed_write(const char *folder)
{
	static const struct {
		struct {
			uint32_t magic, version, total_sz, elf_mach, pad, tgid;
			uint64_t time, flags;
		} head;
		struct {
			uint32_t id, total_sz;
			uint64_t time;
			uint32_t tgid, tid;
			uint64_t vma, addr, sz, index;
			char name[8], code[64];
		} load[2];
		struct {
			uint32_t id, total_sz;
			uint64_t time;
			uint32_t tgid, tid;
			uint64_t vma, from, to, sz, index;
		} move;
		struct {
			uint32_t id, total_sz;
			uint64_t time;
		} close;
	} dump = {
		.head = {0x4a695444, 1, sizeof(dump.head), EM_X86_64, 0, 1, 0, 0},
		.load = {{0, sizeof(dump.load[0]), 100, 1, 1, 0x1000, 0x1000, 64, 1, "one", "x"},
			 {0, sizeof(dump.load[0]), 200, 1, 1, 0x1020, 0x1020, 64, 2, "two", "y"}},
		.move = {1, sizeof(dump.move), 300, 1, 1, 0x3000, 0x1000, 0x3000, 64, 1},
		.close = {3, sizeof(dump.close), 400},
	};

	seed_bytes(folder, "dump", &dump, sizeof(dump));
}
