// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * shortlived [N] [ALIVE]: N threads, ALIVE of them at a time, each of which keeps the CPU for 20
 * microseconds, waits until all of its batch are there, and ends.
 *
 * Truth: N threads and the main one, N births and N deaths in the window, each with 20 microseconds
 * of CPU or more. With ALIVE = N = 10007 all of them live at once.
 */
#include "planted.h"

static pthread_barrier_t gate;

static void *brief(void *arg)
{
	(void)arg;
	name_thread("brief");
	spin(20 * NS_PER_US);
	pthread_barrier_wait(&gate);
	return NULL;
}

static void run_batch(pthread_t *threads, uint64_t cnt)
{
	pthread_attr_t attr;
	uint64_t i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	pthread_barrier_init(&gate, NULL, (unsigned int)cnt);
	for (i = 0; i < cnt; i++) {
		errno = pthread_create(&threads[i], &attr, brief, NULL);
		if (errno)
			skip("pthread_create");
	}
	for (i = 0; i < cnt; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&gate);
	pthread_attr_destroy(&attr);
}

int main(int argc, char **argv)
{
	uint64_t left, n = arg_u64(argc, argv, 1, 1009), alive = arg_u64(argc, argv, 2, 1);
	pthread_t *threads = calloc(alive, sizeof(*threads));
	struct self self;
	FILE *f;

	if (!threads)
		die("calloc");
	self_begin(&self, "main");
	for (left = n; left > alive; left -= alive)
		run_batch(threads, alive);
	run_batch(threads, left);
	self_end(&self);
	free(threads);
	f = truth_open("shortlived");
	truth_u64(f, "n", n);
	truth_u64(f, "ns", 20 * NS_PER_US);
	truth_close(f, &self, 1);
	return 0;
}
