// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * faults [N] [write|read|kernel]: touches N fresh pages of 4 KiB: by storing, by loading (the zero
 * page), or inside read(2), where it is the kernel that stores.
 *
 * Truth: N minor faults between begin and end, exactly, and no major one; entered from user mode
 * for write and read, from kernel mode for kernel. Time in them is "cpu_fault".
 */
#include "planted.h"

#include <fcntl.h>
#include <sys/mman.h>

static void touch(char *p, uint64_t n, const char *how)
{
	volatile char *at = p;
	uint64_t i;
	int fd;

	if (!strcmp(how, "kernel")) {
		fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		for (i = 0; i < n; i++)
			if (read(fd, p + i * PAGE, 1) != 1)
				die("read /dev/zero");
		close(fd);
		return;
	}
	for (i = 0; i < n; i++) {
		if (how[0] == 'w')
			at[i * PAGE] = 1;
		else
			(void)at[i * PAGE];
	}
}

int main(int argc, char **argv)
{
	uint64_t n = arg_u64(argc, argv, 1, 10007);
	const char *how = arg_str(argc, argv, 2, "write");
	struct self self;
	char *p;
	FILE *f;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	self_begin(&self, "toucher");
	touch(p, n, how);
	self_end(&self);
	f = truth_open("faults");
	truth_u64(f, "n", n);
	truth_close(f, &self, 1);
	return 0;
}
