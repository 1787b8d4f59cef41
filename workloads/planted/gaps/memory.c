// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Pairs about memory: faults on fresh pages, huge pages or small ones, the address space's lock. */
#include "gaps.h"

#include <sys/mman.h>

#define LANES 2
#define HUGE_SZ (2ul << 20)

static char *map_pages(size_t sz)
{
	char *p = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

OWN_FRAME static void touch_pages(char *p, size_t sz)
{
	for (size_t at = 0; at < sz; at += PAGE)
		((volatile char *)p)[at] = 1;
	KEEP_FRAME();
}

/* Time of touching is the truth of both pairs of faults: writing a page that is there costs nothing. */
static void touch_timed(struct side *s, char *p, size_t sz)
{
	uint64_t begin_ns = mono_ns();

	touch_pages(p, sz);
	s->cause_ns += mono_ns() - begin_ns;
}

/* --- first-touch: a buffer of 4 MiB for each round, in a the same one. */

#define BUFFER_SZ (4ul << 20)

static char *fresh_buffer(void)
{
	char *p = map_pages(BUFFER_SZ);

	/* not here: the other pair is about these */
	if (madvise(p, BUFFER_SZ, MADV_NOHUGEPAGE) && errno != EINVAL)
		die("madvise");
	return p;
}

static void run_touch(struct side *s)
{
	char *p = fresh_buffer();

	s->cause_ns = 0;
	touch_pages(p, BUFFER_SZ);
	for (uint64_t i = amount(s, 120); i; i--) {
		if (s->b) {
			munmap(p, BUFFER_SZ);
			p = fresh_buffer();
		}
		touch_timed(s, p, BUFFER_SZ);
		burn(steps_of_us(1000));
	}
}

/* --- thp: fresh memory each round in both sides, in a by huge pages, in b not; work beside. */

#define REGION_SZ (16 * HUGE_SZ)

static char *fresh_region(char *at, int advice)
{
	char *p = mmap(at, REGION_SZ, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED || madvise(p, REGION_SZ, advice))
		skip("huge pages");
	return p;
}

static char *huge_place(void)
{
	uintptr_t at = (uintptr_t)map_pages(REGION_SZ + HUGE_SZ);

	return (char *)((at + HUGE_SZ - 1) / HUGE_SZ * HUGE_SZ);
}

static void run_thp(struct side *s)
{
	char *p = huge_place();

	s->cause_ns = 0;
	for (uint64_t i = amount(s, 15); i; i--) {
		burn(steps_of_us(7000));
		fresh_region(p, s->b ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
		touch_timed(s, p, REGION_SZ);
	}
}

static uint64_t minor_faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (uint64_t)ru.ru_minflt;
}

static void can_thp(void)
{
	char *p = fresh_region(huge_place(), MADV_HUGEPAGE);
	uint64_t before = minor_faults();

	touch_pages(p, REGION_SZ);
	errno = ENOMEM;
	if (minor_faults() - before > REGION_SZ / HUGE_SZ * 2)
		skip("no huge pages to be had");
	munmap(p, REGION_SZ);
}

/*
 * --- mmap-lock: lanes change the protection of 48 MiB of their own back and forth, in a in
 * processes, in b in threads, which so hold the address space's lock for about 1 ms. Truth by
 * construction, some 0.9: what the last lane slept and, by perf's samples, spun in
 * rwsem_spin_on_owner was 85 to 95% of the gap; the rest, caches that the other lane used. (Threads
 * that map and unmap small pieces are slower for many reasons at once: that lock, those of VMAs,
 * TLB flushes, switches.)
 */

#define WIDE_SZ (48ul << 20)

OWN_FRAME static void protect_pages(char *p, int prot)
{
	if (mprotect(p, WIDE_SZ, prot))
		die("mprotect");
	KEEP_FRAME();
}

static void protect_lane(struct lane *l)
{
	char *p = map_pages(WIDE_SZ);

	if (madvise(p, WIDE_SZ, MADV_NOHUGEPAGE) && errno != EINVAL)
		die("madvise");
	touch_pages(p, WIDE_SZ);
	for (uint64_t i = amount(l->side, 450); i; i--)
		protect_pages(p, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
}

static void run_protect(struct side *s)
{
	struct lane lanes[LANES];

	if (s->b)
		run_lanes(lanes, LANES, s, protect_lane);
	else
		run_processes(lanes, LANES, s, protect_lane);
}

const struct pair memory_pairs[] = {
	{"first-touch", run_touch, NULL},
	{"thp", run_thp, can_thp},
	{"mmap-lock", run_protect, NULL},
	{NULL, NULL, NULL},
};
