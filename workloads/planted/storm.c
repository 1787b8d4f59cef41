// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * storm [MS] [CPUS]: on each of CPUS CPUs two threads pass a futex token to and fro for MS
 * milliseconds, as fast as they can.
 *
 * Truth: the switches of each thread are in the truth. It is the rate that matters: nothing may be
 * lost at it.
 */
#include "planted.h"

#include <linux/futex.h>

#define MAX_CPUS 64

struct pair {
	_Alignas(128) atomic_uint words[2];
};

struct side {
	struct pair *pair;
	int mine, cpu;
	struct self self;
};

static struct pair pairs[MAX_CPUS];
static struct side sides[MAX_CPUS * 2];
static uint64_t end_ns;

static void hand_over(atomic_uint *word, unsigned int value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* 1 is the token, 2 says that the other has gone home. */
static void *play(void *arg)
{
	struct side *s = arg;
	atomic_uint *mine = &s->pair->words[s->mine], *theirs = &s->pair->words[!s->mine];
	unsigned int got = 0;

	pin(s->cpu);
	name_thread("storm");
	self_begin(&s->self, "storm");
	while (got != 2 && mono_ns() < end_ns) {
		while (!(got = atomic_exchange(mine, 0)))
			syscall(SYS_futex, mine, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		hand_over(theirs, 1);
	}
	hand_over(theirs, 2);
	self_end(&s->self);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t i, ns = arg_u64(argc, argv, 1, 503) * NS_PER_MS, cpus = arg_u64(argc, argv, 2, 2);
	static struct self selves[MAX_CPUS * 2];
	static pthread_t threads[MAX_CPUS * 2];
	FILE *f;

	if (cpus > MAX_CPUS)
		cpus = MAX_CPUS;
	end_ns = mono_ns() + ns;
	for (i = 0; i < 2 * cpus; i++) {
		sides[i] =
			(struct side){&pairs[i / 2], (int)(i % 2), allowed_cpu((int)(i / 2)), {0}};
		atomic_store(&pairs[i / 2].words[0], 1);
	}
	for (i = 0; i < 2 * cpus; i++)
		threads[i] = start_thread(play, &sides[i]);
	for (i = 0; i < 2 * cpus; i++) {
		pthread_join(threads[i], NULL);
		selves[i] = sides[i].self;
	}
	f = truth_open("storm");
	truth_u64(f, "ns", ns);
	truth_close(f, selves, 2 * cpus);
	return 0;
}
