/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What JavaScript engines call their JIT code, made short:
 *
 *   V8   "JS:*work file:///x/y.mjs:12:34"   "*work y.mjs:12"
 *        "Script:~ /x/y.js:1:1"             "~[script] y.js:1"
 *   JSC  "JSC-FTL: work#Cje7SP"             "FTL:work#Cje7SP"
 *
 * The tier stays in front: of V8 "~" interpreter, "^" Sparkplug, "+" Maglev, "*" TurboFan
 * (src/objects/code-kind.cc). What is not a function of a script keeps its name: "Builtin:Add",
 * "BytecodeHandler:Ldar", "RegExp:a+", "JSC-Thunk: DefaultCall".
 */
#ifndef WG_SYMBOL_SCRIPT_H
#define WG_SYMBOL_SCRIPT_H

#include <stdbool.h>

#define SCRIPT_NAME_MAX 256 /* bytes; longer ones are cut */

struct script_function {
	char name[SCRIPT_NAME_MAX];
	char file[SCRIPT_NAME_MAX]; /* as the engine has it: "file:///x/y.mjs"; "": not told */
};

/* Whether raw is a script's function; then out has its name, fit to be shown. */
bool script_function_of(const char *raw, struct script_function *out);

#endif
