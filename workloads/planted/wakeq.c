// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wakeq [N] [US]: N times, a thread is woken by a real-time thread on the same CPU, which then
 * keeps that CPU for US microseconds more.
 *
 * Truth: the woken thread's "runq_wake" is N * US or a little more, and equals its run delay; its
 * "futex" is the rest of its wall less CPU. Exits 77 without leave to be real-time.
 */
#include "planted.h"

#include <linux/futex.h>

static atomic_uint turn;
static uint64_t rounds, hold_ns;
static struct self selves[2];
static int cpu;

static void *woken(void *arg)
{
	uint64_t i;

	(void)arg;
	pin(cpu);
	name_thread("woken");
	self_begin(&selves[0], "woken");
	for (i = 0; i < rounds; i++)
		while (atomic_load(&turn) <= i)
			syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, (unsigned int)i, NULL, NULL,
				0);
	self_end(&selves[0]);
	return NULL;
}

static void *holder(void *arg)
{
	uint64_t i;

	(void)arg;
	pin(cpu);
	name_thread("holder");
	be_realtime();
	self_begin(&selves[1], "holder");
	for (i = 0; i < rounds; i++) {
		nap(2 * hold_ns); /* the other thread comes to wait */
		atomic_fetch_add(&turn, 1);
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		spin(hold_ns);
	}
	self_end(&selves[1]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	FILE *f;

	rounds = arg_u64(argc, argv, 1, 53);
	hold_ns = arg_u64(argc, argv, 2, 2003) * NS_PER_US;
	cpu = allowed_cpu(0);
	threads[0] = start_thread(woken, NULL);
	threads[1] = start_thread(holder, NULL);
	pthread_join(threads[1], NULL);
	pthread_join(threads[0], NULL);
	f = truth_open("wakeq");
	truth_u64(f, "n", rounds);
	truth_u64(f, "ns", hold_ns);
	truth_close(f, selves, 2);
	return 0;
}
