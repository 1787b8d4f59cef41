// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * io [N] [DIR]: appends a page to a file in DIR (default: here) and forces it to the disk, N times.
 *
 * Truth: blocked time, wall less CPU less run delay between begin and end, is "io", but for what
 * the file system spends waiting on its own locks ("klock") or threads ("other").
 */
#include "planted.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	uint64_t i, n = arg_u64(argc, argv, 1, 101);
	const char *dir = arg_str(argc, argv, 2, ".");
	char path[4096], page[PAGE] = {0};
	struct self self;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/.planted-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0 || unlink(path))
		die(path);
	self_begin(&self, "writer");
	for (i = 0; i < n; i++)
		if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fsync(fd))
			die("fsync");
	self_end(&self);
	f = truth_open("io");
	truth_u64(f, "n", n);
	truth_close(f, &self, 1);
	return 0;
}
