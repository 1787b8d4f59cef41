// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Finds the programs of runtimes: in the tree beside the program, where it was installed, by PATH. */
#include "runner/runtime.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#define INSTALLED PREFIX "/libexec/wallgap/"
#define LOG_DIR "/tmp/wallgap-XXXXXX"
#define LOG_NAME "v8.log"
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
	/* What makes it tell the names of its code: arguments before the script, variables. */
	const char *jit_args[3], *jit_env[3];
	/* Of these arguments V8 also makes a log, in the current folder. This is where to, instead. */
	const char *log_arg;
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
			     "--no-logfile-per-isolate"},
		.log_arg = "--logfile=%s/" LOG_NAME,
		.missing = "make deps installs it, or give its path: --runtimes node=PATH",
	},
	{
		.name = "bun",
		.program = {{"build/bun/bun"}, {"bun/bun"}},
		.by_path = true,
		.script = {{"workloads/bun/runner.mjs"}, {"bun/runner.mjs"}},
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

/* A regular file that we may run, or read. */
static bool is_there(const char *path, int mode)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, mode);
}

/* Into buf of PATH_MAX; false: none of them is there. */
static bool find_place(const struct places *p, int mode, char *buf)
{
	char folder[PATH_MAX];
	size_t i;

	if (!own_folder(folder, sizeof(folder))) {
		for (i = 0; i < ARRAY_SIZE(p->tree) && p->tree[i]; i++) {
			if (snprintf(buf, PATH_MAX, "%s/%s", folder, p->tree[i]) < PATH_MAX &&
			    is_there(buf, mode))
				return true;
		}
	}
	for (i = 0; i < ARRAY_SIZE(p->installed) && p->installed[i]; i++) {
		if (snprintf(buf, PATH_MAX, INSTALLED "%s", p->installed[i]) < PATH_MAX &&
		    is_there(buf, mode))
			return true;
	}
	return false;
}

static bool find_by_path(const char *name, char *buf)
{
	const char *at = getenv("PATH");

	for (at = at && *at ? at : SOME_PATH; *at; at += *at == ':') {
		size_t len = strcspn(at, ":");

		if (len && snprintf(buf, PATH_MAX, "%.*s/%s", (int)len, at, name) < PATH_MAX &&
		    is_there(buf, X_OK))
			return true;
		at += len;
	}
	return false;
}

static int miss(struct runtime *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int miss(struct runtime *r, const char *fmt, ...)
{
	va_list ap;

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
		if (!find_by_path(path, found))
			return miss(r, "%.80s: not found in PATH", path);
		r->path = strdup(found);
	} else if (path) {
		if (!is_there(path, X_OK))
			return miss(r, "%.150s: %s", path,
				    access(path, F_OK) ? strerror(errno)
						       : "not a program that can be run");
		r->path = strdup(path);
	} else if (find_place(&k->program, X_OK, found) ||
		   (k->by_path && find_by_path(k->name, found))) {
		r->path = strdup(found);
	} else {
		return miss(r, "not found%s; %s", k->by_path ? " in PATH" : "", k->missing);
	}
	return r->path ? 0 : -ENOMEM;
}

/* Names of code, and what it takes that asking for them leaves nothing behind. */
static int ask_for_names(struct runtime *r, const struct kind *k)
{
	add_all(r->args, k->jit_args, ARRAY_SIZE(k->jit_args));
	add_all(r->env, k->jit_env, ARRAY_SIZE(k->jit_env));
	r->jit_map = r->args[0] || r->env[0];
	if (!k->log_arg)
		return 0;
	r->log_dir = strdup(LOG_DIR);
	if (!r->log_dir)
		return -ENOMEM;
	if (!mkdtemp(r->log_dir)) {
		free(r->log_dir);
		r->log_dir = NULL;
		return miss(r, "cannot make a folder %s: %s", LOG_DIR, strerror(errno));
	}
	if (asprintf(&r->log_arg, k->log_arg, r->log_dir) < 0) {
		r->log_arg = NULL;
		return -ENOMEM;
	}
	add_all(r->args, (const char *const[]){r->log_arg}, 1);
	return 0;
}

int runtime_find(struct runtime *r, const char *name, const char *path, bool jit_names)
{
	const struct kind *k = find_kind(name);
	char script[PATH_MAX];
	int err;

	*r = (struct runtime){.name = strdup(name)};
	if (!r->name)
		return -ENOMEM;
	if (!k && !path)
		return miss(r, "not known; give the path of its runner: %.80s=PATH", name);
	err = find_program(r, k, path);
	if (err || *r->missing || !k || !k->script.tree[0])
		return err;
	if (!find_place(&k->script, R_OK, script))
		return miss(r, "its runner, %s, is not beside wallgap", k->script.tree[0]);
	r->script = strdup(script);
	if (!r->script)
		return -ENOMEM;
	err = jit_names ? ask_for_names(r, k) : 0;
	add_all(r->args, (const char *const[]){r->script}, 1);
	return err;
}

void runtime_clear(struct runtime *r)
{
	char path[64];

	if (r->log_dir) {
		snprintf(path, sizeof(path), "%s/" LOG_NAME, r->log_dir);
		unlink(path);
		rmdir(r->log_dir);
	}
	free(r->log_dir);
	free(r->log_arg);
	free(r->name);
	free(r->path);
	free(r->script);
	*r = (struct runtime){0};
}
