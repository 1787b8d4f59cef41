// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * yield [N]: a thread calls sched_yield N times on a CPU that it shares with a busy thread.
 *
 * Truth: a yield that switches leaves the thread runnable, so it is an involuntary switch by the
 * kernel's count and "runq_preempt" by ours, never a wait. The yielder never blocks: its futex,
 * ipc, sleep, poll and other are 0. How many of the N calls switch is the scheduler's choice;
 * the counts are in the truth.
 */
#include "planted.h"

static atomic_bool done;
static int cpu;

static void *compete(void *arg)
{
	pin(cpu);
	name_thread("competitor");
	self_begin(arg, "competitor");
	while (!atomic_load_explicit(&done, memory_order_relaxed))
		;
	self_end(arg);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t i, n = arg_u64(argc, argv, 1, 1009);
	struct self selves[2];
	pthread_t other;
	FILE *f;

	cpu = allowed_cpu(0);
	pin(cpu);
	other = start_thread(compete, &selves[1]);
	self_begin(&selves[0], "yielder");
	for (i = 0; i < n; i++)
		sched_yield();
	self_end(&selves[0]);
	atomic_store(&done, true);
	pthread_join(other, NULL);
	f = truth_open("yield");
	truth_u64(f, "n", n);
	truth_close(f, selves, 2);
	return 0;
}
