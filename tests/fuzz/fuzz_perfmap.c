// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The text of a perf map: lines are read or counted, and what is found holds the address. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "symbol/jitmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	uint64_t lines = sz && data[sz - 1] != '\n', start;
	struct jitmap *m;
	const char *name;

	if (jitmap_new(&m) || jitmap_parse_perf(m, (const char *)data, sz))
		abort();
	for (size_t i = 0; i < sz; i++)
		lines += data[i] == '\n';
	if (jitmap_bad_cnt(m) > lines)
		abort();
	for (uint64_t addr = 0; addr < 1 << 16; addr += 251) {
		name = jitmap_find(m, addr, 0, &start);
		if (name && (start > addr || !name[0] || strlen(name) > 512))
			abort();
		if (name && jitmap_bytes(m, addr, &start, 1))
			abort();
	}
	jitmap_free(m);
	return 0;
}

void seed_write(const char *folder)
{
	static const char text[] = "1000 20 LazyCompile:~foo file.js:1:2\n"
				   "0x1020 0x10 Function:*bar \303\274\n"
				   "1010 1000 over both\n"
				   "0 ffff all of it\n";

	seed_bytes(folder, "map", text, sizeof(text) - 1);
}
