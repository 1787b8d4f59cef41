// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What is made of call paths: the type and name of a lock, contention or waiting for work, what
 * the kernel did, and how sites sum to causes and paths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/util.h"
#include "golden/paths.h"
#include "model/match.h"
#include "model/where.h"
#include "report/names.h"
#include "report/report.h"
#include "unit/random_recording.h"

#define ROOT " < libc.so.6+0x89134 < libc.so.6+0x1097dc"
#define SYSCALL_FUTEX "futex_wait < do_futex < __x64_sys_futex < do_syscall_64"

static struct recording r;
static struct paths paths;
static struct locks locks;

static struct run *begin(void)
{
	struct run *run;

	recording_init(&r);
	run = recording_add_run(&r);
	run->label = strdup("x");
	run->end_ns = 1000000000;
	return run;
}

static void settle(void)
{
	assert_int_equal(paths_of(&paths, &r), 0);
	assert_int_equal(locks_of(&locks, &paths), 0);
}

static void end(void)
{
	locks_clear(&locks);
	paths_clear(&paths);
	recording_clear(&r);
}

/* --- names */

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} cases[] = {
		{"futex", "futex", true},
		{"futex", "futex_wait", false},
		{"futex*", "futex_wait", true},
		{"futex*", "do_futex", false},
		{"*lock", "do_lock", true},
		{"*lock", "lock_do", false},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "aXbY", false},
		{"*a*", "xxaxx", true},
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"a*aab", "aaaaab", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (name_matches(bare_kernel_name(cases[i].name), cases[i].pattern) !=
		    cases[i].matches)
			fail_msg("%s and %s", cases[i].pattern, cases[i].name);
	}
	assert_int_equal(bare_kernel_name("do_swap_page.isra.0").len, strlen("do_swap_page"));
	assert_int_equal(bare_kernel_name("f.constprop.0.cold").len, 1);
	assert_int_equal(strncmp(bare_user_name("___pthread_mutex_lock").s, "pthread", 7), 0);
	assert_int_equal(strncmp(bare_user_name("__GI___lll_lock_wait").s, "lll_", 4), 0);
	assert_int_equal(bare_user_name("sem_wait@@GLIBC_2.34").len, strlen("sem_wait"));
}

