// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A /tmp of a runner's own; see privatetmp.h. */
#include "runner/privatetmp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/runas.h"
#include "base/util.h"

#define TMP "/tmp"

/* --- before the fork --- */

/* Is path, as it stands, below tmp? */
static bool is_below(const char *tmp, const char *path)
{
	size_t len = strlen(tmp);

	return !strncmp(path, tmp, len) && path[len] == '/' && path[len + 1];
}

/* The entry of tmp that path, as it stands, lies in; or NULL: it lies elsewhere. */
static char *entry_of(const char *tmp, const char *path)
{
	size_t len = strlen(tmp) + 1;

	return path && is_below(tmp, path) ? strndup(path, len + strcspn(path + len, "/")) : NULL;
}

/* Takes entry over. */
static void keep(struct privatetmp *t, char *entry)
{
	for (int i = 0; entry && i < t->keep_cnt; i++) {
		if (!strcmp(t->keep[i], entry)) {
			free(entry);
			return;
		}
	}
	if (entry && t->keep_cnt < PRIVATETMP_KEEP_MAX)
		t->keep[t->keep_cnt++] = entry;
	else
		free(entry);
}

/* Nobody can give a folder another name, or put one there that is not his. */
static bool is_folder_of(int tmp, const char *name, uid_t user)
{
	struct stat st;

	return !fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode) &&
	       (st.st_uid == 0 || st.st_uid == user);
}

/* With the way there, if that begins with a link. */
static void keep_path(struct privatetmp *t, const char *path)
{
	scoped_free char *real = realpath(path, NULL);

	keep(t, entry_of(t->tmp, path));
	keep(t, entry_of(t->tmp, real));
}

static void keep_folders(struct privatetmp *t, uid_t user)
{
	DIR *d = opendir(t->tmp);
	struct dirent *entry;
	char *path;

	while (d && (entry = readdir(d)) && t->keep_cnt < PRIVATETMP_KEEP_MAX) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    !is_folder_of(dirfd(d), entry->d_name, user))
			continue;
		if (asprintf(&path, "%s/%s", t->tmp, entry->d_name) >= 0)
			keep(t, path);
	}
	if (d)
		closedir(d);
}

int privatetmp_init(struct privatetmp *t, uid_t user, const char *const *needed)
{
	*t = (struct privatetmp){.tmp = realpath(TMP, NULL), .cwd = getcwd(NULL, 0)};
	if (!t->tmp)
		return -errno;
	if (t->cwd)
		keep_path(t, t->cwd);
	for (int i = 0; needed && needed[i]; i++)
		keep_path(t, needed[i]);
	keep_folders(t, user);
	return 0;
}

void privatetmp_clear(struct privatetmp *t)
{
	for (int i = 0; i < t->keep_cnt; i++)
		free(t->keep[i]);
	free(t->cwd);
	free(t->tmp);
	*t = (struct privatetmp){.keep_cnt = 0};
}

/* --- in the child --- */

/* Number fd behind "/proc/self/fd/"; snprintf is no system call. */
static void self_path(char *buf, int fd)
{
	char digits[12];
	int cnt = 0;

	buf = stpcpy(buf, "/proc/self/fd/");
	do
		digits[cnt++] = (char)('0' + fd % 10);
	while ((fd /= 10));
	while (cnt)
		*buf++ = digits[--cnt];
	*buf = '\0';
}

/* What was /tmp/NAME is it again. */
static int show(const char *entry, int fd)
{
	char from[PATH_MAX];
	struct stat st;
	ssize_t len;
	int made;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISLNK(st.st_mode)) {
		len = readlinkat(fd, "", from, sizeof(from) - 1);
		if (len < 0)
			return -errno;
		from[len] = '\0';
		return symlink(from, entry) ? -errno : 0;
	}
	if (S_ISDIR(st.st_mode)) {
		made = mkdir(entry, 0755);
	} else {
		made = open(entry, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (made >= 0)
			made = close(made);
	}
	if (made)
		return -errno;
	self_path(from, fd);
	return mount(from, entry, NULL, MS_BIND | MS_REC, NULL) ? -errno : 0;
}

int privatetmp_enter(const struct privatetmp *t)
{
	int fds[PRIVATETMP_KEEP_MAX], err = 0;

	/* a slave sees what is mounted later, and shows nothing of its own */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return -errno;
	for (int i = 0; i < t->keep_cnt; i++)
		fds[i] = open(t->keep[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (mount("wallgap", t->tmp, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"))
		err = -errno;
	for (int i = 0; i < t->keep_cnt; i++) {
		if (fds[i] < 0)
			continue; /* gone meanwhile */
		if (!err)
			err = show(t->keep[i], fds[i]);
		close(fds[i]);
	}
	/* where we are is now below what is hidden */
	if (!err && t->cwd && is_below(t->tmp, t->cwd) && chdir(t->cwd))
		err = -errno;
	return err;
}

int privatetmp_try(void)
{
	const struct privatetmp none = {.tmp = (char *)TMP}; /* NOLINT: not written to */
	pid_t pid = fork();

	if (pid == 0)
		_exit(-privatetmp_enter(&none));
	return runas_answer(pid);
}
