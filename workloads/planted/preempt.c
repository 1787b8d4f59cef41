// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * preempt [N] [US]: a busy thread loses its CPU N times, for US microseconds each, to a real-time
 * thread that wakes by timer.
 *
 * Truth: the busy thread's "runq_preempt" is N * US or a little more, and equals its run delay; it
 * never blocks. Exits 77 without leave to be real-time.
 */
#include "planted.h"

static atomic_bool done;
static uint64_t rounds, hold_ns;
static struct self selves[2];
static int cpu;

static void *busy(void *arg)
{
	(void)arg;
	pin(cpu);
	name_thread("busy");
	self_begin(&selves[0], "busy");
	while (!atomic_load_explicit(&done, memory_order_relaxed))
		;
	self_end(&selves[0]);
	return NULL;
}

static void *taker(void *arg)
{
	uint64_t i;

	(void)arg;
	pin(cpu);
	name_thread("taker");
	be_realtime();
	self_begin(&selves[1], "taker");
	for (i = 0; i < rounds; i++) {
		nap(2 * hold_ns);
		spin(hold_ns);
	}
	self_end(&selves[1]);
	atomic_store(&done, true);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	FILE *f;

	rounds = arg_u64(argc, argv, 1, 53);
	hold_ns = arg_u64(argc, argv, 2, 2003) * NS_PER_US;
	cpu = allowed_cpu(0);
	threads[0] = start_thread(busy, NULL);
	threads[1] = start_thread(taker, NULL);
	pthread_join(threads[1], NULL);
	pthread_join(threads[0], NULL);
	f = truth_open("preempt");
	truth_u64(f, "n", rounds);
	truth_u64(f, "ns", hold_ns);
	truth_close(f, selves, 2);
	return 0;
}