static void short_names(void **state)
{
	static const char *const cases[][2] = {
		{"pop(queue*)", "pop"},
		{"operator new(unsigned long)", "operator new"},
		{"node::(anonymous namespace)::Work(void*)", "node::Work"},
		{"Task::operator()() const", "Task::operator()"},
		{"main.(*T).Run", "main.(*T).Run"},
		{"f<std::vector<int, std::allocator<int> > >(int)", "f<..>"},
		{"g<int>(int)", "g<int>"},
		{"tokio::park::h0123456789abcdef", "tokio::park"},
		{"tokio::park::h0123456789abcdeg", "tokio::park::h0123456789abcdeg"},
		{"LazyCompile:~(anonymous) a.js:1:2", "LazyCompile:~(anonymous) a.js:1:2"},
		{"", "[unknown]"},
		{"<<<<", "<<<<"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scoped_free char *got = short_function(cases[i][0], 60);

		assert_string_equal(got, cases[i][1]);
	}
}

static void paths_fit_their_width(void **state)
{
	uint32_t frames[] = {0, 1, NO_INDEX, 2, 3, 4};
	static const char *const names[] = {"leaf", "second", "third", "fourth", "root"};

	(void)state;
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		recording_add_frame(&r)->name = strdup(names[i]);
	for (int max = 20; max < 60; max++) {
		scoped_free char *got = short_path(&r, frames, ARRAY_SIZE(frames), max);

		if (strlen(got) > (size_t)max || strncmp(got, "leaf", 4) != 0 ||
		    strcmp(got + strlen(got) - 4, "root") != 0)
			fail_msg("%d: %s", max, got);
		if (max == 59)
			assert_string_equal(got, "leaf < second < .. < third < fourth < root");
	}
	recording_clear(&r);
}

/* --- futex waits */

static struct wait_info wait_on(const char *user, enum wg_stack_end ended)
{
	struct run *run = begin();
	struct wait_info w;
	struct lock l = {.kind = LOCK_FUTEX, .tgid = 1, .addr = 0x1000, .module = "[heap]"};
	uint32_t stack = path_ending(&r, SYSCALL_FUTEX, user, ended);

	add_waits(run, WG_FUTEX, stack, add_lock(&r, l), 1, 1000, 1000);
	settle();
	w = locks.of[0][0];
	end();
	return w;
}

static const struct {
	const char *user;
	enum lock_type type;
	enum wait_class wait;
} futex_cases[] = {
	/* a stripped libc */
	{"libc.so.6+0x1 < pthread_mutex_lock@libc.so.6 < f@app" ROOT, TYPE_MUTEX, WAIT_CONTENTION},
	{"libc.so.6+0x1 < __pthread_mutex_lock@libc.so.6 < f@app", TYPE_MUTEX, WAIT_CONTENTION},
	{"libc.so.6+0x1 < pthread_rwlock_wrlock@libc.so.6 < f@app", TYPE_RWLOCK, WAIT_CONTENTION},
	{"libc.so.6+0x1 < __pthread_rwlock_rdlock@libc.so.6 < f@app", TYPE_RWLOCK, WAIT_CONTENTION},
	{"libc.so.6+0x1 < libc.so.6+0x2 < pthread_cond_clockwait@libc.so.6 < f@app", TYPE_CONDVAR,
	 WAIT_IDLE},
	{"libc.so.6+0x1 < sem_clockwait@libc.so.6 < f@app", TYPE_SEMAPHORE, WAIT_IDLE},
	{"pthread_barrier_wait@libc.so.6 < f@app", TYPE_BARRIER, WAIT_BARRIER},
	{"libc.so.6+0x1 < pthread_timedjoin_np@libc.so.6 < f@app", TYPE_JOIN, WAIT_IDLE},
	{"libc.so.6+0x1 < pthread_once@libc.so.6 < f@app", TYPE_ONCE, WAIT_CONTENTION},
	{"__lll_lock_wait_private@libc.so.6 < libc.so.6+0x9 < malloc@libc.so.6 < f@app", TYPE_ARENA,
	 WAIT_CONTENTION},
	{"__lll_lock_wait_private@libc.so.6 < cfree@libc.so.6 < f@app", TYPE_ARENA,
	 WAIT_CONTENTION},
	{"__lll_lock_wait_private@libc.so.6 < fputs@libc.so.6 < f@app", TYPE_STDIO,
	 WAIT_CONTENTION},
	{"libc.so.6+0x1 < __pthread_mutex_lock@libc.so.6 < ld-linux-x86-64.so.2+0x5 < "
	 "ld-linux-x86-64.so.2+0x6 < libc.so.6+0x7 < dlopen@libc.so.6 < f@app",
	 TYPE_LOADER, WAIT_CONTENTION},
	/* a constructor's own mutex is not the loader's */
	{"libc.so.6+0x1 < pthread_mutex_lock@libc.so.6 < init@libfoo.so < "
	 "ld-linux-x86-64.so.2+0x6 < dlopen@libc.so.6 < f@app",
	 TYPE_MUTEX, WAIT_CONTENTION},
	/* a libc with symbols */
	{"futex_wait@libc.so.6 < __lll_lock_wait@libc.so.6 < __pthread_mutex_cond_lock@libc.so.6 < "
	 "__pthread_cond_wait_common@libc.so.6 < ___pthread_cond_wait@libc.so.6 < f@app",
	 TYPE_MUTEX, WAIT_CONTENTION},
	{"__futex_abstimed_wait_common64@libc.so.6 < __futex_abstimed_wait_common@libc.so.6 < "
	 "__GI___futex_abstimed_wait_cancelable64@libc.so.6 < "
	 "__pthread_cond_wait_common@libc.so.6 < ___pthread_cond_wait@libc.so.6 < f@app",
	 TYPE_CONDVAR, WAIT_IDLE},
	{"futex_wait@libc.so.6 < __GI___lll_lock_wait_private@libc.so.6 < arena_get2@libc.so.6 < "
	 "tcache_init@libc.so.6 < __GI___libc_malloc@libc.so.6 < f@app",
	 TYPE_ARENA, WAIT_CONTENTION},
	{"__futex_abstimed_wait64@libc.so.6 < __pthread_rwlock_rdlock_full64@libc.so.6 < "
	 "___pthread_rwlock_rdlock@libc.so.6 < f@app",
	 TYPE_RWLOCK, WAIT_CONTENTION},
	/* runtimes */
	{"libc.so.6+0x1 < pthread_cond_wait@libc.so.6 < uv_cond_wait@node < worker@node",
	 TYPE_CONDVAR, WAIT_IDLE},
	{"runtime.futex.abi0@app < runtime.futexsleep@app < runtime.notesleep@app < "
	 "runtime.stopm@app",
	 TYPE_GO, WAIT_IDLE},
	{"runtime.futex@app < runtime.futexsleep@app < runtime.lock2@app < main.work@app", TYPE_GO,
	 WAIT_CONTENTION},
	{"syscall@libc.so.6 < std::sys::pal::unix::futex::futex_wait@app < "
	 "std::sys::sync::mutex::futex::Mutex::lock_contended@app < app::work@app",
	 TYPE_MUTEX, WAIT_CONTENTION},
	{"syscall@libc.so.6 < std::sys::sync::condvar::futex::Condvar::wait_optional_timeout@app < "
	 "app::pool@app",
	 TYPE_CONDVAR, WAIT_IDLE},
	{"syscall@libc.so.6 < <parking_lot::raw_mutex::RawMutex>::lock_slow@app < app::work@app",
	 TYPE_MUTEX, WAIT_CONTENTION},
	{"libc.so.6+0x1 < pthread_cond_wait@libc.so.6 < "
	 "WTF::ThreadCondition::wait(WTF::Mutex&)@bun < "
	 "WTF::ParkingLot::parkConditionallyImpl(void const*)@bun < WTF::LockAlgorithm<unsigned "
	 "char, "
	 "1, 2>::lockSlow(WTF::Atomic<unsigned char>&)@bun < JSC::Heap::run()@bun",
	 TYPE_MUTEX, WAIT_CONTENTION},
	{"libc.so.6+0x1 < pthread_cond_timedwait@libc.so.6 < "
	 "WTF::ParkingLot::parkConditionallyImpl(void const*)@bun < bool "
	 "WTF::Condition::waitUntilUnchecked<WTF::Lock>(WTF::Lock&)@bun < helper@bun",
	 TYPE_CONDVAR, WAIT_IDLE},
	{"libc.so.6+0x1 < pthread_cond_wait@libc.so.6 < os::PlatformEvent::park()@libjvm.so < "
	 "ObjectMonitor::EnterI(JavaThread*)@libjvm.so < "
	 "ObjectMonitor::enter(JavaThread*)@libjvm.so",
	 TYPE_JAVA, WAIT_CONTENTION},
	{"libc.so.6+0x1 < pthread_cond_wait@libc.so.6 < Parker::park(bool, long)@libjvm.so < "
	 "Unsafe_Park(JNIEnv_*, _jobject*)@libjvm.so",
	 TYPE_PARK, WAIT_IDLE},
	/* nothing that we know: neither contention nor idle */
	{"syscall@libc.so.6 < my_wait@app < main@app", TYPE_RAW, WAIT_UNKNOWN},
	{"bun+0x100 < bun+0x200" ROOT, TYPE_RAW, WAIT_UNKNOWN},
	/* a program's malloc_something is no malloc of libc */
	{"syscall@libc.so.6 < malloc_pool_wait@app < main@app", TYPE_RAW, WAIT_UNKNOWN},
};

static void types_of_futex_waits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(futex_cases); i++) {
		struct wait_info w = wait_on(futex_cases[i].user, WG_END_COMPLETE);

		if (w.type != futex_cases[i].type || w.wait != futex_cases[i].wait)
			fail_msg("%s: %s, %s", futex_cases[i].user, lock_type_name(w.type),
				 wait_class_name(w.wait));
	}
}

