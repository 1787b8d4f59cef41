// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * cpu [MS] [MS]: so many milliseconds of CPU in user mode, then so many in the kernel.
 *
 * Truth: user_ns and kernel_ns, by the thread's CPU clock around each part: a loop of arithmetic,
 * and reads of /dev/zero into a buffer that is there (each a memset of 1 MiB inside the kernel).
 */
#include "planted.h"

#include <fcntl.h>

static char buf[1 << 20];

static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* A look at the clock costs a system call, so there is much arithmetic between two of them. */
static uint64_t burn_user(uint64_t ns)
{
	uint64_t begin_ns = cpu_ns(), now_ns = begin_ns;
	volatile uint64_t x = 1;

	for (; now_ns - begin_ns < ns; now_ns = cpu_ns())
		for (int i = 0; i < 200000; i++)
			x = x * 3 + 1;
	return now_ns - begin_ns;
}

static uint64_t burn_kernel(uint64_t ns)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	uint64_t begin_ns = cpu_ns(), now_ns = begin_ns;

	for (; now_ns - begin_ns < ns; now_ns = cpu_ns())
		if (read(fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf))
			die("read /dev/zero");
	close(fd);
	return now_ns - begin_ns;
}

int main(int argc, char **argv)
{
	uint64_t user_ns = arg_u64(argc, argv, 1, 307) * NS_PER_MS;
	uint64_t kernel_ns = arg_u64(argc, argv, 2, 211) * NS_PER_MS;
	struct self self;
	FILE *f;

	memset(buf, 1, sizeof(buf));
	self_begin(&self, "burner");
	user_ns = burn_user(user_ns);
	kernel_ns = burn_kernel(kernel_ns);
	self_end(&self);
	f = truth_open("cpu");
	truth_u64(f, "user_ns", user_ns);
	truth_u64(f, "kernel_ns", kernel_ns);
	truth_close(f, &self, 1);
	return 0;
}
