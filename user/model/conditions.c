// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See conditions.h. */
#include "model/conditions.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/ledger.h"

const struct condition_limits condition_limits = {
	/* A clock that moves by a twentieth moves every on-CPU figure by as much. */
	.spin = 0.05,
	/*
	 * Repeats of this measurement on one quiet machine differ by about a tenth; from a
	 * quarter on, the CPUs used are likely further apart (another socket, another host core),
	 * and shared-memory traffic costs that much more.
	 */
	.cacheline = 0.25,
	/* Stolen time is in the on-CPU buckets of whoever it hit: enough to move a small gap. */
	.steal = 0.005,
	/* On N CPUs fully used by the run, this much taken by others shows as run-queue time. */
	.other_cpu = 0.05,
	/* Below this the kernel reclaims: faults become major, and wait for a device. */
	.available = 0.03,
};

static double change(uint64_t from, uint64_t to)
{
	double hi = (double)(from > to ? from : to), lo = (double)(from > to ? to : from);

	return lo > 0 ? hi / lo - 1 : 0;
}

/* A median time of a loop at both ends; nothing is said when one is not known. */
static int warn_loop(struct lines *out, const char *what, uint64_t from, uint64_t to, double limit)
{
	bool us = from >= 10000 || to >= 10000;

	if (from == UNKNOWN || to == UNKNOWN || change(from, to) <= limit)
		return 0;
	return lines_add(out, "%s went from %.0f to %.0f %s while measuring", what,
			 (double)from / (us ? 1e3 : 1), (double)to / (us ? 1e3 : 1),
			 us ? "us" : "ns");
}

static int warn_word(struct lines *out, const char *what, const char *from, const char *to)
{
	if (!from || !to || !strcmp(from, to))
		return 0;
	return lines_add(out, "%s changed from %s to %s while measuring", what,
			 *from ? from : "unknown", *to ? to : "unknown");
}

/* Reading the clock by a device costs about a microsecond: each event of ours then does. */
static int warn_clock(struct lines *out, const struct conditions *c)
{
	static const char *const slow[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies"};

	for (size_t i = 0; c->clocksource && i < ARRAY_SIZE(slow); i++) {
		if (!strcmp(c->clocksource, slow[i]))
			return lines_add(out, "clock source %s is slow to read: probe time is high",
					 slow[i]);
	}
	return 0;
}

static int warn_memory(struct lines *out, const struct recording *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(r->conditions); i++) {
		uint64_t left = r->conditions[i].mem_available_bytes;

		if (left == UNKNOWN || !left || !r->host.mem_bytes ||
		    (double)left >= condition_limits.available * (double)r->host.mem_bytes)
			continue;
		return lines_add(out, "only %.1f%% of memory was available at the %s",
				 100 * (double)left / (double)r->host.mem_bytes,
				 i ? "end" : "start");
	}
	return 0;
}

static int warn_load(struct lines *out, const struct recording *r)
{
	double load = r->conditions[0].load1;

	if (r->host.cpus <= 0 || load <= r->host.cpus)
		return 0;
	return lines_add(out, "the machine was busy before we began: load %.1f on %d CPUs", load,
			 r->host.cpus);
}

/* The share of all CPUs' time that something took over a run, or 0 when not known. */
#define SHARE_MIN_WALL_NS 50000000

static double run_share(const struct recording *r, const struct run *run, uint64_t ns)
{
	uint64_t wall = ledger_run_wall(run);
	double all = (double)wall * r->host.cpus;

	/* /proc/stat counts in ticks: over less than a few it says nothing */
	return ns == UNKNOWN || wall < SHARE_MIN_WALL_NS ? 0 : (double)ns / all;
}

/* One line for all runs: how many were disturbed, and the worst of them. */
static int warn_runs(struct lines *out, const struct recording *r, bool steal)
{
	double limit = steal ? condition_limits.steal : condition_limits.other_cpu, worst = 0;
	const struct run *worst_run = NULL;
	size_t cnt = 0;

	for (size_t i = 0; i < r->run_cnt; i++) {
		const struct run *run = &r->runs[i];
		double share = run_share(r, run, steal ? run->steal_ns : run->other_cpu_ns);

		cnt += share > limit;
		if (share > limit && share > worst) {
			worst = share;
			worst_run = run;
		}
	}
	if (!worst_run)
		return 0;
	return lines_add(
		out, "%s took more than %.3g%% of the CPUs in %zu of %zu runs; worst %.1f%%, %.40s",
		steal ? "the hypervisor" : "other tasks", limit * 100, cnt, r->run_cnt, worst * 100,
		worst_run->label ? worst_run->label : "");
}

int conditions_warn(const struct recording *r, struct lines *out)
{
	const struct conditions *a = &r->conditions[0], *b = &r->conditions[1];

	if (warn_loop(out, "CPU speed: a fixed loop", a->spin_ns, b->spin_ns,
		      condition_limits.spin) ||
	    warn_loop(out, "a cache line between two CPUs", a->cacheline_ns, b->cacheline_ns,
		      condition_limits.cacheline) ||
	    warn_word(out, "transparent huge pages", a->thp, b->thp) ||
	    warn_word(out, "the clock source", a->clocksource, b->clocksource) ||
	    warn_word(out, "the CPU governor", a->governor, b->governor) || warn_clock(out, a) ||
	    warn_memory(out, r) || warn_load(out, r) || warn_runs(out, r, true) ||
	    warn_runs(out, r, false))
		return -ENOMEM;
	return 0;
}
