// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See proof.h. Intervals are those of sums and differences over the resamples that gaps keep. */
#include "model/proof.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/gap_pairs.h"

#define SAME_WALL 0.1 /* of a wall time: a smaller change is none */
#define LEFT_MAX 0.5  /* of the predicted: with more of the cause left the switch did not act */

const char *proof_verdict_name(enum proof_verdict v)
{
	static const char *const names[] = {
		[PROOF_CONFIRMED] = "confirmed", [PROOF_IN_PART] = "in part",
		[PROOF_REFUTED] = "refuted",	 [PROOF_NOT_TESTED] = "not tested",
		[PROOF_UNDECIDED] = "undecided",
	};

	return names[v];
}

/* --- what a gap owes to the parts that a switch is for */

struct share {
	double ns;
	struct interval interval;
	double rounds[BOOTSTRAP_ROUNDS];
	uint32_t causes;
};

static void interval_of(struct share *s, const struct gap *g, double scratch[BOOTSTRAP_ROUNDS])
{
	s->interval = INTERVAL_NONE;
	if (!interval_known(g->interval))
		return;
	memcpy(scratch, s->rounds, sizeof(s->rounds));
	bootstrap_interval(&s->interval, scratch);
}

static void share_of(struct share *s, const struct switch_def *sw, const struct gap *g,
		     const struct locks *l, double scratch[BOOTSTRAP_ROUNDS])
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; sw && i < g->part_cnt; i++) {
		const struct gap_part *p = &g->parts[i];
		const double *rounds = g->rounds + p->row * BOOTSTRAP_ROUNDS;

		if (!switch_takes(sw, g, p, l))
			continue;
		s->ns += p->delta_ns;
		s->causes |= p->delta_ns != 0 ? 1u << p->cause : 0;
		for (int k = 0; k < BOOTSTRAP_ROUNDS; k++)
			s->rounds[k] += rounds[k];
	}
	interval_of(s, g, scratch);
}

/*
 * x - y over resamples. Those of two gaps begin with the same seed: taken round by round, the same
 * repeats would be drawn on both sides as if they belonged together; one round apart they are not.
 */
static struct interval difference(const double *x, const double *y,
				  double scratch[BOOTSTRAP_ROUNDS])
{
	struct interval i;

	for (int k = 0; k < BOOTSTRAP_ROUNDS; k++)
		scratch[k] = x[k] - y[(k + 1) % BOOTSTRAP_ROUNDS];
	bootstrap_interval(&i, scratch);
	return i;
}

/* --- one proof */

static struct interval turned(struct interval i, double sign)
{
	return sign > 0 ? i : (struct interval){-i.hi, -i.lo};
}

static bool is_decided(const struct gap *g)
{
	return g->verdict == GAP_SLOWER || g->verdict == GAP_FASTER;
}

bool proof_exceeds(const struct proof *p)
{
	double sign = p->predicted_ns < 0 ? -1 : 1;

	return turned(p->gone, sign).lo > turned(p->predicted, sign).hi;
}

/* Is it predicted, by more than chance, that g would be smaller? */
static bool is_claimed(const struct gap *g, double predicted_ns, struct interval predicted)
{
	double sign = g->gap_ns < 0 ? -1 : 1;

	return is_decided(g) && turned(predicted, sign).lo > 0 &&
	       sign * predicted_ns >= PROOF_MIN_SHARE * fabs(g->gap_ns);
}

static enum proof_verdict judge(const struct proof *p, const struct gap *g, const struct gap *under,
				struct interval cause_gone)
{
	double sign = g->gap_ns < 0 ? -1 : 1, predicted = sign * p->predicted_ns;
	struct interval gone = turned(p->gone, sign);

