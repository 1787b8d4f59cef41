// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * lockzoo [FORM] [N] [US]: one thread waits N times, US microseconds each or a little more, for a
 * lock of a known type and name that the main thread (the holder) holds and then lets go.
 *
 *   mutex, timedmutex, recursive, robust, pimutex, mtx       static "planted_mutex" ("planted_mtx")
 *   heapmutex, stackmutex, mainstackmutex                    no name: on the heap, on the waiter's
 *                                                            or on the main thread's stack
 *   sharedmutex                                              in a mapping shared by two processes:
 *                                                            the waiter is the main one's child
 *   rdlock, wrlock, wrwrlock                                 static "planted_rwlock": a reader for
 *                                                            a writer, a writer for a reader (the
 *                                                            same futex word), for a writer (the
 *                                                            other word)
 *   rwlock                                                   the three in turn
 *   cond, condtimed, cnd, sem, barrier, once                 static "planted_cond", ...
 *   join                                                     of threads that nap US each
 *   stdio                                                    the lock of a FILE, from the heap
 *   raw                                                      futex(2) on "planted_word"
 *
 * Truth: N waits with the path blocker_FORM < wait_round < waiter, each ended from the path
 * release_FORM < hold_round < main (join: by the exit of a thread). waited_ns and longest_ns are
 * the waits by the waiter's own clock, from before the call to after it.
 */
#include "planted.h"

#include <linux/futex.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <threads.h>

static pthread_mutex_t planted_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t planted_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t planted_cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t planted_barrier;
static pthread_once_t planted_once = PTHREAD_ONCE_INIT;
static sem_t planted_sem;
static mtx_t planted_mtx;
static cnd_t planted_cnd;
static atomic_uint planted_word;
static FILE *stream;

/* What both sides share, also where they are two processes. */
struct shared {
	pthread_mutex_t mutex;
	atomic_ulong armed, done; /* rounds whose lock is held, whose wait is over */
	uint64_t waited_ns, longest_ns;
	struct self self;
	pthread_mutex_t *_Atomic lock; /* the mutex forms' */
};

struct form {
	const char *name;
	void (*prepare)(void);
	void (*take)(void);
	void (*hold)(void); /* NULL: hold_lock */
	void (*release)(void);
	void (*wait)(void); /* the blocker */
	int kind;	    /* of a mutex: its type; or one of those below */
};

enum {
	KIND_PLAIN = 0,
	KIND_HEAP = 100,
	KIND_STACK,
	KIND_MAIN_STACK,
	KIND_SHARED,
	KIND_ROBUST,
	KIND_PI
};

static struct shared *shared;
static const struct form *form;
static uint64_t rounds, round_now, wait_ns;
static uint64_t signalled; /* the round that a condition variable has announced */
static pthread_t short_life;

static void hold_lock(void)
{
	atomic_store(&shared->armed, round_now);
	nap(wait_ns);
}

static struct timespec far_off(clockid_t clock)
{
	return timespec_of(clock_ns(clock) + 20 * NS_PER_S);
}

/* --- mutexes --- */

static void init_mutex(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	if (form->kind < KIND_HEAP)
		pthread_mutexattr_settype(&attr, form->kind);
	if (form->kind == KIND_SHARED)
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (form->kind == KIND_ROBUST)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (form->kind == KIND_PI)
		pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (pthread_mutex_init(m, &attr))
		die("pthread_mutex_init");
	atomic_store(&shared->lock, m);
}

static void prepare_mutex(void)
{
	if (form->kind == KIND_HEAP)
		init_mutex(malloc(sizeof(planted_mutex)));
	else if (form->kind == KIND_SHARED)
		init_mutex(&shared->mutex);
	else if (form->kind < KIND_HEAP || form->kind > KIND_SHARED)
		init_mutex(&planted_mutex);
}

static void take_mutex(void)
{
	pthread_mutex_lock(atomic_load(&shared->lock));
}

OWN_FRAME static void release_mutex(void)
{
	pthread_mutex_unlock(atomic_load(&shared->lock));
	KEEP_FRAME();
}

OWN_FRAME static void blocker_mutex(void)
{
	pthread_mutex_lock(atomic_load(&shared->lock));
	pthread_mutex_unlock(atomic_load(&shared->lock));
	KEEP_FRAME();
}

OWN_FRAME static void blocker_timedmutex(void)
{
	struct timespec ts = far_off(CLOCK_REALTIME);

	if (pthread_mutex_timedlock(atomic_load(&shared->lock), &ts))
		die("pthread_mutex_timedlock");
	pthread_mutex_unlock(atomic_load(&shared->lock));
	KEEP_FRAME();
}

static void prepare_mtx(void)
{
	mtx_init(&planted_mtx, mtx_plain);
	cnd_init(&planted_cnd);
}

static void take_mtx(void)
{
	mtx_lock(&planted_mtx);
}

