// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The claims, and how each is decided; see headlines.h. */
#include "model/headlines.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/where.h"

/* In the order in which they are shown. */
static const struct claim claims[] = {
	{
		.id = "math-alike",
		.text = "pure computation takes threads and processes equally long",
		.source = "threads 0.41 s, processes 0.44 s",
		.kind = CLAIM_ALIKE,
		.workload = "math",
		.a = "procs",
		.b = "threads",
	},
	{
		.id = "crypto-threads",
		.text = "hashing takes threads longer than processes",
		.source = "threads 7.80 s, processes 2.04 s",
		.kind = CLAIM_SLOWER,
		.workload = "crypto",
		.a = "procs",
		.b = "threads",
	},
	{
		.id = "transfer-procs",
		.text = "handing over 100 MB takes processes longer than a single thread",
		.source = "processes 0.07 s, single 0.04 s",
		.kind = CLAIM_SLOWER,
		.workload = "transfer",
		.a = "single",
		.b = "procs",
	},
	{
		.id = "transfer-threads",
		.text = "handing over 100 MB takes threads longer than processes",
		.source = "threads 0.21 s, processes 0.07 s",
		.kind = CLAIM_SLOWER,
		.workload = "transfer",
		.a = "procs",
		.b = "threads",
	},
	{
		.id = "transfer-memory",
		.text = "handing over 100 MB leaves threads with 2 GB resident at peak",
		.source = "2 GB",
		.kind = CLAIM_PEAK,
		.workload = "transfer",
		.b = "threads",
		.bytes = 2e9,
	},
	{
		.id = "math-runtimes",
		.text = "pure computation takes Node.js longer than Bun",
		.source = "Node.js 0.41 s, Bun 0.07 s",
		.kind = CLAIM_SLOWER,
		.workload = "math",
		.a = "threads",
		.b = "threads",
		.a_runtime = "bun",
		.b_runtime = "node",
	},
};

const char *verdict_name(enum verdict v)
{
	static const char *const names[VERDICT_CNT] = {
		[VERDICT_REPRODUCED] = "reproduced",
		[VERDICT_NOT_REPRODUCED] = "not reproduced",
		[VERDICT_REVERSED] = "reversed",
		[VERDICT_UNDECIDED] = "undecided",
	};

	return names[v];
}

/* --- the groups a claim is about */

static const struct group *find_group(const struct section *sec, const char *model)
{
	for (size_t i = 0; i < sec->group_cnt; i++) {
		const struct group *g = &sec->groups[i];

		if (!strcmp(str(g->first->model), model) && !g->partial)
			return g;
	}
	return NULL;
}

static bool is_about(const struct section *sec, const struct claim *c, const char *runtime)
{
	const struct run *run = sec->groups[0].first;

	return !strcmp(str(run->workload), c->workload) &&
	       (!runtime || !strncmp(str(run->runtime), runtime, strlen(runtime)));
}

/* --- verdicts */

static double *walls(const struct group *g)
{
	double *v = reallocarray(NULL, g->run_cnt + 1, sizeof(*v));

	for (size_t i = 0; v && i < g->run_cnt; i++)
		v[i] = (double)ledger_run_wall(g->runs[i]);
	return v;
}

static bool is_alike(const struct interval *i)
{
	return i->lo >= 1 / CLAIM_ALIKE_RATIO && i->hi <= CLAIM_ALIKE_RATIO;
}

static enum verdict judge(const struct claim *c, const struct interval *i)
{
	switch (c->kind) {
	case CLAIM_ALIKE:
		if (is_alike(i))
			return VERDICT_REPRODUCED;
		return i->lo > 1 || i->hi < 1 ? VERDICT_NOT_REPRODUCED : VERDICT_UNDECIDED;
	case CLAIM_PEAK:
		return i->lo >= c->bytes  ? VERDICT_REPRODUCED
		       : i->hi < c->bytes ? VERDICT_NOT_REPRODUCED
					  : VERDICT_UNDECIDED;
	default:
		if (i->lo > 1 || i->hi < 1)
			return i->lo > 1 ? VERDICT_REPRODUCED : VERDICT_REVERSED;
		/* not apart: but alike only when the interval is narrow enough to say so */
		return is_alike(i) ? VERDICT_NOT_REPRODUCED : VERDICT_UNDECIDED;
	}
}

static int decide_ratio(struct headline *h)
{
	scoped_free double *a = walls(h->a), *b = walls(h->b);
	int err;

	if (!a || !b)
		return -ENOMEM;
	h->value = h->a->wall_ns.median > 0 ? h->b->wall_ns.median / h->a->wall_ns.median : 0;
	err = stats_ratio_interval(&h->interval, a, h->a->run_cnt, b, h->b->run_cnt);
	if (err == -EINVAL) { /* a wall time of 0 */
		h->verdict = VERDICT_UNDECIDED;
		return 0;
	}
	h->verdict =
		interval_known(h->interval) ? judge(h->claim, &h->interval) : VERDICT_UNDECIDED;
	return err;
}

