// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The user that commands and runners run as; see runas.h. */
#include "base/runas.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/util.h"

#define GROUPS_MAX 65536 /* the kernel's own limit */

extern char **environ;

/* --- who */

static bool parse_id(const char *s, unsigned int *id)
{
	unsigned long long v;
	char *end;

	if (!s || !isdigit((unsigned char)*s))
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || *end || v >= UINT_MAX)
		return false;
	*id = (unsigned int)v;
	return true;
}

/* The variables of whoever started us mean something only where that was root. */
static bool we_are_root(void)
{
	return getuid() == 0 && geteuid() == 0;
}

bool runas_sudo_caller(uid_t *uid, gid_t *gid)
{
	return geteuid() == 0 && parse_id(getenv("SUDO_UID"), uid) &&
	       parse_id(getenv("SUDO_GID"), gid);
}

static int set_name(struct runas *u, const struct passwd *pw)
{
	if (pw)
		u->name = strdup(pw->pw_name);
	else if (asprintf(&u->name, "%u", u->uid) < 0)
		u->name = NULL;
	return u->name ? 0 : -ENOMEM;
}

static int set_groups(struct runas *u, const struct passwd *pw)
{
	int room = 64;

	if (!pw) { /* a number without a login is in no group but the one named */
		u->groups = malloc(sizeof(*u->groups));
		if (!u->groups)
			return -ENOMEM;
		u->groups[0] = u->gid;
		u->group_cnt = 1;
		return 0;
	}
	for (;;) {
		gid_t *groups = reallocarray(u->groups, (size_t)room, sizeof(*groups));

		if (!groups)
			return -ENOMEM;
		u->groups = groups;
		u->group_cnt = room;
		if (getgrouplist(u->name, u->gid, groups, &u->group_cnt) >= 0)
			return 0;
		if (room >= GROUPS_MAX)
			return -E2BIG;
		room *= 4;
	}
}

/* Places of the one whose session this is: the user may write to none, or should not. */
static const char *const session[] = {"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
				      "XDG_CACHE_HOME",	 "XDG_DATA_HOME",
				      "XDG_STATE_HOME",	 "DBUS_SESSION_BUS_ADDRESS"};

static bool is_left_out(const struct runas *u, const char *var)
{
	size_t len = strcspn(var, "=");

	for (size_t i = 0; i < ARRAY_SIZE(session); i++)
		if (strlen(session[i]) == len && !strncmp(session[i], var, len))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(u->var); i++)
		if (u->var[i] && !strncmp(u->var[i], var, len + 1))
			return true;
	return false;
}

/* As a login of the user, and as sudo -u, would have it. */
static int set_env(struct runas *u, const struct passwd *pw)
{
	size_t cnt = 0, to = 0;

	while (environ[cnt])
		cnt++;
	u->env = calloc(cnt + ARRAY_SIZE(u->var) + 1, sizeof(*u->env));
	if (!u->env || asprintf(&u->var[0], "HOME=%s", pw ? pw->pw_dir : "/") < 0 ||
	    asprintf(&u->var[1], "USER=%s", u->name) < 0 ||
	    asprintf(&u->var[2], "LOGNAME=%s", u->name) < 0 ||
	    asprintf(&u->var[3], "SHELL=%s", pw && *pw->pw_shell ? pw->pw_shell : "/bin/sh") < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(u->var); i++)
		u->env[to++] = u->var[i];
	for (size_t i = 0; i < cnt; i++)
		if (!is_left_out(u, environ[i]))
			u->env[to++] = environ[i];
	return 0;
}

/* Of --user: its login's group. */
static int find_named(struct runas *u, const char *name, const struct passwd **pw, struct err *e)
{
	errno = 0;
	*pw = getpwnam(name);
	if (!*pw && parse_id(name, &u->uid))
		*pw = getpwuid(u->uid);
	if (!*pw)
		return err_set(e, -ENOENT,
			       "--user: there is no user '%.60s' here; try: getent passwd", name);
	u->uid = (*pw)->pw_uid;
	u->gid = (*pw)->pw_gid;
	return 0;
}

static int find_caller(struct runas *u, const struct passwd **pw, struct err *e)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

	if (!parse_id(uid, &u->uid))
		return err_set(e, -EINVAL,
			       "SUDO_UID is '%.40s', not the number of a user; try: --user NAME",
			       uid);
	*pw = getpwuid(u->uid);
	if (gid ? !parse_id(gid, &u->gid) : !*pw)
		return err_set(e, -EINVAL,
			       "SUDO_GID is '%.40s', not the number of a group; try: --user NAME",
			       str(gid));
	if (!gid)
		u->gid = (*pw)->pw_gid;
	return 0;
}

static int find_self(struct runas *u, const struct passwd **pw)
{
	u->uid = geteuid();
	u->gid = getegid();
	*pw = getpwuid(u->uid);
	return 0;
}

int runas_choose(struct runas *u, const char *name, struct err *e)
{
	const struct passwd *pw = NULL;
	int err;

	*u = (struct runas){0};
	if (name)
		err = find_named(u, name, &pw, e);
	else if (we_are_root() && getenv("SUDO_UID"))
		err = find_caller(u, &pw, e);
	else
		err = find_self(u, &pw);
	if (err)
		return err;
	u->change = u->uid != getuid() || u->uid != geteuid();
	err = set_name(u, pw);
	if (!err && u->change)
		err = set_env(u, pw);
	if (!err && u->change)
		err = set_groups(u, pw);
	return err ? err_sys(e, err, "cannot look up the groups of user %u", u->uid) : 0;
}

void runas_clear(struct runas *u)
{
	for (size_t i = 0; i < ARRAY_SIZE(u->var); i++)
		free(u->var[i]);
	free(u->env);
	free(u->groups);
	free(u->name);
	*u = (struct runas){0};
}

char **runas_env(const struct runas *u)
{
	return u && u->env ? u->env : environ;
}

/* --- becoming it */

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	/* EINVAL: a kernel that knows no ambient ones */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

static int change_ids(const struct runas *u)
{
	uid_t uid[3];
	gid_t gid[3];

	if (setgroups((size_t)u->group_cnt, u->groups) || setresgid(u->gid, u->gid, u->gid) ||
	    setresuid(u->uid, u->uid, u->uid))
		return -errno;
	/* believed when seen */
	if (getresuid(&uid[0], &uid[1], &uid[2]) || getresgid(&gid[0], &gid[1], &gid[2]))
		return -errno;
	for (int i = 0; i < 3; i++)
		if (uid[i] != u->uid || gid[i] != u->gid)
			return -EPERM;
	return 0;
}

int runas_become(const struct runas *u)
{
	int err = 0;

	if (!u)
		return 0;
	if (u->change)
		err = change_ids(u);
	if (!err && u->uid)
		err = drop_capabilities();
	/* Our memory and descriptors are root's until the exec, which sets this back. */
	if (!err && u->change && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		err = -errno;
	return err;
}

int runas_answer(pid_t pid)
{
	int status;

	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

/* By asking as the user does: in a child, since access() asks for the whole process. */
int runas_access(const struct runas *u, const char *path, int mode)
{
	pid_t pid;

	if (!u || !u->change)
		return access(path, mode) ? -errno : 0;
	pid = fork();
	if (pid == 0)
		_exit(runas_become(u) ? EPERM : access(path, mode) ? errno : 0);
	return runas_answer(pid);
}
