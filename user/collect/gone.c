// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The thread that takes in the rows of ended tasks; see gone.h. */
#include "collect/gone.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/threads.h"
#include "base/util.h"
#include "collect/hurry.h"

struct gone {
	struct ring_buffer *ring;
	pthread_t thread;
	bool running;
	int stop_fd;
	pthread_mutex_t lock; /* for all below, and for taking out of the ring */
	struct rows rows;
	uint64_t lost;
};

static int on_row(void *ctx, void *data, size_t sz)
{
	struct gone *g = ctx;
	struct rows *to = &g->rows;

	if (sz < offsetof(struct wg_row, path) ||
	    array_grow((void **)&to->row, &to->cap, to->cnt, sizeof(*to->row))) {
		g->lost++;
		return 0;
	}
	to->row[to->cnt].path = (struct wg_path){0};
	memcpy(&to->row[to->cnt++], data, sz < sizeof(*to->row) ? sz : sizeof(*to->row));
	return 0;
}

static void *run(void *arg)
{
	struct gone *g = arg;
	struct pollfd fds[] = {{.fd = ring_buffer__epoll_fd(g->ring), .events = POLLIN},
			       {.fd = g->stop_fd, .events = POLLIN}};

	hurry();
	confine(CONFINE_PARSES);
	while (!(fds[1].revents & POLLIN)) {
		if (poll(fds, ARRAY_SIZE(fds), -1) <= 0)
			continue;
		pthread_mutex_lock(&g->lock);
		ring_buffer__consume(g->ring);
		pthread_mutex_unlock(&g->lock);
	}
	return NULL;
}

int gone_open(struct gone **out, int ring_fd)
{
	struct gone *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	pthread_mutex_init(&g->lock, NULL);
	g->stop_fd = eventfd(0, EFD_CLOEXEC);
	err = g->stop_fd < 0 ? -errno : 0;
	if (!err) {
		g->ring = ring_buffer__new(ring_fd, on_row, g, NULL);
		err = g->ring ? 0 : -errno;
	}
	if (!err) {
		err = start_helper(&g->thread, NULL, run, g);
		g->running = !err;
	}
	if (err) {
		gone_close(g);
		return err;
	}
	*out = g;
	return 0;
}

void gone_close(struct gone *g)
{
	const uint64_t one = 1;

	if (!g)
		return;
	if (g->running && write(g->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(g->thread, NULL);
	ring_buffer__free(g->ring);
	rows_clear(&g->rows);
	if (g->stop_fd >= 0)
		close(g->stop_fd);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

int gone_take(struct gone *g, struct rows *out)
{
	int err;

	pthread_mutex_lock(&g->lock);
	err = ring_buffer__consume(g->ring);
	if (err >= 0)
		err = rows_move(out, &g->rows);
	pthread_mutex_unlock(&g->lock);
	return err;
}

uint64_t gone_lost(struct gone *g)
{
	uint64_t lost;

	pthread_mutex_lock(&g->lock);
	lost = g->lost;
	pthread_mutex_unlock(&g->lock);
	return lost;
}