static void words_of_this_libc(void **state)
{
	static pthread_rwlock_t rwlock __attribute__((aligned(64)));
	static pthread_cond_t cond __attribute__((aligned(64)));
	uint64_t rw = (uintptr_t)&rwlock, c = (uintptr_t)&cond;
	uint64_t signals = c + offsetof(struct __pthread_cond_s, __g_signals);

	(void)state;
	assert_int_equal(lock_type_base(TYPE_RWLOCK, (uintptr_t)&rwlock.__data.__wrphase_futex),
			 rw);
	assert_int_equal(lock_type_base(TYPE_RWLOCK, (uintptr_t)&rwlock.__data.__writers_futex),
			 rw);
	assert_int_equal(lock_type_base(TYPE_CONDVAR, signals),
			 lock_type_base(TYPE_CONDVAR, signals + 4));
	if (signals == c + 40) /* glibc before 2.42 */
		assert_int_equal(lock_type_base(TYPE_CONDVAR, signals), c);
	assert_int_equal(lock_type_base(TYPE_MUTEX, 0x1004), 0x1004);
	assert_int_equal(lock_type_base(TYPE_RWLOCK, 4), 0);
}

/* --- objects */

#define RWLOCK "libc.so.6+0x1 < pthread_rwlock_wrlock@libc.so.6 < "

static uint32_t futex_at(uint32_t tgid, uint64_t addr, char *module)
{
	return add_lock(
		&r,
		(struct lock){.kind = LOCK_FUTEX, .tgid = tgid, .addr = addr, .module = module});
}

static void two_words_one_rwlock(void **state)
{
	struct run *run = begin();
	uint32_t stack = path(&r, SYSCALL_FUTEX, RWLOCK "get@libfoo.so.1 < main@app");

	(void)state;
	add_waits(run, WG_FUTEX, stack, futex_at(1, 0x5008, "[heap]"), 1, 10, 10);
	add_waits(run, WG_FUTEX, stack, futex_at(1, 0x500c, "[heap]"), 1, 10, 10);
	add_waits(run, WG_FUTEX, stack, futex_at(1, 0x5000, "[heap]"), 1, 10, 10); /* __readers */
	add_waits(run, WG_FUTEX, stack, futex_at(1, 0x5040, "[heap]"), 1, 10, 10); /* another */
	add_waits(run, WG_FUTEX, stack, futex_at(2, 0x5008, "[heap]"), 1, 10,
		  10); /* other process */
	settle();
	assert_int_equal(locks.object_cnt, 3);
	assert_int_equal(locks.of[0][0].object, locks.of[0][1].object);
	assert_int_equal(locks.of[0][0].object, locks.of[0][2].object);
	assert_int_not_equal(locks.of[0][0].object, locks.of[0][3].object);
	assert_int_not_equal(locks.of[0][0].object, locks.of[0][4].object);
	assert_int_equal(locks.objects[locks.of[0][0].object].base, 0x5000);
	for (size_t i = 0; i < locks.object_cnt; i++) {
		assert_string_equal(locks.objects[i].name, "heap, first waited for in get");
		assert_int_equal(locks.objects[i].name_id, 0);
	}
	end();
}

static void names_of_futexes(void **state)
{
	struct run *run = begin();
	uint32_t stack = path(&r, SYSCALL_FUTEX, RWLOCK "get@libfoo.so.1 < main@app");
	const struct lock table = {.kind = LOCK_FUTEX,
				   .tgid = 1,
				   .addr = 0x7008,
				   .module = "libfoo.so",
				   .offset = 0x2008,
				   .symbol = "table",
				   .symbol_offset = 8};
	struct lock member = table, nameless = table;

	(void)state;
	member.addr += 0x100;
	member.symbol_offset += 0x100;
	nameless.addr += 0x200;
	nameless.offset += 0x200;
	nameless.symbol = "";
	add_waits(run, WG_FUTEX, stack, add_lock(&r, table), 1, 10, 10);
	add_waits(run, WG_FUTEX, stack, add_lock(&r, member), 1, 10, 10);
	add_waits(run, WG_FUTEX, stack, add_lock(&r, nameless), 1, 10, 10);
	add_waits(run, WG_FUTEX, stack, futex_at(1, 0x9008, "[stack]"), 1, 10, 10);
	settle();
	assert_string_equal(locks.objects[locks.of[0][0].object].name, "table in libfoo.so");
	assert_string_equal(locks.objects[locks.of[0][1].object].name, "table+0x100 in libfoo.so");
	assert_string_equal(locks.objects[locks.of[0][2].object].name, "libfoo.so+0x2200");
	assert_string_equal(locks.objects[locks.of[0][3].object].name,
			    "stack, first waited for in get");
	end();
}

/* Repeats have other addresses, and the path that waits longest may be another. */
static void one_name_over_repeats(void **state)
{
	struct run *run = begin();
	uint32_t a = path(&r, SYSCALL_FUTEX, RWLOCK "fetch@libfoo.so.1 < main@app");
	uint32_t b = path(&r, SYSCALL_FUTEX, RWLOCK "store@libfoo.so.1 < main@app");
	uint32_t first = futex_at(1, 0x5008, "[heap]"), second = futex_at(1, 0xa008, "[heap]");

	(void)state;
	add_waits(run, WG_FUTEX, a, first, 1, 100, 10);
	add_waits(run, WG_FUTEX, b, first, 1, 60, 10);
	add_waits(run, WG_FUTEX, a, second, 1, 60, 10);
	add_waits(run, WG_FUTEX, b, second, 1, 70, 10);
	settle();
	assert_int_equal(locks.object_cnt, 2);
	assert_string_equal(locks.objects[0].name, "heap, first waited for in fetch");
	assert_string_equal(locks.objects[1].name, "heap, first waited for in fetch");
	end();
}

