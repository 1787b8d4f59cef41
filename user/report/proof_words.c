// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See proof_words.h. */
#include "report/proof_words.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "report/format.h"
#include "report/gap_words.h"

static char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return text;
}

const char *proof_switch(const struct proof *p)
{
	return p->sw ? p->sw->name : p->variant;
}

static const char *signed_in(struct word *w, struct time_unit u, double ns)
{
	snprintf(w->s, sizeof(w->s), "%s%s", ns < 0 ? "-" : "+", fmt_time_in(WORD, u, fabs(ns)));
	return w->s;
}

char *proof_gap(const struct gap *g, const struct proof *p)
{
	struct time_unit u = time_unit_for(fabs(g->gap_ns));
	struct word range = {""};

	if (interval_known(p->interval))
		snprintf(range.s, sizeof(range.s), " (95%%: %s to %s)",
			 signed_in(WORD, u, p->interval.lo), signed_in(WORD, u, p->interval.hi));
	return text_of("with %s the gap is %s%s, not %s", proof_switch(p),
		       signed_in(WORD, u, p->gap_ns), range.s, signed_in(WORD, u, g->gap_ns));
}

/* Of the gap, in whole percent; no "-0". */
static int percent(const struct gap *g, double ns)
{
	double share = g->gap_ns != 0 ? 100 * ns / g->gap_ns : 0;

	return (int)lround(fmax(fmin(share, 1e6), -1e6));
}

static char *cause_names(const struct proof *p)
{
	char *text = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&text, &sz);
	bool any = false;

	if (!f)
		return NULL;
	for (int i = 0; i < GAP_CAUSE_CNT; i++) {
		if (!(p->causes & 1u << i))
			continue;
		fprintf(f, "%s%s", any ? ", " : "", gap_cause_name((enum gap_cause)i));
		any = true;
	}
	return fclose(f) ? NULL : text;
}

char *proof_shares(const struct gap *g, const struct proof *p)
{
	scoped_free char *causes = cause_names(p);
	bool grew = percent(g, p->gone_ns) < 0;
	struct word range = {""};

	if (!causes)
		return NULL;
	if (interval_known(p->gone)) {
		int lo = percent(g, g->gap_ns < 0 ? p->gone.hi : p->gone.lo);
		int hi = percent(g, g->gap_ns < 0 ? p->gone.lo : p->gone.hi);

		snprintf(range.s, sizeof(range.s), " (95%%: %d%% to %d%%)", grew ? -hi : lo,
			 grew ? -lo : hi);
	}
	return text_of("%s%d%%%s%s, %d%% was predicted to go%s%s%s", grew ? "it grew by " : "",
		       abs(percent(g, p->gone_ns)), grew ? "" : " of it went away", range.s,
		       percent(g, p->predicted_ns), *causes ? " (" : "", causes,
		       *causes ? ")" : "");
}

char *proof_outcome(const struct proof *p)
{
	const char *name = proof_verdict_name(p->verdict);
	double left = p->predicted_ns != 0 ? 100 * p->left_ns / p->predicted_ns : 0;

	switch (p->verdict) {
	case PROOF_CONFIRMED:
		return text_of("%s%s", name,
			       proof_exceeds(p) ? ": more went than was predicted" : "");
	case PROOF_IN_PART:
		return text_of("confirmed %s: less went than was predicted", name);
	case PROOF_REFUTED:
		return text_of("%s: this cause is gone, and the gap is not", name);
	case PROOF_NOT_TESTED:
		return text_of("%s: the switch left %.0f%% of this cause in place", name, left);
	case PROOF_UNDECIDED:
		return text_of(p->sw ? "%s: this can be chance" : "%s: not known here", name);
	}
	return NULL;
}

char *proof_walls(const struct gap *g, const struct proof *p)
{
	scoped_free char *a = gap_side(g, g->a), *b = gap_side(g, g->b);
	struct time_unit u = time_unit_for(fmax(g->a->wall_ns.median, g->b->wall_ns.median));

	if (!a || !b)
		return NULL;
	return text_of("%s %s to %s, %s %s to %s%s", b, fmt_time_in(WORD, u, g->b->wall_ns.median),
		       fmt_time_in(WORD, u, p->b_wall_ns), a,
		       fmt_time_in(WORD, u, g->a->wall_ns.median),
		       fmt_time_in(WORD, u, p->a_wall_ns),
		       p->changes_more ? ": the switch changes more than this cause" : "");
}

char *proof_text(const struct gap *g, const struct proof *p)
{
	scoped_free char *gap = proof_gap(g, p), *shares = proof_shares(g, p);
	scoped_free char *outcome = proof_outcome(p), *walls = proof_walls(g, p);

	return gap && shares && outcome && walls
		       ? text_of("%s; %s; %s; %s", outcome, gap, shares, walls)
		       : NULL;
}
