// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Passes a buffer from one process to another: a packet that says which task and how large, with
 * the memfd that holds it. No content is copied.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "pool.h"

struct packet {
	int index;
	size_t sz;
};

union fd_control {
	struct cmsghdr header; /* for its alignment */
	char room[CMSG_SPACE(sizeof(int))];
};

int pass_send(int sock, int index, const struct buffer *b)
{
	struct packet packet = {.index = index, .sz = b->sz};
	struct iovec iov = {.iov_base = &packet, .iov_len = sizeof(packet)};
	union fd_control control = {0};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &b->fd, sizeof(int));
	while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int pass_receive(int sock, int *index, struct buffer *b)
{
	struct packet packet;
	struct iovec iov = {.iov_base = &packet, .iov_len = sizeof(packet)};
	union fd_control control = {0};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c;
	ssize_t got;

	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (got != sizeof(packet) || !c || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	*index = packet.index;
	b->addr = NULL;
	b->sz = packet.sz;
	memcpy(&b->fd, CMSG_DATA(c), sizeof(int));
	return 0;
}