static void a_broken_path_takes_the_type_of_the_word(void **state)
{
	struct run *run = begin();
	uint32_t word = futex_at(1, 0x5000, "[heap]"), other = futex_at(1, 0x6000, "[heap]");
	uint32_t broken = path_ending(&r, SYSCALL_FUTEX, "libc.so.6+0x1", WG_END_BROKEN);
	uint32_t cond =
		path(&r, SYSCALL_FUTEX, "libc.so.6+0x1 < pthread_cond_wait@libc.so.6 < main@app");
	uint32_t mutex =
		path(&r, SYSCALL_FUTEX, "libc.so.6+0x1 < pthread_mutex_lock@libc.so.6 < main@app");

	(void)state;
	add_waits(run, WG_FUTEX, broken, word, 1, 10, 10);
	add_waits(run, WG_FUTEX, mutex, word, 1, 10, 10);
	add_waits(run, WG_FUTEX, cond, word, 1, 10, 10); /* takes the mutex again */
	add_waits(run, WG_FUTEX, cond, other, 1, 10, 10);
	add_waits(run, WG_FUTEX, broken, futex_at(1, 0x7000, "[heap]"), 1, 10, 10);
	settle();
	assert_int_equal(locks.of[0][0].type, TYPE_MUTEX);
	assert_int_equal(locks.of[0][0].wait, WAIT_CONTENTION);
	assert_int_equal(locks.of[0][2].type, TYPE_MUTEX);
	assert_int_equal(locks.of[0][2].wait, WAIT_CONTENTION);
	assert_int_equal(locks.of[0][3].type, TYPE_CONDVAR);
	assert_int_equal(locks.of[0][4].type, TYPE_RAW);
	assert_int_equal(locks.of[0][4].wait, WAIT_UNKNOWN);
	end();
}

/* --- the kernel */

