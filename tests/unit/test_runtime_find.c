// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Where the programs of runtimes are found, and what is said of those that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "runner/runtime.h"

static char dir[] = "/tmp/wallgap-runtime-XXXXXX", program[PATH_MAX], text[PATH_MAX], *old_path;

static void put(char *path, const char *name, mode_t mode)
{
	FILE *f;

	snprintf(path, PATH_MAX, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	old_path = strdup(getenv("PATH"));
	put(program, "node", 0755);
	put(text, "text", 0644);
	return 0;
}

static int end(void **state)
{
	(void)state;
	setenv("PATH", old_path, 1);
	free(old_path);
	unlink(program);
	unlink(text);
	return rmdir(dir);
}

static void missing_says(const char *name, const char *path, const char *words)
{
	struct runtime rt;

	assert_int_equal(runtime_find(&rt, name, path, true, NULL), 0);
	if (!strstr(rt.missing, words))
		fail_msg("no \"%s\" in \"%s\"", words, rt.missing);
	assert_null(rt.path);
	assert_string_equal(rt.name, name);
	runtime_clear(&rt);
}

static void what_is_not_there_is_told(void **state)
{
	(void)state;
	missing_says("node", "/nonexistent/node", "/nonexistent/node: No such file");
	missing_says("node", text, "not a program that can be run");
	missing_says("node", dir, "not a program that can be run");
	missing_says("node", "no-such-program", "not found in PATH");
	missing_says("deno", NULL, "not known; give the path of its runner: deno=PATH");
	setenv("PATH", "/nonexistent", 1);
	missing_says("node", NULL, "not found in PATH; make deps installs it");
	setenv("PATH", old_path, 1);
}

/* The tests do not lie beside the runners: what is found of node is its binary. */
static void node_is_found_by_path(void **state)
{
	struct runtime rt;

	(void)state;
	setenv("PATH", dir, 1);
	assert_int_equal(runtime_find(&rt, "node", NULL, true, NULL), 0);
	assert_string_equal(rt.path, program);
	runtime_clear(&rt);
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(runtime_find(&rt, "node20.9", program, true, NULL), 0);
	assert_string_equal(rt.path, program);
	runtime_clear(&rt);
	setenv("PATH", old_path, 1);
}

static void another_runner_is_run_as_it_is(void **state)
{
	struct runtime rt;

	(void)state;
	assert_int_equal(runtime_find(&rt, "python", program, true, NULL), 0);
	assert_string_equal(rt.missing, "");
	assert_string_equal(rt.path, program);
	assert_null(rt.args[0]);
	assert_null(rt.env[0]);
	runtime_clear(&rt);
}

static void only_whole_names_are_known(void **state)
{
	(void)state;
	assert_true(runtime_known("native"));
	assert_true(runtime_known("node"));
	assert_true(runtime_known("bun"));
	assert_false(runtime_known("node20.9"));
	assert_false(runtime_known("no"));
	assert_false(runtime_known(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_told),
		cmocka_unit_test(node_is_found_by_path),
		cmocka_unit_test(another_runner_is_run_as_it_is),
		cmocka_unit_test(only_whole_names_are_known),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
