// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * leaderexit [MS]: the main thread ends with pthread_exit; another goes on for MS milliseconds,
 * half of them on the CPU and half asleep, and ends the process.
 *
 * Truth: the worker has MS / 2 of CPU and of "sleep" each, all after the main thread is gone; the
 * main thread, a zombie until the end, has next to nothing.
 */
#include "planted.h"

static pthread_t main_thread;
static uint64_t life_ns;

static void *worker(void *arg)
{
	struct self self;
	FILE *f;

	(void)arg;
	name_thread("worker");
	pthread_join(main_thread, NULL);
	self_begin(&self, "worker");
	spin(life_ns / 2);
	nap(life_ns / 2);
	self_end(&self);
	f = truth_open("leaderexit");
	truth_u64(f, "ns", life_ns);
	truth_close(f, &self, 1);
	exit(0);
}

int main(int argc, char **argv)
{
	life_ns = arg_u64(argc, argv, 1, 202) * NS_PER_MS;
	main_thread = pthread_self();
	start_thread(worker, NULL);
	pthread_exit(NULL);
}
