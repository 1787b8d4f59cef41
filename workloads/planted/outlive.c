// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * outlive [MS] [STATUS]: the first process ends at once with STATUS; its grandchild goes on for MS
 * milliseconds, half of them on the CPU and half asleep, in a session of its own.
 *
 * Truth: the command ends with STATUS, the last descendant MS later: the window lasts at least MS.
 */
#include "planted.h"

static void grandchild(uint64_t ns)
{
	struct self self;
	FILE *f;

	name_thread("grandchild");
	self_begin(&self, "grandchild");
	spin(ns / 2);
	nap(ns / 2);
	self_end(&self);
	f = truth_open("outlive");
	truth_u64(f, "ns", ns);
	truth_close(f, &self, 1);
}

int main(int argc, char **argv)
{
	uint64_t ns = arg_u64(argc, argv, 1, 307) * NS_PER_MS;
	int status = (int)arg_u64(argc, argv, 2, 0);
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child)
		return status;
	setsid();
	child = fork();
	if (child < 0)
		die("fork");
	if (!child)
		grandchild(ns);
	return 0;
}
