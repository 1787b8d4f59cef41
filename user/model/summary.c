// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See summary.h. First the figures of one run, then those of a group, then the grouping. */
#include "model/summary.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/path.h"

/* --- one run */

uint64_t run_cpu_ns(const struct run *run, enum role role)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < run->thread_cnt; i++) {
		if (run->threads[i].role == role)
			sum += ledger_oncpu(&run->threads[i]);
	}
	return sum;
}

uint64_t run_count(const struct run *run, enum wg_count what)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < run->thread_cnt; i++) {
		if (run->threads[i].count[what] == UNKNOWN)
			return UNKNOWN;
		sum += run->threads[i].count[what];
	}
	return sum;
}

struct process {
	uint32_t tgid;
	bool works;
	uint64_t pgtables_bytes;
};

static int compare_process(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	ORDER(x->tgid, y->tgid);
	return 0;
}

/* One element per process, threads merged. Returns their number, or -ENOMEM. */
static long processes_of(const struct run *run, struct process **out)
{
	struct process *p = reallocarray(NULL, run->thread_cnt + 1, sizeof(*p));
	size_t cnt = 0;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < run->thread_cnt; i++) {
		const struct thread *t = &run->threads[i];

		p[i] = (struct process){.tgid = t->tgid,
					.works = t->role == ROLE_WORKER,
					.pgtables_bytes = t->pgtables_peak_bytes};
	}
	if (run->thread_cnt)
		qsort(p, run->thread_cnt, sizeof(*p), compare_process);
	for (size_t i = 0; i < run->thread_cnt; i++) {
		if (cnt && p[cnt - 1].tgid == p[i].tgid) {
			p[cnt - 1].works |= p[i].works;
			if (p[i].pgtables_bytes > p[cnt - 1].pgtables_bytes)
				p[cnt - 1].pgtables_bytes = p[i].pgtables_bytes;
		} else {
			p[cnt++] = p[i];
		}
	}
	*out = p;
	return (long)cnt;
}

int run_pgtables_peak(const struct run *run, uint64_t *bytes)
{
	scoped_free struct process *p = NULL;
	uint64_t all = 0, working = 0;
	bool any_works = false;
	long cnt = processes_of(run, &p);

	if (cnt < 0)
		return (int)cnt;
	for (long i = 0; i < cnt; i++) {
		all += p[i].pgtables_bytes;
		working += p[i].works ? p[i].pgtables_bytes : 0;
		any_works |= p[i].works;
	}
	*bytes = any_works ? working : all;
	return 0;
}

long run_process_cnt(const struct run *run)
{
	scoped_free struct process *p = NULL;

	return processes_of(run, &p);
}

/* --- one group */

static double minor_of(const struct run *run)
{
	return (double)(run_count(run, WG_N_FAULT_MINOR) + run_count(run, WG_N_FAULT_UNTRAPPED));
}

static double major_of(const struct run *run)
{
	return (double)(run_count(run, WG_N_FAULT_MAJOR) +
			run_count(run, WG_N_FAULT_UNTRAPPED_MAJOR));
}

static double voluntary_of(const struct run *run)
{
	return (double)run_count(run, WG_N_SWITCH_VOLUNTARY);
}

static double involuntary_of(const struct run *run)
{
	return (double)run_count(run, WG_N_SWITCH_INVOLUNTARY);
}

static double wall_of(const struct run *run)
{
	return (double)ledger_run_wall(run);
}

static double orchestrator_of(const struct run *run)
{
	return (double)run_cpu_ns(run, ROLE_ORCHESTRATOR);
}

static double workers_of(const struct run *run)
{
	return (double)run_cpu_ns(run, ROLE_WORKER);
}

static double helpers_of(const struct run *run)
{
	return (double)run_cpu_ns(run, ROLE_HELPER);
}

/* Order statistics of one figure over the runs of g, with room for them in scratch. */
static int over_runs(struct stats *s, const struct group *g, double (*of)(const struct run *),
		     double *scratch)
{
	for (size_t i = 0; i < g->run_cnt; i++)
		scratch[i] = of(g->runs[i]);
	return stats_of(s, scratch, g->run_cnt);
}

