// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Turns SIGCHLD, SIGIO and SIGALRM into notes and pokes; see notice.h. */
#include "notice.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "pool.h"

static const int signals[NOTICE_CNT] = {SIGCHLD, SIGIO, SIGALRM};
static volatile sig_atomic_t noted[NOTICE_CNT];
static int poke_fd = -1;

static void on_signal(int sig)
{
	const struct reply poke = {.kind = REPLY_POKE};
	int saved = errno;

	for (int i = 0; i < NOTICE_CNT; i++)
		if (signals[i] == sig)
			noted[i] = 1;
	/* A full pipe needs no poke: the read will not block, and looks at the notes. */
	if (write(poke_fd, &poke, sizeof(poke)) < 0)
		errno = saved;
	errno = saved;
}

/* A file description of our own for the pipe: only there may writes not block. */
static int open_poke_fd(int reply_wr)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", reply_wr);
	poke_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return poke_fd < 0 ? -errno : 0;
}

int notice_open(int reply_wr, int loader_fd)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int err = open_poke_fd(reply_wr);

	if (err)
		return err;
	sigemptyset(&sa.sa_mask);
	for (int i = 0; i < NOTICE_CNT; i++)
		sigaction(signals[i], &sa, NULL);
	if (loader_fd < 0)
		return 0;
	/* What cannot signal (a plain file, in a trial by hand) is read after the work instead. */
	if (!fcntl(loader_fd, F_SETOWN, getpid()))
		fcntl(loader_fd, F_SETFL, fcntl(loader_fd, F_GETFL) | O_ASYNC);
	return 0;
}

bool notice_take(enum notice what)
{
	bool was = noted[what];

	noted[what] = 0;
	return was;
}

void notice_timer(int seconds)
{
	const struct itimerval in = {.it_value.tv_sec = seconds};

	setitimer(ITIMER_REAL, &in, NULL);
	notice_take(NOTICE_ALARM);
}

void notice_forget(void)
{
	for (int i = 0; i < NOTICE_CNT; i++)
		signal(signals[i], SIG_DFL);
	if (poke_fd >= 0)
		close(poke_fd);
	poke_fd = -1;
}

void notice_block(bool block)
{
	sigset_t set;

	sigemptyset(&set);
	for (int i = 0; i < NOTICE_CNT; i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}
