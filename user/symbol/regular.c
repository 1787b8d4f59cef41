// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Opens regular files and nothing else; see regular.h. */
#include "symbol/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

static int open_handle(int root, const char *path, uint64_t resolve)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
	long fd;

	/* with AT_FDCWD it would take the working folder for the root */
	if (root != AT_FDCWD)
		how.resolve |= RESOLVE_IN_ROOT;
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd >= 0)
		return (int)fd;
	return errno == ELOOP || errno == EXDEV ? -EPERM : -errno;
}

int regular_open(int root, const char *path, uint64_t resolve, struct stat *st)
{
	scoped_fd int handle = open_handle(root, path, resolve);
	char self[32];
	struct stat own;
	int fd;

	if (handle < 0)
		return handle;
	if (fstat(handle, &own))
		return -errno;
	if (!S_ISREG(own.st_mode))
		return -EPERM;
	/* the same inode again, whatever became of its name */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (st)
		*st = own;
	return fd;
}