	if (!interval_known(under->interval) || !is_claimed(g, p->predicted_ns, p->predicted))
		return PROOF_UNDECIDED;
	if (sign * p->left_ns > LEFT_MAX * predicted)
		return PROOF_NOT_TESTED;
	if (turned(cause_gone, sign).lo <= 0)
		return PROOF_UNDECIDED;
	if (gone.lo > 0)
		return gone.hi >= predicted ? PROOF_CONFIRMED : PROOF_IN_PART;
	return gone.hi < turned(p->predicted, sign).lo ? PROOF_REFUTED : PROOF_UNDECIDED;
}

static double *walls_of(const struct group *g)
{
	double *v = reallocarray(NULL, g->run_cnt + 1, sizeof(*v));

	for (size_t i = 0; v && i < g->run_cnt; i++)
		v[i] = (double)ledger_run_wall(g->runs[i]);
	return v;
}

/* By the interval of the ratio of the two walls; a wall of 0 has none, and is no change. */
static int is_changed(bool *changed, const struct group *was, const struct group *is)
{
	scoped_free double *x = walls_of(was), *y = walls_of(is);
	struct interval ratio;
	int err = x && y ? stats_ratio_interval(&ratio, x, was->run_cnt, y, is->run_cnt) : -ENOMEM;

	*changed = !err && (ratio.lo > 1 + SAME_WALL || ratio.hi < 1 - SAME_WALL);
	return err == -EINVAL ? 0 : err;
}

struct room {
	struct share cause, left;
	double scratch[BOOTSTRAP_ROUNDS];
};

static int prove(struct proof *p, const struct locks *l, const struct gap *g, const struct group *a,
		 const struct group *b)
{
	struct room *w = malloc(sizeof(*w));
	struct gap under;
	int err = w ? gap_of(&under, l, a, b) : -ENOMEM;

	if (!err) {
		const double *gap_rounds = g->rounds + g->part_cnt * BOOTSTRAP_ROUNDS;
		const double *under_rounds = under.rounds + under.part_cnt * BOOTSTRAP_ROUNDS;

		bool known = interval_known(g->interval) && interval_known(under.interval);

		share_of(&w->cause, p->sw, g, l, w->scratch);
		share_of(&w->left, p->sw, &under, l, w->scratch);
		p->causes = w->cause.causes;
		p->predicted_ns = w->cause.ns;
		p->predicted = w->cause.interval;
		p->a_wall_ns = a->wall_ns.median;
		p->b_wall_ns = b->wall_ns.median;
		p->gap_ns = under.gap_ns;
		p->interval = under.interval;
		p->gone_ns = g->gap_ns - under.gap_ns;
		p->gone = known ? difference(gap_rounds, under_rounds, w->scratch) : INTERVAL_NONE;
		p->left_ns = w->left.ns;
		p->left = w->left.interval;
		p->verdict = judge(p, g, &under,
				   difference(w->cause.rounds, w->left.rounds, w->scratch));
		gap_clear(&under);
		err = g->gap_ns < 0 ? is_changed(&p->changes_more, g->b, b)
				    : is_changed(&p->changes_more, g->a, a);
	}
	free(w);
	return err;
}

/* --- the variants of a gap */

static bool same(const char *a, const char *b)
{
	return !strcmp(str(a), str(b));
}

/* The group of s that is of the same work as g, or NULL. */
static const struct group *find_group(const struct summary *s, const struct group *g)
{
	for (size_t i = 0; i < s->section_cnt; i++) {
		for (size_t j = 0; j < s->sections[i].group_cnt; j++) {
			const struct group *found = &s->sections[i].groups[j];

			if (same(found->first->workload, g->first->workload) &&
			    same(found->first->runtime, g->first->runtime) &&
			    same(found->first->model, g->first->model))
				return found->partial || !found->has_lanes ? NULL : found;
		}
	}
	return NULL;
}

struct list {
	struct proof *proofs;
	size_t cnt, cap;
};

