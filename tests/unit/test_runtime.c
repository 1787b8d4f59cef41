// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What runtimes do beside running the program: activities of paths, kinds of threads, the GIL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "golden/paths.h"
#include "model/paths.h"

#define ROOT " < start_thread@libc.so.6 < clone3@libc.so.6"
#define POOL " < node::(anonymous namespace)::PlatformWorkerThread(void*)@node" ROOT
#define COND                                                                                       \
	"__futex_abstimed_wait_common@libc.so.6 < pthread_cond_wait@libc.so.6 < uv_cond_wait@node"
#define SCRIPT " < *work y.mjs:12@file:///x/y.mjs < Builtins_JSEntry@node"

static struct recording r;
static struct paths paths;

static const struct stack *path_of(const char *user)
{
	recording_init(&r);
	path(&r, "", user);
	assert_int_equal(paths_of(&paths, &r), 0);
	return &r.stacks[0];
}

static void end(void)
{
	paths_clear(&paths);
	recording_clear(&r);
}

static void activities(void **state)
{
	static const struct {
		const char *path, *activity;
	} cases[] = {
		{"", ""},
		{"memcpy@libc.so.6 < main@app", ""},
		{"v8::internal::Scavenger::Process()@node < v8::internal::Heap::CollectGarbage("
		 "v8::internal::AllocationSpace)@node" SCRIPT,
		 "gc"},
		/* the one nearest to the leaf decides */
		{"v8::internal::Heap::CollectGarbage()@node < "
		 "v8::internal::ValueDeserializer::ReadObject()@node" SCRIPT,
		 "gc"},
		{"v8::internal::ValueDeserializer::ReadObject()@node < "
		 "node::worker::Message::Deserialize()@node" SCRIPT,
		 "messages"},
		/* but nothing above the program's own script */
		{"Builtins_StringAdd_CheckNone@node < *work y.mjs:12@file:///x/y.mjs < "
		 "node::loader::ModuleWrap::Evaluate()@node",
		 ""},
		{"FTL:work#Cje7SP@ < v8::internal::Heap::CollectGarbage()@node", ""},
		/* node's scripts are looked through, and may say what they are for */
		{"read@libc.so.6 < ~load node:internal/modules/esm/load:90"
		 "@node:internal/modules/esm/load" SCRIPT,
		 "module loading"},
		{"read@libc.so.6 < ~read node:fs:90@node:fs < ~load node:internal/modules/x:1"
		 "@node:internal/modules/x" SCRIPT,
		 "module loading"},
		{"node::loader::ModuleWrap::New()@node" SCRIPT, "module loading"},
		/* without names of scripts */
		{"Builtins_StringAdd@node < Builtins_InterpreterEntryTrampoline@node < "
		 "Builtins_JSEntry@node < node::loader::ModuleWrap::Evaluate()@node",
		 ""},
		{"memcpy@libc.so.6 < [unknown] < node::loader::ModuleWrap::Evaluate()@node",
		 "module loading"}, /* no name in a file */
		{"v8::internal::compiler::PipelineImpl::Run()@node" POOL, "jit"},
		{"v8::internal::maglev::MaglevCompiler::Compile()@node" POOL, "jit"},
		{"v8::internal::baseline::BaselineCompiler::Build()@node" POOL, "jit"},
		{"v8::internal::Compiler::CompileOptimizedOSR()@node" SCRIPT, "jit"},
		{"v8::internal::Compiler::Compile()@node" SCRIPT, "parsing"},
		{"epoll_pwait@libc.so.6 < uv__io_poll@node < uv_run@node", "event loop"},
		{COND POOL, "pool"},
		{COND " < worker@node" ROOT, "pool"},
		/* a task of the pool that waits is not the pool's waiting */
		{COND " < task@node" POOL, ""},
		{"worker@app < main@app", ""},
		{"syscall@libc.so.6 < absl::CondVar::WaitCommon()@node < "
		 "v8::internal::FutexEmulation::WaitSync<int>()@node" SCRIPT,
		 "Atomics.wait"},
		{"absl::CondVar::WaitCommon()@node < v8::platform::DefaultJobState::Join()@node < "
		 "v8::internal::ScavengerCollector::CollectGarbage()@node" SCRIPT,
		 "gc"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = activity_name(path_activity(&paths, path_of(cases[i].path)));

		if (strcmp(got, cases[i].activity) != 0)
			fail_msg("%s: \"%s\"", cases[i].path, got);
		end();
	}
}

static void kinds(void **state)
{
	static const char *const cases[][4] = {
		{"node::(anonymous namespace)::PlatformWorkerThread(void*)", "node", "node",
		 "V8 platform worker"},
		{"node::WorkerThreadsTaskRunner::DelayedTaskScheduler::Start()::{lambda(void*)#1}::"
		 "_FUN(void*)",
		 "node", "node", "V8 delayed tasks"},
		{"node::inspector::(anonymous namespace)::StartIoThreadMain(void*)", "node", "node",
		 "inspector"},
		{"node::worker::Worker::StartThread(v8::FunctionCallbackInfo<v8::Value> const&)",
		 "node", "node", "JS worker"},
		{"worker", "node", "node", "libuv pool"},
		{"worker", "libuv.so.1.0.0", "x", "libuv pool"},
		{"worker", "app", "app", ""},
		{"", "", "V8Worker", "V8 platform worker"},
		{"python3.11+0x1f000", "python3.11", "x", "Python thread"},
		{"[unknown]", "bun.exe", "HeapHelper", "GC helper"},
		{"[unknown]", "bun", "Worker", "JS worker"},
		{"main", "app", "Worker", ""},
		{"[unknown]", "bun", "Bun Pool 1", "Bun pool"},
		{"", "", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *kind = thread_kind(cases[i][0], cases[i][1], cases[i][2]);

		if (strcmp(kind, cases[i][3]) != 0)
			fail_msg("%s, %s, %s: \"%s\"", cases[i][0], cases[i][1], cases[i][2], kind);
	}
}

static void start_of_a_thread(void **state)
{
	struct thread t = {.comm = "node", .start = NO_INDEX};

	(void)state;
	path_of("worker@node < [bun]@bun");
	assert_string_equal(thread_start(&r, &t), "");
	assert_string_equal(thread_kind_of(&r, &t), "");
	t.start = 0;
	assert_string_equal(thread_start(&r, &t), "worker");
	assert_string_equal(thread_kind_of(&r, &t), "libuv pool");
	t.start = 1;
	strcpy(t.comm, "Worker");
	assert_string_equal(thread_start(&r, &t), "");
	assert_string_equal(thread_kind_of(&r, &t), "JS worker");
	end();
}

#define TIMED "libc.so.6+0x88000 < pthread_cond_timedwait@libc.so.6"

static void the_gil(void **state)
{
	static const struct {
		const char *path;
		enum lock_type type;
		enum wait_class wait;
	} cases[] = {
		{TIMED " < take_gil@python3.11 < PyEval_RestoreThread@python3.11", TYPE_GIL,
		 WAIT_CONTENTION},
		{TIMED " < drop_gil@python3.11 < _PyEval_EvalFrameDefault@python3.11", TYPE_GIL,
		 WAIT_CONTENTION},
		/* Debian's has no names for static functions */
		{TIMED " < python3.11+0x1f000 < _PyEval_EvalFrameDefault@python3.11", TYPE_GIL,
		 WAIT_CONTENTION},
		{TIMED " < python3.11+0x1f000 < python3.11+0x2f000 < PyGILState_Ensure@python3.11",
		 TYPE_GIL, WAIT_CONTENTION},
		{TIMED " < PyEval_AcquireThread@python3.11", TYPE_GIL, WAIT_CONTENTION},
		/* a condition of an extension's own */
		{TIMED " < ext.so+0x1f000 < _PyEval_EvalFrameDefault@python3.11", TYPE_CONDVAR,
		 WAIT_IDLE},
		{TIMED " < python3.11+0x1f000 < PyObject_Vectorcall@python3.11 < "
		       "_PyEval_EvalFrameDefault@python3.11",
		 TYPE_CONDVAR, WAIT_IDLE},
		/* locks and queues */
		{"libc.so.6+0x88000 < sem_clockwait@libc.so.6 < "
		 "PyThread_acquire_lock_timed@python3.11 < python3.11+0x9000 < "
		 "_PyEval_EvalFrameDefault@python3.11",
		 TYPE_SEMAPHORE, WAIT_IDLE},
		{"libc.so.6+0x88000 < sem_wait@libc.so.6 < python3.11+0x9000 < "
		 "_PyEval_EvalFrameDefault@python3.11",
		 TYPE_SEMAPHORE, WAIT_IDLE},
		/* where PyThread locks are made of conditions */
		{TIMED " < PyThread_acquire_lock_timed@python3.11 < python3.11+0x9000 < "
		       "_PyEval_EvalFrameDefault@python3.11",
		 TYPE_CONDVAR, WAIT_IDLE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct futex_wait w = path_futex_wait(&paths, path_of(cases[i].path));

		if (w.type != cases[i].type || w.wait != cases[i].wait)
			fail_msg("%s: %s, %s", cases[i].path, lock_type_name(w.type),
				 wait_class_name(w.wait));
		end();
	}
}

/* Abseil's, in V8 since node 24: a futex of its own under each. */
static void abseil(void **state)
{
	static const char sleep[] =
		"syscall@libc.so.6 < absl::synchronization_internal::FutexWaiter::Wait()@node < "
		"AbslInternalPerThreadSemWait@node < ";
	static const struct {
		const char *path;
		enum lock_type type;
	} cases[] = {
		{"absl::Mutex::Block()@node < absl::Mutex::LockSlow()@node < f@node", TYPE_MUTEX},
		{"absl::CondVar::WaitCommon()@node < v8::base::ConditionVariable::Wait()@node",
		 TYPE_CONDVAR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s%s", sleep, cases[i].path);
		if (path_futex_wait(&paths, path_of(text)).type != cases[i].type)
			fail_msg("%s", text);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(activities),
		cmocka_unit_test(kinds),
		cmocka_unit_test(start_of_a_thread),
		cmocka_unit_test(the_gil),
		cmocka_unit_test(abseil),
	};

	return cmocka_run_group_tests_name("runtime", tests, NULL, NULL);
}
