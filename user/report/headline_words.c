// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See headline_words.h. No cause is named where the interval leaves open whether there is a gap. */
#include "report/headline_words.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "report/format.h"
#include "report/gap_words.h"

#define PART_MIN 0.1	  /* of the gap: what is less is not told */
#define UNDECODED_MAX 0.2 /* of samples: with more of unknown code, shares of the rest mislead */
#define SITE_COLUMNS 40
#define WAIT_MIN 0.01		/* of a lane's time */
#define BUFFER_BYTES 104857600. /* of a task of `transfer` */

static bool two_runtimes(const struct headline *h)
{
	return h->claim->a_runtime;
}

char *headline_who(const struct headline *h)
{
	const char *b = str(h->b->first->runtime);
	char *text;

	if (!two_runtimes(h))
		return strdup(b);
	return asprintf(&text, "%s, %s", b, str(h->a->first->runtime)) < 0 ? NULL : text;
}

static const char *side(const struct headline *h, const struct group *g)
{
	return two_runtimes(h) ? str(g->first->runtime) : str(g->first->model);
}

char *headline_figures(const struct headline *h)
{
	char *text, range[128] = "";
	int len;

	if (interval_known(h->interval) && h->claim->kind == CLAIM_PEAK)
		snprintf(range, sizeof(range), " (%s to %s)",
			 fmt_bytes(WORD, whole(h->interval.lo)),
			 fmt_bytes(WORD, whole(h->interval.hi)));
	else if (interval_known(h->interval))
		snprintf(range, sizeof(range), " (%.2f to %.2f)", h->interval.lo, h->interval.hi);
	if (h->claim->kind == CLAIM_PEAK)
		len = asprintf(&text, "%s%s", fmt_bytes(WORD, whole(h->value)), range);
	else
		len = asprintf(&text, "%s %s, %s %s: %.2f times as long%s", side(h, h->b),
			       fmt_time(WORD, whole(h->b->wall_ns.median)), side(h, h->a),
			       fmt_time(WORD, whole(h->a->wall_ns.median)), h->value, range);
	return len < 0 ? NULL : text;
}

/* --- why */

struct words {
	FILE *f;
	int cnt;
};

static void say(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct words *w, const char *fmt, ...)
{
	va_list ap;

	if (w->cnt++)
		fputs("; ", w->f);
	va_start(ap, fmt);
	vfprintf(w->f, fmt, ap);
	va_end(ap);
}

static const char *signed_time(struct word *w, double ns)
{
	snprintf(w->s, sizeof(w->s), "%s%s", ns < 0 ? "-" : "+",
		 fmt_time(WORD, (uint64_t)llround(fabs(ns))));
	return w->s;
}

/* The two parts that make most of the gap. */
static int say_parts(struct words *w, const struct gap *g, const struct locks *l)
{
	int said = 0;

	for (size_t i = 0; i < g->part_cnt && said < 2; i++) {
		const struct gap_part *p = &g->parts[i];
		scoped_free char *site = NULL;

		if (!gap_part_holds(p) || p->delta_ns / g->gap_ns < PART_MIN)
			continue;
		site = gap_part_site(p, l, SITE_COLUMNS);
		if (!site)
			return -ENOMEM;
		say(w, "%s %s%s%s%s", gap_cause_name(p->cause), signed_time(WORD, p->delta_ns),
		    *site ? " (" : "", site, *site ? ")" : "");
		said++;
	}
	return 0;
}

static bool waits_matter(const struct lock_cost *e, const struct headline *h)
{
	return e->contended_ns[0] > WAIT_MIN * h->a->lane_ns ||
	       e->contended_ns[1] > WAIT_MIN * h->b->lane_ns;
}

static bool traffic_differs(const struct lock_cost *e)
{
	return e->undecoded[0] <= UNDECODED_MAX && e->undecoded[1] <= UNDECODED_MAX &&
	       fabs(e->traffic[1] - e->traffic[0]) > e->traffic_error[0] + e->traffic_error[1];
}

/* Locks, on the CPU and waited for; where a claim is about them, that there are none too. */
static void say_locks(struct words *w, const struct headline *h)
{
	const struct lock_cost *e = &h->locks;
	bool asked = !strcmp(h->claim->workload, "crypto");

	if (waits_matter(e, h))
		say(w, "lock waits %s against %s",
		    fmt_time(WORD, (uint64_t)llround(e->contended_ns[1])),
		    fmt_time(WORD, (uint64_t)llround(e->contended_ns[0])));
	else if (asked && h->a->bucket_ns[B_FUTEX] <= WAIT_MIN * h->a->lane_ns &&
		 h->b->bucket_ns[B_FUTEX] <= WAIT_MIN * h->b->lane_ns)
		say(w, "no lock waits");
	if (!e->samples[0] || !e->samples[1] || (!asked && !traffic_differs(e)))
		return;
	if (e->undecoded[0] > UNDECODED_MAX || e->undecoded[1] > UNDECODED_MAX) {
		say(w, "lock traffic unknown: %.0f%% of samples hit code without symbols",
		    fmax(e->undecoded[0], e->undecoded[1]) * 100);
		return;
	}
	say(w, "lock traffic %.0f%% \302\261%.0f of samples against %.0f%% \302\261%.0f",
	    e->traffic[1] * 100, ceil(e->traffic_error[1] * 100), e->traffic[0] * 100,
	    ceil(e->traffic_error[0] * 100));
}

static void say_peak(struct words *w, const struct headline *h)
{
	int workers = h->b->first->workers;

	say(w, "with %d workers, %.1f buffers of each", workers,
	    workers ? h->value / BUFFER_BYTES / workers : 0);
}

char *headline_why(const struct headline *h, const struct locks *l)
{
	char *text = NULL;
	size_t sz = 0;
	struct words w = {.f = open_memstream(&text, &sz)};

	int err = 0;

	if (!w.f)
		return NULL;
	if (h->claim->kind == CLAIM_PEAK) {
		say_peak(&w, h);
	} else {
		if (!interval_known(h->interval))
			say(&w, "too few repeats");
		else if (h->interval.lo > 1 || h->interval.hi < 1)
			err = say_parts(&w, &h->gap, l);
		say_locks(&w, h);
	}
	if (!fclose(w.f) && !err)
		return text;
	free(text);
	return NULL;
}
