// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * klock [MS] [PAGES]: for MS milliseconds, one thread maps and unmaps PAGES populated pages in a
 * loop, holding the process's mmap_lock nearly all the time, while another, on another CPU, maps
 * and unmaps one page in a loop and so waits for it.
 *
 * Truth: the waiter blocks on kernel locks alone, so its "klock" is wall less CPU less run delay
 * between begin and end, but for waits that are in no contention event (per-VMA locks), and it is
 * most of its wall.
 */
#include "planted.h"

#include <sys/mman.h>

static struct self selves[2];
static uint64_t busy_ns, pages;
static atomic_ulong maps;

static void map_once(size_t sz, int flags)
{
	void *p =
		mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED || munmap(p, sz))
		die("mmap");
}

static void *populator(void *arg)
{
	uint64_t end_ns = mono_ns() + busy_ns;

	(void)arg;
	pin(allowed_cpu(0));
	name_thread("populator");
	self_begin(&selves[0], "populator");
	while (mono_ns() < end_ns)
		map_once(pages * PAGE, MAP_POPULATE);
	self_end(&selves[0]);
	return NULL;
}

static void *waiter(void *arg)
{
	uint64_t end_ns = mono_ns() + busy_ns;

	(void)arg;
	pin(allowed_cpu(1));
	name_thread("waiter");
	self_begin(&selves[1], "waiter");
	for (; mono_ns() < end_ns; atomic_fetch_add(&maps, 1))
		map_once(PAGE, 0);
	self_end(&selves[1]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	FILE *f;

	busy_ns = arg_u64(argc, argv, 1, 401) * NS_PER_MS;
	pages = arg_u64(argc, argv, 2, 5003);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	threads[0] = start_thread(populator, NULL);
	threads[1] = start_thread(waiter, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	f = truth_open("klock");
	truth_u64(f, "ns", busy_ns);
	truth_u64(f, "maps", maps);
	truth_close(f, selves, 2);
	return 0;
}
