// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See target.h. */
#include "store/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/runas.h"
#include "base/util.h"

#define TRIES 100 /* at a name that cannot be foreseen */

/* Whose the file will be: the user's who typed the command. */
static uid_t owner_to_be(void)
{
	uid_t uid;
	gid_t gid;

	return runas_sudo_caller(&uid, &gid) ? uid : geteuid();
}

/* What is at the name may be replaced, or there is nothing. */
static int check_name(struct target *t, struct err *e)
{
	struct stat st;

	if (fstatat(t->folder, t->name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, -errno, "cannot write %s", t->path);
	}
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, "cannot write %s: it is a folder; name a file", t->path);
	if (S_ISLNK(st.st_mode))
		return err_set(e, -EEXIST, "cannot write %s: it is a link; name the file itself",
			       t->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EEXIST, "cannot write %s: it is no plain file; name another",
			       t->path);
	if (st.st_uid != owner_to_be())
		return err_set(e, -EEXIST,
			       "cannot write %s: it belongs to user %u; name another, or remove it",
			       t->path, st.st_uid);
	t->replace = true;
	return 0;
}

static int open_folder(struct target *t, struct err *e)
{
	char *slash = strrchr(t->path, '/');
	scoped_free char *folder =
		slash ? strndup(t->path, (size_t)(slash - t->path) + 1) : strdup(".");

	t->name = slash ? slash + 1 : t->path;
	if (!folder)
		return err_sys(e, -ENOMEM, "cannot write %s", t->path);
	t->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->folder < 0)
		return err_sys(e, -errno, "cannot write %s", t->path);
	if (!*t->name || !strcmp(t->name, ".") || !strcmp(t->name, ".."))
		return err_set(e, -EISDIR, "cannot write %s: it is a folder; name a file", t->path);
	return 0;
}

/* Into tmp a name that nobody can foresee. */
static int make_name(struct target *t)
{
	uint64_t random;

	free(t->tmp);
	t->tmp = NULL;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	if (asprintf(&t->tmp, ".wallgap-%016llx.tmp", (unsigned long long)random) < 0) {
		t->tmp = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Without a name where the file system can do that, so that nothing is left whatever ends us. */
static int make_file(struct target *t)
{
	int err = 0;

	t->fd = openat(t->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (t->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
		return -errno;
	for (int i = 0; i < TRIES && !err; i++) {
		err = make_name(t);
		if (err)
			break;
		t->fd = openat(t->folder, t->tmp,
			       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (t->fd >= 0)
			return 0;
		err = errno == EEXIST ? 0 : -errno;
	}
	free(t->tmp); /* not ours */
	t->tmp = NULL;
	return err ? err : -EEXIST;
}

int target_open(struct target *t, const char *path, struct err *e)
{
	int err;

	*t = (struct target)TARGET_NONE;
	if (!*path)
		return err_set(e, -EINVAL, "cannot write the recording: the file name is empty");
	t->path = strdup(path);
	err = t->path ? open_folder(t, e) : err_sys(e, -ENOMEM, "cannot write %s", path);
	if (!err)
		err = check_name(t, e);
	if (!err) {
		err = make_file(t);
		if (err)
			err_sys(e, err, "cannot write %s", path);
	}
	if (err)
		target_drop(t);
	return err;
}

/* Root by way of sudo: the file belongs to the user who typed the command. */
static int give_away(int fd)
{
	uid_t uid;
	gid_t gid;

	if (!runas_sudo_caller(&uid, &gid))
		return 0;
	return fchown(fd, uid, gid) ? -errno : 0;
}

/* So that the name survives a crash. Not every file system can; the file itself is safe. */
static void sync_folder(const struct target *t)
{
	scoped_fd int fd = openat(t->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsync(fd);
}

/* Give the file without a name one that is free: the file, whatever any name has come to mean. */
static int name_it(struct target *t, const char *name)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", t->fd);
	return linkat(AT_FDCWD, self, t->folder, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* Is what has the name now our file? Who may write to the folder may have had the better of us. */
static bool is_ours(const struct target *t)
{
	struct stat ours, there;

	return !fstat(t->fd, &ours) && !fstatat(t->folder, t->name, &there, AT_SYMLINK_NOFOLLOW) &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* Where our older one is, or was. */
static int replace(struct target *t)
{
	int err = 0;

	if (!t->tmp) {
		err = make_name(t);
		if (!err)
			err = name_it(t, t->tmp);
		if (err) {
			free(t->tmp);
			t->tmp = NULL;
			return err;
		}
	}
	if (renameat(t->folder, t->tmp, t->folder, t->name))
		return errno == EISDIR || errno == ENOTEMPTY ? -EEXIST : -errno;
	free(t->tmp);
	t->tmp = NULL;
	return 0;
}

static int settle(struct target *t)
{
	int err;

	if (t->replace)
		err = replace(t);
	else if (t->tmp)
		err = renameat2(t->folder, t->tmp, t->folder, t->name, RENAME_NOREPLACE) ? -errno
											 : 0;
	else
		err = name_it(t, t->name);
	if (err == -EINVAL && t->tmp) /* a file system that always replaces */
		err = replace(t);
	return err ? err : is_ours(t) ? 0 : -EEXIST;
}

int target_commit(struct target *t, struct err *e)
{
	int err = give_away(t->fd);

	if (err)
		return err_sys(e, err, "cannot give %s to the user who called sudo", t->path);
	if (fsync(t->fd))
		return err_sys(e, -errno, "cannot write %s", t->path);
	err = settle(t);
	if (err == -EEXIST)
		return err_set(e, err, "cannot write %s: another took the name meanwhile", t->path);
	if (err)
		return err_sys(e, err, "cannot write %s", t->path);
	if (t->tmp) { /* renamed */
		free(t->tmp);
		t->tmp = NULL;
	}
	sync_folder(t);
	return 0;
}

void target_drop(struct target *t)
{
	if (t->tmp)
		unlinkat(t->folder, t->tmp, 0);
	if (t->fd >= 0)
		close(t->fd);
	if (t->folder >= 0)
		close(t->folder);
	free(t->tmp);
	free(t->path);
	*t = (struct target)TARGET_NONE;
}
