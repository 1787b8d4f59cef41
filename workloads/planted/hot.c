// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * hot [MS] [SYSCALL]: in about MS milliseconds of CPU, half of it in burn_half(), three tenths in
 * burn_third() and a fifth in burn_fifth(), in turn. With SYSCALL none of these, but all of it in
 * one system call made in a loop from call_kernel(): getppid, or read (of /dev/zero, 64 KiB).
 *
 * Truth: half_ns, third_ns, fifth_ns: what each took of the thread's CPU clock. With SYSCALL:
 * cpu_ns, and calls.
 */
#include "planted.h"

#include <fcntl.h>

#define READ_SZ (64 * 1024)
#define ROUND_NS (7 * NS_PER_MS)

static uint64_t half_ns, third_ns, fifth_ns, calls;
static char buf[READ_SZ];

static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* The same work in three functions: arithmetic for so long by the thread's CPU clock. */
#define BURN(name)                                                                                 \
	OWN_FRAME static uint64_t name(uint64_t ns)                                                \
	{                                                                                          \
		uint64_t begin_ns = cpu_ns(), now_ns = begin_ns;                                   \
		volatile uint64_t x = 1;                                                           \
                                                                                                   \
		for (; now_ns - begin_ns < ns; now_ns = cpu_ns())                                  \
			for (int i = 0; i < 50000; i++)                                            \
				x = x * 3 + 1;                                                     \
		return now_ns - begin_ns;                                                          \
	}

BURN(burn_half)
BURN(burn_third)
BURN(burn_fifth)

OWN_FRAME static void burn_all(uint64_t ns)
{
	while (half_ns + third_ns + fifth_ns < ns) {
		half_ns += burn_half(ROUND_NS * 5 / 10);
		third_ns += burn_third(ROUND_NS * 3 / 10);
		fifth_ns += burn_fifth(ROUND_NS * 2 / 10);
	}
}

OWN_FRAME static uint64_t call_kernel(uint64_t ns, bool reads)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	uint64_t begin_ns = cpu_ns(), now_ns = begin_ns;

	for (; now_ns - begin_ns < ns; now_ns = cpu_ns())
		for (int i = 0; i < 100; i++, calls++)
			if (reads ? read(fd, buf, READ_SZ) != READ_SZ : getppid() < 0)
				die("read /dev/zero");
	close(fd);
	return now_ns - begin_ns;
}

int main(int argc, char **argv)
{
	uint64_t ns = arg_u64(argc, argv, 1, 1009) * NS_PER_MS, kernel_ns = 0;
	const char *what = arg_str(argc, argv, 2, "");
	struct self self;
	FILE *f;

	memset(buf, 1, sizeof(buf));
	self_begin(&self, "burner");
	if (*what)
		kernel_ns = call_kernel(ns, !strcmp(what, "read"));
	else
		burn_all(ns);
	self_end(&self);
	f = truth_open("hot");
	truth_u64(f, "half_ns", half_ns);
	truth_u64(f, "third_ns", third_ns);
	truth_u64(f, "fifth_ns", fifth_ns);
	truth_u64(f, "cpu_ns", kernel_ns);
	truth_u64(f, "calls", calls);
	truth_close(f, &self, 1);
	return 0;
}
