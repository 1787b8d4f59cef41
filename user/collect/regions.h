/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What an address of a process lies in, by /proc/PID/maps and where its threads' stacks are. */
#ifndef WG_COLLECT_REGIONS_H
#define WG_COLLECT_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct region {
	uint64_t start, end;
	char name
		[64]; /* "[heap]", "[stack]" (of any thread), "[anon]", "[shared]", a file's name */
	bool shared;  /* by writers of other processes: MAP_SHARED */
};

struct regions {
	struct region *region;
	size_t cnt, cap;
};

/* 0, -ESRCH when the process is gone, or -ENOMEM. r is to be zeroed first. */
int regions_read(struct regions *r, uint32_t tgid);
void regions_clear(struct regions *r);
const struct region *regions_find(const struct regions *r, uint64_t addr);

#endif
