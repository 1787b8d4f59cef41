// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Perf's mmap records; see mapwatch.h. */
#include "collect/mapwatch.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_PAGES 64 /* a power of two */

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
};

struct mapwatch {
	struct ring *rings;
	int ring_cnt;
	int epoll_fd;
	size_t page_sz;
	uint64_t lost;
};

static int ring_open(struct mapwatch *w, struct ring *r, int cpu, bool patient)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_DUMMY,
				       .mmap = 1,
				       .watermark = 1,
				       .wakeup_watermark = 1};
	struct epoll_event ev = {.events = EPOLLIN};

	if (patient)
		attr.wakeup_watermark = (uint32_t)(RING_PAGES / 2 * w->page_sz);
	r->fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (r->fd < 0)
		return errno == ENODEV || errno == ENXIO ? 0 : -errno; /* that CPU is off line */
	r->page = mmap(NULL, (1 + RING_PAGES) * w->page_sz, PROT_READ | PROT_WRITE, MAP_SHARED,
		       r->fd, 0);
	if (r->page == MAP_FAILED) {
		r->page = NULL;
		return -errno;
	}
	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, r->fd, &ev) ? -errno : 0;
}

int mapwatch_open(struct mapwatch **out, bool patient)
{
	struct mapwatch *w = calloc(1, sizeof(*w));
	int cpu, cnt = libbpf_num_possible_cpus(), err = 0;

	if (!w)
		return -ENOMEM;
	w->page_sz = (size_t)sysconf(_SC_PAGESIZE);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0)
		err = -errno;
	w->rings = cnt > 0 ? calloc((size_t)cnt, sizeof(*w->rings)) : NULL;
	if (!w->rings && !err)
		err = cnt < 0 ? cnt : -ENOMEM;
	for (cpu = 0; cpu < cnt && !err; cpu++) {
		w->rings[cpu].fd = -1;
		w->ring_cnt = cpu + 1;
		err = ring_open(w, &w->rings[cpu], cpu, patient);
	}
	if (err) {
		mapwatch_close(w);
		return err;
	}
	*out = w;
	return 0;
}

void mapwatch_close(struct mapwatch *w)
{
	int i;

	if (!w)
		return;
	for (i = 0; i < w->ring_cnt; i++) {
		if (w->rings[i].page)
			munmap(w->rings[i].page, (1 + RING_PAGES) * w->page_sz);
		if (w->rings[i].fd >= 0)
			close(w->rings[i].fd);
	}
	free(w->rings);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	free(w);
}

int mapwatch_fd(const struct mapwatch *w)
{
	return w->epoll_fd;
}

/* What all records begin with, of the two kinds that matter the first words. */
struct record {
	struct perf_event_header header;
	union {
		struct {
			uint32_t pid, tid;
		} mmap;
		struct {
			uint64_t id, lost;
		} lost;
	};
};

/* Bytes out of the ring, across its end. */
static void ring_copy(const struct mapwatch *w, const struct ring *r, uint64_t at, void *to,
		      size_t sz)
{
	const char *data = (const char *)r->page + w->page_sz;
	size_t room = RING_PAGES * w->page_sz, off = at % room, first = room - off;

	if (first > sz)
		first = sz;
	memcpy(to, data + off, first);
	memcpy((char *)to + first, data, sz - first);
}

static void ring_drain(struct mapwatch *w, struct ring *r, void (*seen)(void *, uint32_t),
		       void *ctx)
{
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = r->page->data_tail;
	struct record rec;

	while (tail < head) {
		memset(&rec, 0, sizeof(rec));
		ring_copy(w, r, tail, &rec.header, sizeof(rec.header));
		if (rec.header.size < sizeof(rec.header))
			break; /* never */
		ring_copy(w, r, tail, &rec,
			  rec.header.size < sizeof(rec) ? rec.header.size : sizeof(rec));
		if (rec.header.type == PERF_RECORD_MMAP)
			seen(ctx, rec.mmap.pid);
		else if (rec.header.type == PERF_RECORD_LOST)
			w->lost += rec.lost.lost;
		tail += rec.header.size;
	}
	__atomic_store_n(&r->page->data_tail, head, __ATOMIC_RELEASE);
}

void mapwatch_drain(struct mapwatch *w, void (*seen)(void *, uint32_t), void *ctx)
{
	int i;

	for (i = 0; i < w->ring_cnt; i++)
		if (w->rings[i].page)
			ring_drain(w, &w->rings[i], seen, ctx);
}

uint64_t mapwatch_lost(const struct mapwatch *w)
{
	return w->lost;
}
