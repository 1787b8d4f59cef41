// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See audit.h. Each quantity is one function of a thread; the rest is the same for all. */
#include "model/audit.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/ledger.h"

/* What both sides say of one thread. */
struct pair {
	uint64_t ours, kernel;
};

static struct pair oncpu(const struct thread *t)
{
	return (struct pair){t->audit_oncpu_ns, t->kernel.oncpu_ns};
}

static struct pair run_delay(const struct thread *t)
{
	return (struct pair){t->audit_run_delay_ns, t->kernel.run_delay_ns};
}

static struct pair voluntary(const struct thread *t)
{
	return (struct pair){t->count[WG_N_SWITCH_VOLUNTARY], t->kernel.nvcsw};
}

static struct pair involuntary(const struct thread *t)
{
	return (struct pair){t->count[WG_N_SWITCH_INVOLUNTARY], t->kernel.nivcsw};
}

/* Faults raised without a trap are seen only in the kernel's counter: on both sides alike. */
static struct pair fault_minor(const struct thread *t)
{
	return (struct pair){ledger_faults_minor(t), t->kernel.min_flt};
}

static struct pair fault_major(const struct thread *t)
{
	return (struct pair){ledger_faults_major(t), t->kernel.maj_flt};
}

static const struct {
	const char *key, *what;
	enum audit_unit unit;
	struct pair (*of)(const struct thread *t); /* NULL: of the run, not of its threads */
} items[AUDIT_CNT] = {
	[AUDIT_ONCPU] = {"oncpu_ns", "on-CPU", AUDIT_NS, oncpu},
	[AUDIT_RUN_DELAY] = {"run_delay_ns", "run delay", AUDIT_NS, run_delay},
	[AUDIT_VOLUNTARY] = {"switches_voluntary", "voluntary switches", AUDIT_COUNT, voluntary},
	[AUDIT_INVOLUNTARY] = {"switches_involuntary", "involuntary switches", AUDIT_COUNT,
			       involuntary},
	[AUDIT_FAULT_MINOR] = {"faults_minor", "minor faults", AUDIT_COUNT, fault_minor},
	[AUDIT_FAULT_MAJOR] = {"faults_major", "major faults", AUDIT_COUNT, fault_major},
	[AUDIT_PGTABLES] = {"pgtables_bytes", "page tables", AUDIT_BYTES, NULL},
};

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

double audit_error(uint64_t ours, uint64_t kernel)
{
	if (ours == kernel)
		return 0;
	return kernel ? (double)distance(ours, kernel) / (double)kernel : 1;
}

uint64_t closure_allowed(uint64_t wall_ns)
{
	uint64_t share = wall_ns / 1000;

	return share > 20000 ? share : 20000;
}

static void add_thread(struct audit *a, const struct thread *t)
{
	a->thread_cnt++;
	a->stolen_ns += t->part_ns[WG_T_STOLEN];
	a->asleep_ns += t->part_ns[WG_T_QUEUED_ASLEEP];
	a->untrapped += t->count[WG_N_FAULT_UNTRAPPED] + t->count[WG_N_FAULT_UNTRAPPED_MAJOR];
	for (int i = 0; i < AUDIT_CNT; i++) {
		struct audit_row *row = &a->row[i];
		struct pair p;
		double error;

		if (!items[i].of)
			continue;
		p = items[i].of(t);
		row->known = true;
		row->ours += p.ours;
		row->kernel += p.kernel;
		error = audit_error(p.ours, p.kernel);
		if (row->unit == AUDIT_NS && p.kernel > AUDIT_THREAD_MIN_NS &&
		    (error > row->worst_error || !row->worst_tid)) {
			row->worst_error = error;
			row->worst_tid = t->tid;
		}
	}
}

static void add_closure(struct audit *a, const struct thread *t)
{
	int64_t closure = ledger_closure(t);
	uint64_t amount = closure < 0 ? 0 - (uint64_t)closure : (uint64_t)closure;
	uint64_t worst = a->closure_worst_ns < 0 ? 0 - (uint64_t)a->closure_worst_ns
						 : (uint64_t)a->closure_worst_ns;

	if (amount > worst || !a->closure_worst_tid) {
		a->closure_worst_ns = closure;
		a->closure_worst_tid = t->tid;
		a->closure_worst_wall_ns = ledger_wall(t);
	}
	if (amount > closure_allowed(ledger_wall(t)))
		a->closure_over_cnt++;
	if (t->clock_ns > a->clock_worst_ns)
		a->clock_worst_ns = t->clock_ns;
}

static void add_run(struct audit *a, const struct run *run)
{
	const struct memory *m = &run->memory;

	for (size_t i = 0; i < run->thread_cnt; i++) {
		add_closure(a, &run->threads[i]);
		if (run->threads[i].flags & THREAD_TORN)
			a->torn_cnt++;
		else
			add_thread(a, &run->threads[i]);
	}
	if (m->pgtables_kernel_bytes != UNKNOWN && m->pgtables_ours_bytes != UNKNOWN &&
	    (m->pgtables_kernel_bytes || m->pgtables_ours_bytes)) {
		a->row[AUDIT_PGTABLES].known = true;
		a->row[AUDIT_PGTABLES].ours += m->pgtables_ours_bytes;
		a->row[AUDIT_PGTABLES].kernel += m->pgtables_kernel_bytes;
	}
}

void audit_of(struct audit *a, const struct recording *r)
{
	memset(a, 0, sizeof(*a));
	for (int i = 0; i < AUDIT_CNT; i++) {
		a->row[i].key = items[i].key;
		a->row[i].what = items[i].what;
		a->row[i].unit = items[i].unit;
	}
	for (size_t i = 0; i < r->run_cnt; i++)
		add_run(a, &r->runs[i]);
	for (int i = 0; i < AUDIT_CNT; i++) {
		struct audit_row *row = &a->row[i];
		bool small =
			row->unit == AUDIT_NS && distance(row->ours, row->kernel) <= AUDIT_FLOOR_NS;

		row->error = audit_error(row->ours, row->kernel);
		row->warn = row->known && row->error > AUDIT_WARN && !small;
	}
}

int audit_warn(const struct audit *a, struct lines *out)
{
	for (int i = 0; i < AUDIT_CNT; i++) {
		const struct audit_row *row = &a->row[i];

		if (row->warn &&
		    lines_add(out, "%s: ours is %.1f%% %s the kernel's", row->what,
			      row->error * 100, row->ours > row->kernel ? "above" : "below"))
			return -ENOMEM;
	}
	if (a->closure_over_cnt &&
	    lines_add(out, "%zu of %zu threads do not add up to their wall time within 0.1%%",
		      a->closure_over_cnt, a->thread_cnt + a->torn_cnt))
		return -ENOMEM;
	if (a->torn_cnt && lines_add(out, "%zu of %zu threads could not be read whole", a->torn_cnt,
				     a->thread_cnt + a->torn_cnt))
		return -ENOMEM;
	return 0;
}
