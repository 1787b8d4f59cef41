// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * futexmiss [N]: N futex waits on a word that no longer has the value: each returns EAGAIN at once.
 *
 * Truth: no wait at all. One thread, so "futex" is exactly 0, in time and in count.
 */
#include "planted.h"

#include <linux/futex.h>

int main(int argc, char **argv)
{
	uint64_t i, misses = 0, n = arg_u64(argc, argv, 1, 100003);
	atomic_uint word = 1;
	struct self self;
	FILE *f;

	self_begin(&self, "misser");
	for (i = 0; i < n; i++)
		if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) < 0 &&
		    errno == EAGAIN)
			misses++;
	self_end(&self);
	f = truth_open("futexmiss");
	truth_u64(f, "n", n);
	truth_u64(f, "misses", misses);
	truth_close(f, &self, 1);
	return 0;
}
