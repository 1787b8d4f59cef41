// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * poll [FORM] [N] [MS]: waits N times for MS milliseconds for a pipe that nothing is written to.
 *
 *   FORM  poll, ppoll, select, pselect, epoll_wait, epoll_pwait, epoll_pwait2
 *
 * Truth: "poll" is wall less CPU less run delay between begin and end, and at least N * MS.
 */
#include "planted.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static int pipe_fd, epoll_fd;

#ifdef SYS_poll /* newer architectures have the p forms alone */
static long wait_poll(struct timespec *ts)
{
	struct pollfd fd = {pipe_fd, POLLIN, 0};

	return syscall(SYS_poll, &fd, 1, (int)(ts->tv_sec * 1000 + ts->tv_nsec / 1000000));
}

static long wait_select(struct timespec *ts)
{
	struct timeval tv = {ts->tv_sec, ts->tv_nsec / 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fd, &set);
	return syscall(SYS_select, pipe_fd + 1, &set, NULL, NULL, &tv);
}

static long wait_epoll(struct timespec *ts)
{
	struct epoll_event ev;

	return syscall(SYS_epoll_wait, epoll_fd, &ev, 1,
		       (int)(ts->tv_sec * 1000 + ts->tv_nsec / 1000000));
}
#endif

static long wait_ppoll(struct timespec *ts)
{
	struct pollfd fd = {pipe_fd, POLLIN, 0};

	return ppoll(&fd, 1, ts, NULL);
}

static long wait_pselect(struct timespec *ts)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fd, &set);
	return pselect(pipe_fd + 1, &set, NULL, NULL, ts, NULL);
}

static long wait_epoll_p(struct timespec *ts)
{
	struct epoll_event ev;

	return epoll_pwait(epoll_fd, &ev, 1, (int)(ts->tv_sec * 1000 + ts->tv_nsec / 1000000),
			   NULL);
}

static long wait_epoll_p2(struct timespec *ts)
{
	struct epoll_event ev;

	return syscall(SYS_epoll_pwait2, epoll_fd, &ev, 1, ts, NULL, 0);
}

static const struct {
	const char *name;
	long (*wait)(struct timespec *ts);
} forms[] = {
#ifdef SYS_poll
	{"poll", wait_poll},	       {"select", wait_select},
	{"epoll_wait", wait_epoll},
#endif
	{"ppoll", wait_ppoll},	       {"pselect", wait_pselect},
	{"epoll_pwait", wait_epoll_p}, {"epoll_pwait2", wait_epoll_p2},
};

static void open_fds(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fds[2];

	if (pipe(fds))
		die("pipe");
	pipe_fd = fds[0];
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_fd, &ev))
		die("epoll");
}

int main(int argc, char **argv)
{
	const char *name = arg_str(argc, argv, 1, "ppoll");
	uint64_t i, n = arg_u64(argc, argv, 2, 47);
	uint64_t ns = arg_u64(argc, argv, 3, 7) * NS_PER_MS;
	struct timespec ts;
	struct self self;
	size_t form = 0;
	FILE *f;

	while (form < ARRAY_SIZE(forms) && strcmp(name, forms[form].name))
		form++;
	errno = EINVAL;
	if (form == ARRAY_SIZE(forms))
		skip(name);
	open_fds();
	self_begin(&self, "poller");
	for (i = 0; i < n; i++) {
		ts = timespec_of(ns);
		if (forms[form].wait(&ts))
			skip(name);
	}
	self_end(&self);
	f = truth_open("poll");
	truth_u64(f, "n", n);
	truth_u64(f, "ns", ns);
	truth_close(f, &self, 1);
	return 0;
}
