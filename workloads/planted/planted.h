/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the planted programs share. Each does a known amount of one thing, prints nothing, takes
 * its amounts as plain arguments (prime by default), and exits 0, or 77 where the kernel cannot
 * do it. With WALLGAP_TRUTH=PATH in the environment it writes there, as its last act, what it
 * measured of itself, in JSON:
 *
 *   { "name": "sleeps", "n": 101, "us": 3001,           amounts and sums, as truth_u64 gave them
 *     "threads": [ { "role": "sleeper", "tid": 7, "tgid": 7,
 *                    "begin": { "at_ns", "cpu_ns", "run_delay_ns", "nvcsw", "nivcsw",
 *                               "min_flt", "maj_flt" },
 *                    "end": { the same } } ] }
 *
 * begin and end bracket the planted part; the counters in them are totals of the thread's life.
 */
#ifndef WG_PLANTED_PLANTED_H
#define WG_PLANTED_PLANTED_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXIT_SKIP 77
#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull
#define PAGE 4096ul
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * OWN_FRAME: a function with a frame of its own in every call path: never inlined, cloned or
 * merged with a twin. KEEP_FRAME() as the last statement keeps its last call from being a jump.
 */
#ifdef __clang__
#define OWN_FRAME __attribute__((noinline))
#else
#define OWN_FRAME __attribute__((noipa))
#endif
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

/* One reading of a thread's own counters. */
struct reading {
	uint64_t at_ns, cpu_ns, run_delay_ns, nvcsw, nivcsw, min_flt, maj_flt;
	uint64_t kernel_ns; /* by the ticks that hit the kernel, scaled to cpu_ns */
};

/* What one thread says of itself. */
struct self {
	const char *role;
	int tid, tgid;
	struct reading begin, end;
};

__attribute__((noreturn)) static inline void die(const char *what)
{
	fprintf(stderr, "planted: %s: %s\n", what, strerror(errno));
	exit(1);
}

__attribute__((noreturn)) static inline void skip(const char *what)
{
	fprintf(stderr, "planted: %s: %s\n", what, strerror(errno));
	exit(EXIT_SKIP);
}

/* The i-th argument as a number, or its default. */
static inline uint64_t arg_u64(int argc, char **argv, int i, uint64_t otherwise)
{
	return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

static inline const char *arg_str(int argc, char **argv, int i, const char *otherwise)
{
	return argc > i ? argv[i] : otherwise;
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static inline uint64_t mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
}

/* Sleep for ns, signals or not. */
static inline void nap(uint64_t ns)
{
	struct timespec ts = timespec_of(mono_ns() + ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* Let what watches us learn where our code is; what a program does first is another matter. */
static inline void settle(void)
{
	nap(50 * NS_PER_MS);
}

/* Keep the CPU for ns of wall time. */
static inline void spin(uint64_t ns)
{
	uint64_t end_ns = mono_ns() + ns;

	while (mono_ns() < end_ns)
		;
}

/* The n-th of the CPUs that this thread may run on, round robin; -1 if it cannot be told. */
static inline int allowed_cpu(int n)
{
	cpu_set_t set;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set) || !CPU_COUNT(&set))
		return -1;
	n %= CPU_COUNT(&set);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set) && !n--)
			return cpu;
	return -1;
}

/* Keep the calling thread (and those it creates later) on one CPU. */
static inline void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static inline void name_thread(const char *name)
{
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

static inline pthread_t start_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, fn, arg);
	if (errno)
		die("pthread_create");
	return thread;
}

/* Real-time priority, above every normal thread of its CPU. Skips the program without it. */
static inline void be_realtime(void)
{
	struct sched_param param = {.sched_priority = 1};

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		skip("sched_setscheduler(SCHED_FIFO)");
}

static inline void reading_take(struct reading *r)
{
	unsigned long long cpu, delay;
	struct rusage ru;
	FILE *f = fopen("/proc/thread-self/schedstat", "re");

	r->run_delay_ns = 0;
	if (f && fscanf(f, "%llu %llu", &cpu, &delay) == 2)
		r->run_delay_ns = delay;
	if (f)
		fclose(f);
	getrusage(RUSAGE_THREAD, &ru);
	r->nvcsw = (uint64_t)ru.ru_nvcsw;
	r->nivcsw = (uint64_t)ru.ru_nivcsw;
	r->min_flt = (uint64_t)ru.ru_minflt;
	r->maj_flt = (uint64_t)ru.ru_majflt;
	r->kernel_ns =
		(uint64_t)ru.ru_stime.tv_sec * NS_PER_S + (uint64_t)ru.ru_stime.tv_usec * NS_PER_US;
	r->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	r->at_ns = mono_ns();
}

/* Before the planted part. The first reading is thrown away: it faults in what readings need. */
static inline void self_begin(struct self *s, const char *role)
{
	s->role = role;
	s->tid = (int)syscall(SYS_gettid);
	s->tgid = getpid();
	reading_take(&s->end);
	reading_take(&s->begin);
}

/* After it. */
static inline void self_end(struct self *s)
{
	reading_take(&s->end);
}

/* The truth file. NULL, and nothing is written, when no one asked for it. */
static inline FILE *truth_open(const char *name)
{
	const char *path = getenv("WALLGAP_TRUTH");
	FILE *f = path ? fopen(path, "we") : NULL;

	if (path && !f)
		die(path);
	if (f)
		fprintf(f, "{\"name\": \"%s\"", name);
	return f;
}

static inline void truth_u64(FILE *f, const char *key, uint64_t value)
{
	if (f)
		fprintf(f, ", \"%s\": %llu", key, (unsigned long long)value);
}

static inline void truth_str(FILE *f, const char *key, const char *value)
{
	if (f)
		fprintf(f, ", \"%s\": \"%s\"", key, value);
}

static inline void truth_reading(FILE *f, const char *key, const struct reading *r)
{
	fprintf(f,
		", \"%s\": {\"at_ns\": %llu, \"cpu_ns\": %llu, \"run_delay_ns\": %llu, "
		"\"nvcsw\": %llu, \"nivcsw\": %llu, \"min_flt\": %llu, \"maj_flt\": %llu}",
		key, (unsigned long long)r->at_ns, (unsigned long long)r->cpu_ns,
		(unsigned long long)r->run_delay_ns, (unsigned long long)r->nvcsw,
		(unsigned long long)r->nivcsw, (unsigned long long)r->min_flt,
		(unsigned long long)r->maj_flt);
}

/* Write what cnt threads say of themselves, and close. */
static inline void truth_close(FILE *f, const struct self *selves, size_t cnt)
{
	size_t i;

	if (!f)
		return;
	fprintf(f, ", \"threads\": [");
	for (i = 0; i < cnt; i++) {
		fprintf(f, "%s{\"role\": \"%s\", \"tid\": %d, \"tgid\": %d", i ? ", " : "",
			selves[i].role, selves[i].tid, selves[i].tgid);
		truth_reading(f, "begin", &selves[i].begin);
		truth_reading(f, "end", &selves[i].end);
		fprintf(f, "}");
	}
	fprintf(f, "]}\n");
	if (fclose(f))
		die("truth file");
}

#endif
