// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The bytes of .eh_frame straight to a table, with no ELF file around them to get right. The
 * input is the address of .eh_frame (8 bytes, little-endian) and then .eh_frame.
 */
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "unit/table_check.h"
#include "unwind/eh_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	struct eh_frame eh = {
		.code_cnt = 2,
		.code = {{0x1000, 4 << 20}, {6 << 20, 8 << 20}},
		.span_max = 7 << 20,
	};
	struct unwind_table t;

	if (sz < sizeof(eh.vaddr))
		return 0;
	memcpy(&eh.vaddr, data, sizeof(eh.vaddr));
	eh.sz = sz - sizeof(eh.vaddr);
	eh.data = calloc(1, eh.sz + EH_FRAME_PAD);
	if (!eh.data)
		abort();
	memcpy(eh.data, data + sizeof(eh.vaddr), eh.sz);
	if (unwind_table_from_eh_frame(&t, &eh) || table_wrong(&t))
		abort();
	unwind_table_clear(&t);
	eh_frame_clear(&eh);
	return 0;
}

/* A CIE and the FDEs after it, up to the next CIE or some 2 KB. */
static size_t cut(const struct eh_frame *eh, size_t begin)
{
	size_t end = begin;
	uint32_t head[2];

	while (end + sizeof(head) <= eh->sz && end - begin < 2048) {
		memcpy(head, eh->data + end, sizeof(head));
		if (end > begin && !head[1])
			break;
		end += 4 + (size_t)head[0];
	}
	return end < eh->sz ? end : eh->sz;
}

static void seed_cut(const char *folder, const struct eh_frame *eh, size_t begin, size_t end)
{
	static int number;
	uint64_t vaddr = eh->vaddr + begin;
	size_t sz = sizeof(vaddr) + end - begin;
	uint8_t *seed = malloc(sz);
	char name[32];

	if (!seed)
		abort();
	memcpy(seed, &vaddr, sizeof(vaddr));
	memcpy(seed + sizeof(vaddr), eh->data + begin, end - begin);
	snprintf(name, sizeof(name), "cie-%d", number++);
	seed_bytes(folder, name, seed, sz);
	free(seed);
}

/* Every kind of CIE of a library this program has loaded, with some of its FDEs. */
static int seed_library(struct dl_phdr_info *info, size_t sz, void *folder)
{
	int fd = open(info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe", O_RDONLY);
	struct eh_frame eh;

	(void)sz;
	if (fd < 0)
		return 0;
	if (!eh_frame_read(&eh, fd, NULL, 0, NULL, NULL)) {
		for (size_t i = 0, cie_cnt = 0; i + 8 <= eh.sz && cie_cnt < 40;) {
			uint32_t head[2];

			memcpy(head, eh.data + i, sizeof(head));
			if (head[0] && !head[1]) {
				seed_cut(folder, &eh, i, cut(&eh, i));
				cie_cnt++;
			}
			i += 4 + (size_t)head[0];
		}
		eh_frame_clear(&eh);
	}
	close(fd);
	return 0;
}

void seed_write(const char *folder)
{
	dl_iterate_phdr(seed_library, (void *)(uintptr_t)folder);
}
