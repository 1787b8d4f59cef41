// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The limit of open files; see files.h. */
#include "base/files.h"

#include <stdbool.h>
#include <sys/resource.h>

#define SPARE 32 /* saving takes some ten, with the libraries it loads */

static struct rlimit given;
static bool raised;

void files_raise(void)
{
	struct rlimit all;

	if (raised || getrlimit(RLIMIT_NOFILE, &given))
		return;
	all = given;
	all.rlim_cur = all.rlim_max;
	raised = !setrlimit(RLIMIT_NOFILE, &all);
}

bool files_may_keep(int fd)
{
	struct rlimit now;

	return getrlimit(RLIMIT_NOFILE, &now) || (rlim_t)fd + SPARE < now.rlim_cur;
}

void files_restore(void)
{
	if (raised)
		setrlimit(RLIMIT_NOFILE, &given);
}
