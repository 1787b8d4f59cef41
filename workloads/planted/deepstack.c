// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * deepstack [FRAMES] [MS]: a thread recurses until its call path, from the library's syscall() to
 * its entry, has FRAMES frames, keeps the CPU there for MS milliseconds, then waits there for
 * as long on a futex.
 *
 * Truth: frames, and rest, those of them that are not deeper(), as glibc's own unwinder counts
 * them; the path is [syscall,] deepest, (frames - rest) times deeper, deep_thread, entry. Samples
 * are taken in deepest, without the frame of syscall. The wait lasts ns, and burnt_ns is what the
 * first part had of the CPU.
 */
#include "planted.h"

#include <execinfo.h>
#include <linux/futex.h>

#define MAX_FRAMES 4096

static uint64_t want, rest, ns, burnt_ns;
static bool counting;
static struct self self;

OWN_FRAME static void deepest(void)
{
	static void *frames[MAX_FRAMES];
	static atomic_uint word;
	struct timespec ts = timespec_of(ns);
	uint64_t end_ns = mono_ns() + ns, begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	volatile uint64_t x = 1;

	if (counting) {
		rest = (uint64_t)backtrace(frames, MAX_FRAMES) + 1; /* one for syscall */
		return;
	}
	while (mono_ns() < end_ns)
		for (int i = 0; i < 100000; i++)
			x = x * 3 + 1;
	burnt_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0);
}

OWN_FRAME static void deeper(uint64_t left)
{
	if (left > 1)
		deeper(left - 1);
	else
		deepest();
	KEEP_FRAME();
}

static void *deep_thread(void *arg)
{
	(void)arg;
	name_thread("deep");
	counting = true;
	deepest();
	counting = false;
	errno = EINVAL;
	if (want <= rest)
		skip("so few frames");
	self_begin(&self, "deep");
	deeper(want - rest);
	self_end(&self);
	return NULL;
}

int main(int argc, char **argv)
{
	FILE *f;

	want = arg_u64(argc, argv, 1, 127);
	ns = arg_u64(argc, argv, 2, 307) * NS_PER_MS;
	pthread_join(start_thread(deep_thread, NULL), NULL);
	f = truth_open("deepstack");
	truth_u64(f, "frames", want);
	truth_u64(f, "rest", rest);
	truth_u64(f, "ns", ns);
	truth_u64(f, "burnt_ns", burnt_ns);
	truth_close(f, &self, 1);
	return 0;
}
