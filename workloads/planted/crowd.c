// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * crowd FORM [N]: a storm of N, all at once or as fast as it goes.
 *
 * ends      N threads leave one barrier together and end
 * threads   N threads are started one after the other, each sleeps 50 us and ends
 * forks     N child processes, each waited for at once
 * zombies   N child processes that end before any is waited for
 * execs     N child processes, each calls exec of this program, which ends at once
 * vforks    the same by vfork
 * chain     one process that calls exec of this program N times, one after the other
 * taken     N child processes, in each a second thread calls exec
 * groups    N threads in processes of 1,000, all of which end with the first of them
 * maps      N mappings of code, made and taken away
 * files     N mappings of code, each of another file, made and taken away
 * locks     two threads wait for each other on N different mutexes
 * words     one thread waits on N different futex words, until the time is over
 *
 * Truth: how many tasks there were beside the first, how many locks.
 */
#include "planted.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct self self;
static uint64_t n, tasks, locks;

/* --- threads */

#define STACK_SZ (32 * 1024ul)

static pthread_barrier_t barrier;

static void *leave(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void *sleep_once(void *arg)
{
	(void)arg;
	nap(50 * NS_PER_US);
	return NULL;
}

static void start(pthread_t *thread, void *(*fn)(void *))
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SZ);
	errno = pthread_create(thread, &attr, fn, NULL);
	if (errno)
		die("pthread_create");
	pthread_attr_destroy(&attr);
	tasks++;
}

static void ends(void)
{
	pthread_t *threads = calloc(n, sizeof(*threads));

	if (!threads || pthread_barrier_init(&barrier, NULL, (unsigned int)n + 1))
		die("barrier");
	for (uint64_t i = 0; i < n; i++)
		start(&threads[i], leave);
	pthread_barrier_wait(&barrier);
	for (uint64_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void short_threads(void)
{
	pthread_t threads[64];

	for (uint64_t i = 0; i < n; i += ARRAY_SIZE(threads)) {
		size_t cnt = n - i < ARRAY_SIZE(threads) ? n - i : ARRAY_SIZE(threads);

		for (size_t j = 0; j < cnt; j++)
			start(&threads[j], sleep_once);
		for (size_t j = 0; j < cnt; j++)
			pthread_join(threads[j], NULL);
	}
}

/* --- processes */

static void run_nothing(void)
{
	execl("/proc/self/exe", "crowd", "nothing", NULL);
	_exit(1);
}

static void child_of(bool exec)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid && exec)
		run_nothing();
	if (!pid)
		_exit(0);
	tasks++;
}

static void reap(void)
{
	int status;

	if (wait(&status) < 0 || status)
		die("a child");
}

static void forks(bool exec)
{
	for (uint64_t i = 0; i < n; i++) {
		child_of(exec);
		reap();
	}
}

static void vfork_child(void)
{
	pid_t pid = vfork();

	if (pid < 0)
		die("vfork");
	if (!pid)
		run_nothing();
	tasks++;
}

static void vforks(void)
{
	for (uint64_t i = 0; i < n; i++) {
		vfork_child();
		reap();
	}
}

/* Exec again, with one less to go. */
static void chain(void)
{
	char left[24];

	if (!n)
		return;
	snprintf(left, sizeof(left), "%llu", (unsigned long long)n - 1);
	execl("/proc/self/exe", "crowd", "chain", left, NULL);
	die("exec");
}

static void *take_over(void *arg)
{
	run_nothing();
	return arg;
}

static void taken(void)
{
	pthread_t thread;

	for (uint64_t i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid) {
			start(&thread, take_over);
			pthread_join(thread, NULL); /* never */
			_exit(1);
		}
		tasks += 2;
		reap();
	}
}

#define GROUP 1000

