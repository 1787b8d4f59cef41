// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * runq [K] [MS]: K busy threads share one CPU for MS milliseconds.
 *
 * Truth: each has the CPU for about 1/K of the time and waits for it, preempted, for the rest:
 * "runq_preempt" is wall less CPU between begin and end, and equals the run delay.
 */
#include "planted.h"

#define MAX_THREADS 64

static pthread_barrier_t gate;
static struct self selves[MAX_THREADS];
static uint64_t busy_ns;
static int cpu;

static void *busy(void *arg)
{
	pin(cpu);
	name_thread("busy");
	pthread_barrier_wait(&gate);
	self_begin(arg, "busy");
	spin(busy_ns);
	self_end(arg);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t i, k = arg_u64(argc, argv, 1, 3);
	pthread_t threads[MAX_THREADS];
	FILE *f;

	if (k > MAX_THREADS)
		k = MAX_THREADS;
	busy_ns = arg_u64(argc, argv, 2, 601) * NS_PER_MS;
	cpu = allowed_cpu(0);
	pthread_barrier_init(&gate, NULL, (unsigned int)k);
	for (i = 0; i < k; i++)
		threads[i] = start_thread(busy, &selves[i]);
	for (i = 0; i < k; i++)
		pthread_join(threads[i], NULL);
	f = truth_open("runq");
	truth_u64(f, "k", k);
	truth_u64(f, "ns", busy_ns);
	truth_close(f, selves, k);
	return 0;
}
