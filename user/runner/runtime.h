/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The runtimes that bench knows: which program with which arguments is the runner of each, and
 * where it lies. A runner is either a program of its own (native, or any that a user names), or a
 * script of ours that a runtime's binary runs (node, bun).
 */
#ifndef WG_RUNNER_RUNTIME_H
#define WG_RUNNER_RUNTIME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/runas.h"

#define RUNTIME_ARGS_MAX 8

struct runtime {
	char *name; /* as asked for: "node", "node20.9" */
	char *path; /* of the program; NULL when it is missing */
	const char *
		args[RUNTIME_ARGS_MAX]; /* that follow it, ended by NULL; ours but for the script */
	const char *env[RUNTIME_ARGS_MAX]; /* to be set besides, ended by NULL */
	char *script;			   /* among args; or NULL */
	const struct runas *as;		   /* whom it is to run as */
	char closed[PATH_MAX];		   /* what was found that this user may not use; "" */
	char missing[256];		   /* why it cannot be run; "" when it can */
};

/*
 * Fill r for "native", "node", "bun" or a name that begins so ("node20.9": path is then needed to
 * tell them apart), or for any other name with the path of a runner program. path: of the
 * runtime's binary, or NULL for where it usually is: native and bun beside this program or where
 * it was installed, node and bun by PATH. jit_names: ask the runtime to tell the names of code that it makes,
 * in files in /tmp. as: the user that is to run it, who must be able to; NULL: we. Kept.
 * What is not there is no error: see missing. Returns 0 or -ENOMEM; r needs runtime_clear in
 * either case.
 */
int runtime_find(struct runtime *r, const char *name, const char *path, bool jit_names,
		 const struct runas *as);
void runtime_clear(struct runtime *r);

/* Is this a name that runtime_find can find without a path? */
bool runtime_known(const char *name);

#endif
