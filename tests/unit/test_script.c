// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Names of JavaScript's JIT code: those of V8 and JavaScriptCore, and junk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "symbol/script.h"

static void assert_script(const char *raw, const char *name, const char *file)
{
	struct script_function f;

	if (!script_function_of(raw, &f))
		fail_msg("\"%s\" is no script's function", raw);
	assert_string_equal(f.name, name);
	assert_string_equal(f.file, file);
}

static void assert_other(const char *raw)
{
	struct script_function f;

	if (script_function_of(raw, &f))
		fail_msg("\"%s\" became \"%s\"", raw, f.name);
}

/* Lines of perf maps of node 20.20, 22.23 and 24.21. */
static void test_v8(void **state)
{
	(void)state;
	assert_script("JS:*work file:///x/y.mjs:12:34", "*work y.mjs:12", "file:///x/y.mjs");
	assert_script("JS:~ file:///x/y.mjs:1:1", "~(anonymous) y.mjs:1", "file:///x/y.mjs");
	assert_script("JS:^get protocol node:internal/url:970:15",
		      "^get protocol node:internal/url:970", "node:internal/url");
	assert_script("JS:+'work /x y/z.js:3:5", "+work z.js:3", "/x y/z.js");
	assert_script("JS:*'work /x/y.js:3:5", "*work y.js:3", "/x/y.js");
	assert_script("JS:*#a node:fs:1:2", "*#a node:fs:1", "node:fs");
	assert_script("LazyCompile:*work /x/y.js:3:5", "*work y.js:3", "/x/y.js");
	assert_script("Function:work /x/y.js:3:5", "work y.js:3", "/x/y.js");
	assert_script("Script:~ file:///x/y.mjs:1:1", "~[script] y.mjs:1", "file:///x/y.mjs");
	assert_script("Eval:~ node:internal/main/worker_thread:1:1",
		      "~[script] node:internal/main/worker_thread:1",
		      "node:internal/main/worker_thread");
	assert_script("JS:~f [eval]:1:10", "~f [eval]:1", "[eval]");
	assert_script("JS:~f evalmachine.<anonymous>:1:10", "~f evalmachine.<anonymous>:1",
		      "evalmachine.<anonymous>");
	assert_script("JS:~f file:///x/y.mjs?v=1/2:1:10", "~f y.mjs:1", "file:///x/y.mjs?v=1/2");
	assert_script("JS:~f data:text/javascript,a(/b/):1:10", "~f data::1",
		      "data:text/javascript,a(/b/)");
	/* a bundle has all its functions on one line */
	assert_script("JS:*a /x/b.min.js:1:51234", "*a b.min.js:1:51234", "/x/b.min.js");
}

/* Names in jitdumps of Bun 1.4.5. */
static void test_jsc(void **state)
{
	(void)state;
	assert_script("JSC-FTL: work#Cje7SP", "FTL:work#Cje7SP", "");
	assert_script("JSC-DFG: #Aj5AQq", "DFG:(anonymous)#Aj5AQq", "");
	assert_script("JSC-Baseline: call#AKbRuK", "Baseline:call#AKbRuK", "");
	assert_other("JSC-Thunk: DefaultCall");
	assert_other("JSC-DFGThunk: unspecified");
	assert_other("JSC-InlineCache: GetById Load handler");
	assert_other("JSC-");
	assert_other("JSC-FTL:");
}

static void test_left_alone(void **state)
{
	static const char *const names[] = {
		"",
		"JS:",
		"JS:*",
		"JS:*work",
		"JS:*work:1",
		"JS:*work:1:2",
		"JS:x y:1",
		"JS:x y:1:",
		"JS:x y::1",
		"JS:x y:1:1:",
		"JS::1:1",
		"JS:x y:1:12345678901",
		"Builtin:Add",
		"RegExp:^[A-Z] a:1:1",
		"BytecodeHandler:Ldar.Wide",
		"work",
		"LazyCompile:~wasm-function[1]",
		"work /x/y.js:1:2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_other(names[i]);
}

/* Whatever comes in, what comes out is text and fits. */
static void test_junk(void **state)
{
	static const char alphabet[] = "JS:*~^+' :/.?019\xc3\xa4\x80\x1b[ file:node:data:JSC-FTL: ";
	char raw[700];

	(void)state;
	srand(1);
	for (int round = 0; round < 200000; round++) {
		static const char *const begins[] = {"", "JS:", "Script:~", "JSC-DFG: "};
		size_t len = strlen(strcpy(raw, begins[round % 4]));
		size_t cnt = (size_t)rand() % (round % 10 ? 40 : 600);
		struct script_function f;

		for (size_t i = 0; i < cnt; i++)
			raw[len++] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		strcpy(raw + len, round % 3 ? ":1:300" : "");
		if (!script_function_of(raw, &f))
			continue;
		assert_true(utf8_valid(f.name, strlen(f.name)));
		assert_true(utf8_valid(f.file, strlen(f.file)));
		assert_null(strchr(f.name, 0x1b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v8),
		cmocka_unit_test(test_jsc),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_junk),
	};

	return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
