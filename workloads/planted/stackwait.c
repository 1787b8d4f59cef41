// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * stackwait [WAIT|all] [VIA|all] [MS|stay]: one thread for each pair of a WAIT and a VIA. It goes
 * down a chain of functions of known names and depth, through a callback of the library that VIA
 * names, and there waits in WAIT. All waits begin, last MS milliseconds, and are released; with
 * "stay" they last until the program is killed, or a minute.
 *
 *   WAIT  mutex, rdlock, wrlock, cond, sem, barrier, join, once
 *   VIA   direct, qsort, bsearch (libc), lhash, runonce (libcrypto, left out where there is none)
 *
 * Truth: each thread's call path, leaf first, below libc's own frames of the wait:
 * wait_WAIT, arrive, [callback_VIA, frames of the library,] via_VIA, depth times step, enter, body,
 * and the thread's entry; one wait of MS or more. Its role is "WAIT/VIA/depth". In the stay
 * mode nothing moves, so a debugger must see the same. Threads that only keep a wait going (the
 * one to be joined, the one inside of pthread_once) sleep in nap().
 */
#include "planted.h"

#include <dlfcn.h>
#include <semaphore.h>

#define STAY_NS (60 * NS_PER_S)
#define MAX_PLACES 64
#define MIN_DEPTH 2

/* A pair, and all that a thread may wait for there. */
struct place {
	const struct wait *wait;
	const struct via *via;
	uint64_t depth;
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
	pthread_cond_t cond;
	bool go; /* what cond is about */
	sem_t sem;
	pthread_barrier_t barrier;
	pthread_once_t once;
	pthread_t thread, keeper;
	bool has_keeper;
	struct self self;
	char role[48];
};

struct wait {
	const char *name;
	void (*prepare)(struct place *p);
	void (*block)(struct place *p);
	void (*release)(struct place *p);
};

struct via {
	const char *name;
	void (*call)(struct place *p);
	bool crypto;
};

static struct place places[MAX_PLACES];
static size_t place_cnt;
static atomic_ulong arrived;
static atomic_bool released;
static _Thread_local struct place *mine;

static struct {
	void *(*lh_new)(void *hash, void *compare);
	void *(*lh_insert)(void *lh, void *data);
	void (*lh_doall)(void *lh, void (*each)(void *data));
	void (*lh_free)(void *lh);
	int (*run_once)(int *once, void (*init)(void));
} crypto;

/* --- the waits --- */

static void hold_until_released(void)
{
	while (!atomic_load(&released))
		nap(NS_PER_MS);
}

static void take_mutex(struct place *p)
{
	pthread_mutex_lock(&p->mutex);
}

