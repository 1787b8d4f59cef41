// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Pairs about locks of user space: waited for (mutex, rwlock, malloc's arena), or paid for on the
 * CPU (reader-lock, spinlock). Side a has one lock for each lane, in lines of its own; side b one
 * for all.
 */
#include "gaps.h"

#include <malloc.h>

#define LANES 2

/* --- mutex-convoy: sections of 1 ms. Truth: the last lane's clock around pthread_mutex_lock. */

struct own_mutex {
	pthread_mutex_t lock;
} __attribute__((aligned(CACHE_LINE)));

static pthread_mutex_t convoy_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct own_mutex own_mutex[LANES] = {{PTHREAD_MUTEX_INITIALIZER},
					    {PTHREAD_MUTEX_INITIALIZER}};

OWN_FRAME static void enter_convoy(struct lane *l, pthread_mutex_t *lock)
{
	uint64_t begin_ns = mono_ns();

	pthread_mutex_lock(lock);
	l->wait_ns += mono_ns() - begin_ns;
}

static void mutex_lane(struct lane *l)
{
	pthread_mutex_t *lock = l->side->b ? &convoy_mutex : &own_mutex[l->index].lock;

	for (uint64_t i = amount(l->side, 150); i; i--) {
		enter_convoy(l, lock);
		burn(steps_of_us(1000));
		pthread_mutex_unlock(lock);
	}
}

static void run_mutex(struct side *s)
{
	struct lane lanes[LANES];

	s->cause_ns = run_lanes(lanes, LANES, s, mutex_lane)->wait_ns;
}

/* --- rwlock: every second section of 1 ms writes. Truth: as of the mutex. */

struct own_rwlock {
	pthread_rwlock_t lock;
} __attribute__((aligned(CACHE_LINE)));

static pthread_rwlock_t shared_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static struct own_rwlock own_rwlock[LANES] = {{PTHREAD_RWLOCK_INITIALIZER},
					      {PTHREAD_RWLOCK_INITIALIZER}};

static pthread_rwlock_t *rwlock_of(const struct lane *l)
{
	return l->side->b ? &shared_rwlock : &own_rwlock[l->index].lock;
}

OWN_FRAME static void enter_rwlock(struct lane *l, bool write)
{
	uint64_t begin_ns = mono_ns();

	if (write)
		pthread_rwlock_wrlock(rwlock_of(l));
	else
		pthread_rwlock_rdlock(rwlock_of(l));
	l->wait_ns += mono_ns() - begin_ns;
}

static void rwlock_lane(struct lane *l)
{
	for (uint64_t i = amount(l->side, 150); i; i--) {
		enter_rwlock(l, (i + (uint64_t)l->index) % 2);
		burn(steps_of_us(1000));
		pthread_rwlock_unlock(rwlock_of(l));
	}
}

static void run_rwlock(struct side *s)
{
	struct lane lanes[LANES];

	s->cause_ns = run_lanes(lanes, LANES, s, rwlock_lane)->wait_ns;
}

/*
 * --- reader-lock: the lock is only ever read, so nobody waits. Truth by construction: the sides
 * differ in nothing but whose cache line the lock's words are in.
 */

static void reader_lane(struct lane *l)
{
	pthread_rwlock_t *lock = rwlock_of(l);

	for (uint64_t i = amount(l->side, 4000000); i; i--) {
		burn(20);
		pthread_rwlock_rdlock(lock);
		pthread_rwlock_unlock(lock);
	}
}

static void run_reader(struct side *s)
{
	struct lane lanes[LANES];

	run_lanes(lanes, LANES, s, reader_lane);
}

/* --- spinlock: sections of 5 us. Truth: the last lane's clock from a first try that failed. */

struct spinlock {
	atomic_int taken;
} __attribute__((aligned(CACHE_LINE)));

static struct spinlock spinlocks[LANES];

OWN_FRAME static void take_spinlock(struct lane *l, atomic_int *taken)
{
	uint64_t begin_ns;

	if (!atomic_exchange(taken, 1))
		return;
	begin_ns = mono_ns();
	while (atomic_exchange(taken, 1))
		;
	l->wait_ns += mono_ns() - begin_ns;
}

static void spinlock_lane(struct lane *l)
{
	atomic_int *taken = &spinlocks[l->side->b ? 0 : l->index].taken;

	for (uint64_t i = amount(l->side, 30000); i; i--) {
		take_spinlock(l, taken);
		burn(steps_of_us(5));
		atomic_store(taken, 0);
	}
}

static void run_spinlock(struct side *s)
{
	struct lane lanes[LANES];

	s->cause_ns = run_lanes(lanes, LANES, s, spinlock_lane)->wait_ns;
}

/*
 * --- malloc-arena: lanes grow blocks from 4 MiB to 8 MiB. realloc copies under the arena's lock,
 * which so is held for about 100 us. (With malloc and free of small blocks alone it is held so
 * shortly that the time goes everywhere but into waiting: futex calls that return at once, cache
 * lines on their way, switches.) Truth: how long the last lane slept and was in the kernel; in a it hardly is.
 * The calls that put a lane to sleep and wake the other are the lock's too, 10 to 40 us each where an
 * idle CPU is a halted virtual one.
 */

#define BLOCK_SZ (4ul << 20)

OWN_FRAME static void grow_block(void)
{
	char *block = malloc(BLOCK_SZ), *behind = malloc(PAGE), *grown;

	/* block cannot grow where it is */
	__asm__ volatile("" : "+r"(block), "+r"(behind) : : "memory");
	grown = realloc(block, 2 * BLOCK_SZ);
	if (!grown)
		die("realloc");
	__asm__ volatile("" : "+r"(grown) : : "memory");
	free(behind);
	free(grown);
}

static void malloc_lane(struct lane *l)
{
	for (uint64_t i = amount(l->side, 1400); i; i--)
		grow_block();
}

static void run_malloc(struct side *s)
{
	struct lane lanes[LANES];
	const struct self *self;

	/* neither mapped apart, nor given back: what an arena got once, it keeps */
	if (!mallopt(M_MMAP_THRESHOLD, 32 << 20) || !mallopt(M_TRIM_THRESHOLD, 1 << 30) ||
	    !mallopt(M_TOP_PAD, 16 << 20) || (s->b && !mallopt(M_ARENA_MAX, 1)))
		die("mallopt");
	self = &run_lanes(lanes, LANES, s, malloc_lane)->self;
	s->cause_ns = slept_ns(self) + self->end.kernel_ns - self->begin.kernel_ns;
}

const struct pair lock_pairs[] = {
	{"mutex-convoy", run_mutex, NULL},  {"rwlock", run_rwlock, NULL},
	{"reader-lock", run_reader, NULL},  {"spinlock", run_spinlock, NULL},
	{"malloc-arena", run_malloc, NULL}, {NULL, NULL, NULL},
};