OWN_FRAME static void release_mtx(void)
{
	mtx_unlock(&planted_mtx);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_mtx(void)
{
	mtx_lock(&planted_mtx);
	mtx_unlock(&planted_mtx);
	KEEP_FRAME();
}

/* --- rwlock --- */

static void take_reading(void)
{
	pthread_rwlock_rdlock(&planted_rwlock);
}

static void take_writing(void)
{
	pthread_rwlock_wrlock(&planted_rwlock);
}

static void take_in_turn(void)
{
	if (round_now % 3 == 1)
		take_reading();
	else
		take_writing();
}

OWN_FRAME static void release_rwlock(void)
{
	pthread_rwlock_unlock(&planted_rwlock);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_rdlock(void)
{
	pthread_rwlock_rdlock(&planted_rwlock);
	pthread_rwlock_unlock(&planted_rwlock);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_wrlock(void)
{
	pthread_rwlock_wrlock(&planted_rwlock);
	pthread_rwlock_unlock(&planted_rwlock);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_rwlock(void)
{
	if (atomic_load(&shared->armed) % 3)
		blocker_wrlock();
	else
		blocker_rdlock();
	KEEP_FRAME();
}

/* --- signals of all kinds: nothing is held, the release is the signal --- */

static void take_nothing(void)
{
}

OWN_FRAME static void release_cond(void)
{
	pthread_mutex_lock(&planted_mutex);
	signalled = round_now;
	pthread_mutex_unlock(&planted_mutex);
	pthread_cond_signal(&planted_cond);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_cond(void)
{
	pthread_mutex_lock(&planted_mutex);
	while (signalled < atomic_load(&shared->armed))
		pthread_cond_wait(&planted_cond, &planted_mutex);
	pthread_mutex_unlock(&planted_mutex);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_condtimed(void)
{
	struct timespec ts = far_off(CLOCK_REALTIME);

	pthread_mutex_lock(&planted_mutex);
	while (signalled < atomic_load(&shared->armed))
		if (pthread_cond_timedwait(&planted_cond, &planted_mutex, &ts))
			die("pthread_cond_timedwait");
	pthread_mutex_unlock(&planted_mutex);
	KEEP_FRAME();
}

OWN_FRAME static void release_cnd(void)
{
	mtx_lock(&planted_mtx);
	signalled = round_now;
	mtx_unlock(&planted_mtx);
	cnd_signal(&planted_cnd);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_cnd(void)
{
	mtx_lock(&planted_mtx);
	while (signalled < atomic_load(&shared->armed))
		cnd_wait(&planted_cnd, &planted_mtx);
	mtx_unlock(&planted_mtx);
	KEEP_FRAME();
}

static void prepare_sem(void)
{
	sem_init(&planted_sem, 0, 0);
}

OWN_FRAME static void release_sem(void)
{
	sem_post(&planted_sem);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_sem(void)
{
	sem_wait(&planted_sem);
	KEEP_FRAME();
}

static void prepare_barrier(void)
{
	pthread_barrier_init(&planted_barrier, NULL, 2);
}

OWN_FRAME static void release_barrier(void)
{
	pthread_barrier_wait(&planted_barrier);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_barrier(void)
{
	pthread_barrier_wait(&planted_barrier);
	KEEP_FRAME();
}

OWN_FRAME static void release_raw(void)
{
	atomic_store(&planted_word, (unsigned int)round_now);
	syscall(SYS_futex, &planted_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_raw(void)
{
	unsigned int before = (unsigned int)atomic_load(&shared->armed) - 1;

	while (atomic_load(&planted_word) == before)
		syscall(SYS_futex, &planted_word, FUTEX_WAIT_PRIVATE, before, NULL, NULL, 0);
}

/* --- once, join, stdio --- */

static void take_once(void)
{
	planted_once = PTHREAD_ONCE_INIT;
}

/* What ends the wait is pthread_once itself, when the init routine has returned. */
OWN_FRAME static void release_once(void)
{
	pthread_once(&planted_once, hold_lock);
	KEEP_FRAME();
}

static void no_hold(void)
{
}

OWN_FRAME static void blocker_once(void)
{
	pthread_once(&planted_once, no_hold);
	KEEP_FRAME();
}

static void *live_short(void *arg)
{
	(void)arg;
	name_thread("joinee");
	nap(wait_ns);
	return NULL;
}

static void hold_join(void)
{
	short_life = start_thread(live_short, NULL);
	atomic_store(&shared->armed, round_now);
}

OWN_FRAME static void blocker_join(void)
{
	pthread_join(short_life, NULL);
	KEEP_FRAME();
}

static void prepare_stdio(void)
{
	stream = fopen("/dev/null", "we");
	if (!stream)
		die("/dev/null");
}

static void take_stdio(void)
{
	flockfile(stream);
}

OWN_FRAME static void release_stdio(void)
{
	funlockfile(stream);
	KEEP_FRAME();
}

OWN_FRAME static void blocker_stdio(void)
{
	fputc('x', stream);
	KEEP_FRAME();
}

#define MUTEX(name, wait, kind)                                                                    \
	{                                                                                          \
		name, prepare_mutex, take_mutex, NULL, release_mutex, wait, kind                   \
	}
#define SIGNAL(name, prepare, release, wait)                                                       \
	{                                                                                          \
		name, prepare, take_nothing, NULL, release, wait, KIND_PLAIN                       \
	}
#define RWLOCK(name, take, wait)                                                                   \
	{                                                                                          \
		name, NULL, take, NULL, release_rwlock, wait, KIND_PLAIN                           \
	}

static const struct form forms[] = {
	MUTEX("mutex", blocker_mutex, KIND_PLAIN),
	MUTEX("timedmutex", blocker_timedmutex, KIND_PLAIN),
	MUTEX("recursive", blocker_mutex, PTHREAD_MUTEX_RECURSIVE),
	MUTEX("robust", blocker_mutex, KIND_ROBUST),
	MUTEX("pimutex", blocker_mutex, KIND_PI),
	MUTEX("heapmutex", blocker_mutex, KIND_HEAP),
	MUTEX("stackmutex", blocker_mutex, KIND_STACK),
	MUTEX("mainstackmutex", blocker_mutex, KIND_MAIN_STACK),
	MUTEX("sharedmutex", blocker_mutex, KIND_SHARED),
	{"mtx", prepare_mtx, take_mtx, NULL, release_mtx, blocker_mtx, KIND_PLAIN},
	RWLOCK("rdlock", take_writing, blocker_rdlock),
	RWLOCK("wrlock", take_reading, blocker_wrlock),
	RWLOCK("wrwrlock", take_writing, blocker_wrlock),
	RWLOCK("rwlock", take_in_turn, blocker_rwlock),
	SIGNAL("cond", NULL, release_cond, blocker_cond),
	SIGNAL("condtimed", NULL, release_cond, blocker_condtimed),
	SIGNAL("cnd", prepare_mtx, release_cnd, blocker_cnd),
	SIGNAL("sem", prepare_sem, release_sem, blocker_sem),
	SIGNAL("barrier", prepare_barrier, release_barrier, blocker_barrier),
	SIGNAL("raw", NULL, release_raw, blocker_raw),
	{"once", NULL, take_once, no_hold, release_once, blocker_once, KIND_PLAIN},
	{"join", NULL, take_nothing, hold_join, no_hold, blocker_join, KIND_PLAIN},
	{"stdio", prepare_stdio, take_stdio, NULL, release_stdio, blocker_stdio, KIND_PLAIN},
};

/* --- the two sides --- */

OWN_FRAME static void wait_round(uint64_t i)
{
	uint64_t begin_ns, took_ns;

	while (atomic_load(&shared->armed) < i)
		sched_yield();
	begin_ns = mono_ns();
	form->wait();
	took_ns = mono_ns() - begin_ns;
	shared->waited_ns += took_ns;
	if (took_ns > shared->longest_ns)
		shared->longest_ns = took_ns;
	atomic_store(&shared->done, i);
}

static void *waiter(void *arg)
{
	pthread_mutex_t on_stack;

	(void)arg;
	name_thread("waiter");
	if (form->kind == KIND_STACK)
		init_mutex(&on_stack);
	self_begin(&shared->self, "waiter");
	for (uint64_t i = 1; i <= rounds; i++)
		wait_round(i);
	self_end(&shared->self);
	return NULL;
}

OWN_FRAME static void hold_round(void)
{
	form->take();
	(form->hold ? form->hold : hold_lock)();
	form->release();
	while (atomic_load(&shared->done) < round_now)
		nap(50 * NS_PER_US);
}

static void start_waiter(pthread_t *thread, pid_t *child)
{
	if (form->kind != KIND_SHARED) {
		*thread = start_thread(waiter, NULL);
		while (form->kind == KIND_STACK && !atomic_load(&shared->lock))
			nap(50 * NS_PER_US);
		return;
	}
	*child = fork();
	if (*child < 0)
		die("fork");
	if (!*child) {
		waiter(NULL);
		_exit(0);
	}
}

static void parse(int argc, char **argv)
{
	const char *name = arg_str(argc, argv, 1, "mutex");

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(name, forms[i].name))
			form = &forms[i];
	errno = EINVAL;
	if (!form)
		die(name);
	rounds = arg_u64(argc, argv, 2, 53);
	wait_ns = arg_u64(argc, argv, 3, 3001) * NS_PER_US;
}

int main(int argc, char **argv)
{
	pthread_mutex_t on_stack;
	pthread_t thread = 0;
	pid_t child = 0;
	FILE *f;

	parse(argc, argv);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("mmap");
	if (form->kind == KIND_MAIN_STACK)
		init_mutex(&on_stack);
	if (form->prepare)
		form->prepare();
	if (form->kind != KIND_SHARED)
		settle();
	start_waiter(&thread, &child);
	for (round_now = 1; round_now <= rounds; round_now++)
		hold_round();
	if (child)
		waitpid(child, NULL, 0);
	else
		pthread_join(thread, NULL);
	f = truth_open("lockzoo");
	truth_u64(f, "n", rounds);
	truth_u64(f, "ns", wait_ns);
	truth_u64(f, "waited_ns", shared->waited_ns);
	truth_u64(f, "longest_ns", shared->longest_ns);
	truth_close(f, &shared->self, 1);
	return 0;
}
