// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See text_gap.h:
 *
 *   threads takes 0.572 s longer than procs (95%: 0.530 to 0.630)
 *     +0.284 s  50%  lock wait     rwlock, ...  EVP_MD_fetch < hash_query < worker
 *     +0.035 s   6%  unexplained
 *   in words    ...
 *   proof       what became of the gap when a cause was switched off
 */
#include "report/text_gap.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/noise.h"
#include "report/format.h"
#include "report/gap_words.h"
#include "report/para.h"
#include "report/proof_words.h"

#define SHOWN_SHARE 0.03 /* of the gap: smaller parts are summed up in one line */
#define SHOWN_MAX 12
#define SITE_AT 39 /* columns to the left of it */

struct lines_of {
	FILE *f;
	const struct gap *g;
	const struct locks *l;
	const struct text_opts *o;
	struct time_unit unit;
};

static const char *signed_in(struct word *w, struct time_unit u, double ns)
{
	snprintf(w->s, sizeof(w->s), "%s%s", ns < 0 ? "-" : "+", fmt_time_in(WORD, u, fabs(ns)));
	return w->s;
}

static void row(const struct lines_of *x, double delta_ns, const char *cause, const char *site)
{
	fprintf(x->f, "    %11s %5.0f%%  %-*s%s%s\n", signed_in(WORD, x->unit, delta_ns),
		x->g->gap_ns != 0 ? delta_ns / x->g->gap_ns * 100 : 0, *site ? 12 : 0, cause,
		*site ? "  " : "", site);
}

