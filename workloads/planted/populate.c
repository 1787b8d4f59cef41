// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * populate [N]: maps N pages of 4 KiB with MAP_POPULATE.
 *
 * Truth: N minor faults by the kernel's count, without a single trap: no fault entry, and all of
 * the time is plain kernel CPU of mmap(2).
 */
#include "planted.h"

#include <sys/mman.h>

int main(int argc, char **argv)
{
	uint64_t n = arg_u64(argc, argv, 1, 10007);
	struct self self;
	FILE *f;
	void *p;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	self_begin(&self, "populator");
	p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		 -1, 0);
	self_end(&self);
	if (p == MAP_FAILED)
		die("mmap");
	f = truth_open("populate");
	truth_u64(f, "n", n);
	truth_close(f, &self, 1);
	return 0;
}
