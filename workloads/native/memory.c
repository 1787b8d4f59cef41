// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The workloads that are about memory: `transfer`, `churn`, `populate`. Each writes one word a
 * page by a formula; the checksum is the sum of those words, so that it costs next to nothing
 * and yet tells whether the pages that arrive are the pages that were sent.
 *
 * transfer gives its buffer away. Inside a process that is the pointer; to another process it is
 * a memfd, whose pages the receiver maps without copying them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workload.h"

#define WORD_STEP 4096 /* bytes from one word to the next: the page of most machines */
#define BUFFER_SZ (100l << 20)
#define CHURN_SZ (64l << 10)
#define UNTOUCHED "untouched" /* the checksum of what nobody wrote */

/* 32 bits, so that a runtime without 64-bit integers computes the same. */
static uint32_t word_of_page(size_t page)
{
	return (uint32_t)page * 2654435761u;
}

static uint32_t fill(volatile void *addr, size_t sz)
{
	volatile char *base = addr;
	uint32_t sum = 0;

	for (size_t at = 0; at < sz; at += WORD_STEP) {
		uint32_t word = word_of_page(at / WORD_STEP);

		*(volatile uint32_t *)(base + at) = word;
		sum += word;
	}
	return sum;
}

static uint32_t read_back(const volatile void *addr, size_t sz)
{
	const volatile char *base = addr;
	uint32_t sum = 0;

	for (size_t at = 0; at < sz; at += WORD_STEP)
		sum += *(const volatile uint32_t *)(base + at);
	return sum;
}

static int no_memory(char *why, const char *call, size_t sz)
{
	int code = -errno;

	snprintf(why, WHY_SZ, "%s of %zu bytes: %s", call, sz, strerror(-code));
	return code;
}

static void put_checksum(struct task *t, uint32_t sum)
{
	snprintf(t->checksum, sizeof(t->checksum), "%08x", sum);
}

static void fill_and_sum(struct task *t, void *addr, size_t sz)
{
	if (t->touch)
		put_checksum(t, fill(addr, sz));
	else
		snprintf(t->checksum, sizeof(t->checksum), UNTOUCHED);
}

static int transfer_inside(struct task *t, size_t sz)
{
	void *addr = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		return no_memory(t->why, "mmap", sz);
	fill_and_sum(t, addr, sz);
	t->out = (struct buffer){.addr = addr, .sz = sz, .fd = -1};
	return 0;
}

/* The mapping goes, the pages stay in the memfd. */
static int transfer_outside(struct task *t, size_t sz)
{
	int fd = memfd_create("wallgap-transfer", MFD_CLOEXEC), code;
	void *addr;

	if (fd < 0)
		return no_memory(t->why, "memfd_create", sz);
	if (ftruncate(fd, (off_t)sz)) {
		code = no_memory(t->why, "ftruncate", sz);
		close(fd);
		return code;
	}
	addr = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED) {
		code = no_memory(t->why, "mmap", sz);
		close(fd);
		return code;
	}
	fill_and_sum(t, addr, sz);
	munmap(addr, sz);
	t->out = (struct buffer){.sz = sz, .fd = fd};
	return 0;
}

static int transfer_run(struct task *t)
{
	size_t sz = (size_t)t->n;

	return t->other_process ? transfer_outside(t, sz) : transfer_inside(t, sz);
}

static int transfer_consume(struct buffer *b, const char *checksum, char *why)
{
	char sum[16] = UNTOUCHED;

	if (b->fd >= 0) {
		b->addr = mmap(NULL, b->sz, PROT_READ, MAP_SHARED, b->fd, 0);
		close(b->fd);
		if (b->addr == MAP_FAILED)
			return no_memory(why, "mmap of a received buffer", b->sz);
	}
	if (strcmp(checksum, UNTOUCHED))
		snprintf(sum, sizeof(sum), "%08x", read_back(b->addr, b->sz));
	munmap(b->addr, b->sz);
	if (!strcmp(sum, checksum))
		return 0;
	snprintf(why, WHY_SZ, "a buffer arrived with checksum %s and was sent with %.32s", sum,
		 checksum);
	return -EILSEQ;
}

/* One buffer being filled while the one before it is looked at. */
static uint64_t transfer_footprint(long long n)
{
	return 2 * (uint64_t)n;
}

/* Map sz bytes, write to every page, unmap, n times over. */
static int map_repeatedly(struct task *t, size_t sz, int flags)
{
	uint32_t sum = 0;

	for (long long i = 0; i < t->n; i++) {
		void *addr = mmap(NULL, sz, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

		if (addr == MAP_FAILED)
			return no_memory(t->why, "mmap", sz);
		sum += fill(addr, sz);
		munmap(addr, sz);
	}
	put_checksum(t, sum);
	return 0;
}

static int churn_run(struct task *t)
{
	return map_repeatedly(t, CHURN_SZ, 0);
}

static int populate_run(struct task *t)
{
	return map_repeatedly(t, BUFFER_SZ, MAP_POPULATE);
}

static uint64_t populate_footprint(long long n)
{
	(void)n; /* one at a time */
	return BUFFER_SZ;
}

const struct workload workload_transfer = {
	.name = "transfer",
	.unit = "bytes",
	.default_n = BUFFER_SZ,
	.max_n = 1ll << 40,
	.warm_up_whole = true,
	.footprint = transfer_footprint,
	.run = transfer_run,
	.consume = transfer_consume,
};

const struct workload workload_churn = {
	.name = "churn",
	.unit = "mappings of 64 KiB",
	.default_n = 4000,
	.max_n = 1000000000,
	.run = churn_run,
};

const struct workload workload_populate = {
	.name = "populate",
	.unit = "mappings of 100 MiB",
	.default_n = 5,
	.max_n = 1000000,
	.footprint = populate_footprint,
	.run = populate_run,
};
