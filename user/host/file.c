// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reads small text files; see file.h.
 *
 * A pseudo file system that is not mounted is reached with fsopen and fsmount (Linux 5.2): they
 * give a mount that hangs nowhere, is reached by its descriptor alone and goes with it. So
 * nothing is left behind, no namespace is needed, and no other process sees it.
 */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <zlib.h>

#include "base/util.h"

#define FSCONFIG_CREATE 6 /* FSCONFIG_CMD_CREATE; not in the headers of older C libraries */

static long read_at(int dir_fd, const char *path, char *buf, size_t sz)
{
	scoped_fd int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0)
		return -errno;
	while (len < sz - 1) {
		n = read(fd, buf + len, sz - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			buf[0] = '\0';
			return err;
		}
		if (!n)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return (long)len;
}

long file_read(const char *path, char *buf, size_t sz)
{
	return read_at(AT_FDCWD, path, buf, sz);
}

/* A descriptor of a fresh mount of fstype that is in no one's tree; or -errno. */
static int mount_detached(const char *fstype)
{
	scoped_fd int fs_fd = (int)syscall(SYS_fsopen, fstype, 1 /* FSOPEN_CLOEXEC */);
	long mnt_fd;

	if (fs_fd < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs_fd, FSCONFIG_CREATE, NULL, NULL, 0))
		return -errno;
	mnt_fd = syscall(SYS_fsmount, fs_fd, 1 /* FSMOUNT_CLOEXEC */, 0);
	return mnt_fd < 0 ? -errno : (int)mnt_fd;
}

long file_read_pseudo(const char *fstype, const char *custom, const char *rel, char *buf, size_t sz)
{
	scoped_fd int mnt_fd = -1;
	char path[256];
	long ret;

	snprintf(path, sizeof(path), "%s/%s", custom, rel);
	ret = file_read(path, buf, sz);
	if (ret != -ENOENT)
		return ret;
	mnt_fd = mount_detached(fstype);
	return mnt_fd < 0 ? mnt_fd : read_at(mnt_fd, rel, buf, sz);
}

static void cleanup_gz(gzFile *f)
{
	if (*f)
		gzclose(*f);
}

char *file_read_gz(const char *path, size_t limit)
{
	__attribute__((cleanup(cleanup_gz))) gzFile f = gzopen(path, "re");
	char *buf;
	int n;

	if (!f)
		return NULL;
	buf = malloc(limit + 1);
	if (!buf)
		return NULL;
	n = gzread(f, buf, (unsigned int)limit);
	if (n <= 0) {
		free(buf);
		return NULL;
	}
	buf[n] = '\0';
	return buf;
}
