// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ptgrow [FORM] [N]: grow_here() touches N places 2 MiB apart in a fresh region.
 *
 *   FORM  sparse: each touch needs a page-table page of its own; huge: a region with
 *         madvise(MADV_HUGEPAGE), each touch puts a huge page in place; unmap: dense pages, put in
 *         place by fill_here(), unmapped by drop_here(), N times 8 MiB
 *
 * Truth: grown_bytes, by how much the process's page tables (VmPTE, all levels) grew in grow_here;
 * huge, the huge pages that the region has (AnonHugePages); fill_ns and drop_ns, CPU of fill_here
 * and drop_here.
 */
#include "planted.h"

#include <sys/mman.h>

#define HUGE_PAGE (2ul << 20)
#define DENSE_SZ (8ul << 20)

static uint64_t n, drop_ns, fill_ns;

/* A field of a file in /proc/self, in KiB there, of the mapping at addr (0: the first). */
static uint64_t proc_bytes(const char *file, const char *field, uintptr_t addr)
{
	FILE *f = fopen(file, "re");
	bool in_mapping = !addr;
	unsigned long long kib = 0;
	char line[512];

	if (!f)
		die(file);
	while (fgets(line, sizeof(line), f)) {
		unsigned long begin, end;

		if (addr && sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			in_mapping = begin <= addr && addr < end;
		if (in_mapping && !strncmp(line, field, strlen(field)) &&
		    sscanf(line + strlen(field), " %llu kB", &kib) == 1)
			break;
	}
	fclose(f);
	return kib * 1024;
}

OWN_FRAME static void grow_here(volatile char *p)
{
	for (uint64_t i = 0; i < n; i++)
		p[i * HUGE_PAGE] = 1;
}

OWN_FRAME static void fill_here(volatile char *p)
{
	for (uint64_t i = 0; i < DENSE_SZ; i += PAGE)
		p[i] = 1;
}

OWN_FRAME static void drop_here(void *p)
{
	munmap(p, DENSE_SZ);
	KEEP_FRAME();
}

OWN_FRAME static char *map_region(size_t sz)
{
	char *p = mmap(NULL, sz, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void fill_and_drop(void)
{
	for (uint64_t i = 0; i < n; i++) {
		char *p = map_region(DENSE_SZ);
		uint64_t begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID), filled_ns;

		fill_here(p);
		filled_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		drop_here(p);
		fill_ns += filled_ns - begin_ns;
		drop_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - filled_ns;
	}
}

static char *aligned_region(bool huge)
{
	char *p = map_region((n + 1) * HUGE_PAGE);

	p = (char *)(((uintptr_t)p + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	if (huge && madvise(p, n * HUGE_PAGE, MADV_HUGEPAGE))
		skip("madvise(MADV_HUGEPAGE)");
	return p;
}

int main(int argc, char **argv)
{
	const char *form = arg_str(argc, argv, 1, "sparse");
	bool huge = !strcmp(form, "huge");
	uint64_t before = 0, after = 0;
	struct self self;
	char *p = NULL;
	FILE *f;

	n = arg_u64(argc, argv, 2, huge ? 61 : 509);
	if (!huge)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (strcmp(form, "unmap")) {
		p = aligned_region(huge);
		before = proc_bytes("/proc/self/status", "VmPTE:", 0);
	}
	settle();
	self_begin(&self, "grower");
	if (p)
		grow_here(p);
	else
		fill_and_drop();
	self_end(&self);
	if (p)
		after = proc_bytes("/proc/self/status", "VmPTE:", 0);
	f = truth_open("ptgrow");
	truth_u64(f, "n", n);
	truth_u64(f, "grown_bytes", after - before);
	truth_u64(f, "huge",
		  huge ? proc_bytes("/proc/self/smaps", "AnonHugePages:", (uintptr_t)p) / HUGE_PAGE
		       : 0);
	truth_u64(f, "fill_ns", fill_ns);
	truth_u64(f, "drop_ns", drop_ns);
	truth_close(f, &self, 1);
	return 0;
}
