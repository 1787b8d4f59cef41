// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See cost.h. */
#include "model/cost.h"

#include <string.h>

#include "model/ledger.h"

/*
 * What no clock of ours sees and no count of programs tells, as multiples of what was measured when
 * wallgap started, on the machine it runs on. The multiples themselves are of one machine (2 CPUs,
 * virtual, Linux 6.18): fitted to fork, exec and spawn of `make bench starts`, traced against
 * untraced, in pairs. That bench has others beside them, which were not used here, and says of each
 * whether it lay within. Own CPU time (own_in_the_way) has no constant: it is measured.
 */
#define CACHE_FACTOR 1.5  /* with what the task has to fetch again after us */
#define BIRTH_ENTRIES 400 /* of a task: its ledger's memory, perf's records of fork, map and exit */
#define FAULT_ENTRIES                                                                              \
	18 /* of a fault: programs that are not in the caches in what has just begun */
#define SAMPLE_ENTRIES 200  /* of a sample: the timer's interrupt */
#define SHORT_WAIT_NS 100e3 /* longer ones are not of our making: that is some hundred programs */

struct sums {
	double faults, births, samples;
	double active_ns;     /* on a CPU, or in a wait for a lock */
	double short_wait_ns; /* of waits for locks, up to SHORT_WAIT_NS of each */
	double own_ns;	      /* of our threads' CPU time, what may have kept the work waiting */
};

/* Of a thread's waits in one state: no more than its total, no more of each than is short. */
static double short_waits(const struct thread *t, enum wg_state state)
{
	double total = (double)t->state_ns[state];
	double most = (double)t->state_cnt[state] * SHORT_WAIT_NS;

	return total < most ? total : total > 10 * most ? 0 : most;
}

static void add_thread(struct sums *s, const struct thread *t)
{
	double waits = short_waits(t, WG_FUTEX) + short_waits(t, WG_KLOCK);

	s->faults += (double)t->count[WG_N_FAULT_MINOR] + (double)t->count[WG_N_FAULT_MAJOR];
	s->births += (t->flags & THREAD_BORN) != 0;
	s->samples += (double)t->count[WG_N_SAMPLE_USER] + (double)t->count[WG_N_SAMPLE_KERNEL];
	s->short_wait_ns += waits;
	s->active_ns += (double)ledger_oncpu(t) + waits;
}

/*
 * Our threads take a CPU from the work, or the other half of its core, at most for as long as both run:
 * for the share of the window in which the work did.
 */
static double own_in_the_way(const struct run *run, double active_ns)
{
	double wall = (double)ledger_run_wall(run);

	if (run->own_cpu_ns == UNKNOWN || wall <= 0)
		return 0;
	return (double)run->own_cpu_ns * (active_ns < wall ? active_ns / wall : 1);
}

static void bounds(struct cost *c, const struct sums *s, double dispatch_ns)
{
	double lo = c->estimate_share * (double)c->oncpu_ns;
	double hi = lo * CACHE_FACTOR + s->short_wait_ns + s->own_ns +
		    (s->births * BIRTH_ENTRIES + s->faults * FAULT_ENTRIES +
		     s->samples * SAMPLE_ENTRIES) *
			    dispatch_ns;

	c->slower_lo = lo < (double)c->oncpu_ns ? lo / ((double)c->oncpu_ns - lo) : 0;
	c->slower_hi = hi < s->active_ns ? hi / (s->active_ns - hi) : -1;
}

static void add_known(uint64_t *sum, uint64_t ns)
{
	*sum = *sum == UNKNOWN || ns == UNKNOWN ? UNKNOWN : *sum + ns;
}

void cost_of(struct cost *c, const struct recording *r)
{
	struct sums sums = {0};

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < r->run_cnt; i++) {
		const struct run *run = &r->runs[i];
		double before = sums.active_ns;

		c->bpf_ns += run->bpf_ns;
		c->event_cnt += run->event_cnt;
		for (size_t j = 0; j < run->thread_cnt; j++) {
			c->oncpu_ns += ledger_oncpu(&run->threads[j]);
			add_thread(&sums, &run->threads[j]);
		}
		add_known(&c->own_cpu_ns, run->own_cpu_ns);
		sums.own_ns += own_in_the_way(run, sums.active_ns - before);
	}
	if (!c->oncpu_ns)
		return;
	c->bpf_share = (double)c->bpf_ns / (double)c->oncpu_ns;
	if (r->dispatch_ns == UNKNOWN || r->fault_event_ns == UNKNOWN)
		return;
	c->estimate_known = true;
	c->estimate_share = c->bpf_share + ((double)c->event_cnt * (double)r->dispatch_ns +
					    sums.faults * (double)r->fault_event_ns) /
						   (double)c->oncpu_ns;
	bounds(c, &sums, (double)r->dispatch_ns);
}
