// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * switches [N] [pipe|futex]: two threads on one CPU hand a token to and fro N times.
 *
 * Truth: with futex, each thread waits N times, and each wait is one voluntary switch out, unless
 * the token was back before it looked; each side's own count is in the truth. Time blocked is
 * "ipc" (pipe) or "futex": the other's time on the CPU, so about half of the wall for each.
 */
#include "planted.h"

#include <linux/futex.h>

struct side {
	struct self self;
	const char *role;
	uint64_t rounds;
	bool first;
	int read_fd, write_fd;
	atomic_uint *mine, *theirs;
	pthread_barrier_t *gate;
	int cpu;
	bool by_pipe;
};

static void pass(const struct side *s)
{
	if (s->by_pipe) {
		if (write(s->write_fd, "x", 1) != 1)
			die("write");
		return;
	}
	atomic_store(s->theirs, 1);
	syscall(SYS_futex, s->theirs, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void await(const struct side *s)
{
	char c;

	if (s->by_pipe) {
		if (read(s->read_fd, &c, 1) != 1)
			die("read");
		return;
	}
	while (!atomic_exchange(s->mine, 0))
		syscall(SYS_futex, s->mine, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void *play(void *arg)
{
	struct side *s = arg;
	uint64_t i;

	pin(s->cpu);
	name_thread(s->role);
	pthread_barrier_wait(s->gate);
	self_begin(&s->self, s->role);
	for (i = 0; i < s->rounds; i++) {
		if (s->first)
			pass(s);
		await(s);
		if (!s->first)
			pass(s);
	}
	self_end(&s->self);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t n = arg_u64(argc, argv, 1, 10007);
	bool by_pipe = strcmp(arg_str(argc, argv, 2, "pipe"), "futex");
	int there[2], back[2], cpu = allowed_cpu(0);
	atomic_uint words[2] = {0, 0};
	pthread_barrier_t gate;
	struct self selves[2];
	pthread_t threads[2];
	FILE *f;

	if (pipe(there) || pipe(back))
		die("pipe");
	pthread_barrier_init(&gate, NULL, 2);
	struct side sides[2] = {
		{{0},
		 "ping",
		 n,
		 true,
		 back[0],
		 there[1],
		 &words[0],
		 &words[1],
		 &gate,
		 cpu,
		 by_pipe},
		{{0},
		 "pong",
		 n,
		 false,
		 there[0],
		 back[1],
		 &words[1],
		 &words[0],
		 &gate,
		 cpu,
		 by_pipe},
	};
	for (int i = 0; i < 2; i++)
		threads[i] = start_thread(play, &sides[i]);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		selves[i] = sides[i].self;
	}
	f = truth_open("switches");
	truth_u64(f, "n", n);
	truth_close(f, selves, 2);
	return 0;
}
