// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * mallocstorm [THREADS] [MS]: threads take and free blocks of 2 KiB, too large for their own
 * caches, for MS milliseconds. With MALLOC_ARENA_MAX=1 in the environment all share one arena.
 *
 * Truth: the threads wait for nothing but that arena's lock, on paths malloc < fill < storm and
 * free < drain < storm. blocked, how often they blocked, in all, by their own counters.
 */
#include "planted.h"

#define MAX_THREADS 64
#define BATCH 64
#define BLOCK_SZ 2048

static struct self selves[MAX_THREADS];
static atomic_uint_fast64_t batches;
static uint64_t ns;

OWN_FRAME static void fill(void **blocks)
{
	for (int i = 0; i < BATCH; i++)
		blocks[i] = malloc(BLOCK_SZ);
}

OWN_FRAME static void drain(void **blocks)
{
	for (int i = 0; i < BATCH; i++)
		free(blocks[i]);
}

OWN_FRAME static void storm(void)
{
	uint64_t end_ns = mono_ns() + ns, done = 0;
	void *blocks[BATCH];

	for (; mono_ns() < end_ns; done++) {
		fill(blocks);
		drain(blocks);
	}
	atomic_fetch_add(&batches, done);
}

static void *stormer(void *arg)
{
	struct self *self = arg;

	name_thread("stormer");
	self_begin(self, "stormer");
	storm();
	self_end(self);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t cnt = arg_u64(argc, argv, 1, 3), blocked = 0;
	pthread_t threads[MAX_THREADS];
	FILE *f;

	ns = arg_u64(argc, argv, 2, 503) * NS_PER_MS;
	errno = EINVAL;
	if (!cnt || cnt > MAX_THREADS)
		die("threads");
	for (uint64_t i = 0; i < cnt; i++)
		threads[i] = start_thread(stormer, &selves[i]);
	for (uint64_t i = 0; i < cnt; i++) {
		pthread_join(threads[i], NULL);
		blocked += selves[i].end.nvcsw - selves[i].begin.nvcsw;
	}
	f = truth_open("mallocstorm");
	truth_u64(f, "ns", ns);
	truth_u64(f, "batches", batches);
	truth_u64(f, "blocked", blocked);
	truth_close(f, selves, cnt);
	return 0;
}
