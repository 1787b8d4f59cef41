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
/* In memory where there is such a place: JSC syncs its dump to disk all the time. */
#define SHM "/dev/shm"
#define DIR_NAME "/wallgap-XXXXXX"
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
	/* The same with a folder in them (%s), for what would lie about elsewhere. */
	const char *dir_arg, *dir_env;
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
		/* with these V8 also makes a log, in the current folder */
		.dir_arg = "--logfile=%s/v8.log",
		.missing = "make deps installs it, or give its path: --runtimes node=PATH",
	},
	{
		.name = "bun",
		.program = {{"build/bun/bun"}, {"bun/bun"}},
		.by_path = true,
		.script = {{"workloads/bun/runner.mjs"}, {"bun/runner.mjs"}},
		.jit_env = {"BUN_JSC_useJITDump=1"},
		.dir_env = "BUN_JSC_jitDumpDirectory=%s",
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
		if ((!own_folder(folder, sizeof(folder)) &&
		     snprintf(buf, PATH_MAX, "%s/../libexec/wallgap/%s", folder, p->installed[i]) <
			     PATH_MAX &&
		     is_there(buf, mode)) ||
		    (snprintf(buf, PATH_MAX, INSTALLED "%s", p->installed[i]) < PATH_MAX &&
		     is_there(buf, mode)))
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

static int make_dir(struct runtime *r)
{
	if (asprintf(&r->dir, "%s" DIR_NAME, access(SHM, W_OK) ? "/tmp" : SHM) < 0) {
		r->dir = NULL;
		return -ENOMEM;
	}
	if (mkdtemp(r->dir))
		return 0;
	miss(r, "cannot make a folder %s: %s", r->dir, strerror(errno));
	free(r->dir);
	r->dir = NULL;
	return 0;
}

/* An argument or a variable with the folder in it. */
static int add_in_dir(const struct runtime *r, char **made, const char **list, const char *format)
{
	if (!format || !r->dir)
		return 0;
	*made = malloc(strlen(format) + strlen(r->dir) + 1);
	if (!*made)
		return -ENOMEM;
	sprintf(*made, "%.*s%s%s", (int)(strchr(format, '%') - format), format, r->dir,
		strchr(format, '%') + 2);
	add_all(list, (const char *const[]){*made}, 1);
	return 0;
}

/* Names of code, and what it takes that asking for them leaves nothing behind. */
static int ask_for_names(struct runtime *r, const struct kind *k)
{
	int err = 0;

	add_all(r->args, k->jit_args, ARRAY_SIZE(k->jit_args));
	add_all(r->env, k->jit_env, ARRAY_SIZE(k->jit_env));
	r->jit_map = r->args[0] || r->env[0];
	if (k->dir_arg || k->dir_env)
		err = make_dir(r);
	if (!err)
		err = add_in_dir(r, &r->in_dir[0], r->args, k->dir_arg);
	return err ? err : add_in_dir(r, &r->in_dir[1], r->env, k->dir_env);
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

/* Flat: a log, dumps. */
static void remove_dir(const char *dir)
{
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	rmdir(dir);
}

void runtime_clear(struct runtime *r)
{
	remove_dir(r->dir);
	free(r->dir);
	free(r->in_dir[0]);
	free(r->in_dir[1]);
	free(r->name);
	free(r->path);
	free(r->script);
	*r = (struct runtime){0};
}
