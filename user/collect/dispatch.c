// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Times handovers and page faults; see dispatch.h. In chunks of which the shortest counts: an
 * interrupt, another task or the hypervisor only ever makes one longer.
 */
#include "collect/dispatch.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/threads.h"
#include "base/util.h"

#define CHUNK_CNT 24
#define LIMIT_NS (3 * NSEC_PER_MSEC) /* of each of the two */
#define TRIPS 16		     /* in a chunk */
#define PAGES 32		     /* in a chunk */

/* What they were on a quiet machine: where this one was too busy to tell. */
#define PROGRAM_NS 30
#define FAULT_NS 25

struct echo {
	int there[2], back[2];
};

/* Until the other side closes. */
static void *echo(void *arg)
{
	const struct echo *e = arg;
	char c;

	while (read(e->there[0], &c, 1) == 1 && write(e->back[1], &c, 1) == 1)
		;
	return NULL;
}

/* ns of a handover, 0 when it failed. */
static uint64_t time_trips(const struct echo *e)
{
	uint64_t begin = now_ns();
	char c = 0;
	int i;

	for (i = 0; i < TRIPS; i++)
		if (write(e->there[1], &c, 1) != 1 || read(e->back[0], &c, 1) != 1)
			return 0;
	return (now_ns() - begin) / (2 * (uint64_t)TRIPS);
}

static uint64_t time_faults(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t begin, ns;
	volatile char *mem = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (mem == MAP_FAILED)
		return 0;
	madvise((void *)mem, PAGES * page, MADV_NOHUGEPAGE); /* where there are none it is none */
	begin = now_ns();
	for (i = 0; i < PAGES; i++)
		mem[i * page] = 1;
	ns = (now_ns() - begin) / PAGES;
	munmap((void *)mem, PAGES * page);
	return ns;
}

static void keep_least(uint64_t *least, uint64_t ns)
{
	if (ns && (!*least || ns < *least))
		*least = ns;
}

/* The thread inherits the CPU that we are pinned to: so each handover is a switch. */
static void time_handovers(struct dispatch *out)
{
	struct echo e;
	pthread_t thread;
	uint64_t until;
	int i;

	if (pipe2(e.there, O_CLOEXEC))
		return;
	if (!pipe2(e.back, O_CLOEXEC)) {
		if (!start_helper(&thread, NULL, echo, &e)) {
			until = now_ns() + LIMIT_NS;
			for (i = 0; i < CHUNK_CNT && now_ns() < until; i++)
				keep_least(&out->handover_ns, time_trips(&e));
			close(e.there[1]);
			pthread_join(thread, NULL);
			e.there[1] = -1;
		}
		close(e.back[0]);
		close(e.back[1]);
	}
	close(e.there[0]);
	if (e.there[1] >= 0)
		close(e.there[1]);
}

/* Both times on the same CPU: two of them may differ by more than what is looked for. */
static int pin(const cpu_set_t *all)
{
	cpu_set_t one;
	int cpu = 0;

	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu % CPU_SETSIZE, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

void dispatch_time(struct dispatch *out)
{
	cpu_set_t all;
	uint64_t until;
	int i;

	*out = (struct dispatch){0};
	if (sched_getaffinity(0, sizeof(all), &all) || pin(&all))
		return;
	time_handovers(out);
	until = now_ns() + LIMIT_NS;
	for (i = 0; i < CHUNK_CNT && now_ns() < until; i++)
		keep_least(&out->fault_ns, time_faults());
	sched_setaffinity(0, sizeof(all), &all);
}

void dispatch_costs(const struct dispatch *before, const struct dispatch *after,
		    unsigned int handover_programs, uint64_t *program_ns, uint64_t *fault_ns)
{
	uint64_t program = (after->handover_ns - before->handover_ns) / handover_programs;
	uint64_t fault = after->fault_ns - before->fault_ns, most;

	*program_ns = PROGRAM_NS;
	*fault_ns = FAULT_NS;
	if (!before->handover_ns || after->handover_ns <= before->handover_ns ||
	    program < PROGRAM_NS / 2 || program > PROGRAM_NS * 20)
		return;
	*program_ns = program;
	most = 20 * (program > 2 * PROGRAM_NS ? program : 2 * PROGRAM_NS);
	if (!before->fault_ns || after->fault_ns <= before->fault_ns || fault > most)
		return; /* not all by our programs: others had the caches, or the CPU */
	*fault_ns = fault > 2 * program ? fault - 2 * program : 0;
}
