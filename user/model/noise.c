// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See noise.h. */
#include "model/noise.h"

#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "model/ledger.h"
#include "model/stats.h"

const struct noise_limits noise_limits = {
	/* Stolen time lengthens whatever it hits, unseen: one part in a hundred of a run is a gap. */
	.steal = 0.01,
	/* Lanes that fill the CPUs wait for as much; repeats of wallgap alone use less than half of it. */
	.other_cpu = 0.05,
	/* All on-CPU time moves with it: a twentieth is more than most gaps between builds. */
	.spin = 0.05,
	/*
	 * Quick looks at one quiet machine differ by up to a third. Half as much again is another
	 * placing of the CPUs (another core of the host, another socket): atomics cost that much more.
	 */
	.cacheline = 0.5,
	/*
	 * Sides are measured in turn, so what comes and goes falls on both alike: if their medians are
	 * apart by half of what one repeat may stray, it did not.
	 */
	.sides = 0.5,
};

/* /proc/stat counts in steps of 10 ms, in several columns: so much of a window may not be of it. */
#define STAT_STEPS_NS 20e6

enum what { STEAL, OTHER_CPU, SPIN, CACHELINE };

struct side {
	const struct group *g;
	const char *name;
};

struct noise {
	const struct recording *r;
	struct side side[2];
	struct lines *out;
};

/* A figure of a run; NAN when it is not known. Times of others as a share of one CPU. */
static double figure(const struct run *run, enum what what)
{
	const uint64_t ns[] = {run->steal_ns, run->other_cpu_ns, run->spin_ns, run->cacheline_ns};
	bool time = what == STEAL || what == OTHER_CPU;
	double wall = (double)ledger_run_wall(run);

	if (ns[what] == UNKNOWN || !(wall > 0) || (!time && !ns[what]))
		return NAN;
	return time ? (double)ns[what] / wall : (double)ns[what];
}

/* Of a share: more than /proc/stat can be wrong by. */
static double surely(const struct run *run, double share)
{
	return share - STAT_STEPS_NS / (double)ledger_run_wall(run);
}

/* The median over a side's runs, for one that strays is told by itself; NAN: none is known. */
static int typical(double *out, const struct group *g, enum what what)
{
	scoped_free double *v = reallocarray(NULL, g->run_cnt + 1, sizeof(*v));
	struct stats s;
	size_t cnt = 0;

	*out = NAN;
	for (size_t i = 0; v && i < g->run_cnt; i++) {
		v[cnt] = figure(g->runs[i], what);
		cnt += !isnan(v[cnt]);
	}
	if (!v || stats_of(&s, v, cnt))
		return -ENOMEM;
	if (cnt)
		*out = s.median;
	return 0;
}

/* The worst run of both sides, of which a share of all CPUs is above the limit. */
static int warn_share(const struct noise *n, enum what what, const char *who, double limit)
{
	const struct run *worst = NULL;
	const char *name = "";
	double most = 0;

	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < n->side[s].g->run_cnt; i++) {
			const struct run *run = n->side[s].g->runs[i];
			double share = figure(run, what);

			/* NAN is above nothing */
			if (surely(run, share) / n->r->host.cpus > limit && share > most) {
				most = share;
				worst = run;
				name = n->side[s].name;
			}
		}
	}
	return worst ? lines_add(n->out, "%s %.0f%% of a CPU in repeat %d of %.40s", who,
				 most * 100, worst->repeat + 1, name)
		     : 0;
}

/* Times in ns, in a unit that shows what moved. */
struct unit {
	const char *name;
	double ns;
	int decimals;
};

static struct unit unit_for(double ns)
{
	return ns >= 100000 ? (struct unit){"ms", 1e6, 2} : (struct unit){"ns", 1, 0};
}

static int warn_drift(const struct noise *n, enum what what, const char *name, double limit)
{
	double lo = INFINITY, hi = 0;
	struct unit u;

	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < n->side[s].g->run_cnt; i++) {
			double v = figure(n->side[s].g->runs[i], what);

			lo = fmin(lo, v);
			hi = fmax(hi, v);
		}
	}
	if (!(hi > lo * (1 + limit)))
		return 0;
	u = unit_for(hi);
	return lines_add(n->out, "%s %.*f to %.*f %s", name, u.decimals, lo / u.ns, u.decimals,
			 hi / u.ns, u.name);
}

static int warn_side_speeds(const struct noise *n, enum what what, const char *name, double limit)
{
	struct unit u;
	double a, b;

	if (typical(&a, n->side[0].g, what) || typical(&b, n->side[1].g, what))
		return -ENOMEM;
	if (isnan(a) || isnan(b) || fmax(a, b) <= fmin(a, b) * (1 + limit * noise_limits.sides))
		return 0;
	u = unit_for(fmax(a, b));
	return lines_add(n->out, "sides unequal: %s %.*f %s in %.40s, %.*f %s in %.40s", name,
			 u.decimals, a / u.ns, u.name, n->side[0].name, u.decimals, b / u.ns,
			 u.name, n->side[1].name);
}

static int warn_side_shares(const struct noise *n, enum what what, const char *who, double limit)
{
	double steps =
		STAT_STEPS_NS / fmin(n->side[0].g->wall_ns.median, n->side[1].g->wall_ns.median);
	double a, b;

	if (typical(&a, n->side[0].g, what) || typical(&b, n->side[1].g, what))
		return -ENOMEM;
	if (isnan(a) || isnan(b) ||
	    (fabs(a - b) - steps) / n->r->host.cpus <= limit * noise_limits.sides)
		return 0;
	return lines_add(n->out, "sides unequal: %s %.0f%% of a CPU in %.40s, %.0f%% in %.40s", who,
			 a * 100, n->side[0].name, b * 100, n->side[1].name);
}

int noise_warn(const struct recording *r, const struct group *a, const char *a_name,
	       const struct group *b, const char *b_name, struct lines *out)
{
	const struct noise n = {.r = r, .side = {{a, a_name}, {b, b_name}}, .out = out};
	const struct noise_limits *limit = &noise_limits;

	if (r->host.cpus > 0 &&
	    (warn_share(&n, STEAL, "the hypervisor took", limit->steal) ||
	     warn_share(&n, OTHER_CPU, "other tasks used", limit->other_cpu) ||
	     warn_side_shares(&n, OTHER_CPU, "other tasks used", limit->other_cpu)))
		return -ENOMEM;
	if (warn_drift(&n, SPIN, "CPU speed: a fixed loop took", limit->spin) ||
	    warn_side_speeds(&n, SPIN, "a fixed loop took", limit->spin) ||
	    warn_drift(&n, CACHELINE, "cache-line latency", limit->cacheline) ||
	    warn_side_speeds(&n, CACHELINE, "cache-line latency", limit->cacheline))
		return -ENOMEM;
	return 0;
}