static int add_variant(struct list *list, const char *variant, const struct locks *l,
		       const struct gap *g)
{
	const struct group *a, *b;
	struct summary s;
	int err = summary_of_variant(&s, l->paths->r, variant);

	if (err)
		return err;
	a = find_group(&s, g->a);
	b = find_group(&s, g->b);
	if (a && b) {
		err = array_grow((void **)&list->proofs, &list->cap, list->cnt,
				 sizeof(*list->proofs));
		if (!err) {
			struct proof *p = &list->proofs[list->cnt++];

			*p = (struct proof){.variant = variant, .sw = switch_find(variant)};
			err = prove(p, l, g, a, b);
		}
	}
	summary_clear(&s);
	return err;
}

long proofs_of(struct proof **out, const struct locks *l, const struct gap *g)
{
	const struct recording *r = l->paths->r;
	struct list list = {0};
	int err = 0;

	for (size_t i = 0; i < r->run_cnt && !err; i++) {
		const char *variant = str(r->runs[i].variant);
		bool seen = !*variant;

		for (size_t j = 0; j < i && !seen; j++)
			seen = same(r->runs[j].variant, variant);
		if (!seen)
			err = add_variant(&list, variant, l, g);
	}
	if (err)
		free(list.proofs);
	*out = err ? NULL : list.proofs;
	return err ? err : (long)list.cnt;
}

/* --- what to try */

struct candidate {
	const struct switch_def *sw;
	double predicted_ns;
};

static int order_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	ORDER(fabs(y->predicted_ns), fabs(x->predicted_ns));
	ORDER(x->sw, y->sw);
	return 0;
}

struct wants {
	struct proof_want *list;
	size_t cnt, cap;
};

static int add_wants(struct wants *wants, const struct locks *l, const struct gap *g)
{
	struct candidate found[SWITCH_MAX];
	struct room *w = malloc(sizeof(*w));
	size_t cnt = 0;
	int err = w ? 0 : -ENOMEM;

	for (size_t i = 0; switch_at(i) && !err; i++) {
		const struct switch_def *sw = switch_at(i);

		if (!switch_can(sw, l->paths->r, g->a, g->b))
			continue;
		share_of(&w->cause, sw, g, l, w->scratch);
		if (is_claimed(g, w->cause.ns, w->cause.interval))
			found[cnt++] = (struct candidate){sw, w->cause.ns};
	}
	if (cnt)
		qsort(found, cnt, sizeof(*found), order_candidates);
	for (size_t i = 0; i < cnt && i < PROOF_PER_GAP && !err; i++) {
		const struct run *a = g->a->first, *b = g->b->first;

		err = array_grow((void **)&wants->list, &wants->cap, wants->cnt,
				 sizeof(*wants->list));
		if (!err)
			wants->list[wants->cnt++] =
				(struct proof_want){.sw = found[i].sw,
						    .runtime = {str(a->runtime), str(b->runtime)},
						    .model = {str(a->model), str(b->model)}};
	}
	free(w);
	return err;
}

static int wants_of(struct wants *wants, const struct locks *l, const char *workload)
{
	struct gap_pair *pairs = NULL;
	struct summary s;
	struct gap g;
	int err = summary_of(&s, l->paths->r);
	long cnt;

	if (err)
		return err;
	cnt = gap_pairs(&s, &pairs);
	err = cnt < 0 ? (int)cnt : 0;
	for (long i = 0; i < cnt && !err; i++) {
		if (!same(pairs[i].a->first->workload, workload))
			continue;
		err = gap_of(&g, l, pairs[i].a, pairs[i].b);
		if (err)
			break;
		if (is_decided(&g))
			err = add_wants(wants, l, &g);
		gap_clear(&g);
	}
	free(pairs);
	summary_clear(&s);
	return err;
}

long proofs_wanted(struct proof_want **out, const struct recording *r, const char *workload)
{
	struct wants wants = {0};
	struct paths p;
	struct locks l;
	int err = paths_of(&p, r);

	*out = NULL;
	if (err)
		return err;
	err = locks_of(&l, &p);
	if (!err) {
		err = wants_of(&wants, &l, workload);
		locks_clear(&l);
	}
	paths_clear(&p);
	if (err)
		free(wants.list);
	else
		*out = wants.list;
	return err ? err : (long)wants.cnt;
}