/* What lock:contention_begin says of a lock, by the kernel's own bits: include/trace/events/lock.h. */
static void flags_of_contention(void **state)
{
	enum {
		LCB_SPIN = 1,
		LCB_READ = 2,
		LCB_WRITE = 4,
		LCB_RT = 8,
		LCB_PERCPU = 16,
		LCB_MUTEX = 32
	};
	static const struct {
		uint32_t site, lock;
		enum lock_type type;
	} cases[] = {
		{LCB_SPIN, LOCK_SPIN, TYPE_KSPIN},
		{LCB_READ, LOCK_READER, TYPE_KRWSEM},
		{LCB_WRITE, LOCK_WRITER, TYPE_KRWSEM},
		{LCB_RT | LCB_READ, LOCK_RT | LOCK_READER, TYPE_KRT},
		{LCB_PERCPU | LCB_READ, LOCK_PERCPU | LOCK_READER, TYPE_KPERCPU},
		{LCB_MUTEX, LOCK_MUTEX, TYPE_KMUTEX},
		{LCB_MUTEX | LCB_SPIN, LOCK_MUTEX | LOCK_SPIN, TYPE_KMUTEX},
		{LCB_SPIN | LCB_READ, LOCK_SPIN | LOCK_READER, TYPE_KRWLOCK},
		{LCB_SPIN | LCB_WRITE, LOCK_SPIN | LOCK_WRITER, TYPE_KRWLOCK},
		{LCB_WRITE | WG_SITE_OWN_MMAP, LOCK_WRITER | LOCK_OWN_MMAP, TYPE_MMAP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *run = begin();
		struct lock l = {.kind = LOCK_KERNEL,
				 .flags = lock_flags_of(cases[i].site),
				 .addr = 0xffff888000000000,
				 .module = "[kernel]",
				 .symbol = ""};

		assert_int_equal(l.flags, cases[i].lock);
		add_waits(run, WG_KLOCK, path(&r, "schedule < vfs_write", "main@app"),
			  add_lock(&r, l), 1, 10, 10);
		settle();
		assert_int_equal(locks.of[0][0].type, cases[i].type);
		end();
	}
}

static void names_of_kernel_locks(void **state)
{
	static const struct {
		uint32_t flags;
		char *symbol;
		const char *kernel, *name;
		enum lock_type type;
	} cases[] = {
		{LOCK_OWN_MMAP | LOCK_WRITER, "", "rwsem_down_write_slowpath < __vm_munmap",
		 "mmap_lock", TYPE_MMAP},
		{LOCK_READER, "",
		 "schedule < rwsem_down_read_slowpath < down_read < m_start < seq_read",
		 "mmap_lock of another process", TYPE_MMAP},
		/* an inode's rwsem inside a page fault is no mmap_lock */
		{LOCK_READER, "",
		 "rwsem_down_read_slowpath < down_read < filemap_fault < do_user_addr_fault",
		 "rwsem in filemap_fault", TYPE_KRWSEM},
		{LOCK_SPIN, "",
		 "native_queued_spin_lock_slowpath < _raw_spin_lock < zap_pte_range < unmap_vmas",
		 "spinlock in zap_pte_range", TYPE_KSPIN},
		{LOCK_SPIN | LOCK_WRITER, "tasklist_lock",
		 "queued_write_lock_slowpath < release_task", "tasklist_lock", TYPE_KRWLOCK},
		{0, "", "__mutex_lock.constprop.0 < pipe_write < vfs_write", "mutex in pipe_write",
		 TYPE_KMUTEX},
		{LOCK_MUTEX | LOCK_SPIN, "", "mutex_spin_on_owner < __mutex_lock < pipe_read",
		 "mutex in pipe_read", TYPE_KMUTEX},
		{LOCK_PERCPU | LOCK_READER, "cgroup_threadgroup_rwsem",
		 "percpu_rwsem_wait < __percpu_down_read < copy_process",
		 "cgroup_threadgroup_rwsem", TYPE_KPERCPU},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *run = begin();
		struct lock l = {.kind = LOCK_KERNEL,
				 .flags = cases[i].flags,
				 .addr = 0xffff888000000000,
				 .module = "[kernel]",
				 .symbol = cases[i].symbol};

		add_waits(run, WG_KLOCK, path(&r, cases[i].kernel, "main@app"), add_lock(&r, l), 1,
			  10, 10);
		settle();
		assert_string_equal(locks.objects[0].name, cases[i].name);
		assert_int_equal(locks.of[0][0].type, cases[i].type);
		assert_int_equal(locks.of[0][0].wait, WAIT_CONTENTION);
		end();
	}
}

#define FAULT " < __handle_mm_fault < handle_mm_fault < do_user_addr_fault < asm_exc_page_fault"
#define SYSCALL(name) " < __x64_sys_" name " < do_syscall_64 < entry_SYSCALL_64_after_hwframe"

static const struct {
	const char *kernel;
	bool in_fault;
	enum kclass class;
} kernel_cases[] = {
	{"clear_page_rep < folio_zero_user" FAULT, true, KC_FAULT_ZERO},
	{"clear_page_erms < prep_new_page < get_page_from_freelist < do_anonymous_page" FAULT, true,
	 KC_FAULT_ZERO},
	/* a page of page tables is cleared and charged too */
	{"clear_page_rep < get_page_from_freelist < pte_alloc_one < __pte_alloc" FAULT, true,
	 KC_FAULT_PGTABLE},
	{"try_charge_memcg < obj_cgroup_charge_pages < __memcg_kmem_charge_page < "
	 "pte_alloc_one" FAULT,
	 true, KC_FAULT_PGTABLE},
	{"charge_memcg < __mem_cgroup_charge < do_anonymous_page" FAULT, true, KC_FAULT_MEMCG},
	{"next_uptodate_folio < filemap_map_pages < do_fault" FAULT, true, KC_FAULT_FILE},
	{"copy_mc_enhanced_fast_string < wp_page_copy < do_wp_page" FAULT, true, KC_FAULT_COPY},
	{"shrink_folio_list < shrink_lruvec < try_to_free_pages < __alloc_pages_slowpath" FAULT,
	 true, KC_FAULT_RECLAIM},
	{"lock_vma_under_rcu < do_user_addr_fault < asm_exc_page_fault", true, KC_FAULT_LOCK},
	{"__pv_queued_spin_lock_slowpath < _raw_spin_lock < __pte_offset_map_lock" FAULT, true,
	 KC_FAULT_LOCK},
	{"get_page_from_freelist < vma_alloc_folio_noprof < do_anonymous_page" FAULT, true,
	 KC_FAULT_ALLOC},
	{"_raw_spin_unlock_irqrestore < folio_batch_move_lru < do_anonymous_page" FAULT, true,
	 KC_FAULT_LRU},
	{"exc_page_fault < asm_exc_page_fault", true, KC_FAULT_ENTRY},
	{"do_anonymous_page" FAULT, true, KC_FAULT_OTHER},
	{"_raw_spin_unlock", true, KC_FAULT_OTHER},
	/* what a lock's functions call as they spin; handing a lock over to who waits */
	{"__raw_callee_save___kvm_vcpu_is_preempted < rwsem_spin_on_owner < "
	 "rwsem_down_write_slowpath < down_write_killable < do_mprotect_pkey" SYSCALL("mprotect"),
	 false, KC_MMAP_LOCK},
	{"_raw_spin_unlock_irqrestore < try_to_wake_up < wake_up_q < rwsem_wake < up_write < "
	 "do_mprotect_pkey" SYSCALL("mprotect"),
	 false, KC_MMAP_LOCK},
	{"try_to_wake_up < wake_up_q < rwsem_wake < up_read < ext4_file_read_iter" SYSCALL("read"),
	 false, KC_LOCK},
	/* populating is a fault without a trap; clearing elsewhere is none */
	{"clear_page_rep < do_anonymous_page < __handle_mm_fault < handle_mm_fault < faultin_page "
	 "< "
	 "__get_user_pages < populate_vma_page_range < __mm_populate" SYSCALL("mmap"),
	 false, KC_FAULT_ZERO},
	{"clear_page_rep < get_page_from_freelist < pipe_write" SYSCALL("write"), false,
	 KC_SYSCALL},
	{"smp_call_function_many_cond < on_each_cpu_cond_mask < flush_tlb_mm_range < "
	 "tlb_finish_mmu < unmap_region < __do_munmap" SYSCALL("munmap"),
	 false, KC_TLB},
	{"flush_tlb_func < __sysvec_call_function < asm_sysvec_call_function", false, KC_TLB},
	{"hrtimer_interrupt < asm_sysvec_apic_timer_interrupt < clear_page_rep" FAULT, true,
	 KC_IRQ},
	{"net_rx_action < handle_softirqs < do_softirq < __local_bh_enable_ip < "
	 "tcp_sendmsg" SYSCALL("sendto"),
	 false, KC_SYSCALL},
	{"finish_task_switch < __schedule < schedule < irqentry_exit_to_user_mode < "
	 "asm_sysvec_reschedule_ipi",
	 false, KC_SCHED},
	{"finish_task_switch < __schedule < schedule < futex_wait_queue < futex_wait < "
	 "do_futex" SYSCALL("futex"),
	 false, KC_FUTEX},
	{"release_pages < unmap_vmas < exit_mmap < mmput < do_exit" SYSCALL("exit_group"), false,
	 KC_EXIT},
	{"release_pages < exit_mmap < mmput < exec_mmap < begin_new_exec < load_elf_binary < "
	 "bprm_execve" SYSCALL("execve"),
	 false, KC_EXEC},
	{"zap_pte_range < zap_page_range_single < madvise_vma_behavior" SYSCALL("madvise"), false,
	 KC_UNMAP},
	{"mas_wr_store_entry < do_mmap < vm_mmap_pgoff" SYSCALL("mmap"), false, KC_MMAP},
	{"copy_page_range < dup_mmap < copy_process < kernel_clone" SYSCALL("clone"), false,
	 KC_FORK},
	{"rep_movs_alternative < _copy_to_iter < filemap_read" SYSCALL("read"), false, KC_COPY},
	{"bpf_prog_1234_wg_switch < bpf_trace_run4 < __schedule < schedule", false, KC_TRACE},
	{"entry_SYSCALL_64_after_hwframe", false, KC_ENTRY},
	{"some_kernel_thread", false, KC_OTHER},
	{"", false, KC_OTHER},
};

static void classes_of_kernel_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kernel_cases); i++) {
		enum kclass got;
		uint32_t at;

		begin();
		path(&r, kernel_cases[i].kernel, "main@app");
		assert_int_equal(paths_of(&paths, &r), 0);
		got = path_kclass(&paths, &r.stacks[0], kernel_cases[i].in_fault, &at);
		if (got != kernel_cases[i].class)
			fail_msg("%s: %s", kernel_cases[i].kernel, kclass_name(got));
		assert_true(at < r.stacks[0].frame_cnt);
		paths_clear(&paths);
		recording_clear(&r);
	}
}