static void *stay(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void groups(void)
{
	for (uint64_t i = 0; i < n; i += GROUP) {
		uint64_t cnt = n - i < GROUP ? n - i : GROUP;
		pid_t pid = fork();
		pthread_t thread;

		if (pid < 0)
			die("fork");
		for (uint64_t j = 0; !pid && j < cnt; j++)
			start(&thread, stay);
		if (!pid)
			_exit(0);
		tasks += cnt + 1;
		reap();
	}
}

#define ZOMBIES 1000 /* at a time: pid_max may be 32768, and is for all */

static void zombies(void)
{
	for (uint64_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && j < i + ZOMBIES; j++)
			child_of(false);
		for (; i < j; i++)
			reap();
	}
}

/* --- mappings */

static void maps(void)
{
	for (uint64_t i = 0; i < n; i++) {
		void *p =
			mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED || munmap(p, PAGE))
			die("mmap");
	}
}

static void files(void)
{
	for (uint64_t i = 0; i < n; i++) {
		char path[] = "/tmp/crowd-XXXXXX";
		int fd = mkstemp(path);
		void *p;

		if (fd < 0 || unlink(path) || ftruncate(fd, PAGE))
			die(path);
		p = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		close(fd);
		if (p == MAP_FAILED || munmap(p, PAGE))
			die("mmap");
	}
}

/* --- locks: each is held by the one until the other sleeps on it */

struct padded {
	pthread_mutex_t m;
};

static struct padded *all;
static atomic_ulong held, wanted;

static void *hold(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		pthread_mutex_lock(&all[i].m);
		atomic_store(&held, i + 1);
		/* until it waits: glibc says so in the word */
		while (*(volatile int *)&all[i].m != 2)
			sched_yield();
		pthread_mutex_unlock(&all[i].m);
		while (atomic_load(&wanted) <= i)
			sched_yield();
	}
	return NULL;
}

static void *want(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		while (atomic_load(&held) <= i)
			sched_yield();
		pthread_mutex_lock(&all[i].m);
		pthread_mutex_unlock(&all[i].m);
		atomic_store(&wanted, i + 1);
	}
	return NULL;
}

static void many_locks(void)
{
	pthread_t threads[2];

	all = calloc(n, sizeof(*all));
	if (!all)
		die("mutexes");
	for (uint64_t i = 0; i < n; i++)
		pthread_mutex_init(&all[i].m, NULL);
	threads[0] = start_thread(hold, NULL);
	threads[1] = start_thread(want, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	tasks += 2;
	locks = n;
	free(all);
}

static void words(void)
{
	const struct timespec moment = {.tv_nsec = 1};
	uint32_t *word = calloc(n, sizeof(*word));

	if (!word)
		die("words");
	for (uint64_t i = 0; i < n; i++)
		if (!syscall(SYS_futex, &word[i], FUTEX_WAIT_PRIVATE, 0, &moment, NULL, 0) ||
		    errno != ETIMEDOUT)
			die("futex");
	locks = n;
	free(word);
}

static void only_forks(void)
{
	forks(false);
}

static void execs(void)
{
	forks(true);
}

static const struct {
	const char *name;
	void (*run)(void);
} forms[] = {
	{"ends", ends},	  {"threads", short_threads}, {"forks", only_forks},
	{"execs", execs}, {"vforks", vforks},	      {"chain", chain},
	{"taken", taken}, {"groups", groups},	      {"zombies", zombies},
	{"maps", maps},	  {"files", files},	      {"locks", many_locks},
	{"words", words},
};

int main(int argc, char **argv)
{
	const char *form = arg_str(argc, argv, 1, "ends");
	void (*run)(void) = NULL;
	FILE *f;

	if (!strcmp(form, "nothing"))
		return 0;
	n = arg_u64(argc, argv, 2, 3001);
	for (size_t i = 0; i < ARRAY_SIZE(forms) && !run; i++)
		if (!strcmp(form, forms[i].name))
			run = forms[i].run;
	if (!run)
		die(form);
	if (run != chain)
		settle();
	self_begin(&self, "main");
	run();
	self_end(&self);
	f = truth_open("crowd");
	truth_u64(f, "tasks", tasks);
	truth_u64(f, "locks", locks);
	truth_close(f, &self, 1);
	return 0;
}
