// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The rules, see runtime_rules.h. Names of functions are those of V8 11 to 13 (src/heap, src/compiler,
 * src/maglev, src/baseline, src/codegen, src/parsing, src/objects/value-serializer.cc), node 20 to 24
 * (src/node_platform.cc, src/node_worker.cc, src/node_messaging.cc, src/inspector_agent.cc), libuv 1
 * (src/threadpool.c, src/unix/linux.c) and CPython 3.11. Names of threads are what Bun 1.4 and
 * node 24 show in /proc/PID/task/TID/comm: 15 bytes, of WebKit's the last (WTF's
 * Threading::normalizeThreadName), of node's the first.
 */
#include "model/runtime_rules.h"

#include <string.h>

#include "base/util.h"
#include "model/match.h"

const char *activity_name(enum activity a)
{
	static const char *const names[ACT_CNT] = {
		[ACT_NONE] = "",
		[ACT_GC] = "gc",
		[ACT_JIT] = "jit",
		[ACT_PARSE] = "parsing",
		[ACT_LOAD] = "module loading",
		[ACT_MESSAGE] = "messages",
		[ACT_LOOP] = "event loop",
		[ACT_ATOMICS] = "Atomics.wait",
		[ACT_POOL] = "pool",
	};

	return names[a];
}

#define V8 "v8::internal::"

/*
 * Of the functions on a path the one nearest to the leaf decides, up to the program's own script;
 * for each of them the first rule that matches.
 */
static const struct runtime_rule rules[] = {
	/* V8: garbage collection, on the thread that asked and on helpers */
	{V8 "Heap::CollectGarbage*", NULL, ACT_GC},
	{V8 "Heap::PerformGarbageCollection*", NULL, ACT_GC},
	{V8 "Heap::Scavenge*", NULL, ACT_GC},
	{V8 "Heap::MarkCompact*", NULL, ACT_GC},
	{V8 "Heap::FinalizeIncrementalMarking*", NULL, ACT_GC},
	{V8 "Heap::StartIncrementalMarking*", NULL, ACT_GC},
	{V8 "Scavenge*", NULL, ACT_GC},
	{V8 "*ScavengeVisitor::*", NULL, ACT_GC},
	{V8 "MarkCompactCollector*", NULL, ACT_GC},
	{V8 "MinorMarkSweepCollector*", NULL, ACT_GC},
	{V8 "MinorMarkCompactCollector*", NULL, ACT_GC},
	{V8 "*MarkingVisitor*", NULL, ACT_GC},
	{V8 "ConcurrentMarking*", NULL, ACT_GC},
	{V8 "IncrementalMarking*", NULL, ACT_GC},
	{V8 "MinorGCJob*", NULL, ACT_GC},
	{V8 "ScavengeJob*", NULL, ACT_GC},
	{V8 "Sweeper::*", NULL, ACT_GC},
	{V8 "ArrayBufferSweeper::*", NULL, ACT_GC},
	{V8 "PageEvacuationJob*", NULL, ACT_GC},
	{V8 "*Evacuator::*", NULL, ACT_GC},
	{V8 "PointersUpdatingJob*", NULL, ACT_GC},
	{V8 "*Unmapper::*", NULL, ACT_GC},
	{V8 "GlobalSafepoint::*", NULL, ACT_GC},
	{V8 "IsolateSafepoint::*", NULL, ACT_GC},
	{V8 "LocalHeap::SafepointSlowPath*", NULL, ACT_GC},
	{V8 "LocalHeap::ParkSlowPath*", NULL, ACT_GC},
	{V8 "LocalHeap::UnparkSlowPath*", NULL, ACT_GC},
	{V8 "GlobalHandles::*GarbageCollection*", NULL, ACT_GC},
	{"cppgc::internal::*Sweep*", NULL, ACT_GC},
	{"cppgc::internal::*Mark*", NULL, ACT_GC},
	{V8 "CppHeap::*Marking*", NULL, ACT_GC},
	/* V8: TurboFan, Maglev, Sparkplug, regular expressions, WebAssembly */
	{V8 "compiler::*", NULL, ACT_JIT},
	{V8 "*OptimizingCompileDispatcher*", NULL, ACT_JIT},
	{V8 "*OptimizingCompileTask*", NULL, ACT_JIT},
	{V8 "OptimizedCompilationJob::*", NULL, ACT_JIT},
	{V8 "TurbofanCompilationJob::*", NULL, ACT_JIT},
	{V8 "Compiler::CompileOptimized*", NULL, ACT_JIT},
	{V8 "Compiler::FinalizeTurbofan*", NULL, ACT_JIT},
	{V8 "Compiler::FinalizeMaglev*", NULL, ACT_JIT},
	{V8 "*::GetOrCompileOptimized*", NULL, ACT_JIT},
	{V8 "maglev::*", NULL, ACT_JIT},
	{V8 "baseline::*", NULL, ACT_JIT},
	{V8 "Compiler::CompileBaseline*", NULL, ACT_JIT},
	{V8 "Compiler::CompileSharedWithBaseline*", NULL, ACT_JIT},
	{V8 "RegExpImpl::Compile*", NULL, ACT_JIT},
	{V8 "RegExpCompiler::*", NULL, ACT_JIT},
	{V8 "wasm::*Compil*", NULL, ACT_JIT},
	{V8 "wasm::*Liftoff*", NULL, ACT_JIT},
	/* V8: source to byte code */
	{V8 "Compiler::*", NULL, ACT_PARSE},
	{V8 "parsing::*", NULL, ACT_PARSE},
	{V8 "Parser::*", NULL, ACT_PARSE},
	{V8 "PreParser::*", NULL, ACT_PARSE},
	{V8 "interpreter::InterpreterCompilationJob::*", NULL, ACT_PARSE},
	{V8 "interpreter::BytecodeGenerator::*", NULL, ACT_PARSE},
	/* V8 and node: values between threads; Atomics.wait */
	{V8 "ValueSerializer::*", NULL, ACT_MESSAGE},
	{V8 "ValueDeserializer::*", NULL, ACT_MESSAGE},
	{"v8::ValueSerializer::*", NULL, ACT_MESSAGE},
	{"v8::ValueDeserializer::*", NULL, ACT_MESSAGE},
	{"node::worker::Message::*", NULL, ACT_MESSAGE},
	{"node::worker::MessagePort*", NULL, ACT_MESSAGE},
	{V8 "FutexEmulation::*", NULL, ACT_ATOMICS},
	/* node: loading; its own scripts count as what they are for */
	{"node::loader::*", NULL, ACT_LOAD},
	{"node::contextify::CompileFunction*", NULL, ACT_LOAD},
	{"node::builtins::BuiltinLoader::*", NULL, ACT_LOAD},
	{V8 "Module::Instantiate*", NULL, ACT_LOAD},
	{"* node:internal/modules/*", NULL, ACT_LOAD},
	{"* node:internal/bootstrap/*", NULL, ACT_LOAD},
	{"dlopen*", NULL, ACT_LOAD},
	/* waiting, of libuv and node */
	{"uv__io_poll", NULL, ACT_LOOP},
	{"worker", "uv_cond_wait", ACT_POOL}, /* libuv's, a static function */
	{"node::*PlatformWorkerThread*", "uv_cond_wait", ACT_POOL},
	{"node::*TaskQueue<*::BlockingPop*", NULL, ACT_POOL},
	{"node::inspector::*StartIoThreadMain*", "uv_sem_wait", ACT_POOL},
};

