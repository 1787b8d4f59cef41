/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Touch fresh pages of an anonymous mapping, one fault each, for a given time. Only the touching
 * is timed; giving the pages back is not.
 *
 *   faults [-t SECONDS] [-c CPU] [-g] [-o FILE]
 *
 * Prints one line of JSON: faults as the kernel counts them, and ns per fault. The first round
 * is a warm-up.
 */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PAGE_SZ 4096
#define PAGE_CNT 2048

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint64_t my_faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_minflt;
}

static void die(const char *what)
{
	fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot pin to the CPU");
}

/* ns to touch every page once. */
static uint64_t touch(volatile char *mem)
{
	uint64_t from_ns = now_ns();

	for (int i = 0; i < PAGE_CNT; i++)
		mem[(size_t)i * PAGE_SZ] = 1;
	return now_ns() - from_ns;
}

static void give_back(char *mem)
{
	if (madvise(mem, (size_t)PAGE_CNT * PAGE_SZ, MADV_DONTNEED))
		die("madvise");
}

int main(int argc, char **argv)
{
	uint64_t touch_ns = 0, fault_cnt, end_ns;
	FILE *out = stdout;
	double seconds = 0.5;
	int cpu = 0, opt;
	char *mem;

	while ((opt = getopt(argc, argv, "t:c:go:")) != -1) {
		if (opt == 't')
			seconds = atof(optarg);
		else if (opt == 'c')
			cpu = atoi(optarg);
		else if (opt == 'g')
			(void)getchar();
		else if (opt != 'o' || !(out = fopen(optarg, "w")))
			die("usage: faults [-t SECONDS] [-c CPU] [-g] [-o FILE]");
	}
	pin(cpu);
	mem = mmap(NULL, (size_t)PAGE_CNT * PAGE_SZ, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		die("mmap");
	madvise(mem, (size_t)PAGE_CNT * PAGE_SZ, MADV_NOHUGEPAGE);
	touch(mem);
	give_back(mem);
	fault_cnt = my_faults();
	end_ns = now_ns() + (uint64_t)(seconds * 1e9);
	do {
		touch_ns += touch(mem);
		give_back(mem);
	} while (now_ns() < end_ns);
	fault_cnt = my_faults() - fault_cnt;
	fprintf(out, "{\"events\": %llu, \"ns_per_event\": %.2f, \"per_s\": %.0f}\n",
		(unsigned long long)fault_cnt, (double)touch_ns / fault_cnt,
		fault_cnt * 1e9 / touch_ns);
	return fflush(out) ? 1 : 0;
}