static int medians(struct group *g, double *scratch)
{
	const struct {
		double *out;
		double (*of)(const struct run *);
	} figures[] = {
		{&g->faults_minor, minor_of},
		{&g->faults_major, major_of},
		{&g->switches_voluntary, voluntary_of},
		{&g->switches_involuntary, involuntary_of},
		{&g->cpu_orchestrator_ns, orchestrator_of},
		{&g->cpu_workers_ns, workers_of},
		{&g->cpu_helpers_ns, helpers_of},
	};
	double all = 0;
	struct stats s;

	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		if (over_runs(&s, g, figures[i].of, scratch))
			return -ENOMEM;
		*figures[i].out = s.median;
	}
	all = g->cpu_orchestrator_ns + g->cpu_workers_ns + g->cpu_helpers_ns;
	g->orchestrator_share = all > 0 ? g->cpu_orchestrator_ns / all : 0;
	return over_runs(&g->wall_ns, g, wall_of, scratch);
}

static void buckets(struct group *g)
{
	double one[BUCKET_CNT];

	g->has_lanes = true;
	for (size_t i = 0; i < g->run_cnt; i++) {
		if (!ledger_lane_mean(g->runs[i], one)) {
			ledger_total(g->runs[i], one);
			g->has_lanes = false;
		}
		for (int b = 0; b < BUCKET_CNT; b++)
			g->bucket_ns[b] += one[b] / (double)g->run_cnt;
	}
	for (int b = 0; b < BUCKET_CNT; b++) {
		g->lane_ns += g->bucket_ns[b];
		for (size_t i = 0; i < g->run_cnt; i++)
			g->quota_ns += ledger_run_quota(g->runs[i], (enum bucket)b, g->has_lanes) /
				       (double)g->run_cnt;
	}
	g->has_path = !g->has_lanes;
	for (size_t i = 0; i < g->run_cnt && g->has_path; i++)
		g->has_path = path_buckets(g->runs[i], one);
}

/* The larger, where UNKNOWN loses to any figure. */
static void raise_to(uint64_t *max, uint64_t v)
{
	if (v != UNKNOWN && (*max == UNKNOWN || v > *max))
		*max = v;
}

static int memory(struct group *g)
{
	uint64_t pgtables;
	double avg = 0;
	size_t avg_cnt = 0;

	g->pgtables_peak_bytes = g->rss_avg_bytes = g->rss_peak_bytes = UNKNOWN;
	g->rss_sum_peak_bytes = g->pss_sum_bytes = UNKNOWN;
	for (size_t i = 0; i < g->run_cnt; i++) {
		const struct memory *m = &g->runs[i]->memory;

		if (run_pgtables_peak(g->runs[i], &pgtables))
			return -ENOMEM;
		raise_to(&g->pgtables_peak_bytes, pgtables);
		raise_to(&g->pss_sum_bytes, m->pss_sum_bytes);
		if (!m->sample_cnt || m->sample_cnt == UNKNOWN)
			continue;
		raise_to(&g->rss_peak_bytes, m->rss_peak_bytes);
		raise_to(&g->rss_sum_peak_bytes, m->rss_sum_peak_bytes);
		if (m->rss_avg_bytes != UNKNOWN) {
			avg += (double)m->rss_avg_bytes;
			avg_cnt++;
		}
	}
	if (avg_cnt)
		g->rss_avg_bytes = (uint64_t)(avg / (double)avg_cnt);
	return 0;
}

/* The runs that were not cut short; all, when there are no others. */
static void drop_interrupted(struct group *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->run_cnt; i++)
		g->interrupted_cnt += g->runs[i]->interrupted;
	g->partial = g->interrupted_cnt == g->run_cnt;
	if (!g->interrupted_cnt || g->partial)
		return;
	for (size_t i = 0; i < g->run_cnt; i++) {
		if (!g->runs[i]->interrupted)
			g->runs[kept++] = g->runs[i];
	}
	g->run_cnt = kept;
}

