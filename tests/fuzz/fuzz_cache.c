// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A cached unwind table. The input is the file; its checksum is made good first, since no chance
 * would get past it. What loads must be a sound table that can be saved and loaded again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "fuzz/fuzz.h"
#include "unit/table_check.h"
#include "unwind/table.h"

#define BUILD_ID "0123456789abcdef"
#define CRC_AT 12

static char folder[64];

static void remove_folder(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" BUILD_ID, folder);
	unlink(path);
	rmdir(folder);
}

static void make_folder(void)
{
	if (folder[0])
		return;
	snprintf(folder, sizeof(folder), "/tmp/fuzz_cache.XXXXXX");
	if (!mkdtemp(folder))
		abort();
	atexit(remove_folder);
}

static void put(const uint8_t *data, size_t sz)
{
	uint8_t *copy = malloc(sz + 1);
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/" BUILD_ID, folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || !copy)
		abort();
	memcpy(copy, data, sz);
	if (sz >= CRC_AT + 4) {
		uint32_t crc = 0;

		memcpy(copy + CRC_AT, &crc, sizeof(crc));
		crc = (uint32_t)crc32_z(0, copy, sz);
		memcpy(copy + CRC_AT, &crc, sizeof(crc));
	}
	if (write(fd, copy, sz) != (ssize_t)sz)
		abort();
	close(fd);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	struct unwind_table t, again;

	make_folder();
	put(data, sz);
	if (unwind_cache_load(&t, folder, BUILD_ID, NULL))
		return 0;
	for (uint32_t page = 0; page < t.page_cnt; page++)
		unwind_table_start(&t, t.base + page * 256ULL + page % 256);
	if (unwind_cache_save(&t, folder, BUILD_ID) ||
	    unwind_cache_load(&again, folder, BUILD_ID, NULL))
		abort();
	unwind_cache_tidy(folder); /* a program may save so many and no more before it does */
	unwind_table_clear(&again);
	unwind_table_clear(&t);
	return 0;
}

static void seed_from(const char *to, const char *name, const struct unwind_table *t)
{
	char path[128];

	make_folder();
	if (unwind_cache_save(t, folder, BUILD_ID))
		abort();
	snprintf(path, sizeof(path), "%s/" BUILD_ID, folder);
	seed_file(to, name, path, 1 << 20);
}

void seed_write(const char *to)
{
	uint32_t page[] = {0, 2, 2, 3}, row[] = {0x100, 0x210, 0x100}, start[] = {0, 0x20, 0x200};
	struct wg_rule rule[] = {
		{.cfa = WG_CFA_NONE},
		{.cfa = WG_CFA_RSP, .cfa_off = 8, .rbp = WG_RBP_AT_CFA, .rbp_off = -16},
		{.cfa = WG_CFA_REG, .cfa_arg = 10},
	};
	struct unwind_table empty = {0};
	struct unwind_table small = {
		.base = 0x1000,
		.page_cnt = 3,
		.page = page,
		.row_cnt = 3,
		.row = row,
		.rule_cnt = 3,
		.rule = rule,
		.start_cnt = 3,
		.start = start,
	};

	seed_from(to, "empty", &empty);
	seed_from(to, "small", &small);
}
