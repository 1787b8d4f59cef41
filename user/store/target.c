// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See target.h. */
#include "store/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/runas.h"
#include "base/util.h"

#define TRIES 100	/* at a name that cannot be foreseen */
#define SWEEP_MAX 20000 /* entries of a folder looked at: others may have filled it */
#define TMP_BEGIN ".wallgap-"
#define TMP_END ".tmp"
#define TMP_DIGITS 16

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
	if (asprintf(&t->tmp, TMP_BEGIN "%0*llx" TMP_END, TMP_DIGITS, (unsigned long long)random) <
	    0) {
		t->tmp = NULL;
		return -ENOMEM;
	}
	return 0;
}

static bool is_tmp_name(const char *name)
{
	const char *digits = name + strlen(TMP_BEGIN);

	return !strncmp(name, TMP_BEGIN, strlen(TMP_BEGIN)) &&
	       strspn(digits, "0123456789abcdef") == TMP_DIGITS &&
	       !strcmp(digits + TMP_DIGITS, TMP_END);
}

/* Is what has the name that file? Who may write to the folder may have had the better of us. */
static bool is_named(int folder, const char *name, int fd)
{
	struct stat ours, there;

	return !fstat(fd, &ours) && !fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* Number fd by the name that the kernel gives it: the file itself, whatever has its name. */
static void self_path(char *buf, size_t sz, int fd)
{
	snprintf(buf, sz, "/proc/self/fd/%d", fd);
}

/*
 * A file of such a name as one that ended too early leaves it: plain, ours, and locked by nobody; who
 * still writes to his has it locked. Opened only when it is known to be plain, and never waited for.
 */
static void sweep_one(int folder, const char *name)
{
	scoped_fd int there = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	scoped_fd int fd = -1;
	char self[32];
	struct stat st;

	if (there < 0 || fstat(there, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    (st.st_mode & 07777) != 0600 || (st.st_uid != geteuid() && st.st_uid != owner_to_be()))
		return;
	self_path(self, sizeof(self), there);
	fd = open(self, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) && is_named(folder, name, fd))
		unlinkat(folder, name, 0);
}

/* What runs that were killed left here under names of ours. */
static void sweep(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!d) {
		cleanup_fd(&fd);
		return;
	}
	for (int i = 0; i < SWEEP_MAX && (entry = readdir(d)); i++)
		if (is_tmp_name(entry->d_name))
			sweep_one(folder, entry->d_name);
	closedir(d);
}

/* One of a name. Another's sweep between its making and its lock may have taken it for left behind. */
static int make_named(struct target *t)
{
	t->fd = openat(t->folder, t->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (t->fd < 0)
		return -errno;
	if ((!flock(t->fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) &&
	    is_named(t->folder, t->tmp, t->fd))
		return 0;
	cleanup_fd(&t->fd);
	t->fd = -1;
	return -EEXIST;
}

/*
 * Without a name where the file system can do that, so that nothing is left whatever ends us. It gets
 * one for a moment where it takes another's place; the lock says until then that we live.
 */
static int make_file(struct target *t)
{
	int err = 0;

	t->fd = openat(t->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (t->fd >= 0) {
		(void)flock(t->fd, LOCK_EX | LOCK_NB); /* not every file system can */
		return 0;
	}
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
		return -errno;
	for (int i = 0; i < TRIES && !err; i++) {
		err = make_name(t);
		if (err)
			break;
		err = make_named(t);
		if (!err)
			return 0;
		if (err == -EEXIST)
			err = 0;
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
		sweep(t->folder);
		err = make_file(t);
		if (err)
			err_sys(e, err, "cannot write %s", path);
	}
	if (err)
		target_drop(t);
	return err;
}

/*
 * Root by way of sudo: the file belongs to the user who typed the command. Without CAP_CHOWN, and where the
 * file system has owners of its own, it stays root's: better than none.
 */
static void give_away(int fd)
{
	uid_t uid;
	gid_t gid;

	if (runas_sudo_caller(&uid, &gid))
		(void)!fchown(fd, uid, gid);
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

	self_path(self, sizeof(self), t->fd);
	return linkat(AT_FDCWD, self, t->folder, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
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
	return err ? err : is_named(t->folder, t->name, t->fd) ? 0 : -EEXIST;
}

int target_commit(struct target *t, struct err *e)
{
	int err;

	give_away(t->fd);
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
