// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * futexwait [FORM] [END] [N] [US]: a thread waits N times on a futex, US microseconds each or more.
 *
 *   FORM  wait, bitset, lockpi, requeuepi, waitv, wait2 (futex_wait, Linux 6.7)
 *   END   timeout, wake, signal (the pi forms go on waiting after a signal: no such pair)
 *
 * Truth: the waiter waits on nothing else between begin and end, so its "futex" time is wall less
 * CPU less run delay of that part, and at least N * US. Exits 77 where the kernel lacks the form.
 */
#include "planted.h"

#include <linux/futex.h>
#include <signal.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif
#define FUTEX2_U32 2
#define FUTEX2_PRIV 128
#define SAFETY_NS (20 * NS_PER_S) /* no wait lasts longer: a lost wake must not hang the test */

/* struct futex_waitv, which older headers lack. */
struct wait_entry {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

enum end { END_TIMEOUT, END_WAKE, END_SIGNAL };

struct form {
	const char *name;
	int (*wait)(uint64_t deadline_ns); /* 0, or -errno */
	void (*wake)(void);
	bool signals; /* a signal ends it */
};

static atomic_uint word;		  /* waited on while 0 */
static atomic_uint pi_word;		  /* tid of the owner; the waker's, unless it let go */
static atomic_ulong armed, waiting, done; /* rounds: may begin, begun, ended */
static const struct form *form;
static enum end end;
static uint64_t rounds, wait_ns;
static struct self self;

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

static long futex(atomic_uint *w, int op, unsigned int val, const struct timespec *ts,
		  atomic_uint *w2, unsigned int val3)
{
	return syscall(SYS_futex, w, op, val, ts, w2, val3);
}

static int wait_plain(uint64_t deadline_ns)
{
	uint64_t at_ns = mono_ns();
	struct timespec ts = timespec_of(deadline_ns > at_ns ? deadline_ns - at_ns : 1);

	return result(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0));
}

static int wait_bitset(uint64_t deadline_ns)
{
	struct timespec ts = timespec_of(deadline_ns);

	return result(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &ts, NULL, 5));
}

/* The PI lock's time-out is on the real-time clock. */
static int wait_lock_pi(uint64_t deadline_ns)
{
	struct timespec ts = timespec_of(deadline_ns - mono_ns() + clock_ns(CLOCK_REALTIME));
	int ret = result(futex(&pi_word, FUTEX_LOCK_PI_PRIVATE, 0, &ts, NULL, 0));

	if (!ret)
		futex(&pi_word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return ret;
}

static int wait_requeue_pi(uint64_t deadline_ns)
{
	struct timespec ts = timespec_of(deadline_ns);
	int ret = result(futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &ts, &pi_word, 0));

	if (!ret)
		futex(&pi_word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return ret;
}

static int wait_waitv(uint64_t deadline_ns)
{
	static atomic_uint other;
	struct timespec ts = timespec_of(deadline_ns);
	struct wait_entry v[2] = {
		{0, (uint64_t)(uintptr_t)&other, FUTEX2_U32 | FUTEX2_PRIV, 0},
		{0, (uint64_t)(uintptr_t)&word, FUTEX2_U32 | FUTEX2_PRIV, 0},
	};

	return result(syscall(SYS_futex_waitv, v, 2, 0, &ts, CLOCK_MONOTONIC));
}

static int wait_wait2(uint64_t deadline_ns)
{
	struct timespec ts = timespec_of(deadline_ns);

	return result(syscall(SYS_futex_wait, &word, 0UL, ~0u & 0xffffffffUL,
			      FUTEX2_U32 | FUTEX2_PRIV, &ts, CLOCK_MONOTONIC));
}

static void wake_plain(void)
{
	atomic_store(&word, 1);
	futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Let go of the lock, which hands it to the waiter; take it again before the next round. */
static void wake_lock_pi(void)
{
	futex(&pi_word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	while (atomic_load(&done) < atomic_load(&waiting))
		nap(50 * NS_PER_US);
	futex(&pi_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

/* The waiter is moved to the PI lock, which is free, so it wakes as its owner. */
static void wake_requeue_pi(void)
{
	futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, NULL, &pi_word, 0);
}

static const struct form forms[] = {
	{"wait", wait_plain, wake_plain, true},
	{"bitset", wait_bitset, wake_plain, true},
	{"lockpi", wait_lock_pi, wake_lock_pi, false},
	{"requeuepi", wait_requeue_pi, wake_requeue_pi, false},
	{"waitv", wait_waitv, wake_plain, true},
	{"wait2", wait_wait2, wake_plain, true},
};

static void on_signal(int sig)
{
	(void)sig;
}

static int expected(void)
{
	return end == END_TIMEOUT ? -ETIMEDOUT : end == END_SIGNAL ? -EINTR : 0;
}

static void *waiter(void *arg)
{
	uint64_t i;
	int ret;

	(void)arg;
	name_thread("waiter");
	self_begin(&self, "waiter");
	for (i = 0; i < rounds; i++) {
		while (atomic_load(&armed) <= i)
			sched_yield();
		atomic_store(&word, 0);
		atomic_store(&waiting, i + 1);
		ret = form->wait(mono_ns() + (end == END_TIMEOUT ? wait_ns : SAFETY_NS));
		if (ret != expected()) {
			errno = -ret;
			if (ret == -ENOSYS)
				skip(form->name);
			die(form->name);
		}
		atomic_store(&done, i + 1);
	}
	self_end(&self);
	return NULL;
}

/* End each of the waiter's waits once it has lasted long enough; again if it came too early. */
static void end_waits(pthread_t thread)
{
	uint64_t i;

	for (i = 1; i <= rounds; i++) {
		atomic_store(&armed, i);
		while (atomic_load(&waiting) < i)
			nap(50 * NS_PER_US);
		for (nap(wait_ns); atomic_load(&done) < i; nap(100 * NS_PER_US)) {
			if (end == END_SIGNAL)
				pthread_kill(thread, SIGUSR1);
			else
				form->wake();
		}
	}
}

static void parse(int argc, char **argv)
{
	const char *name = arg_str(argc, argv, 1, "wait");
	const char *how = arg_str(argc, argv, 2, "wake");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(name, forms[i].name))
			form = &forms[i];
	end = how[0] == 't' ? END_TIMEOUT : how[0] == 's' ? END_SIGNAL : END_WAKE;
	rounds = arg_u64(argc, argv, 3, 53);
	wait_ns = arg_u64(argc, argv, 4, 3001) * NS_PER_US;
	errno = EINVAL;
	if (!form)
		die(name);
	if (end == END_SIGNAL && !form->signals)
		skip("a signal does not end this form");
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_signal};
	pthread_t thread;
	FILE *f;

	parse(argc, argv);
	sigaction(SIGUSR1, &act, NULL);
	if (form->wait == wait_lock_pi)
		futex(&pi_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	thread = start_thread(waiter, NULL);
	if (end == END_TIMEOUT)
		atomic_store(&armed, rounds);
	else
		end_waits(thread);
	pthread_join(thread, NULL);
	f = truth_open("futexwait");
	truth_u64(f, "n", rounds);
	truth_u64(f, "ns", wait_ns);
	truth_close(f, &self, 1);
	return 0;
}
