// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * compat32 [N] [US]: sleeps N times for US microseconds by the 32-bit system call (int 0x80), from
 * a 64-bit program: its numbers are other ones (162, nanosleep, is a 64-bit call of another kind).
 *
 * Truth: the N * US are not a wait in whatever call 162 is for 64-bit programs; "other" or "sleep".
 * Exits 77 where the kernel has no 32-bit calls, or the CPU is no x86-64.
 */
#include "planted.h"

#include <signal.h>
#include <sys/mman.h>

#ifdef __x86_64__
#define NR32_NANOSLEEP 162

static void on_segv(int sig)
{
	(void)sig;
	_exit(EXIT_SKIP);
}

static long nanosleep32(const void *ts)
{
	long ret = NR32_NANOSLEEP;

	__asm__ volatile("int $0x80"
			 : "+a"(ret)
			 : "b"(ts), "c"(0L)
			 : "r8", "r9", "r10", "r11", "memory");
	return ret;
}

int main(int argc, char **argv)
{
	uint64_t i, n = arg_u64(argc, argv, 1, 53), us = arg_u64(argc, argv, 2, 3001);
	int32_t *ts = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct self self;
	FILE *f;

	if (ts == MAP_FAILED)
		skip("MAP_32BIT");
	signal(SIGSEGV, on_segv);
	ts[0] = (int32_t)(us / 1000000);
	ts[1] = (int32_t)(us % 1000000 * 1000);
	self_begin(&self, "sleeper");
	for (i = 0; i < n; i++)
		if (nanosleep32(ts))
			skip("32-bit nanosleep");
	self_end(&self);
	f = truth_open("compat32");
	truth_u64(f, "n", n);
	truth_u64(f, "ns", us * NS_PER_US);
	truth_close(f, &self, 1);
	return 0;
}
#else
int main(void)
{
	return EXIT_SKIP;
}
#endif
