// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * pagetables [N] [MS]: touches one page in each of N regions of 2 MiB, then sleeps MS milliseconds.
 *
 * Truth: N pages of page tables of the lowest level, 4096 * N bytes, and one of the next for each
 * 512 of them; the process's VmPTE before and after is in the truth. (x86-64, 4 KiB pages.)
 */
#include "planted.h"

#include <sys/mman.h>

#define REGION (2ul << 20)

static uint64_t read_vmpte(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long kb = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPTE: %llu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb * 1024;
}

int main(int argc, char **argv)
{
	uint64_t i, before, after, n = arg_u64(argc, argv, 1, 1009);
	uint64_t ns = arg_u64(argc, argv, 2, 101) * NS_PER_MS;
	struct self self;
	char *p, *at;
	FILE *f;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	p = mmap(NULL, (n + 1) * REGION, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	at = (char *)(((uintptr_t)p + REGION - 1) & ~(REGION - 1));
	read_vmpte();
	self_begin(&self, "toucher");
	before = read_vmpte();
	for (i = 0; i < n; i++)
		*(volatile char *)(at + i * REGION) = 1;
	after = read_vmpte();
	nap(ns);
	self_end(&self);
	f = truth_open("pagetables");
	truth_u64(f, "n", n);
	truth_u64(f, "before_bytes", before);
	truth_u64(f, "after_bytes", after);
	truth_close(f, &self, 1);
	return 0;
}
