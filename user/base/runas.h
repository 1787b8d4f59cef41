/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The user that commands and runners run as: whoever called sudo, unless another is named. wallgap
 * itself goes on as root; a child becomes the user between its fork and its exec.
 *
 *   runas_choose -> fork -> (in the child: what needs root) -> runas_become -> exec
 */
#ifndef WG_BASE_RUNAS_H
#define WG_BASE_RUNAS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct runas {
	bool change; /* false: the user that we are */
	char *name;  /* of its login; the number where it has none */
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int group_cnt;
	char **env;   /* ours with HOME, USER and so on of the user; NULL: ours */
	char *var[4]; /* among env */
};

/*
 * name: as --user gives it, a login or a number, or NULL: SUDO_UID and SUDO_GID when we are root,
 * else the user that we are. -EINVAL or -ENOENT with a line in e when there is no such user.
 */
int runas_choose(struct runas *u, const char *name, struct err *e);
void runas_clear(struct runas *u);

/*
 * In a child that is about to exec, after all that needs root: groups, ids, no capability unless the
 * user is root. Returns 0 or -errno, and then the child must end. Only system calls.
 */
int runas_become(const struct runas *u);

/* The environment that the child gets. */
char **runas_env(const struct runas *u);

/* May the user read (R_OK) or run (X_OK) the file? 0 or -errno. u: NULL for the user that we are. */
int runas_access(const struct runas *u, const char *path, int mode);

/* What fork returned: -errno of the fork, or of what the child tried, which it ends with as its status. */
int runas_answer(pid_t pid);

/* Who called sudo. False: we are not root, or nobody did, or what stands there is no number. */
bool runas_sudo_caller(uid_t *uid, gid_t *gid);

#endif
