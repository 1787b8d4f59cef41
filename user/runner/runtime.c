// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Finds the programs of runtimes: in the tree beside the program, where it was installed, by PATH. */
#include "runner/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#define INSTALLED PREFIX "/libexec/wallgap/"
#define SOME_PATH "/usr/local/bin:/usr/bin:/bin"

/* Where things lie, below the folder of this program and below INSTALLED; the first that is there. */
struct places {
	const char *tree[3], *installed[3];
};

static const struct kind {
	const char *name;
	struct places program; /* none: by PATH only */
	bool by_path;	       /* else by PATH */
	struct places script;  /* none: the program is the runner */
	/*
	 * What makes it tell the names of its code: arguments before the script, variables. All in
	 * /tmp, which is a private one, in memory: JSC syncs its dump to disk all the time.
	 */
	const char *jit_args[4], *jit_env[3];
	const char *missing; /* what to do about it */
} kinds[] = {
	{
		.name = "native",
		.program = {{"build/wallgap-native", "wallgap-native"}, {"wallgap-native"}},
		.missing = "build it with make",
	},
	{
		.name = "node",
		.by_path = true,
		.script = {{"workloads/node/runner.mjs"}, {"node/runner.mjs"}},
		/* Debian's linux-perf and Node's own guide use the same two */
		.jit_args = {"--perf-basic-prof", "--interpreted-frames-native-stack",
			     /* with these V8 also makes a log, in the current folder */
			     "--no-logfile-per-isolate", "--logfile=/tmp/v8.log"},
		.missing = "make deps installs it, or give its path: --runtimes node=PATH",
	},
	{
		.name = "bun",
		.program = {{"build/bun/bun"}, {"bun/bun"}},
		.by_path = true,
		.script = {{"workloads/bun/runner.mjs"}, {"bun/runner.mjs"}},
		.jit_env = {"BUN_JSC_useJITDump=1", "BUN_JSC_jitDumpDirectory=/tmp"},
		.missing = "make deps fetches it, or give its path: --runtimes bun=PATH",
	},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(name, kinds[i].name, strlen(kinds[i].name)))
			return &kinds[i];
	return NULL;
}

bool runtime_known(const char *name)
{
	const struct kind *k = find_kind(name);

	return k && !strcmp(k->name, name);
}

static int own_folder(char *buf, size_t sz)
{
	ssize_t len = readlink("/proc/self/exe", buf, sz - 1);

	if (len <= 0)
		return -ENOENT;
	buf[len] = '\0';
	*strrchr(buf, '/') = '\0';
	return 0;
}

/* A regular file that the user may run, or read. */
static bool is_there(struct runtime *r, const char *path, int mode)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	if (!runas_access(r->as, path, mode))
		return true;
	if (!*r->closed && !access(path, mode))
		snprintf(r->closed, sizeof(r->closed), "%s", path);
	return false;
}

/* Into buf of PATH_MAX; false: none of them is there. */
static bool find_place(struct runtime *r, const struct places *p, int mode, char *buf)
{
	char folder[PATH_MAX];
	size_t i;

	if (!own_folder(folder, sizeof(folder))) {
		for (i = 0; i < ARRAY_SIZE(p->tree) && p->tree[i]; i++) {
			if (snprintf(buf, PATH_MAX, "%s/%s", folder, p->tree[i]) < PATH_MAX &&
			    is_there(r, buf, mode))
				return true;
		}
	}
	for (i = 0; i < ARRAY_SIZE(p->installed) && p->installed[i]; i++) {
		if ((!own_folder(folder, sizeof(folder)) &&
		     snprintf(buf, PATH_MAX, "%s/../libexec/wallgap/%s", folder, p->installed[i]) <
			     PATH_MAX &&
		     is_there(r, buf, mode)) ||
		    (snprintf(buf, PATH_MAX, INSTALLED "%s", p->installed[i]) < PATH_MAX &&
		     is_there(r, buf, mode)))
			return true;
	}
	return false;
}

static bool find_by_path(struct runtime *r, const char *name, char *buf)
{
	const char *at = getenv("PATH");

	for (at = at && *at ? at : SOME_PATH; *at; at += *at == ':') {
		size_t len = strcspn(at, ":");

		if (len && snprintf(buf, PATH_MAX, "%.*s/%s", (int)len, at, name) < PATH_MAX &&
		    is_there(r, buf, X_OK))
			return true;
		at += len;
	}
	return false;
}

static int miss(struct runtime *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int miss(struct runtime *r, const char *fmt, ...)
{
	va_list ap;

	if (*r->closed) {
		snprintf(r->missing, sizeof(r->missing),
			 "user %.40s may not use %.120s; try: --user root, or make install",
			 r->as->name, r->closed);
		return 0;
	}
	va_start(ap, fmt);
	vsnprintf(r->missing, sizeof(r->missing), fmt, ap);
	va_end(ap);
	return 0;
}

static void add_all(const char **list, const char *const *more, size_t cnt)
{
	size_t to = 0;

	while (list[to])
		to++;
	for (size_t i = 0; i < cnt && more[i]; i++)
		list[to++] = more[i];
}

static int find_program(struct runtime *r, const struct kind *k, const char *path)
{
	char found[PATH_MAX];

	if (path && !strchr(path, '/')) {
		if (!find_by_path(r, path, found))
			return miss(r, "%.80s: not found in PATH", path);
		r->path = strdup(found);
	} else if (path) {
		if (!is_there(r, path, X_OK))
			return miss(r, "%.150s: %s", path,
				    access(path, F_OK) ? strerror(errno)
						       : "not a program that can be run");
		r->path = strdup(path);
	} else if (find_place(r, &k->program, X_OK, found) ||
		   (k->by_path && find_by_path(r, k->name, found))) {
		r->path = strdup(found);
	} else {
		return miss(r, "not found%s; %s", k->by_path ? " in PATH" : "", k->missing);
	}
	return r->path ? 0 : -ENOMEM;
}

int runtime_find(struct runtime *r, const char *name, const char *path, bool jit_names,
		 const struct runas *as)
{
	const struct kind *k = find_kind(name);
	char script[PATH_MAX];
	int err;

	*r = (struct runtime){.name = strdup(name), .as = as};
	if (!r->name)
		return -ENOMEM;
	if (!k && !path)
		return miss(r, "not known; give the path of its runner: %.80s=PATH", name);
	err = find_program(r, k, path);
	if (err || *r->missing || !k || !k->script.tree[0])
		return err;
	if (!find_place(r, &k->script, R_OK, script))
		return miss(r, "its runner, %s, is not beside wallgap", k->script.tree[0]);
	r->script = strdup(script);
	if (!r->script)
		return -ENOMEM;
	if (jit_names) {
		add_all(r->args, k->jit_args, ARRAY_SIZE(k->jit_args));
		add_all(r->env, k->jit_env, ARRAY_SIZE(k->jit_env));
	}
	add_all(r->args, (const char *const[]){r->script}, 1);
	return 0;
}

void runtime_clear(struct runtime *r)
{
	free(r->name);
	free(r->path);
	free(r->script);
	*r = (struct runtime){0};
}
