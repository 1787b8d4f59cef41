// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See target.h. */
#include "store/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

/*
 * Where path leads. rename() would put our file in the place of a link or a device, so a link is
 * followed to the file it names, and anything that is no plain file is refused.
 */
static int resolve(char **out, const char *path, struct err *e)
{
	struct stat st;

	if (!*path)
		return err_set(e, -EINVAL, "cannot write the recording: the file name is empty");
	if (lstat(path, &st)) {
		if (errno != ENOENT)
			return err_sys(e, -errno, "cannot write %s", path);
		*out = strdup(path);
		return *out ? 0 : err_sys(e, -ENOMEM, "cannot write %s", path);
	}
	if (stat(path, &st))
		return err_sys(e, -errno, "cannot write %s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, "cannot write %s: it is a folder; name a file", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "cannot write %s: it is no plain file; name another",
			       path);
	*out = realpath(path, NULL);
	return *out ? 0 : err_sys(e, -errno, "cannot write %s", path);
}

int target_open(struct target *t, const char *path, struct err *e)
{
	int err;

	*t = (struct target)TARGET_NONE;
	err = resolve(&t->path, path, e);
	if (err)
		return err;
	if (asprintf(&t->tmp, "%s.tmpXXXXXX", t->path) < 0) {
		t->tmp = NULL;
		target_drop(t);
		return err_sys(e, -ENOMEM, "cannot write %s", path);
	}
	t->fd = mkostemp(t->tmp, O_CLOEXEC);
	if (t->fd < 0) {
		err = -errno;
		free(t->tmp);
		t->tmp = NULL;
		target_drop(t);
		return err_sys(e, err, "cannot write %s", path);
	}
	return 0;
}

/* A numeric id from the environment; false when it is not there or is not one. */
static bool env_id(const char *name, unsigned int *id)
{
	const char *s = getenv(name);
	unsigned long long v;
	char *end;

	if (!s || *s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || *end || v >= UINT_MAX)
		return false;
	*id = (unsigned int)v;
	return true;
}

/*
 * Root by way of sudo: the file belongs to the user who typed the command. It stays root's where we
 * lack the capability to give it away: that is no reason to lose it.
 */
static int give_away(int fd)
{
	unsigned int uid, gid;

	if (geteuid() != 0 || !env_id("SUDO_UID", &uid) || !env_id("SUDO_GID", &gid))
		return 0;
	return fchown(fd, uid, gid) && errno != EPERM ? -errno : 0;
}

/* So that the rename survives a crash. Not every file system can; the file itself is safe. */
static void sync_folder(const char *path)
{
	scoped_free char *copy = strdup(path);
	scoped_fd int fd = -1;
	char *slash;

	if (!copy)
		return;
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

int target_commit(struct target *t, struct err *e)
{
	int err = give_away(t->fd);

	if (err)
		return err_sys(e, err, "cannot give %s to the user who called sudo", t->path);
	if (fsync(t->fd))
		return err_sys(e, -errno, "cannot write %s", t->path);
	if (rename(t->tmp, t->path))
		return err_sys(e, -errno, "cannot write %s", t->path);
	free(t->tmp);
	t->tmp = NULL;
	sync_folder(t->path);
	return 0;
}

void target_drop(struct target *t)
{
	if (t->tmp)
		unlink(t->tmp);
	if (t->fd >= 0)
		close(t->fd);
	free(t->tmp);
	free(t->path);
	*t = (struct target)TARGET_NONE;
}
