// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ipc [FORM] [N] [US]: a thread waits N times, at least US microseconds each, for another to send.
 *
 *   FORM  pipe, pipefull (waits to write), socket, recvmsg, tcp, eventfd, msgrcv, mq
 *
 * Truth: "ipc" of the receiver (for pipefull: of the writer) is wall less CPU less run delay
 * between begin and end, and at least N * US.
 */
#include "planted.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>

#define PIPE_SZ 4096

static int wait_fd, act_fd; /* msgrcv: both the queue's id */
static mqd_t queue;
static atomic_ulong waiting;
static uint64_t rounds, wait_ns;
static struct self self;

struct form {
	const char *name;
	void (*open)(void);
	ssize_t (*wait)(void);
	ssize_t (*act)(void); /* ends one wait */
};

static const struct form *form;

static void open_pipe(void)
{
	int fds[2];

	if (pipe(fds))
		die("pipe");
	wait_fd = fds[0];
	act_fd = fds[1];
}

/* A pipe of one page, full: the waiter writes, the other makes room. */
static void open_pipe_full(void)
{
	char page[PIPE_SZ] = {0};

	open_pipe();
	if (fcntl(act_fd, F_SETPIPE_SZ, PIPE_SZ) != PIPE_SZ)
		skip("F_SETPIPE_SZ");
	if (write(act_fd, page, sizeof(page)) != PIPE_SZ)
		die("write");
}

static void open_socket(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		die("socketpair");
	wait_fd = fds[0];
	act_fd = fds[1];
}

static void open_tcp(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		skip("loopback");
	act_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (act_fd < 0 || connect(act_fd, (struct sockaddr *)&addr, len))
		skip("loopback");
	wait_fd = accept(listener, NULL, NULL);
	close(listener);
}

static void open_eventfd(void)
{
	wait_fd = act_fd = eventfd(0, EFD_CLOEXEC);
}

static void open_msg(void)
{
	wait_fd = act_fd = msgget(IPC_PRIVATE, 0600);
	if (wait_fd < 0)
		skip("msgget");
}

static void open_mq(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
	char name[64];

	snprintf(name, sizeof(name), "/planted-%d", (int)getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	if (queue < 0)
		skip("mq_open");
	mq_unlink(name);
}

static ssize_t wait_read(void)
{
	char text[8];

	return read(wait_fd, text, sizeof(text));
}

static ssize_t wait_write(void)
{
	char page[PIPE_SZ] = {0};

	return write(act_fd, page, sizeof(page));
}

static ssize_t wait_recv(void)
{
	char text[8];

	return recv(wait_fd, text, sizeof(text), 0);
}

static ssize_t wait_recvmsg(void)
{
	char text[8];
	struct iovec iov = {text, sizeof(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return recvmsg(wait_fd, &msg, 0);
}

struct message {
	long type;
	char text[8];
};

static ssize_t wait_msg(void)
{
	struct message m;

	return msgrcv(wait_fd, &m, sizeof(m.text), 0, 0);
}

static ssize_t wait_mq(void)
{
	char text[8];

	return mq_receive(queue, text, sizeof(text), NULL);
}

static ssize_t act_write(void)
{
	return write(act_fd, "\1\0\0\0\0\0\0", 8);
}

static ssize_t act_read(void)
{
	char page[PIPE_SZ];

	return read(wait_fd, page, sizeof(page));
}

static ssize_t act_msg(void)
{
	struct message m = {1, "hello"};

	return msgsnd(act_fd, &m, sizeof(m.text), 0) ? -1 : 8;
}

static ssize_t act_mq(void)
{
	return mq_send(queue, "hello", 5, 0) ? -1 : 5;
}

static const struct form forms[] = {
	{"pipe", open_pipe, wait_read, act_write},
	{"pipefull", open_pipe_full, wait_write, act_read},
	{"socket", open_socket, wait_recv, act_write},
	{"recvmsg", open_socket, wait_recvmsg, act_write},
	{"tcp", open_tcp, wait_recv, act_write},
	{"eventfd", open_eventfd, wait_read, act_write},
	{"msgrcv", open_msg, wait_msg, act_msg},
	{"mq", open_mq, wait_mq, act_mq},
};

static void *waiter(void *arg)
{
	uint64_t i;

	(void)arg;
	name_thread("waiter");
	self_begin(&self, "waiter");
	for (i = 0; i < rounds; i++) {
		atomic_store(&waiting, i + 1);
		if (form->wait() <= 0)
			die(form->name);
	}
	self_end(&self);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *name = arg_str(argc, argv, 1, "pipe");
	pthread_t thread;
	uint64_t i;
	FILE *f;

	rounds = arg_u64(argc, argv, 2, 53);
	wait_ns = arg_u64(argc, argv, 3, 3001) * NS_PER_US;
	for (i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(name, forms[i].name))
			form = &forms[i];
	errno = EINVAL;
	if (!form)
		die(name);
	form->open();
	thread = start_thread(waiter, NULL);
	for (i = 1; i <= rounds; i++) {
		while (atomic_load(&waiting) < i)
			nap(50 * NS_PER_US);
		nap(wait_ns);
		if (form->act() <= 0)
			die(form->name);
	}
	pthread_join(thread, NULL);
	if (form->open == open_msg)
		msgctl(wait_fd, IPC_RMID, NULL);
	f = truth_open("ipc");
	truth_u64(f, "n", rounds);
	truth_u64(f, "ns", wait_ns);
	truth_close(f, &self, 1);
	return 0;
}