/* -ENODATA: nobody looked. */
static int decide_peak(struct headline *h)
{
	scoped_free double *v = reallocarray(NULL, h->b->run_cnt + 1, sizeof(*v));
	struct stats s;
	size_t cnt = 0;
	int err;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < h->b->run_cnt; i++) {
		const struct memory *m = &h->b->runs[i]->memory;

		if (m->sample_cnt && m->rss_sum_peak_bytes != UNKNOWN)
			v[cnt++] = (double)m->rss_sum_peak_bytes;
	}
	err = cnt ? stats_of(&s, v, cnt) : -ENODATA;
	if (!err)
		err = stats_median_interval(&h->interval, v, cnt);
	if (err)
		return err;
	h->value = s.median;
	h->verdict =
		interval_known(h->interval) ? judge(h->claim, &h->interval) : VERDICT_UNDECIDED;
	return 0;
}

/* --- locks */

static double share_error(double share, double cnt)
{
	return cnt > 0 ? 1.96 * sqrt(share * (1 - share) / cnt) : 1;
}

/* Of the lanes' user samples, which are told apart by what instruction they hit. */
static void see_traffic(struct lock_cost *c, int side, const struct group *g)
{
	double all = 0, undecoded = 0, traffic = 0;

	for (size_t i = 0; i < g->run_cnt; i++) {
		for (size_t j = 0; j < g->runs[i]->site_cnt; j++) {
			const struct site *s = &g->runs[i]->sites[j];

			if (s->kind != SITE_SAMPLE || !s->user || s->role != ROLE_WORKER)
				continue;
			all += (double)s->count;
			undecoded += fmin((double)s->undecoded_cnt, (double)s->count);
			traffic += fmin((double)s->traffic_cnt, (double)s->count);
		}
	}
	c->samples[side] = all;
	c->undecoded[side] = all > 0 ? undecoded / all : 0;
	c->traffic[side] = all > undecoded ? fmin(traffic / (all - undecoded), 1) : 0;
	c->traffic_error[side] = share_error(c->traffic[side], all - undecoded);
}

static double contended(const struct where *w)
{
	const struct where_bucket *futex = &w->bucket[B_FUTEX];
	double ns = 0;

	for (size_t i = 0; i < futex->cause_cnt; i++)
		ns += futex->causes[i].wait == WAIT_CONTENTION ? futex->causes[i].ns : 0;
	return ns;
}

static int see_locks(struct lock_cost *c, const struct locks *l, const struct group *a,
		     const struct group *b)
{
	const struct group *sides[] = {a, b};
	struct where w;
	int err = 0;

	for (int i = 0; i < 2 && !err; i++) {
		see_traffic(c, i, sides[i]);
		err = where_of(&w, l, sides[i]);
		if (err)
			break;
		c->contended_ns[i] = contended(&w);
		where_clear(&w);
	}
	return err;
}

/* --- all */

static int add(struct headlines *h, const struct locks *l, const struct claim *c,
	       const struct group *a, const struct group *b)
{
	struct headline *head;
	int err;

	if (!b || (!a && c->kind != CLAIM_PEAK))
		return 0;
	err = array_grow((void **)&h->list, &h->cap, h->cnt, sizeof(*h->list));
	if (err)
		return err;
	head = &h->list[h->cnt++];
	*head = (struct headline){.claim = c, .a = a, .b = b};
	err = c->kind == CLAIM_PEAK ? decide_peak(head) : decide_ratio(head);
	if (err == -ENODATA) {
		h->cnt--;
		return 0;
	}
	if (err || c->kind == CLAIM_PEAK)
		return err;
	err = gap_of(&head->gap, l, a, b);
	return err ? err : see_locks(&head->locks, l, a, b);
}

/* Within each runtime, or between two: of each the first that was measured. */
static int add_claim(struct headlines *h, const struct locks *l, const struct claim *c)
{
	const struct summary *s = &h->summary;
	const struct group *a = NULL, *b = NULL;
	int err = 0;

	for (size_t i = 0; i < s->section_cnt && !err; i++) {
		const struct section *sec = &s->sections[i];

		if (!c->a_runtime && is_about(sec, c, NULL))
			err = add(h, l, c, c->a ? find_group(sec, c->a) : NULL,
				  find_group(sec, c->b));
		if (c->a_runtime && !a && is_about(sec, c, c->a_runtime))
			a = find_group(sec, c->a);
		if (c->b_runtime && !b && is_about(sec, c, c->b_runtime))
			b = find_group(sec, c->b);
	}
	return !err && c->a_runtime && a ? add(h, l, c, a, b) : err;
}

int headlines_of(struct headlines *h, const struct locks *l)
{
	int err;

	*h = (struct headlines){0};
	err = summary_of(&h->summary, l->paths->r);
	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(claims) && !err; i++)
		err = add_claim(h, l, &claims[i]);
	if (err)
		headlines_clear(h);
	return err;
}

void headlines_clear(struct headlines *h)
{
	for (size_t i = 0; i < h->cnt; i++)
		gap_clear(&h->list[i].gap);
	summary_clear(&h->summary);
	free(h->list);
	*h = (struct headlines){0};
}
