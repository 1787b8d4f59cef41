// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * major [N] [DIR]: maps a file of N pages in DIR (default: here) that is on disk and not in the
 * page cache, without read-ahead, and loads one byte of each page.
 *
 * Truth: as many major faults as begin and end say: N where the file system reads page by page,
 * fewer where it reads larger pieces. Time blocked in them is "io". Exits 77 where there are none
 * because the file system keeps its files in memory.
 */
#include "planted.h"

#include <fcntl.h>
#include <sys/mman.h>

/* An unlinked file of n pages, written out to the disk. */
static int make_file(const char *dir, uint64_t n)
{
	char path[4096], page[PAGE];
	uint64_t i;
	int fd;

	snprintf(path, sizeof(path), "%s/.planted-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0 || unlink(path))
		die(path);
	memset(page, 1, sizeof(page));
	for (i = 0; i < n; i++)
		if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page))
			die("write");
	if (fsync(fd))
		die("fsync");
	return fd;
}

int main(int argc, char **argv)
{
	uint64_t i, n = arg_u64(argc, argv, 1, 503);
	int fd = make_file(arg_str(argc, argv, 2, "."), n);
	volatile char *p;
	struct self self;
	FILE *f;

	p = mmap(NULL, n * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	if (madvise((void *)p, n * PAGE, MADV_RANDOM) ||
	    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) ||
	    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		die("advice");
	self_begin(&self, "reader");
	for (i = 0; i < n; i++)
		(void)p[i * PAGE];
	self_end(&self);
	if (self.end.maj_flt == self.begin.maj_flt) {
		errno = ENOTSUP;
		skip("no major faults on this file system");
	}
	f = truth_open("major");
	truth_u64(f, "n", n);
	truth_close(f, &self, 1);
	return 0;
}
