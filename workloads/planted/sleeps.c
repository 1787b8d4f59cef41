// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * sleeps [FORM] [N] [US]: sleeps N times for US microseconds.
 *
 *   FORM  nanosleep, clock_nanosleep, pause, sigsuspend, sigtimedwait;
 *         efault: nanosleep after a system call whose fault ended in EFAULT, not in a page;
 *         restart: nanosleep, stopped and continued by a child, so that it goes on as
 *         restart_syscall
 *
 * Truth: "sleep" is wall less CPU less run delay between begin and end, and at least N * US. (pause
 * and sigsuspend wait for the ticks of a timer, so there the N waits last N * US together.)
 */
#include "planted.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static void on_signal(int sig)
{
	(void)sig;
}

static void tick_every(uint64_t ns)
{
	struct timeval tv = {(time_t)(ns / NS_PER_S), (suseconds_t)(ns % NS_PER_S / NS_PER_US)};
	struct itimerval timer = {tv, tv};
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGALRM, &act, NULL);
	if (setitimer(ITIMER_REAL, &timer, NULL))
		die("setitimer");
}

/* Blocked but for the wait itself, a signal cannot come before it and be missed. */
static void suspend(void)
{
	sigset_t block, none;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	sigprocmask(SIG_BLOCK, &block, NULL);
	sigsuspend(&none);
}

static void sleep_once(const char *form, uint64_t ns)
{
	struct timespec ts = timespec_of(ns);
	sigset_t set;

	if (!strcmp(form, "nanosleep") || !strcmp(form, "efault") || !strcmp(form, "restart")) {
		syscall(SYS_nanosleep, &ts, NULL);
	} else if (!strcmp(form, "clock_nanosleep")) {
		nap(ns);
	} else if (!strcmp(form, "pause")) {
		pause();
	} else if (!strcmp(form, "sigsuspend")) {
		suspend();
	} else if (!strcmp(form, "sigtimedwait")) {
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigtimedwait(&set, NULL, &ts);
	} else {
		errno = EINVAL;
		die(form);
	}
}

/* A write from an address that is not mapped: a fault in kernel mode that has no end. */
static void fault_without_end(void)
{
	int fds[2];

	if (pipe(fds) || syscall(SYS_write, fds[1], 16L, 1L) >= 0)
		die("write");
}

static void stop_parent(uint64_t times)
{
	pid_t parent = getppid();

	while (times--) {
		nap(NS_PER_MS);
		kill(parent, SIGSTOP);
		nap(NS_PER_MS);
		kill(parent, SIGCONT);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	pid_t stopper = 0;
	const char *form = arg_str(argc, argv, 1, "nanosleep");
	uint64_t i, n = arg_u64(argc, argv, 2, 101);
	uint64_t ns = arg_u64(argc, argv, 3, 3001) * NS_PER_US;
	struct self self;
	FILE *f;

	self_begin(&self, "sleeper");
	if (!strcmp(form, "pause") || !strcmp(form, "sigsuspend"))
		tick_every(ns);
	if (!strcmp(form, "efault"))
		fault_without_end();
	if (!strcmp(form, "restart") && !(stopper = fork()))
		stop_parent(n);
	for (i = 0; i < n; i++)
		sleep_once(form, ns);
	self_end(&self);
	if (stopper)
		waitpid(stopper, NULL, 0);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	f = truth_open("sleeps");
	truth_u64(f, "n", n);
	truth_u64(f, "ns", ns);
	truth_close(f, &self, 1);
	return 0;
}
