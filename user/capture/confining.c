// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See confining.h. */
#include "capture/confining.h"

#include <string.h>

#include "base/say.h"
#include "collect/privs.h"

/* What is lost for want of capabilities: once, before we give up some ourselves. */
static void note_privs(void)
{
	struct priv privs[PRIV_MAX];
	size_t i, cnt = privs_read(privs, false);

	for (i = 0; i < cnt; i++)
		if (!privs[i].have)
			say_note("wallgap: without %s: %s", privs[i].name, privs[i].without);
}

void confine_or_note(enum confine how)
{
	int err;

	if (how == CONFINE_STARTS)
		note_privs();
	err = confine(how);
	if (err)
		say_note("wallgap: cannot give up %s: %s; going on with them",
			 how == CONFINE_STARTS ? "capabilities" : "capabilities or system calls",
			 strerror(-err));
}