OWN_FRAME static void wait_mutex(struct place *p)
{
	pthread_mutex_lock(&p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

static void leave_mutex(struct place *p)
{
	pthread_mutex_unlock(&p->mutex);
}

static void take_rwlock(struct place *p)
{
	pthread_rwlock_wrlock(&p->rwlock);
}

OWN_FRAME static void wait_rdlock(struct place *p)
{
	pthread_rwlock_rdlock(&p->rwlock);
	pthread_rwlock_unlock(&p->rwlock);
}

OWN_FRAME static void wait_wrlock(struct place *p)
{
	pthread_rwlock_wrlock(&p->rwlock);
	pthread_rwlock_unlock(&p->rwlock);
}

static void leave_rwlock(struct place *p)
{
	pthread_rwlock_unlock(&p->rwlock);
}

OWN_FRAME static void wait_cond(struct place *p)
{
	pthread_mutex_lock(&p->mutex);
	while (!p->go)
		pthread_cond_wait(&p->cond, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

static void signal_cond(struct place *p)
{
	pthread_mutex_lock(&p->mutex);
	p->go = true;
	pthread_mutex_unlock(&p->mutex);
	pthread_cond_signal(&p->cond);
}

OWN_FRAME static void wait_sem(struct place *p)
{
	sem_wait(&p->sem);
	KEEP_FRAME();
}

static void post_sem(struct place *p)
{
	sem_post(&p->sem);
}

OWN_FRAME static void wait_barrier(struct place *p)
{
	pthread_barrier_wait(&p->barrier);
	KEEP_FRAME();
}

static void reach_barrier(struct place *p)
{
	pthread_barrier_wait(&p->barrier);
}

static void *keep_alive(void *arg)
{
	(void)arg;
	name_thread("keeper");
	hold_until_released();
	return NULL;
}

static void start_joinee(struct place *p)
{
	p->keeper = start_thread(keep_alive, NULL);
}

OWN_FRAME static void wait_join(struct place *p)
{
	pthread_join(p->keeper, NULL);
	KEEP_FRAME();
}

static void *keep_inside_once(void *arg)
{
	struct place *p = arg;

	name_thread("keeper");
	pthread_once(&p->once, hold_until_released);
	return NULL;
}

static void start_once(struct place *p)
{
	p->keeper = start_thread(keep_inside_once, p);
	p->has_keeper = true;
	nap(20 * NS_PER_MS);
}

OWN_FRAME static void wait_once(struct place *p)
{
	pthread_once(&p->once, hold_until_released);
	KEEP_FRAME();
}

static const struct wait waits[] = {
	{"mutex", take_mutex, wait_mutex, leave_mutex},
	{"rdlock", take_rwlock, wait_rdlock, leave_rwlock},
	{"wrlock", take_rwlock, wait_wrlock, leave_rwlock},
	{"cond", NULL, wait_cond, signal_cond},
	{"sem", NULL, wait_sem, post_sem},
	{"barrier", NULL, wait_barrier, reach_barrier},
	{"join", start_joinee, wait_join, NULL},
	{"once", start_once, wait_once, NULL},
};

/* --- the ways there --- */

OWN_FRAME static void arrive(struct place *p)
{
	atomic_fetch_add(&arrived, 1);
	p->wait->block(p);
	KEEP_FRAME();
}

OWN_FRAME static void via_direct(struct place *p)
{
	arrive(p);
	KEEP_FRAME();
}

OWN_FRAME static int callback_qsort(const void *a, const void *b)
{
	arrive(mine);
	return *(const int *)a - *(const int *)b;
}

OWN_FRAME static void via_qsort(struct place *p)
{
	volatile int pair[2] = {2, 1};

	mine = p;
	qsort((void *)(uintptr_t)pair, 2, sizeof(pair[0]), callback_qsort);
	KEEP_FRAME();
}

OWN_FRAME static int callback_bsearch(const void *key, const void *elem)
{
	arrive(mine);
	return *(const int *)key - *(const int *)elem;
}

/* glibc's header would inline bsearch itself: called through a pointer, it is libc's. */
OWN_FRAME static void via_bsearch(struct place *p)
{
	static void *(*volatile search)(const void *, const void *, size_t, size_t,
					int (*)(const void *, const void *)) = bsearch;
	static const int one = 1;

	mine = p;
	search(&one, &one, 1, sizeof(one), callback_bsearch);
	KEEP_FRAME();
}

OWN_FRAME static void callback_lhash(void *data)
{
	(void)data;
	arrive(mine);
	KEEP_FRAME();
}

OWN_FRAME static void via_lhash(struct place *p)
{
	static char word[] = "one";
	void *lh = crypto.lh_new(NULL, NULL);

	mine = p;
	crypto.lh_insert(lh, word);
	crypto.lh_doall(lh, callback_lhash);
	crypto.lh_free(lh);
}

OWN_FRAME static void callback_runonce(void)
{
	arrive(mine);
	KEEP_FRAME();
}

OWN_FRAME static void via_runonce(struct place *p)
{
	static _Thread_local int once;

	mine = p;
	crypto.run_once(&once, callback_runonce);
	KEEP_FRAME();
}

static const struct via vias[] = {
	{"direct", via_direct, false},	 {"qsort", via_qsort, false},
	{"bsearch", via_bsearch, false}, {"lhash", via_lhash, true},
	{"runonce", via_runonce, true},
};

OWN_FRAME static void step(struct place *p, uint64_t left)
{
	if (left > 1)
		step(p, left - 1);
	else
		p->via->call(p);
	KEEP_FRAME();
}

OWN_FRAME static void enter(struct place *p)
{
	step(p, p->depth);
	KEEP_FRAME();
}

static void *body(void *arg)
{
	struct place *p = arg;

	name_thread("waiter");
	self_begin(&p->self, p->role);
	enter(p);
	self_end(&p->self);
	return NULL;
}

/* --- the whole --- */

static bool load_crypto(void)
{
	void *lib = dlopen("libcrypto.so.3", RTLD_NOW);

	if (!lib)
		return false;
	*(void **)&crypto.lh_new = dlsym(lib, "OPENSSL_LH_new");
	*(void **)&crypto.lh_insert = dlsym(lib, "OPENSSL_LH_insert");
	*(void **)&crypto.lh_doall = dlsym(lib, "OPENSSL_LH_doall");
	*(void **)&crypto.lh_free = dlsym(lib, "OPENSSL_LH_free");
	*(void **)&crypto.run_once = dlsym(lib, "CRYPTO_THREAD_run_once");
	return crypto.lh_new && crypto.lh_insert && crypto.lh_doall && crypto.lh_free &&
	       crypto.run_once;
}

static bool wanted(const char *arg, const char *name)
{
	return !strcmp(arg, "all") || !strcmp(arg, name);
}

static void add_place(const struct wait *wait, const struct via *via)
{
	struct place *p = &places[place_cnt++];

	p->wait = wait;
	p->via = via;
	p->depth = MIN_DEPTH + place_cnt % 5;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_rwlock_init(&p->rwlock, NULL);
	pthread_cond_init(&p->cond, NULL);
	sem_init(&p->sem, 0, 0);
	pthread_barrier_init(&p->barrier, NULL, 2);
	p->once = PTHREAD_ONCE_INIT;
	snprintf(p->role, sizeof(p->role), "%s/%s/%llu", wait->name, via->name,
		 (unsigned long long)p->depth);
	if (wait->prepare)
		wait->prepare(p);
}

static void add_places(const char *wait, const char *via)
{
	bool has_crypto = load_crypto();

	for (size_t v = 0; v < ARRAY_SIZE(vias); v++)
		for (size_t w = 0; w < ARRAY_SIZE(waits); w++)
			if (wanted(wait, waits[w].name) && wanted(via, vias[v].name) &&
			    (has_crypto || !vias[v].crypto))
				add_place(&waits[w], &vias[v]);
	errno = EINVAL;
	if (!place_cnt)
		skip("no such pair, or no libcrypto.so.3");
}

static void finish(uint64_t ns)
{
	static struct self selves[MAX_PLACES];
	FILE *f;

	for (size_t i = 0; i < place_cnt; i++) {
		pthread_join(places[i].thread, NULL);
		if (places[i].has_keeper)
			pthread_join(places[i].keeper, NULL);
		selves[i] = places[i].self;
	}
	f = truth_open("stackwait");
	truth_u64(f, "ns", ns);
	truth_close(f, selves, place_cnt);
}

int main(int argc, char **argv)
{
	const char *how = arg_str(argc, argv, 3, "307");
	bool stay = !strcmp(how, "stay");
	uint64_t ns = stay ? STAY_NS : strtoull(how, NULL, 10) * NS_PER_MS;

	add_places(arg_str(argc, argv, 1, "all"), arg_str(argc, argv, 2, "all"));
	for (size_t i = 0; i < place_cnt; i++)
		places[i].thread = start_thread(body, &places[i]);
	while (atomic_load(&arrived) < place_cnt)
		nap(NS_PER_MS);
	nap(20 * NS_PER_MS); /* from arrive() into the wait */
	nap(ns);
	if (stay)
		return 0;
	atomic_store(&released, true);
	for (size_t i = 0; i < place_cnt; i++)
		if (places[i].wait->release)
			places[i].wait->release(&places[i]);
	finish(ns);
	return 0;
}
