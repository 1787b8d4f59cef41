// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What the number given to -p is, from /proc; see attachable.h. */
#include "cmd/attachable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

struct task {
	char name[64]; /* as the kernel has it: whoever prints it makes it harmless */
	char state;
	int tgid;
	unsigned int flags;
};

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h; the same since 2.6.27 */

/* One line of text behind "KEY:\t". */
static bool value_of(const char *line, const char *key, const char **value)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) || line[len] != ':')
		return false;
	*value = line + len + 1 + strspn(line + len + 1, "\t ");
	return true;
}

static int read_status(int tid, struct task *t)
{
	char path[64], line[256];
	scoped_file FILE *f = NULL;
	const char *value;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	while (fgets(line, sizeof(line), f)) {
		if (value_of(line, "Name", &value))
			snprintf(t->name, sizeof(t->name), "%.*s", (int)strcspn(value, "\n"),
				 value);
		else if (value_of(line, "State", &value))
			t->state = *value;
		else if (value_of(line, "Tgid", &value))
			t->tgid = (int)strtol(value, NULL, 10);
	}
	return t->tgid ? 0 : -ESRCH;
}

/* The ninth field of stat; the second, the name, may hold anything but ends at the last ')'. */
static void read_flags(int tid, struct task *t)
{
	char path[64], line[512];
	scoped_file FILE *f = NULL;
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return;
	at = strrchr(line, ')');
	if (at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %u", &t->flags) != 1)
		t->flags = 0;
}

int attachable(int tgid, struct err *e)
{
	struct task t = {.state = 0};

	if (read_status(tgid, &t))
		return err_set(e, -ESRCH, "-p %d: there is no such process; try: ps -e", tgid);
	if (t.tgid != tgid)
		return err_set(
			e, -EINVAL,
			"-p %d: a thread of process %d (%s), and only whole processes can be "
			"watched; try: -p %d",
			tgid, t.tgid, t.name, t.tgid);
	read_flags(tgid, &t);
	if (t.flags & PF_KTHREAD)
		return err_set(e, -EINVAL,
			       "-p %d: a thread of the kernel (%s), and only processes can be "
			       "watched; try: ps -e",
			       tgid, t.name);
	if (t.state == 'Z' || t.state == 'X')
		return err_set(e, -ESRCH,
			       "-p %d: process %s has ended, and waits for its parent to notice; "
			       "try: ps -e",
			       tgid, t.name);
	if (tgid == getpid())
		return err_set(e, -EINVAL, "-p %d: that is wallgap itself; try: ps -e", tgid);
	return 0;
}
