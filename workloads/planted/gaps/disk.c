// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Pairs about a device: fsync after each write, pages of a file that are not cached. The files are
 * in PLANTED_DISK, or /var/tmp. Truth: how long the only thread slept.
 */
#include "gaps.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static const char *place(void)
{
	const char *dir = getenv("PLANTED_DISK");

	return dir ? dir : "/var/tmp";
}

static int open_scratch(void)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/planted-gaps-XXXXXX", place());
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		skip(path);
	unlink(path);
	return fd;
}

/* --- fsync: a page at a time over a small file, in b each to the device. */

#define FILE_PAGES 64

static void write_pages(int fd, uint64_t writes, bool sync, uint64_t us)
{
	static const char page[PAGE] = "planted";

	for (uint64_t i = 0; i < writes; i++) {
		if (pwrite(fd, page, PAGE, (off_t)(i % FILE_PAGES * PAGE)) != (ssize_t)PAGE)
			die("pwrite");
		if (sync && fdatasync(fd))
			die("fdatasync");
		burn(steps_of_us(us));
	}
}

static void sync_file(const struct side *s)
{
	int fd = open_scratch();

	write_pages(fd, FILE_PAGES, false, 0);
	if (fsync(fd))
		die("fsync");
	write_pages(fd, amount(s, 1500), s->b, 80);
	close(fd);
}

static void run_fsync(struct side *s)
{
	struct self self;

	SELF_AROUND(&self, sync_file(s));
	s->cause_ns = slept_ns(&self);
}

/* Is there a device behind it that takes a while? */
static void can_fsync(void)
{
	int fd = open_scratch();
	struct self self;

	write_pages(fd, FILE_PAGES, false, 0);
	SELF_AROUND(&self, write_pages(fd, FILE_PAGES, true, 0));
	close(fd);
	errno = ENODEV;
	if (slept_ns(&self) < FILE_PAGES * 20 * NS_PER_US)
		skip("no device that one has to wait for");
}

/*
 * --- major-faults: one page in 64 KiB of a file is read, out of the cache in a, from the device in
 * b. What the kernel maps around a fault is less than that, so both have the same faults.
 */

#define STRIDE (64ul << 10)
#define STRIDES 2048

/* Made by the first run that needs it, for all: "planted-gaps-file" in place(). */
static int open_file(void)
{
	char path[512], chunk[STRIDE];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/planted-gaps-file", place());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st))
		skip(path);
	memset(chunk, 1, sizeof(chunk));
	for (size_t at = (size_t)st.st_size; at < STRIDES * STRIDE; at += STRIDE)
		if (pwrite(fd, chunk, STRIDE, (off_t)at) != (ssize_t)STRIDE)
			skip(path);
	if (st.st_size != STRIDES * STRIDE && fsync(fd))
		die("fsync");
	return fd;
}

OWN_FRAME static void read_strides(const char *p, uint64_t us)
{
	for (size_t i = 0; i < STRIDES; i++) {
		(void)((const volatile char *)p)[i * STRIDE];
		burn(steps_of_us(us));
	}
	KEEP_FRAME();
}

/* Bring all that is read into the cache; where it was there, this takes 3 ms. */
static void cache_strides(int fd)
{
	char c;

	for (off_t i = 0; i < STRIDES; i++)
		if (pread(fd, &c, 1, i * (off_t)STRIDE) != 1)
			die("pread");
}

static uint64_t major_faults(struct side *s, uint64_t us)
{
	int fd = open_file();
	struct self self;
	char *p;

	cache_strides(fd);
	if (s->b && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		die("posix_fadvise");
	p = mmap(NULL, STRIDES * STRIDE, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || madvise(p, STRIDES * STRIDE, MADV_RANDOM))
		die("mmap");
	SELF_AROUND(&self, read_strides(p, us));
	s->cause_ns = slept_ns(&self);
	close(fd);
	return self.end.maj_flt - self.begin.maj_flt;
}

static void run_major(struct side *s)
{
	major_faults(s, 60);
}

/* Also makes the file. */
static void can_major(void)
{
	struct side s = {.b = true, .scale = 1};

	errno = ENODEV;
	if (major_faults(&s, 0) < STRIDES / 2)
		skip("no major faults to be had");
}

const struct pair disk_pairs[] = {
	{"fsync", run_fsync, can_fsync},
	{"major-faults", run_major, can_major},
	{NULL, NULL, NULL},
};