static void blocked_without_an_event(void **state)
{
	static const char *const cases[][2] = {
		{"schedule < rcuwait_wait_event < __vma_enter_locked < __vma_start_write < "
		 "vms_gather_munmap_vmas" SYSCALL("munmap"),
		 "VMA lock"},
		{"io_schedule < folio_wait_bit_common < filemap_fault" FAULT,
		 "page being read in, or locked"},
		{"schedule < wait_transaction_locked < jbd2__journal_start", "file system journal"},
		{"schedule < io_cqring_wait" SYSCALL("io_uring_enter"), "io_uring"},
		{"schedule < synchronize_rcu_normal < some_close", "RCU grace period"},
		{"schedule < something_new", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int rule;

		begin();
		path(&r, cases[i][0], "main@app");
		assert_int_equal(paths_of(&paths, &r), 0);
		rule = path_blocked(&paths, &r.stacks[0]);
		if (cases[i][1])
			assert_string_equal(blocked_rule_name(rule), cases[i][1]);
		else
			assert_int_equal(rule, -1);
		paths_clear(&paths);
		recording_clear(&r);
	}
}

/* --- summing up */

static void add_lane(struct run *run, uint64_t futex_ns, uint64_t cpu_ns)
{
	struct thread *t = run_add_thread(run);

	t->role = ROLE_WORKER;
	t->end_ns = futex_ns + cpu_ns;
	t->state_ns[WG_FUTEX] = futex_ns;
	t->state_ns[WG_CPU] = cpu_ns;
	t->count[WG_N_SAMPLE_USER] = 100;
}

static void shares_are_of_the_mean_lane(void **state)
{
	struct run *run = begin();
	uint32_t lock = path(&r, SYSCALL_FUTEX,
			     "libc.so.6+0x1 < pthread_mutex_lock@libc.so.6 < put@app < main@app");
	uint32_t waker = path(&r, "", "pthread_mutex_unlock@libc.so.6 < get@app < main@app");
	uint32_t leaf = path(&r, "", "hash@app < main@app");
	uint32_t atomic = path(&r, "", "count@app < main@app");
	struct summary s;
	struct where w;
	const struct where_cause *c;

	(void)state;
	add_lane(run, 400, 600);
	add_lane(run, 200, 800);
	add_waits(run, WG_FUTEX, lock, futex_at(1, 0x404000, "[heap]"), 5, 480, 90);
	add_waker(run, waker, 9);
	add_waker(run, NO_INDEX, 1);
	/* the orchestrator's waits are not the lanes' */
	add_waits(run, WG_FUTEX, lock, futex_at(1, 0x404100, "[heap]"), 1, 1000, 1000)->role =
		ROLE_ORCHESTRATOR;
	add_samples(run, WG_CPU, true, leaf, 75, 0);
	add_samples(run, WG_CPU, true, atomic, 25, 20);
	settle();
	assert_int_equal(summary_of(&s, &r), 0);
	assert_int_equal(where_of(&w, &locks, &s.sections[0].groups[0]), 0);

	assert_int_equal(w.bucket[B_FUTEX].cause_cnt, 1);
	c = &w.bucket[B_FUTEX].causes[0];
	assert_true(fabs(w.bucket[B_FUTEX].ns - 300) < 0.01); /* (400 + 200) / 2 */
	assert_true(fabs(c->ns - 240) < 0.01);
	assert_true(fabs(c->share - 0.8) < 0.001);
	assert_true(fabs(w.bucket[B_FUTEX].covered - 0.8) < 0.001);
	assert_true(c->count == 5 && c->max_ns == 90 && c->error == 0);
	assert_int_equal(c->waker_cnt, 2);
	assert_true(fabs(c->wakers[0].share - 0.9) < 0.001);
	assert_int_equal(c->wakers[1].stack, NO_INDEX);

	assert_int_equal(w.bucket[B_CPU_USER].cause_cnt, 2);
	c = &w.bucket[B_CPU_USER].causes[0];
	assert_string_equal(r.frames[c->frame].name, "hash");
	assert_true(fabs(c->share - 0.75) < 0.001);
	assert_true(fabs(c->error - 1.96 * sqrt(0.75 * 0.25 / 100)) < 1e-6);
	assert_true(fabs(c->ns - 0.75 * w.bucket[B_CPU_USER].ns) < 0.01);
	assert_true(w.bucket[B_CPU_USER].traffic == 20);
	assert_true(w.bucket[B_CPU_USER].causes[1].traffic == 20);
	where_clear(&w);
	summary_clear(&s);
	end();
}

static void a_flat_profile_parts_into_callers(void **state)
{
	struct run *run = begin();
	struct where_child child[SPLIT_MAX];
	struct summary s;
	struct where w;
	uint32_t under;

	(void)state;
	add_lane(run, 0, 1000);
	for (int i = 0; i < 6; i++) {
		char text[128];

		snprintf(text, sizeof(text),
			 "leaf%d@app < app+0x%d00 < fetch@app < op@app < main@app", i, i);
		add_samples(run, WG_CPU, true, path(&r, "", text), 10, 0);
	}
	add_samples(run, WG_CPU, true, path(&r, "", "x@app < hash@app < op@app < main@app"), 38, 0);
	add_samples(run, WG_CPU, true, path(&r, "", "op@app < main@app"), 1, 0);
	add_samples(run, WG_CPU, true, path(&r, "", "signal@app"), 1, 0);
	settle();
	assert_int_equal(summary_of(&s, &r), 0);
	assert_int_equal(where_of(&w, &locks, &s.sections[0].groups[0]), 0);
	assert_int_equal(where_split(&w.bucket[B_CPU_USER], &under, child), 2);
	assert_string_equal(r.frames[under].name, "op");
	assert_string_equal(r.frames[child[0].frame].name, "fetch");
	assert_true(fabs(child[0].share - 0.6) < 0.001);
	assert_string_equal(r.frames[child[1].frame].name, "hash");
	assert_true(fabs(child[1].error - 1.96 * sqrt(0.38 * 0.62 / 100)) < 1e-6);
	where_clear(&w);
	summary_clear(&s);
	end();
}

static void idle_waits_are_one_cause(void **state)
{
	struct run *run = begin();
	uint32_t a =
		path(&r, SYSCALL_FUTEX,
		     "libc.so.6+0x1 < pthread_cond_wait@libc.so.6 < uv_cond_wait@node < w@node");
	uint32_t b =
		path(&r, SYSCALL_FUTEX, "libc.so.6+0x1 < pthread_cond_wait@libc.so.6 < pop@node");
	struct summary s;
	struct where w;

	(void)state;
	add_lane(run, 1000, 0);
	add_waits(run, WG_FUTEX, a, futex_at(1, 0x1028, "[heap]"), 1, 600, 600);
	add_waits(run, WG_FUTEX, b, futex_at(1, 0x2028, "[heap]"), 1, 400, 400);
	settle();
	assert_int_equal(summary_of(&s, &r), 0);
	assert_int_equal(where_of(&w, &locks, &s.sections[0].groups[0]), 0);
	assert_int_equal(w.bucket[B_FUTEX].cause_cnt, 1);
	assert_int_equal(w.bucket[B_FUTEX].causes[0].wait, WAIT_IDLE);
	assert_int_equal(w.bucket[B_FUTEX].causes[0].object_cnt, 2);
	assert_int_equal(w.bucket[B_FUTEX].causes[0].path_cnt, 2);
	where_clear(&w);
	summary_clear(&s);
	end();
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-6 * (fabs(a) + fabs(b)) + 1e-6;
}

/*
 * Of 1000 ns of futex waits 600 are for a mutex and 400 found no room; and rows of threads that found
 * none either are in sites alone.
 */
static void what_is_lost_is_no_lock(void **state)
{
	struct run *run = begin();
	uint32_t lost = path_ending(&r, "", "", WG_END_LOST), word = futex_at(1, 0x1000, "[heap]");
	const struct where_bucket *k;
	struct summary s;
	struct where w;

	(void)state;
	add_lane(run, 1000, 0);
	add_waits(run, WG_FUTEX, path(&r, SYSCALL_FUTEX, "pthread_mutex_lock@libc.so.6 < f@app"),
		  word, 1, 500, 500);
	add_waits(run, WG_FUTEX, lost, word, 1, 100, 100); /* of the same word: the type is known */
	add_waits(run, WG_FUTEX, lost, NO_INDEX, 4, 1400, 400);
	add_waits(run, WG_IO, lost, NO_INDEX, 4, 400, 400);
	add_faults(run, lost, 9, 1, 1, 1);
	add_samples(run, WG_CPU, true, lost, 2, 0);
	settle();
	assert_int_equal(locks.of[0][1].type, TYPE_MUTEX);
	assert_false(site_is_lost(&r.stacks[lost], &locks.of[0][1]));
	assert_true(site_is_lost(&r.stacks[lost], &locks.of[0][2]));
	assert_int_equal(summary_of(&s, &r), 0);
	assert_int_equal(where_of(&w, &locks, &s.sections[0].groups[0]), 0);
	k = &w.bucket[B_FUTEX];
	assert_int_equal(k->cause_cnt, 2);
	assert_int_equal(k->causes[0].kind, CAUSE_LOST);
	assert_true(near(k->causes[0].share, 0.7));
	assert_int_equal(k->causes[1].kind, CAUSE_LOCK);
	assert_true(near(k->causes[1].share, 0.3));
	assert_int_equal(w.bucket[B_IO].causes[0].kind, CAUSE_LOST);
	assert_int_equal(w.bucket[WHERE_FAULTS].causes[0].kind, CAUSE_LOST);
	assert_int_equal(w.bucket[B_CPU_USER].causes[0].kind, CAUSE_LOST);
	where_clear(&w);
	summary_clear(&s);
	end();
}

static double site_sum(const struct group *g, int bucket)
{
	double sum = 0;

	for (size_t i = 0; i < g->run_cnt; i++) {
		for (size_t j = 0; j < g->runs[i]->site_cnt; j++) {
			const struct site *s = &g->runs[i]->sites[j];

			if (site_bucket(s) == bucket && (!g->has_lanes || s->role == ROLE_WORKER))
				sum += (double)s->count;
		}
	}
	return sum;
}

/* Whatever is in a recording: causes and paths hold what the sites hold, largest first. */
static void check_group(const struct locks *l, const struct group *g)
{
	struct where w;

	assert_int_equal(where_of(&w, l, g), 0);
	for (int b = 0; b < WHERE_CNT; b++) {
		const struct where_bucket *k = &w.bucket[b];
		struct where_child child[SPLIT_MAX];
		uint32_t under, parts = where_split(k, &under, child);
		bool samples = b == B_CPU_USER || b == B_CPU_KERNEL || b == B_CPU_FAULT;
		double runs = samples ? 1 : (double)g->run_cnt, count = 0;

		for (size_t i = 0; i < k->cause_cnt; i++) {
			const struct where_cause *c = &k->causes[i];
			double amount = 0;

			assert_true(!i || k->causes[i - 1].amount >= c->amount);
			assert_true(c->share >= 0 && c->share <= 1);
			assert_true(samples || c->error == 0);
			assert_true(c->path_cnt > 0);
			for (size_t j = 0; j < c->path_cnt; j++)
				amount += c->paths[j].amount;
			assert_true(near(amount, c->amount));
			count += c->count * runs;
		}
		assert_true(near(count, site_sum(g, b)));
		for (uint32_t i = 0; i < parts; i++)
			assert_true(child[i].frame < r.frame_cnt && child[i].share <= 1.000001);
	}
	where_clear(&w);
}

static void nothing_is_lost_in_any_recording(void **state)
{
	size_t sites = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct prng p = {.state = seed};
		struct summary s;

		recording_init(&r);
		random_recording(&r, &p);
		settle();
		assert_int_equal(summary_of(&s, &r), 0);
		for (size_t i = 0; i < s.section_cnt; i++) {
			for (size_t j = 0; j < s.sections[i].group_cnt; j++)
				check_group(&locks, &s.sections[i].groups[j]);
		}
		for (size_t i = 0; i < r.run_cnt; i++)
			sites += r.runs[i].site_cnt;
		summary_clear(&s);
		end();
	}
	assert_true(sites > 1000);
}