static int group_finish(struct group *g)
{
	scoped_free double *scratch = reallocarray(NULL, g->run_cnt, sizeof(*scratch));

	if (!scratch)
		return -ENOMEM;
	drop_interrupted(g);
	buckets(g);
	if (memory(g))
		return -ENOMEM;
	return medians(g, scratch);
}

/* --- grouping */

static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool is_set(const char *s)
{
	return s && *s;
}

static bool same_section(const struct run *a, const struct run *b)
{
	if (!same(a->workload, b->workload) || !same(a->runtime, b->runtime))
		return false;
	return is_set(a->workload) || is_set(a->model) || same(a->label, b->label);
}

static struct section *section_for(struct summary *s, const struct run *run)
{
	for (size_t i = 0; i < s->section_cnt; i++) {
		if (same_section(s->sections[i].groups[0].first, run))
			return &s->sections[i];
	}
	if (array_grow((void **)&s->sections, &s->section_cap, s->section_cnt,
		       sizeof(*s->sections)))
		return NULL;
	memset(&s->sections[s->section_cnt], 0, sizeof(*s->sections));
	return &s->sections[s->section_cnt++];
}

/* The group of run in sec, made when it is the first of it. */
static struct group *group_for(struct section *sec, const struct run *run)
{
	struct group *g;

	for (size_t i = 0; i < sec->group_cnt; i++) {
		if (same(sec->groups[i].first->model, run->model))
			return &sec->groups[i];
	}
	if (array_grow((void **)&sec->groups, &sec->group_cap, sec->group_cnt,
		       sizeof(*sec->groups)))
		return NULL;
	g = &sec->groups[sec->group_cnt++];
	memset(g, 0, sizeof(*g));
	g->first = run;
	return g;
}

static int add_run(struct summary *s, const struct run *run)
{
	struct section *sec = section_for(s, run);
	struct group *g = sec ? group_for(sec, run) : NULL;

	if (!g || array_grow((void **)&g->runs, &g->run_cap, g->run_cnt, sizeof(*g->runs)))
		return -ENOMEM;
	g->runs[g->run_cnt++] = run;
	return 0;
}

static int compare_group(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	ORDER(x->partial, y->partial);
	ORDER(x->wall_ns.median, y->wall_ns.median);
	ORDER(x->first, y->first);
	return 0;
}

static int section_finish(struct section *sec)
{
	double fastest;

	for (size_t i = 0; i < sec->group_cnt; i++) {
		if (group_finish(&sec->groups[i]))
			return -ENOMEM;
	}
	qsort(sec->groups, sec->group_cnt, sizeof(*sec->groups), compare_group);
	fastest = sec->groups[0].wall_ns.median;
	for (size_t i = 0; i < sec->group_cnt; i++) {
		if (!sec->groups[i].partial && fastest > 0)
			sec->groups[i].ratio = sec->groups[i].wall_ns.median / fastest;
	}
	return 0;
}

int summary_of(struct summary *s, const struct recording *r)
{
	return summary_of_variant(s, r, "");
}

int summary_of_variant(struct summary *s, const struct recording *r, const char *variant)
{
	int err = 0;

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; !err && i < r->run_cnt; i++)
		if (same(r->runs[i].variant, variant))
			err = add_run(s, &r->runs[i]);
	for (size_t i = 0; !err && i < s->section_cnt; i++)
		err = section_finish(&s->sections[i]);
	if (err)
		summary_clear(s);
	return err;
}

void summary_clear(struct summary *s)
{
	for (size_t i = 0; i < s->section_cnt; i++) {
		for (size_t j = 0; j < s->sections[i].group_cnt; j++)
			free(s->sections[i].groups[j].runs);
		free(s->sections[i].groups);
	}
	free(s->sections);
	memset(s, 0, sizeof(*s));
}

static size_t size_len(const char *detail)
{
	const char *end = strstr(detail, ", ");

	return end ? (size_t)(end - detail) : strlen(detail);
}

bool run_same_size(const struct run *a, const struct run *b)
{
	const char *x = str(a->detail), *y = str(b->detail);

	return size_len(x) == size_len(y) && !strncmp(x, y, size_len(x));
}
