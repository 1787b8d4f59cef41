// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * sigframe [WHERE] [STACK] [N] [MS]: SIGUSR1 comes N times, and its handler each time waits MS
 * milliseconds on a futex, then keeps the CPU for as long.
 *
 *   WHERE  loop: the signal comes at any instruction of interrupted_loop(); call: within a system
 *          call made by interrupted_call(); nested: in the handler of another signal, within
 *          interrupted_loop()
 *   STACK  normal; alt: the handlers run on a stack of their own (sigaltstack)
 *
 * Truth: N waits and samples with the path (handler_wait or handler_burn) < on_signal < the signal
 * trampoline < [on_outer_signal < the trampoline <] interrupted_WHERE < outer < signalled < the
 * thread's entry. ns is the time of one of N waits; burnt_ns what handler_burn had of the CPU.
 */
#include "planted.h"

#include <linux/futex.h>
#include <signal.h>

#define ALT_SZ (256 * 1024)

static const char *where;
static bool on_alt_stack;
static uint64_t rounds, ns, burnt_ns;
static atomic_ulong ended;
static atomic_bool ready; /* inside interrupted_WHERE */
static volatile uint64_t counter;
static struct self self;

OWN_FRAME static void handler_wait(void)
{
	static atomic_uint word;
	struct timespec ts = timespec_of(ns);

	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0);
}

OWN_FRAME static void handler_burn(void)
{
	uint64_t end_ns = mono_ns() + ns, begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	volatile uint64_t x = 1;

	while (mono_ns() < end_ns)
		for (int i = 0; i < 20000; i++)
			x = x * 3 + 1;
	burnt_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
}

OWN_FRAME static void on_signal(int sig)
{
	(void)sig;
	handler_wait();
	handler_burn();
	atomic_fetch_add(&ended, 1);
}

OWN_FRAME static void on_outer_signal(int sig)
{
	(void)sig;
	raise(SIGUSR1);
	KEEP_FRAME();
}

/* Of its own: no call, no frame pointer, values in registers that the handler will save. */
OWN_FRAME static uint64_t interrupted_loop(void)
{
	uint64_t a = counter, b = a + 1, c = a + 2;

	atomic_store(&ready, true);
	while (atomic_load_explicit(&ended, memory_order_relaxed) < rounds) {
		a = a * 3 + b;
		b = b * 5 + c;
		c = c * 7 + a;
	}
	return a + b + c;
}

OWN_FRAME static void interrupted_call(void)
{
	atomic_store(&ready, true);
	while (atomic_load(&ended) < rounds)
		nap(100 * NS_PER_MS);
}

OWN_FRAME static void outer(void)
{
	if (!strcmp(where, "call"))
		interrupted_call();
	else
		counter = interrupted_loop();
	KEEP_FRAME();
}

static void use_alt_stack(void)
{
	stack_t alt = {.ss_sp = malloc(ALT_SZ), .ss_size = ALT_SZ};

	if (!alt.ss_sp || sigaltstack(&alt, NULL))
		die("sigaltstack");
}

static void *signalled(void *arg)
{
	(void)arg;
	name_thread("signalled");
	if (on_alt_stack)
		use_alt_stack();
	self_begin(&self, "signalled");
	outer();
	self_end(&self);
	return NULL;
}

static void handle(int sig, void (*handler)(int))
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};

	if (on_alt_stack)
		act.sa_flags |= SA_ONSTACK;
	if (sigaction(sig, &act, NULL))
		die("sigaction");
}

int main(int argc, char **argv)
{
	pthread_t thread;
	uint64_t i;
	int sig;
	FILE *f;

	where = arg_str(argc, argv, 1, "loop");
	on_alt_stack = !strcmp(arg_str(argc, argv, 2, "normal"), "alt");
	rounds = arg_u64(argc, argv, 3, 23);
	ns = arg_u64(argc, argv, 4, 7) * NS_PER_MS;
	sig = strcmp(where, "nested") ? SIGUSR1 : SIGUSR2;
	handle(SIGUSR1, on_signal);
	handle(SIGUSR2, on_outer_signal);
	thread = start_thread(signalled, NULL);
	while (!atomic_load(&ready))
		nap(NS_PER_MS);
	for (i = 1; i <= rounds; i++) {
		nap(3 * NS_PER_MS);
		pthread_kill(thread, sig);
		while (atomic_load(&ended) < i)
			nap(500 * NS_PER_US);
	}
	pthread_join(thread, NULL);
	f = truth_open("sigframe");
	truth_u64(f, "n", rounds);
	truth_u64(f, "ns", ns);
	truth_u64(f, "burnt_ns", burnt_ns);
	truth_close(f, &self, 1);
	return 0;
}
