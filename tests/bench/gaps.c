// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How much of a CPU interrupts take from a thread that never sleeps: it reads the clock all the
 * time, some calls deep, and sums the jumps that no reading explains. The share does not depend on how
 * fast the CPU is at the moment, as the time of a fixed work does.
 *
 *   gaps [-t SECONDS] [-c CPU] [-d DEPTH] [-o FILE]
 *
 * Prints one line of JSON: share of the time lost, jumps a second. A jump is JUMP_NS or more, and up to
 * JUMP_MAX_NS: longer ones are other tasks.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define JUMP_NS 1000
#define JUMP_MAX_NS 200000

static uint64_t run_ns, lost_ns, jump_cnt, wall_ns;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void watch(void)
{
	uint64_t begin = now_ns(), last = begin, now;

	while (last - begin < run_ns) {
		now = now_ns();
		if (now - last >= JUMP_NS && now - last < JUMP_MAX_NS) {
			lost_ns += now - last;
			jump_cnt++;
		}
		last = now;
	}
	wall_ns = last - begin;
}

/* One frame; what comes after the call keeps it one. */
__attribute__((noinline)) static int deeper(int left)
{
	if (left > 0)
		return deeper(left - 1) + 1;
	watch();
	return 0;
}

int main(int argc, char **argv)
{
	int depth = 0, opt, cpu = 0;
	double seconds = 1;
	FILE *out = stdout;
	cpu_set_t set;

	while ((opt = getopt(argc, argv, "t:c:d:o:")) != -1) {
		if (opt == 't')
			seconds = atof(optarg);
		else if (opt == 'c')
			cpu = atoi(optarg);
		else if (opt == 'd')
			depth = atoi(optarg);
		else if (opt != 'o' || !(out = fopen(optarg, "w")))
			return 2;
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	run_ns = (uint64_t)(seconds * 1e9);
	fprintf(out, "{\"depth\": %d, ", deeper(depth));
	fprintf(out, "\"share\": %.6f, \"jumps_per_s\": %.0f}\n", (double)lost_ns / (double)wall_ns,
		(double)jump_cnt * 1e9 / (double)wall_ns);
	return fflush(out) ? 1 : 0;
}