static int part_row(const struct lines_of *x, const struct gap_part *p)
{
	const char *only = gap_part_only(p);
	int room = x->o->columns - SITE_AT - (only ? (int)strlen(only) + 2 : 0);
	scoped_free char *site = gap_part_site(p, x->l, room), *line = NULL;
	scoped_free char *fit = site ? printable(site, room) : NULL;

	if (!fit || asprintf(&line, "%s%s%s", only ? only : "", only ? ": " : "", fit) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	row(x, p->delta_ns, gap_cause_name(p->cause), line);
	return 0;
}

static bool is_shown(const struct gap *g, const struct gap_part *p)
{
	return gap_part_holds(p) && fabs(p->delta_ns) >= SHOWN_SHARE * fabs(g->gap_ns);
}

static int parts(const struct lines_of *x)
{
	const struct gap *g = x->g;
	double small = 0, noise = 0;
	int shown = 0, err = 0;

	for (size_t i = 0; i < g->part_cnt && !err; i++) {
		const struct gap_part *p = &g->parts[i];

		if (is_shown(g, p) && shown < SHOWN_MAX) {
			shown++;
			err = part_row(x, p);
		} else if (gap_part_holds(p)) {
			small += p->delta_ns;
		} else {
			noise += p->delta_ns;
		}
	}
	if (!err && small != 0)
		row(x, small, "", "smaller parts");
	if (!err && noise != 0)
		row(x, noise, "", "parts that chance may have made");
	if (!err)
		row(x, g->unexplained_ns, "unexplained", "");
	return err;
}

static int head(const struct lines_of *x)
{
	const struct gap *g = x->g;
	scoped_free char *a = gap_side(g, g->a), *b = gap_side(g, g->b);
	scoped_free char *a_fit = a ? printable(a, 30) : NULL, *b_fit = b ? printable(b, 30) : NULL;
	char more[64] = "";

	if (!a_fit || !b_fit)
		return -ENOMEM;
	if (g->repeats_needed)
		snprintf(more, sizeof(more), "; %d repeats would tell", g->repeats_needed);
	if (!interval_known(g->interval))
		fprintf(x->f,
			"  %s took %s %s than %s (%zu and %zu runs: no verdict under %d a side)\n",
			b_fit, fmt_time_in(WORD, x->unit, fabs(g->gap_ns)),
			g->gap_ns < 0 ? "less" : "longer", a_fit, g->b->run_cnt, g->a->run_cnt,
			INTERVAL_RUNS_MIN);
	else if (g->verdict == GAP_NO_DIFFERENCE)
		fprintf(x->f, "  %s and %s: no difference (%s, 95%%: %s to %s%s)\n", b_fit, a_fit,
			signed_in(WORD, x->unit, g->gap_ns),
			signed_in(WORD, x->unit, g->interval.lo),
			signed_in(WORD, x->unit, g->interval.hi), more);
	else
		fprintf(x->f, "  %s takes %s %s than %s (95%%: %s to %s)\n", b_fit,
			fmt_time_in(WORD, x->unit, fabs(g->gap_ns)),
			g->gap_ns < 0 ? "less" : "longer", a_fit,
			signed_in(WORD, x->unit, g->interval.lo),
			signed_in(WORD, x->unit, g->interval.hi));
	return 0;
}

static int words(const struct lines_of *x)
{
	struct para p = {.f = x->f, .columns = x->o->columns, .color = x->o->color};
	scoped_free char *text = gap_paragraph(x->g, x->l);
	const char *advice[GAP_ADVICE_MAX];
	size_t cnt;

	if (!text)
		return -ENOMEM;
	para_begin(&p, "    in words", PARA_PLAIN);
	para_item(&p, "%s", text);
	para_end(&p);
	cnt = gap_advice(x->g, x->l, advice);
	for (size_t i = 0; i < cnt; i++) {
		para_begin(&p, "    suggestion", PARA_PLAIN);
		para_item(&p, "%s", advice[i]);
		para_end(&p);
	}
	return p.failed ? -ENOMEM : 0;
}

/* What may have made a part of it that is no part of the work. */
static int noise(const struct lines_of *x)
{
	struct para p = {.f = x->f, .columns = x->o->columns, .color = x->o->color};
	scoped_free char *a = gap_side(x->g, x->g->a), *b = gap_side(x->g, x->g->b);
	struct lines l = LINES_NONE;
	int err = a && b ? noise_warn(x->l->paths->r, x->g->a, a, x->g->b, b, &l) : -ENOMEM;

	for (size_t i = 0; !err && i < l.cnt; i++) {
		if (!i)
			para_begin(&p, "    noise", PARA_WARN);
		para_item(&p, "%s", l.line[i]);
	}
	if (p.item_cnt)
		para_end(&p);
	lines_clear(&l);
	return p.failed ? -ENOMEM : err;
}

static int proof(const struct lines_of *x, const struct proof *p)
{
	struct para para = {.f = x->f, .columns = x->o->columns, .color = x->o->color};
	scoped_free char *outcome = proof_outcome(p), *gap = proof_gap(x->g, p);
	scoped_free char *shares = proof_shares(x->g, p), *walls = proof_walls(x->g, p);

	if (!outcome || !gap || !shares || !walls)
		return -ENOMEM;
	para_begin(&para, "    proof", PARA_PLAIN);
	para_item(&para, "%s", outcome);
	para_item(&para, "%s", gap);
	para_item(&para, "%s", shares);
	para_item(&para, "%s", walls);
	para_end(&para);
	return para.failed ? -ENOMEM : 0;
}

/* A switch that makes other gaps smaller, not this one, is left out. */
static int proofs(const struct lines_of *x)
{
	struct proof *list = NULL;
	long cnt = proofs_of(&list, x->l, x->g);
	int err = cnt < 0 ? (int)cnt : 0;

	for (long i = 0; i < cnt && !err; i++)
		if (!list[i].sw || list[i].predicted_ns * x->g->gap_ns > 0)
			err = proof(x, &list[i]);
	free(list);
	return err;
}

int text_gap(FILE *f, const struct locks *l, const struct group *a, const struct group *b,
	     const struct text_opts *o)
{
	struct lines_of x = {.f = f, .l = l, .o = o};
	struct gap g;
	int err;

	if (a->partial || b->partial)
		return 0;
	err = gap_of(&g, l, a, b);
	if (err)
		return err;
	x.g = &g;
	x.unit = time_unit_for(
		fmax(fabs(g.gap_ns), fabs(g.interval.hi)) /* fmax() passes over NAN */);
	err = head(&x);
	if (!err && (g.verdict == GAP_SLOWER || g.verdict == GAP_FASTER)) {
		err = parts(&x);
		if (!err)
			err = words(&x);
	}
	if (!err)
		err = noise(&x);
	if (!err)
		err = proofs(&x);
	gap_clear(&g);
	return err;
}
