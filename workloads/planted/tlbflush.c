// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * tlbflush [FORM] [N]: N times, a thread touches a page and takes it away again with munmap, in
 * flush_here(). While it does, another thread keeps a CPU of its own busy.
 *
 *   FORM  threads: with it in the same process, so that each round must flush that CPU's TLB too;
 *         procs: it is another process, whose TLB does not matter
 *
 * Truth: threads: N flushes asked of another CPU by the flusher, but for moments in which
 * real-time threads are held back; procs: none. Its start and end ask for a few.
 */
#include "planted.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static atomic_bool ended;
static atomic_bool *spinning;
static int spinner_cpu;
static struct self self;

OWN_FRAME static void flush_here(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		volatile char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			die("mmap");
		*p = 1;
		munmap((void *)(uintptr_t)p, PAGE);
	}
}

static void *spinner(void *arg)
{
	(void)arg;
	name_thread("spinner");
	pin(spinner_cpu);
	be_realtime(); /* off its CPU, it would need no flush */
	atomic_store(spinning, true);
	while (!atomic_load_explicit(&ended, memory_order_relaxed))
		;
	return NULL;
}

/*
 * Begin anew on one CPU: the kernel goes on flushing CPUs on which an address space was active,
 * for up to a second after it left them (mm_cpumask is trimmed lazily).
 */
static void restart_pinned(bool threads, uint64_t n)
{
	int other = allowed_cpu(1);
	char n_text[32], cpu[32];
	char *argv[] = {"tlbflush", threads ? "threads" : "procs", n_text, cpu, NULL};

	errno = ENODEV;
	if (other < 0 || other == allowed_cpu(0))
		skip("two CPUs");
	snprintf(n_text, sizeof(n_text), "%llu", (unsigned long long)n);
	snprintf(cpu, sizeof(cpu), "%d", other);
	pin(allowed_cpu(0));
	execv("/proc/self/exe", argv);
	die("execv");
}

int main(int argc, char **argv)
{
	bool threads = !strcmp(arg_str(argc, argv, 1, "threads"), "threads");
	uint64_t n = arg_u64(argc, argv, 2, 5003);
	pthread_t thread = 0;
	pid_t child = 0;
	FILE *f;

	if (argc < 4)
		restart_pinned(threads, n);
	spinner_cpu = atoi(argv[3]);
	spinning = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (spinning == MAP_FAILED)
		die("mmap");
	if (threads)
		thread = start_thread(spinner, NULL);
	else if (!(child = fork()))
		spinner(NULL);
	while (!atomic_load(spinning))
		nap(NS_PER_MS);
	self_begin(&self, "flusher");
	flush_here(n);
	self_end(&self);
	atomic_store(&ended, true);
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	} else {
		pthread_join(thread, NULL);
	}
	f = truth_open("tlbflush");
	truth_u64(f, "n", n);
	truth_close(f, &self, 1);
	return 0;
}