static void quality_counts_waits_and_samples(void **state)
{
	struct run *run = begin();
	struct stack_quality q = {{0}, {0}};

	(void)state;
	add_waits(run, WG_FUTEX, path(&r, "", "main@app"), NO_INDEX, 99, 1, 1);
	add_waits(run, WG_FUTEX, path_ending(&r, "", "f@app", WG_END_BROKEN), NO_INDEX, 1, 1, 1);
	add_waits(run, WG_FUTEX, path_ending(&r, "k", "", WG_END_NONE), NO_INDEX, 50, 1, 1);
	add_samples(run, WG_CPU, true, path_ending(&r, "", "f@app", WG_END_TRUNCATED), 10, 0);
	stack_quality_add(&q, &r, run);
	assert_true(near(stack_quality_all(q.waits), 100));
	assert_true(near(stack_quality_complete(q.waits), 0.99));
	assert_true(near(stack_quality_complete(q.samples), 0));
	recording_clear(&r);
}

/* --- flame graphs */

static void folded_lines(void **state)
{
	scoped_free char *got = NULL;
	size_t sz = 0;
	struct run *run = begin();
	FILE *f = open_memstream(&got, &sz);
	uint32_t p = path(&r, "do_it < sys", "a;b@app < jit@ < main@app");

	(void)state;
	add_samples(run, WG_CPU, false, p, 3, 0);
	add_samples(run, WG_CPU_FAULT, false, p, 4, 0); /* the same path: one line */
	add_samples(run, WG_CPU, true, path_ending(&r, "", "x\n@app", WG_END_BROKEN), 1, 0);
	add_waits(run, WG_FUTEX, p, NO_INDEX, 1, 1600, 1);
	add_waits(run, WG_IPC, path(&r, "", "y@app"), NO_INDEX, 1, 400, 1); /* under 1 us */
	add_faults(run, p, 9, 1, 1, 1);
	assert_int_equal(report_folded(f, &r, FOLDED_CPU), 0);
	assert_int_equal(report_folded(f, &r, FOLDED_OFFCPU), 0);
	assert_int_equal(report_folded(f, &r, FOLDED_FAULTS), 0);
	fclose(f);
	assert_string_equal(got, "x;main;jit_[j];a:b;sys_[k];do_it_[k] 7\n"
				 "x;[broken];x? 1\n"
				 "x;main;jit_[j];a:b;sys_[k];do_it_[k] 2\n"
				 "x;main;jit_[j];a:b;sys_[k];do_it_[k] 9\n");
	recording_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(short_names),
		cmocka_unit_test(paths_fit_their_width),
		cmocka_unit_test(types_of_futex_waits),
		cmocka_unit_test(words_of_this_libc),
		cmocka_unit_test(two_words_one_rwlock),
		cmocka_unit_test(names_of_futexes),
		cmocka_unit_test(one_name_over_repeats),
		cmocka_unit_test(a_broken_path_takes_the_type_of_the_word),
		cmocka_unit_test(flags_of_contention),
		cmocka_unit_test(names_of_kernel_locks),
		cmocka_unit_test(classes_of_kernel_work),
		cmocka_unit_test(blocked_without_an_event),
		cmocka_unit_test(shares_are_of_the_mean_lane),
		cmocka_unit_test(a_flat_profile_parts_into_callers),
		cmocka_unit_test(idle_waits_are_one_cause),
		cmocka_unit_test(what_is_lost_is_no_lock),
		cmocka_unit_test(nothing_is_lost_in_any_recording),
		cmocka_unit_test(quality_counts_waits_and_samples),
		cmocka_unit_test(folded_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
