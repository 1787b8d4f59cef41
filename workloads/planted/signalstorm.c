// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * signalstorm [pipe|futex] [MS] [US]: a thread waits for MS milliseconds in one read(2), or one
 * futex wait, that is interrupted by a handled signal every US microseconds and restarted.
 *
 * Truth: "ipc" (pipe) or "futex" of the waiter is wall less CPU less run delay between begin and
 * end; nothing else blocks it. hits is the number of signals that it handled.
 */
#include "planted.h"

#include <linux/futex.h>
#include <signal.h>

static atomic_ulong hits;
static atomic_uint word;
static bool by_pipe;
static int fds[2];
static struct self self;

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&hits, 1);
}

static void *waiter(void *arg)
{
	char c;

	(void)arg;
	name_thread("waiter");
	self_begin(&self, "waiter");
	if (by_pipe && read(fds[0], &c, 1) != 1)
		die("read");
	while (!by_pipe && !atomic_load(&word))
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	self_end(&self);
	return NULL;
}

static void let_go(void)
{
	if (by_pipe && write(fds[1], "x", 1) != 1)
		die("write");
	atomic_store(&word, 1);
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	uint64_t ns = arg_u64(argc, argv, 2, 307) * NS_PER_MS;
	uint64_t every_ns = arg_u64(argc, argv, 3, 211) * NS_PER_US;
	uint64_t end_ns = mono_ns() + ns;
	pthread_t thread;
	FILE *f;

	by_pipe = strcmp(arg_str(argc, argv, 1, "pipe"), "futex");
	if (pipe(fds))
		die("pipe");
	sigaction(SIGUSR1, &act, NULL);
	thread = start_thread(waiter, NULL);
	for (; mono_ns() < end_ns; nap(every_ns))
		pthread_kill(thread, SIGUSR1);
	let_go();
	pthread_join(thread, NULL);
	f = truth_open("signalstorm");
	truth_u64(f, "ns", ns);
	truth_u64(f, "hits", hits);
	truth_close(f, &self, 1);
	return 0;
}
