/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Two threads on one CPU hand a token to each other through a futex for a given time: nothing
 * but context switches. One pair per CPU asked for; idle threads besides, if asked for.
 *
 *   pingpong [-t SECONDS] [-c CPU[,CPU...]] [-i IDLE_THREADS] [-d DEPTH] [-p] [-g] [-o FILE]
 *
 * -p hands it over through pipes. -d makes each player wait so many calls deep, without frame pointers: a stack worth walking.
 * -g waits for a line on stdin before it begins. Prints one line of JSON: switches as the kernel
 * counts them for the pairs' threads, and ns per switch (of one CPU) over the time after a warm-up.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAIRS_MAX 64
#define IDLE_STACK_SZ (16 * 1024)
#define WARMUP_NS 50000000ULL

struct pair {
	_Atomic uint32_t turn; /* whose turn it is: 0 or 1, the futex word */
	int cpu;
	int pipe[2][2];	     /* where each player reads that it has the turn, if by pipes */
	uint64_t switch_cnt; /* both threads, after the warm-up */
	uint64_t wall_ns;
} __attribute__((aligned(64)));

struct player {
	struct pair *pair;
	uint32_t me;
	uint64_t switch_cnt;
};

static atomic_bool measuring, stopping;
static _Atomic uint32_t idle_cnt;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void die(const char *what, int err)
{
	fprintf(stderr, "pingpong: %s: %s\n", what, strerror(err));
	exit(1);
}

static void futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int cnt)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, cnt, NULL, NULL, 0);
}

static bool by_pipe;

/* Returns when it is the player's turn. */
static void take_turn(struct pair *pair, uint32_t me)
{
	char c;

	if (by_pipe && read(pair->pipe[me][0], &c, 1) != 1)
		die("cannot read from the pipe", errno);
	while (!by_pipe && atomic_load(&pair->turn) != me)
		futex_wait(&pair->turn, !me);
}

static void give_turn(struct pair *pair, uint32_t me)
{
	if (by_pipe && write(pair->pipe[!me][1], "", 1) != 1)
		die("cannot write to the pipe", errno);
	if (by_pipe)
		return;
	atomic_store(&pair->turn, !me);
	futex_wake(&pair->turn, 1);
}

static uint64_t my_switches(void)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	return ru.ru_nvcsw + ru.ru_nivcsw;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot pin to the CPU", errno);
}

static int depth;

static void play(struct player *p);

/* One frame; what comes after the call keeps it one. */
__attribute__((noinline)) static int deeper(struct player *p, int left)
{
	if (left > 0)
		return deeper(p, left - 1) + 1;
	play(p);
	return 0;
}

static void *play_deep(void *arg)
{
	static atomic_int sum;

	atomic_fetch_add(&sum, deeper(arg, depth));
	return NULL;
}

/* The player that is not 0 leaves the clock to the other, and both count their own switches. */
static void play(struct player *p)
{
	struct pair *pair = p->pair;
	uint64_t from_ns = 0, from_cnt = 0;
	bool begun = false;

	pin(pair->cpu);
	while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
		take_turn(pair, p->me);
		if (!begun && atomic_load_explicit(&measuring, memory_order_relaxed)) {
			begun = true;
			from_ns = now_ns();
			from_cnt = my_switches();
		}
		give_turn(pair, p->me);
	}
	p->switch_cnt = my_switches() - from_cnt;
	if (p->me == 0)
		pair->wall_ns = now_ns() - from_ns;
	/* The other may be asleep: hand it the turn for good, it sees that we are stopping. */
	give_turn(pair, p->me);
}

/* Not on a futex: ten thousand waiters may share a hash bucket with the pair's word. */
static void *idle(void *arg)
{
	(void)arg;
	atomic_fetch_add(&idle_cnt, 1);
	for (;;)
		pause();
	return NULL;
}

static void start_idle(int cnt)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, IDLE_STACK_SZ);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < cnt; i++) {
		int err = pthread_create(&thread, &attr, idle, NULL);

		if (err)
			die("cannot start an idle thread", err);
	}
	while (atomic_load(&idle_cnt) < (uint32_t)cnt)
		usleep(1000);
	usleep(50000); /* the last of them to its pause */
	pthread_attr_destroy(&attr);
}

static void sleep_ns(uint64_t ns)
{
	struct timespec ts = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

static void run_pairs(struct pair *pairs, int cnt, uint64_t ns)
{
	struct player players[PAIRS_MAX][2];
	pthread_t threads[PAIRS_MAX][2];

	for (int i = 0; i < cnt; i++) {
		if (by_pipe && (pipe(pairs[i].pipe[0]) || pipe(pairs[i].pipe[1])))
			die("cannot make a pipe", errno);
		if (by_pipe)
			give_turn(&pairs[i], 1);
		for (int me = 0; me < 2; me++) {
			players[i][me] = (struct player){.pair = &pairs[i], .me = me};
			int err = pthread_create(&threads[i][me], NULL, play_deep, &players[i][me]);

			if (err)
				die("cannot start a thread", err);
		}
	}
	sleep_ns(WARMUP_NS);
	atomic_store(&measuring, true);
	sleep_ns(ns);
	atomic_store(&stopping, true);
	for (int i = 0; i < cnt; i++) {
		for (int me = 0; me < 2; me++) {
			pthread_join(threads[i][me], NULL);
			pairs[i].switch_cnt += players[i][me].switch_cnt;
		}
	}
}

static void print_result(FILE *f, const struct pair *pairs, int cnt)
{
	double per_s = 0, ns = 0;
	uint64_t switch_cnt = 0;

	for (int i = 0; i < cnt; i++) {
		switch_cnt += pairs[i].switch_cnt;
		per_s += pairs[i].switch_cnt * 1e9 / pairs[i].wall_ns;
		ns += (double)pairs[i].wall_ns / pairs[i].switch_cnt / cnt;
	}
	fprintf(f, "{\"events\": %llu, \"ns_per_event\": %.2f, \"per_s\": %.0f}\n",
		(unsigned long long)switch_cnt, ns, per_s);
}

static int parse_cpus(char *list, struct pair *pairs)
{
	int cnt = 0;

	for (char *s = strtok(list, ","); s; s = strtok(NULL, ",")) {
		if (cnt == PAIRS_MAX)
			die("too many CPUs", E2BIG);
		pairs[cnt++].cpu = atoi(s);
	}
	return cnt;
}

int main(int argc, char **argv)
{
	static struct pair pairs[PAIRS_MAX];
	int pair_cnt = 1, idle_threads = 0, opt;
	FILE *out = stdout;
	double seconds = 0.5;

	while ((opt = getopt(argc, argv, "t:c:i:d:pgo:")) != -1) {
		if (opt == 't')
			seconds = atof(optarg);
		else if (opt == 'c')
			pair_cnt = parse_cpus(optarg, pairs);
		else if (opt == 'i')
			idle_threads = atoi(optarg);
		else if (opt == 'd')
			depth = atoi(optarg);
		else if (opt == 'p')
			by_pipe = true;
		else if (opt == 'g')
			(void)getchar();
		else if (opt != 'o' || !(out = fopen(optarg, "w")))
			die("usage: pingpong [-t SECONDS] [-c CPUS] [-i IDLE] [-d DEPTH] [-p] [-g] "
			    "[-o FILE]",
			    EINVAL);
	}
	start_idle(idle_threads);
	run_pairs(pairs, pair_cnt, (uint64_t)(seconds * 1e9));
	print_result(out, pairs, pair_cnt);
	return fflush(out) ? 1 : 0;
}
