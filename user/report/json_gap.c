// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See json_gap.h. Times are whole nanoseconds; what rounding leaves is in unexplained_ns, so that
 * the parts and it sum to gap_ns exactly.
 */
#include "report/json_gap.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/advice.h"
#include "model/gap_pairs.h"
#include "model/noise.h"
#include "report/gap_words.h"
#include "report/proof_words.h"

/* null for what is not known: the ends of an interval that there is not. */
static json_t *ns(double v)
{
	return json_rounded(v);
}

static json_t *taken(char *text)
{
	json_t *json = text ? json_text(text) : NULL;

	free(text);
	return json;
}

/* The switches that a part has, whether they were tried or not. */
static json_t *switches_json(const struct gap *g, const struct gap_part *p, const struct locks *l)
{
	json_t *list = json_array();

	for (size_t i = 0; list && switch_at(i); i++) {
		if (switch_takes(switch_at(i), g, p, l) &&
		    json_array_append_new(list, json_string(switch_at(i)->id))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *part_json(const struct gap *g, const struct gap_part *p, const struct locks *l)
{
	const char *advice = gap_part_holds(p) ? advice_for(p, l) : NULL;
	struct object o = object_new();

	object_set(&o, "cause", json_text(gap_cause_name(p->cause)));
	object_set(&o, "bucket",
		   p->bucket < BUCKET_CNT ? json_text(bucket_name(p->bucket)) : json_null());
	object_set(&o, "site", taken(gap_part_site(p, l, INT_MAX)));
	object_set(&o, "delta_ns", ns(p->delta_ns));
	object_set(&o, "lo_ns", ns(p->interval.lo));
	object_set(&o, "hi_ns", ns(p->interval.hi));
	object_set(&o, "a_ns", ns(p->a_ns));
	object_set(&o, "b_ns", ns(p->b_ns));
	object_set(&o, "share", g->gap_ns != 0 ? json_real(p->delta_ns / g->gap_ns) : json_null());
	object_set(&o, "only", gap_part_only(p) ? json_text(gap_part_only(p)) : json_null());
	object_set(&o, "holds", json_boolean(gap_part_holds(p)));
	object_set(&o, "text", taken(gap_part_text(p, l)));
	object_set(&o, "suggestion", advice ? json_text(advice) : json_null());
	object_set(&o, "switches", switches_json(g, p, l));
	return object_take(&o);
}

static json_t *parts_json(const struct gap *g, const struct locks *l, long long *sum)
{
	json_t *list = json_array();

	*sum = 0;
	for (size_t i = 0; list && i < g->part_cnt; i++) {
		json_t *part = part_json(g, &g->parts[i], l);

		*sum += llround(g->parts[i].delta_ns);
		if (!part || json_array_append_new(list, part)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *warnings_json(const struct gap *g, const struct locks *l)
{
	scoped_free char *a = gap_side(g, g->a), *b = gap_side(g, g->b);
	struct lines lines = LINES_NONE;
	json_t *list = json_array();

	if (!a || !b || noise_warn(l->paths->r, g->a, a, g->b, b, &lines)) {
		json_decref(list);
		list = NULL;
	}
	for (size_t i = 0; list && i < lines.cnt; i++) {
		if (json_array_append_new(list, json_text(lines.line[i]))) {
			json_decref(list);
			list = NULL;
		}
	}
	lines_clear(&lines);
	return list;
}

static json_t *cause_list(const struct proof *p)
{
	json_t *list = json_array();

	for (int i = 0; list && i < GAP_CAUSE_CNT; i++) {
		if (p->causes & 1u << i &&
		    json_array_append_new(list, json_string(gap_cause_name((enum gap_cause)i)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* The parts are rounded one by one, so that the prediction is the sum of those in "parts". */
static long long predicted_of(const struct gap *g, const struct proof *p, const struct locks *l)
{
	long long sum = 0;

	for (size_t i = 0; p->sw && i < g->part_cnt; i++)
		if (switch_takes(p->sw, g, &g->parts[i], l))
			sum += llround(g->parts[i].delta_ns);
	return sum;
}

static json_t *share_of(const struct gap *g, double ns)
{
	return g->gap_ns != 0 ? json_real(ns / g->gap_ns) : json_null();
}

static json_t *proof_json(const struct gap *g, const struct proof *p, const struct locks *l)
{
	long long predicted = predicted_of(g, p, l);
	struct object o = object_new();

	object_set(&o, "variant", json_text(p->variant));
	object_set(&o, "switch", json_text(proof_switch(p)));
	object_set(&o, "causes", cause_list(p));
	object_set(&o, "predicted_ns", json_integer(predicted));
	object_set(&o, "predicted_lo_ns", ns(p->predicted.lo));
	object_set(&o, "predicted_hi_ns", ns(p->predicted.hi));
	object_set(&o, "predicted_share", share_of(g, p->predicted_ns));
	object_set(&o, "predicted_gap_ns", json_integer(llround(g->gap_ns) - predicted));
	object_set(&o, "a_wall_ns", ns(p->a_wall_ns));
	object_set(&o, "b_wall_ns", ns(p->b_wall_ns));
	object_set(&o, "gap_ns", ns(p->gap_ns));
	object_set(&o, "lo_ns", ns(p->interval.lo));
	object_set(&o, "hi_ns", ns(p->interval.hi));
	object_set(&o, "went_away_ns", ns(p->gone_ns));
	object_set(&o, "went_away_lo_ns", ns(p->gone.lo));
	object_set(&o, "went_away_hi_ns", ns(p->gone.hi));
	object_set(&o, "went_away_share", share_of(g, p->gone_ns));
	object_set(&o, "left_ns", ns(p->left_ns));
	object_set(&o, "left_lo_ns", ns(p->left.lo));
	object_set(&o, "left_hi_ns", ns(p->left.hi));
	object_set(&o, "changes_more", json_boolean(p->changes_more));
	object_set(&o, "verdict", json_text(proof_verdict_name(p->verdict)));
	object_set(&o, "text", taken(proof_text(g, p)));
	return object_take(&o);
}

static json_t *proofs_json(const struct gap *g, const struct locks *l)
{
	struct proof *proofs = NULL;
	long cnt = proofs_of(&proofs, l, g);
	json_t *list = cnt < 0 ? NULL : json_array();

	for (long i = 0; list && i < cnt; i++) {
		json_t *proof = proof_json(g, &proofs[i], l);

		if (!proof || json_array_append_new(list, proof)) {
			json_decref(list);
			list = NULL;
		}
	}
	free(proofs);
	return list;
}

static json_t *gap_json(const struct gap_pair *pair, const struct gap *g, const struct locks *l)
{
	const struct run *a = pair->a->first, *b = pair->b->first;
	struct object o = object_new();
	long long sum;
	json_t *parts = parts_json(g, l, &sum);

	object_set(&o, "workload", json_text(str(b->workload)));
	object_set(&o, "runtime", json_text(pair->runtimes ? "" : str(b->runtime)));
	object_set(&o, "a", taken(gap_side(g, g->a)));
	object_set(&o, "b", taken(gap_side(g, g->b)));
	object_set(&o, "a_runtime", json_text(str(a->runtime)));
	object_set(&o, "b_runtime", json_text(str(b->runtime)));
	object_set(&o, "a_model", json_text(str(a->model)));
	object_set(&o, "b_model", json_text(str(b->model)));
	object_set(&o, "a_wall_ns", ns(g->a->wall_ns.median));
	object_set(&o, "b_wall_ns", ns(g->b->wall_ns.median));
	object_set(&o, "gap_ns", ns(g->gap_ns));
	object_set(&o, "lo_ns", ns(g->interval.lo));
	object_set(&o, "hi_ns", ns(g->interval.hi));
	object_set(&o, "verdict", json_text(gap_verdict_name(g->verdict)));
	object_set(&o, "repeats_needed",
		   g->repeats_needed ? json_integer(g->repeats_needed) : json_null());
	object_set(&o, "parts", parts);
	object_set(&o, "unexplained_ns", json_integer(llround(g->gap_ns) - sum));
	object_set(&o, "words", taken(gap_paragraph(g, l)));
	object_set(&o, "warnings", warnings_json(g, l));
	object_set(&o, "proofs", proofs_json(g, l));
	return object_take(&o);
}

void gaps_out(struct out *o, const struct locks *l)
{
	struct gap_pair *pairs = NULL;
	struct summary s;
	struct gap g;
	long cnt;

	out_array_begin(o, "gaps");
	if (summary_of(&s, l->paths->r)) {
		o->failed = true;
		return;
	}
	cnt = gap_pairs(&s, &pairs);
	for (long i = 0; i < cnt; i++) {
		if (gap_of(&g, l, pairs[i].a, pairs[i].b)) {
			o->failed = true;
			break;
		}
		out_element(o, gap_json(&pairs[i], &g, l));
		gap_clear(&g);
	}
	o->failed |= cnt < 0;
	free(pairs);
	summary_clear(&s);
	out_array_end(o);
}
