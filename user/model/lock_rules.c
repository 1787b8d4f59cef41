// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The rules that type a futex wait by the functions on its path. Names are those of the sources:
 * glibc's nptl/, malloc/, libio/ and elf/; Go's runtime/lock_futex.go and proc.go; Rust's
 * library/std/src/sys/sync and the parking_lot crate; WebKit's WTF; HotSpot's runtime/; CPython's
 * Python/ceval_gil.h; abseil/synchronization. A stripped
 * libc has its exported names only: every type can be told by those.
 */
#include "model/lock_rules.h"

#include <string.h>

#include "base/util.h"
#include "model/match.h"

/*
 * Offsets of the words that are waited on: glibc's sysdeps/x86/nptl/bits/struct_rwlock.h
 * (__wrphase_futex 8, __writers_futex 12), bits/thread-shared-types.h (__g_signals 40 and 44; 32
 * and 36 from 2.42 on), internaltypes.h (current_round of a barrier 4, beside in at 0).
 */
static const struct {
	const char *name;
	uint8_t word_off;
} types[LOCK_TYPE_CNT] = {
	[TYPE_RAW] = {"raw futex", 0},
	[TYPE_MUTEX] = {"mutex", 0},
	[TYPE_RWLOCK] = {"rwlock", 8},
	[TYPE_CONDVAR] = {"condition variable", 40},
	[TYPE_SEMAPHORE] = {"semaphore", 0},
	[TYPE_BARRIER] = {"barrier", 0},
	[TYPE_JOIN] = {"join", 0},
	[TYPE_ONCE] = {"once", 0},
	[TYPE_ARENA] = {"malloc arena", 0},
	[TYPE_STDIO] = {"stdio lock", 0},
	[TYPE_LOADER] = {"loader lock", 0},
	[TYPE_LIBC] = {"libc lock", 0},
	[TYPE_PARK] = {"thread park", 0},
	[TYPE_GO] = {"go futex", 0},
	[TYPE_JAVA] = {"java monitor", 0},
	[TYPE_GIL] = {"GIL", 40}, /* waited for by a condition variable */
	[TYPE_MMAP] = {"mmap_lock", 0},
	[TYPE_VMA] = {"VMA lock", 0},
	[TYPE_KRWSEM] = {"kernel rwsem", 0},
	[TYPE_KMUTEX] = {"kernel mutex", 0},
	[TYPE_KSPIN] = {"kernel spinlock", 0},
	[TYPE_KRWLOCK] = {"kernel rwlock", 0},
	[TYPE_KPERCPU] = {"kernel percpu rwsem", 0},
	[TYPE_KRT] = {"kernel rt mutex", 0},
};

const char *lock_type_name(enum lock_type type)
{
	return types[type].name;
}

enum wait_class lock_type_wait(enum lock_type type)
{
	switch (type) {
	case TYPE_RAW:
	case TYPE_GO:
		return WAIT_UNKNOWN;
	case TYPE_CONDVAR:
	case TYPE_SEMAPHORE:
	case TYPE_JOIN:
	case TYPE_PARK:
		return WAIT_IDLE;
	case TYPE_BARRIER:
		return WAIT_BARRIER;
	default:
		return WAIT_CONTENTION;
	}
}

uint64_t lock_type_base(enum lock_type type, uint64_t addr)
{
	switch (type) {
	case TYPE_RWLOCK:
	case TYPE_CONDVAR:
	case TYPE_BARRIER:
	case TYPE_GIL:
		addr &= ~7ull;
		return addr >= types[type].word_off ? addr - types[type].word_off : addr;
	default:
		return addr;
	}
}

const char *wait_class_name(enum wait_class c)
{
	static const char *const names[WAIT_CLASS_CNT] = {
		[WAIT_NONE] = "",	    [WAIT_CONTENTION] = "contention",
		[WAIT_IDLE] = "idle wait",  [WAIT_BARRIER] = "barrier",
		[WAIT_UNKNOWN] = "unknown",
	};

	return names[c];
}

#define STEP(name)                                                                                 \
	{                                                                                          \
		name, RULE_STEP, TYPE_RAW, WAIT_UNKNOWN, false                                     \
	}
#define LOCK(name, type, wait)                                                                     \
	{                                                                                          \
		name, RULE_LOCK, type, wait, false                                                 \
	}
#define OUTER(name, type, wait)                                                                    \
	{                                                                                          \
		name, RULE_OUTER, type, wait, false                                                \
	}
#define ABOVE(name, type)                                                                          \
	{                                                                                          \
		name, RULE_ABOVE, type, WAIT_CONTENTION, false                                     \
	}
