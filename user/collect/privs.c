// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The table of capabilities; see privs.h. */
#include "collect/privs.h"

#include <cap-ng.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/runas.h"
#include "base/util.h"

/* Addresses of kernel functions are seen by all where the system allows it. */
static bool sees_kernel_names(void)
{
	scoped_file FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	int i;

	/* the first few may be offsets of per-CPU data, 0 among them */
	for (i = 0; f && i < 256 && fscanf(f, "%llx %*[^\n]", &address) == 1; i++)
		if (address >> 63)
			return true;
	return false;
}

static bool nobody_to_give_to(void)
{
	return geteuid() || !getenv("SUDO_UID");
}

/* Commands and runners are the user's who called sudo. */
static bool nobody_to_become(void)
{
	uid_t uid;
	gid_t gid;

	return !runas_sudo_caller(&uid, &gid) || uid == geteuid();
}

#define NONE (-1)

static const struct {
	int cap, includes; /* either is enough */
	const char *name;
	bool needed;
	bool (*otherwise)(void); /* it is not called for here */
	const char *without;
} table[] = {
	{CAP_BPF, CAP_SYS_ADMIN, "CAP_BPF", true, NULL, "nothing can be traced"},
	{CAP_PERFMON, CAP_SYS_ADMIN, "CAP_PERFMON", true, NULL, "nothing can be traced"},
	{CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, "CAP_CHECKPOINT_RESTORE", false, NULL,
	 "no call paths and names of functions outside the kernel, but those of the command's own "
	 "files: others that are mapped cannot be opened"},
	{CAP_SYS_PTRACE, NONE, "CAP_SYS_PTRACE", false, NULL,
	 "no call paths and names of programs of other users, or with more capabilities than "
	 "wallgap"},
	{CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, "CAP_DAC_READ_SEARCH", false, NULL,
	 "no call paths and names of programs of other users, none from files that only they may "
	 "read"},
	{CAP_SYSLOG, NONE, "CAP_SYSLOG", false, sees_kernel_names,
	 "no names of kernel functions (or set kernel.kptr_restrict=0 and "
	 "kernel.perf_event_paranoid=1)"},
	{CAP_SYS_NICE, NONE, "CAP_SYS_NICE", false, NULL,
	 "under load, call paths of programs that have just started may be incomplete"},
	{CAP_CHOWN, NONE, "CAP_CHOWN", false, nobody_to_give_to,
	 "the recording cannot be given to the user who called sudo"},
	{CAP_KILL, NONE, "CAP_KILL", false, NULL,
	 "a command that becomes another user cannot be ended by -d or Ctrl-C"},
	{CAP_SETUID, NONE, "CAP_SETUID", false, nobody_to_become,
	 "no command can be started as the user who called sudo, nor as another by --user"},
	{CAP_SETGID, NONE, "CAP_SETGID", false, nobody_to_become,
	 "no command can be started as the user who called sudo, nor as another by --user"},
	{CAP_SYS_ADMIN, NONE, "CAP_SYS_ADMIN", false, NULL,
	 "bench: runners have no /tmp of their own, code that runtimes make while they run has no "
	 "names"},
};

static bool have(int cap)
{
	return cap != NONE && capng_have_capability(CAPNG_EFFECTIVE, (unsigned int)cap);
}

size_t privs_read(struct priv out[PRIV_MAX], bool bench)
{
	size_t i, cnt = 0;

	_Static_assert(ARRAY_SIZE(table) <= PRIV_MAX, "PRIV_MAX is too small");
	capng_get_caps_process();
	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (bench || table[i].cap != CAP_SYS_ADMIN)
			out[cnt++] =
				(struct priv){table[i].name, table[i].without, table[i].needed,
					      have(table[i].cap) || have(table[i].includes) ||
						      (table[i].otherwise && table[i].otherwise())};
	return cnt;
}

bool privs_missing(char *buf, size_t sz)
{
	struct priv privs[PRIV_MAX];
	size_t i, len = 0, cnt = privs_read(privs, false);

	*buf = '\0';
	for (i = 0; i < cnt; i++)
		if (privs[i].needed && !privs[i].have && len < sz)
			len += (size_t)snprintf(buf + len, sz - len, "%s%s", len ? " and " : "",
						privs[i].name);
	return len;
}

bool privs_all_bpf(void)
{
	capng_get_caps_process();
	return have(CAP_SYS_ADMIN);
}

void privs_keep_from_children(void)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}