const struct runtime_rule *runtime_rule_of(const char *name)
{
	struct bare_name n = bare_user_name(name);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (name_matches(n, rules[i].name))
			return &rules[i];
	}
	return NULL;
}

bool is_program_script(const char *name, const char *script)
{
	static const char *const tiers[] = {"Baseline:", "DFG:", "FTL:"};

	if (*script)
		return strncmp(script, "node:", strlen("node:")) != 0;
	for (size_t i = 0; i < ARRAY_SIZE(tiers); i++) {
		if (!strncmp(name, tiers[i], strlen(tiers[i])))
			return true;
	}
	return false;
}

bool is_script_entry(const char *name)
{
	return !strncmp(name, "Builtins_JSEntry", strlen("Builtins_JSEntry"));
}

/* --- threads --- */

/* All that is not NULL must match; the first rule holds. */
static const struct {
	const char *start, *module, *comm;
	const char *kind;
} threads[] = {
	/* node and V8, by start routine: before node 23 all threads have the program's name */
	{"node::*PlatformWorkerThread*", NULL, NULL, "V8 platform worker"},
	{"node::*DelayedTaskScheduler::Start*", NULL, NULL, "V8 delayed tasks"},
	{"node::inspector::*StartIoThreadMain*", NULL, NULL, "inspector"},
	{"node::inspector::*", NULL, NULL, "inspector"},
	{"node::worker::Worker::StartThread*", NULL, NULL, "JS worker"},
	{"node::Start*", NULL, NULL, "JS main"},
	{"node::*Watchdog::Run*", NULL, NULL, "watchdog"},
	{"worker", "node*", NULL, "libuv pool"},
	{"worker", "libuv*", NULL, "libuv pool"},
	{NULL, NULL, "V8Worker", "V8 platform worker"},
	{NULL, NULL, "DelayedTaskSche", "V8 delayed tasks"},
	{NULL, NULL, "SignalInspector", "inspector"},
	{NULL, NULL, "libuv-worker", "libuv pool"},
	/* Bun and JavaScriptCore, by name: their code has no symbols */
	{NULL, NULL, "HeapHelper", "GC helper"},
	{NULL, NULL, "ollector Thread", "GC collector"},
	{NULL, NULL, "JITWorker", "JIT worker"},
	{NULL, NULL, "JSC PerfLog", "JIT log"},
	{NULL, NULL, "JSCWarmUp", "JIT warm-up"},
	{NULL, NULL, "mi-scavenger", "allocator"},
	{NULL, NULL, "Bun Pool*", "Bun pool"},
	{NULL, "bun*", "HTTP Client", "HTTP client"},
	{NULL, "bun*", "Worker", "JS worker"},
	/* CPython */
	{"pythread_wrapper", NULL, NULL, "Python thread"},
	{"thread_run", "*python*", NULL, "Python thread"},
	{"python*+0x*", "python*", NULL, "Python thread"}, /* stripped: a static function */
	{"libpython*+0x*", "libpython*", NULL, "Python thread"},
	{"Py_BytesMain", NULL, NULL, "Python main"},
};

static bool fits(const char *s, const char *pattern)
{
	return !pattern || name_matches((struct bare_name){.s = s, .len = strlen(s)}, pattern);
}

const char *thread_kind(const char *start, const char *module, const char *comm)
{
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		if (fits(start, threads[i].start) && fits(module, threads[i].module) &&
		    fits(comm, threads[i].comm))
			return threads[i].kind;
	}
	return "";
}