#define LIBC(name, kind, type)                                                                     \
	{                                                                                          \
		name, kind, type, WAIT_CONTENTION, true                                            \
	}

/* The first that matches holds. User names are bare: no underscores in front. */
static const struct lock_rule rules[] = {
	/* glibc: from the system call to the lock's function */
	STEP("futex_abstimed_wait*"),
	STEP("futex_wait*"),
	STEP("futex_lock_pi*"),
	STEP("lll_lock_wait*"),
	STEP("lll_mutex_lock_optimized"),
	STEP("lll_timed*"),
	STEP("lll_clock*"),
	STEP("syscall"),
	/* glibc: mutex; taken again at the end of a wait on a condition it is a mutex too */
	LOCK("pthread_mutex_cond_lock*", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("pthread_mutex_lock*", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("pthread_mutex_timedlock*", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("pthread_mutex_clocklock*", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("pthread_mutex_unlock*", TYPE_MUTEX, WAIT_CONTENTION), /* wakers, PI mutexes */
	LOCK("mtx_lock", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("mtx_timedlock", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("pthread_rwlock_*", TYPE_RWLOCK, WAIT_CONTENTION),
	LOCK("pthread_cond_*", TYPE_CONDVAR, WAIT_IDLE),
	LOCK("cnd_wait", TYPE_CONDVAR, WAIT_IDLE),
	LOCK("cnd_timedwait", TYPE_CONDVAR, WAIT_IDLE),
	LOCK("sem_wait*", TYPE_SEMAPHORE, WAIT_IDLE),
	LOCK("sem_timedwait*", TYPE_SEMAPHORE, WAIT_IDLE),
	LOCK("sem_clockwait*", TYPE_SEMAPHORE, WAIT_IDLE),
	LOCK("sem_post*", TYPE_SEMAPHORE, WAIT_IDLE), /* wakers */
	LOCK("new_sem_wait*", TYPE_SEMAPHORE, WAIT_IDLE),
	LOCK("pthread_barrier_wait", TYPE_BARRIER, WAIT_BARRIER),
	LOCK("pthread_join", TYPE_JOIN, WAIT_IDLE),
	LOCK("pthread_timedjoin*", TYPE_JOIN, WAIT_IDLE),
	LOCK("pthread_clockjoin*", TYPE_JOIN, WAIT_IDLE),
	LOCK("thrd_join", TYPE_JOIN, WAIT_IDLE),
	LOCK("pthread_once*", TYPE_ONCE, WAIT_CONTENTION),
	LOCK("call_once", TYPE_ONCE, WAIT_CONTENTION),
	LOCK("cxa_guard_acquire", TYPE_ONCE, WAIT_CONTENTION),
	/* glibc: malloc, by exported and by internal names */
	LOCK("malloc", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("free", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("cfree", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("calloc", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("realloc", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("memalign", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("aligned_alloc", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("posix_memalign", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("valloc", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("pvalloc", TYPE_ARENA, WAIT_CONTENTION),
	LIBC("malloc_*", RULE_LOCK, TYPE_ARENA),
	LOCK("mallinfo*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("libc_malloc*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("libc_calloc*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("libc_realloc*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("libc_free*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("libc_memalign*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("mid_memalign", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("int_malloc", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("int_free*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("int_realloc", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("int_memalign", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("arena_get*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("reused_arena", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("tcache_*", TYPE_ARENA, WAIT_CONTENTION),
	LOCK("sysmalloc*", TYPE_ARENA, WAIT_CONTENTION),
	/* glibc: the loader, above the recursive mutex that it uses */
	LIBC("dlopen*", RULE_OUTER, TYPE_LOADER),
	LIBC("dlclose", RULE_OUTER, TYPE_LOADER),
	LIBC("dlsym", RULE_OUTER, TYPE_LOADER),
	LIBC("dlvsym", RULE_OUTER, TYPE_LOADER),
	LIBC("dlmopen", RULE_OUTER, TYPE_LOADER),
	LIBC("dladdr*", RULE_OUTER, TYPE_LOADER),
	LIBC("dl_*", RULE_OUTER, TYPE_LOADER),
	LIBC("tls_get_addr*", RULE_OUTER, TYPE_LOADER),
	LIBC("rtld_mutex_lock", RULE_OUTER, TYPE_LOADER),
	/* glibc: streams */
	LIBC("IO_*", RULE_LOCK, TYPE_STDIO),
	LIBC("flockfile", RULE_LOCK, TYPE_STDIO),
	LIBC("puts", RULE_LOCK, TYPE_STDIO),
	LIBC("fputs*", RULE_LOCK, TYPE_STDIO),
	LIBC("fgets*", RULE_LOCK, TYPE_STDIO),
	LIBC("fwrite", RULE_LOCK, TYPE_STDIO),
	LIBC("fread*", RULE_LOCK, TYPE_STDIO),
	LIBC("putc", RULE_LOCK, TYPE_STDIO),
	LIBC("putchar", RULE_LOCK, TYPE_STDIO),
	LIBC("fputc", RULE_LOCK, TYPE_STDIO),
	LIBC("getc", RULE_LOCK, TYPE_STDIO),
	LIBC("getchar", RULE_LOCK, TYPE_STDIO),
	LIBC("fgetc", RULE_LOCK, TYPE_STDIO),
	LIBC("getline", RULE_LOCK, TYPE_STDIO),
	LIBC("getdelim", RULE_LOCK, TYPE_STDIO),
	LIBC("ungetc", RULE_LOCK, TYPE_STDIO),
	LIBC("fflush*", RULE_LOCK, TYPE_STDIO),
	LIBC("fopen*", RULE_LOCK, TYPE_STDIO),
	LIBC("fclose", RULE_LOCK, TYPE_STDIO),
	LIBC("fseek*", RULE_LOCK, TYPE_STDIO),
	LIBC("ftell*", RULE_LOCK, TYPE_STDIO),
	LIBC("rewind", RULE_LOCK, TYPE_STDIO),
	LIBC("setvbuf", RULE_LOCK, TYPE_STDIO),
	LIBC("perror", RULE_LOCK, TYPE_STDIO),
	LIBC("printf*", RULE_LOCK, TYPE_STDIO),
	LIBC("fprintf*", RULE_LOCK, TYPE_STDIO),
	LIBC("vprintf*", RULE_LOCK, TYPE_STDIO),
	LIBC("vfprintf*", RULE_LOCK, TYPE_STDIO),
	LIBC("scanf*", RULE_LOCK, TYPE_STDIO),
	LIBC("fscanf*", RULE_LOCK, TYPE_STDIO),
	LIBC("isoc99_*scanf", RULE_LOCK, TYPE_STDIO),
	/* glibc: what else takes one of its private locks */
	LIBC("exit", RULE_LOCK, TYPE_LIBC),
	LIBC("run_exit_handlers", RULE_LOCK, TYPE_LIBC),
	LIBC("cxa_*atexit*", RULE_LOCK, TYPE_LIBC),
	LIBC("cxa_finalize", RULE_LOCK, TYPE_LIBC),
	LIBC("cxa_thread_atexit_impl", RULE_LOCK, TYPE_LIBC),
	LIBC("pthread_create*", RULE_LOCK, TYPE_LIBC),
	LIBC("nptl_*", RULE_LOCK, TYPE_LIBC),
	LIBC("pthread_getattr_np", RULE_LOCK, TYPE_LIBC),
	LIBC("pthread_setschedparam", RULE_LOCK, TYPE_LIBC),
	LIBC("pthread_atfork", RULE_LOCK, TYPE_LIBC),
	LIBC("register_atfork", RULE_LOCK, TYPE_LIBC),
	LIBC("fork", RULE_LOCK, TYPE_LIBC),
	LIBC("localtime*", RULE_LOCK, TYPE_LIBC),
	LIBC("mktime", RULE_LOCK, TYPE_LIBC),
	LIBC("strftime*", RULE_LOCK, TYPE_LIBC),
	LIBC("tz_convert", RULE_LOCK, TYPE_LIBC),
	LIBC("random*", RULE_LOCK, TYPE_LIBC),
	LIBC("rand", RULE_LOCK, TYPE_LIBC),
	LIBC("srand*", RULE_LOCK, TYPE_LIBC),
	LIBC("syslog*", RULE_LOCK, TYPE_LIBC),
	LIBC("vsyslog*", RULE_LOCK, TYPE_LIBC),
	LIBC("setenv", RULE_LOCK, TYPE_LIBC),
	LIBC("unsetenv", RULE_LOCK, TYPE_LIBC),
	LIBC("putenv", RULE_LOCK, TYPE_LIBC),
	LIBC("setlocale", RULE_LOCK, TYPE_LIBC),
	LIBC("readdir*", RULE_LOCK, TYPE_LIBC),
	LIBC("getpwnam*", RULE_LOCK, TYPE_LIBC),
	LIBC("getpwuid*", RULE_LOCK, TYPE_LIBC),
	/* Go: a thread that has nothing to run sleeps on a note; the runtime's own locks are lock2 */
	STEP("runtime.futex*"),
	LOCK("runtime.notesleep*", TYPE_GO, WAIT_IDLE),
	LOCK("runtime.notetsleep*", TYPE_GO, WAIT_IDLE),
	LOCK("runtime.mPark*", TYPE_GO, WAIT_IDLE),
	LOCK("runtime.stopm*", TYPE_GO, WAIT_IDLE),
	LOCK("runtime.findrunnable*", TYPE_GO, WAIT_IDLE),
	LOCK("runtime.findRunnable*", TYPE_GO, WAIT_IDLE),
	LOCK("runtime.sysmon*", TYPE_GO, WAIT_IDLE),
	LOCK("runtime.lock*", TYPE_GO, WAIT_CONTENTION),
	LOCK("runtime.usleep*", TYPE_GO, WAIT_IDLE),
	/* Rust: std and parking_lot */
	LOCK("*mutex::futex::Mutex*", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("*futex_mutex::Mutex*", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("*rwlock::futex::RwLock*", TYPE_RWLOCK, WAIT_CONTENTION),
	LOCK("*futex_rwlock::RwLock*", TYPE_RWLOCK, WAIT_CONTENTION),
	LOCK("*condvar::futex::Condvar*", TYPE_CONDVAR, WAIT_IDLE),
	LOCK("*futex_condvar::Condvar*", TYPE_CONDVAR, WAIT_IDLE),
	LOCK("*once::futex::Once*", TYPE_ONCE, WAIT_CONTENTION),
	LOCK("*thread_parking::futex::Parker*", TYPE_PARK, WAIT_IDLE),
	LOCK("*thread_parker::futex::Parker*", TYPE_PARK, WAIT_IDLE),
	LOCK("*parking_lot::raw_mutex::RawMutex*", TYPE_MUTEX, WAIT_CONTENTION),
	LOCK("*parking_lot::raw_rwlock::RawRwLock*", TYPE_RWLOCK, WAIT_CONTENTION),
	LOCK("*parking_lot::condvar::Condvar*", TYPE_CONDVAR, WAIT_IDLE),
	LOCK("*parking_lot::once::Once*", TYPE_ONCE, WAIT_CONTENTION),
	STEP("*parking_lot_core::*"),
	STEP("*::futex::futex_wait*"),
	STEP("*std::sync::*"),
	/* WebKit (Bun): its locks park on a condition variable of the thread */
	OUTER("*::lockSlow*", TYPE_MUTEX, WAIT_CONTENTION),
	OUTER("WTF::Lock::*", TYPE_MUTEX, WAIT_CONTENTION),
	OUTER("WTF::Condition::*", TYPE_CONDVAR, WAIT_IDLE),
	OUTER("bool WTF::Condition*", TYPE_CONDVAR, WAIT_IDLE),
	OUTER("JSC::Heap::stopIfNecessarySlow*", TYPE_CONDVAR, WAIT_IDLE),
	STEP("WTF::ThreadCondition::*"),
	STEP("*WTF::ParkingLot::*"),
	STEP("WTF::Mutex::*"),
	/* HotSpot: monitors, likewise */
	OUTER("ObjectMonitor::wait*", TYPE_CONDVAR, WAIT_IDLE),
	OUTER("ObjectMonitor::*", TYPE_JAVA, WAIT_CONTENTION),
	OUTER("ObjectSynchronizer::enter*", TYPE_JAVA, WAIT_CONTENTION),
	OUTER("Monitor::ILock*", TYPE_MUTEX, WAIT_CONTENTION),
	OUTER("Monitor::IWait*", TYPE_CONDVAR, WAIT_IDLE),
	OUTER("Monitor::wait*", TYPE_CONDVAR, WAIT_IDLE),
	OUTER("Unsafe_Park*", TYPE_PARK, WAIT_IDLE),
	OUTER("Parker::park*", TYPE_PARK, WAIT_IDLE),
	STEP("os::PlatformEvent::park*"),
	STEP("PlatformEvent::park*"),
	STEP("PlatformMonitor::wait*"),
	STEP("PlatformMutex::lock*"),
	STEP("ParkCommon*"),
	STEP("Mutex::lock*"),
	/* CPython: the global interpreter lock; its functions are static, mostly without a name */
	OUTER("take_gil*", TYPE_GIL, WAIT_CONTENTION),
	OUTER("drop_gil*", TYPE_GIL, WAIT_CONTENTION),
	ABOVE("PyEval_EvalFrameDefault*", TYPE_GIL), /* all of these are exported */
	ABOVE("PyEval_RestoreThread", TYPE_GIL),
	ABOVE("PyEval_SaveThread", TYPE_GIL),
	ABOVE("PyEval_AcquireThread", TYPE_GIL),
	ABOVE("PyEval_AcquireLock", TYPE_GIL),
	ABOVE("PyEval_ReleaseThread", TYPE_GIL),
	ABOVE("PyThreadState_Attach", TYPE_GIL),
	ABOVE("PyThreadState_Detach", TYPE_GIL),
	ABOVE("PyGILState_Ensure", TYPE_GIL),
	ABOVE("PyGILState_Release", TYPE_GIL),
	/* Abseil (V8 since 12) sleeps in a futex of its own */
	STEP("absl::synchronization_internal::*"),
	STEP("AbslInternalPerThreadSemWait*"),
	LOCK("absl::CondVar::*", TYPE_CONDVAR, WAIT_IDLE),
	LOCK("absl::Mutex::*", TYPE_MUTEX, WAIT_CONTENTION),
	/* functions around the lock's own, in libraries that wrap it */
	STEP("CRYPTO_THREAD_*_lock"),
	STEP("CRYPTO_THREAD_unlock"),
	STEP("CRYPTO_THREAD_run_once"),
	STEP("std::mutex::*"),
	STEP("std::timed_mutex::*"),
	STEP("std::recursive_mutex::*"),
	STEP("std::shared_mutex::*"),
	STEP("std::shared_timed_mutex::*"),
	STEP("std::shared_lock<*"),
	STEP("std::unique_lock<*"),
	STEP("std::lock_guard<*"),
	STEP("std::scoped_lock<*"),
	STEP("std::condition_variable*"),
	STEP("std::_V2::condition_variable*"),
	STEP("std::thread::join*"),
	STEP("std::call_once*"),
	STEP("std::__*"),
	STEP("gthread_*"),
	STEP("uv_mutex_*"),
	STEP("uv_rwlock_*"),
	STEP("uv_cond_*"),
	STEP("uv_sem_*"),
	STEP("uv_barrier_*"),
	STEP("uv_once"),
	STEP("uv_thread_join"),
	STEP("v8::base::Mutex::*"),
	STEP("v8::base::RecursiveMutex::*"),
	STEP("v8::base::SharedMutex::*"),
	STEP("v8::base::ConditionVariable::*"),
	STEP("v8::base::Semaphore::*"),
	STEP("node::MutexBase<*"),
	STEP("node::ConditionVariableBase<*"),
	STEP("g_mutex_lock*"),
	STEP("g_rw_lock_*"),
	STEP("g_cond_*"),
	STEP("absl::*Mutex*::*"),
	STEP("boost::mutex::*"),
	STEP("QMutex::*"),
	STEP("PyThread_acquire_lock*"),
	STEP("operator new*"),
	STEP("operator delete*"),
};

const struct lock_rule *lock_rule_of(const char *name)
{
	struct bare_name n = bare_user_name(name);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (name_matches(n, rules[i].name))
			return &rules[i];
	}
	return NULL;
}

enum wg_lock_class lock_class_of(const char *function, const char *module)
{
	const struct lock_rule *rule = lock_rule_of(function);
	bool lock = rule && rule->wait == WAIT_CONTENTION;

	if (!rule || (rule->in_libc && !is_libc(module)))
		return WG_LOCK_NONE;
	switch (rule->kind) {
	case RULE_LOCK:
		return lock ? WG_LOCK_LOCK : WG_LOCK_EVENT;
	case RULE_OUTER:
		return lock ? WG_LOCK_OUTER_LOCK : WG_LOCK_OUTER_EVENT;
	case RULE_ABOVE:
		return WG_LOCK_ABOVE;
	default:
		return WG_LOCK_STEP;
	}
}

bool is_entry_function(const char *name)
{
	static const char *const entries[] = {"start_thread",
					      "clone",
					      "clone3",
					      "_start",
					      "__clone*",
					      "__libc_start_main*",
					      "__libc_start_call_main*",
					      "execute_native_thread_routine*",
					      "*std::sys::*thread_start*",
					      "*begin_short_backtrace*",
					      "*lang_start*",
					      "std::thread::_State_impl<*",
					      "std::thread::_Invoker<*",
					      "runtime.goexit*",
					      "runtime.mcall*",
					      "runtime.mstart*",
					      "runtime.systemstack*"};
	struct bare_name n = bare_kernel_name(name);

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		if (name_matches(n, entries[i]))
			return true;
	}
	return false;
}

bool is_libc(const char *module)
{
	static const char *const prefixes[] = {"libc.so", "libc-2.", "libpthread", "ld-linux",
					       "ld-2.",	  "ld-musl", "libc.musl"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (!strncmp(module, prefixes[i], strlen(prefixes[i])))
			return true;
	}
	return false;
}
