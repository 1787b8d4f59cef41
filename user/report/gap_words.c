// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See gap_words.h. */
#include "report/gap_words.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "model/advice.h"
#include "report/buckets.h"
#include "report/format.h"
#include "report/names.h"

#define TOLD_MAX GAP_ADVICE_MAX /* causes in the paragraph */
#define ORCHESTRATOR_SHARE 0.2	/* of such a wait: less is not worth a word */
#define UNCLEAR_SHARE 0.5	/* of the gap: with more left over, words are no explanation */
#define TOLD_SHARE 0.05		/* of the gap, at the least */
#define PATH_COLUMNS 60
#define PATH_MIN 20

char *gap_side(const struct gap *g, const struct group *side)
{
	const struct run *a = g->a->first, *b = g->b->first, *run = side->first;
	bool runtimes = strcmp(str(a->runtime), str(b->runtime)) != 0;
	bool models = strcmp(str(a->model), str(b->model)) != 0;
	char *text;

	if (asprintf(&text, "%s%s%s", runtimes ? str(run->runtime) : "",
		     runtimes && models ? " " : "", models ? str(run->model) : "") < 0)
		return NULL;
	return text;
}

/* --- where a part is */

static uint32_t path_from(const struct paths *p, const struct stack *s, const struct gap_part *part)
{
	struct futex_wait wait;

	if (part->of.kind == CAUSE_FUNCTION)
		return s->kernel_cnt;
	if (part->of.kind == CAUSE_LOCK || part->of.kind == CAUSE_FUTEX) {
		wait = path_futex_wait(p, s);
		if (part->bucket == B_FUTEX && wait.at < s->frame_cnt)
			return path_telling(p, s, wait.at);
	}
	return path_telling(p, s, s->kernel_cnt);
}

static char *path_words(const struct gap_part *part, const struct locks *l, int max)
{
	const struct recording *r = l->paths->r;
	uint32_t frames[PATH_FRAMES_MAX], cnt;
	const struct stack *s;

	if (part->stack == NO_INDEX)
		return strdup("");
	s = &r->stacks[part->stack];
	cnt = path_frames(l->paths, s, path_from(l->paths, s, part),
			  part->of.kind == CAUSE_FUNCTION, frames);
	return short_path(r, frames, cnt, max);
}

static const char *gap_work_words(const struct gap_part *p)
{
	return p->delta_ns > 0 ? "each lane does more of the work"
			       : "each lane does less of the work";
}

char *gap_part_site(const struct gap_part *p, const struct locks *l, int max)
{
	scoped_free char *cause = NULL, *path = NULL;
	struct word more = {""};
	char *text;
	int len;

	switch (p->site) {
	case AT_WORK:
		return strdup(gap_work_words(p));
	case AT_SERIAL:
		return strdup("the same work, less of it side by side");
	case AT_BUCKET:
		if (p->cause == GAP_CPU_QUOTA)
			return strdup(p->bucket == B_RUNQ_WAKE ? "cgroup's CPU quota, after wakeups"
							       : "cgroup's CPU quota");
		return strdup(p->bucket == B_RUNQ_WAKE ? "after wakeups" : bucket_head(p->bucket));
	case AT_MANY:
		len = asprintf(&text, "%s, many small ones", bucket_head(p->bucket));
		return len < 0 ? NULL : text;
	case AT_NOWHERE:
		len = asprintf(&text, "%s, without call path", bucket_head(p->bucket));
		return len < 0 ? NULL : text;
	default:
		break;
	}
	cause = cause_words(l, &p->of, false);
	if (!cause)
		return NULL;
	if (p->path_cnt > 1)
		snprintf(more.s, sizeof(more.s), " (+%zu path%s)", p->path_cnt - 1,
			 p->path_cnt > 2 ? "s" : "");
	if (max < INT_MAX)
		max -= display_width(cause) + 2 + (int)strlen(more.s);
	path = path_words(p, l, max > PATH_MIN ? max : PATH_MIN);
	if (!path)
		return NULL;
	len = asprintf(&text, "%s%s%s%s", cause, *cause && *path ? "  " : "", path,
		       *path ? more.s : "");
	return len < 0 ? NULL : text;
}

const char *gap_part_only(const struct gap_part *p)
{
	if (p->site != AT_CAUSE)
		return NULL;
	return p->a_ns <= 0 && p->b_ns > 0 ? "new" : p->b_ns <= 0 && p->a_ns > 0 ? "gone" : NULL;
}

char *gap_part_text(const struct gap_part *p, const struct locks *l)
{
	bool waits = p->bucket != BUCKET_CNT && p->bucket >= B_FUTEX && p->bucket != B_PROBE;
	char *text;

	(void)l;
	if (waits && p->site == AT_CAUSE && (p->a_cnt > 0 || p->b_cnt > 0)) {
		if (asprintf(&text, "%s waits against %s", fmt_count(WORD, whole(p->b_cnt)),
			     fmt_count(WORD, whole(p->a_cnt))) < 0)
			return NULL;
		return text;
	}
	if (asprintf(&text, "%s against %s", fmt_time(WORD, whole(p->b_ns)),
		     fmt_time(WORD, whole(p->a_ns))) < 0)
		return NULL;
	return text;
}

/* --- the paragraph */

static const char *meaning(enum gap_cause c)
{
	static const char *const words[GAP_CAUSE_CNT] = {
		[GAP_LOCK_WAIT] = "waiting for locks that others hold, and waking those who wait",
		[GAP_LOCK_TRAFFIC] =
			"locks on the CPU: their functions, and atomic instructions elsewhere, "
			"without waiting",
		[GAP_MMAP_LOCK] =
			"waiting for the lock of the address space, which its threads share",
		[GAP_KERNEL_LOCK] = "locks inside the kernel",
		[GAP_PAGE_FAULTS] = "page faults: memory touched for the first time",
		[GAP_PAGE_TABLES] = "making page tables",
		[GAP_TLB] = "flushing address translations, on other CPUs too",
		[GAP_RUN_QUEUE] = "waiting for a CPU",
		[GAP_CPU_QUOTA] = "waiting for the cgroup's CPU quota",
		[GAP_CPU_FUNCTION] = "computing",
		[GAP_DISK] = "waiting for a device",
		[GAP_IPC] = "waiting for messages: for work, or for the others to finish",
		[GAP_SLEEP] = "sleeping",
		[GAP_CHILD] = "waiting for a child process",
		[GAP_IDLE] = "waiting for events: for work, or for the others to finish",
		[GAP_LOST] = "what found no room while it was recorded",
		[GAP_OTHER] = "other things",
	};

	return words[c];
}

struct told {
	enum gap_cause cause;
	bool work; /* not a cause: that one lane does more of the work */
	double delta_ns;
	const struct gap_part *largest;
};

/* Can a part be named as the place of its cause? Quota's place is its cause. */
static bool is_place(const struct gap_part *p)
{
	return p->cause != GAP_CPU_QUOTA && p->site != AT_MANY && p->site != AT_NOWHERE;
}

/*
 * Parts that hold, summed by cause, whichever way they point; then those causes that point the
 * gap's way, the largest first. Each with its largest part.
 */
static size_t collect(const struct gap *g, struct told out[GAP_CAUSE_CNT + 1])
{
	double sign = g->gap_ns >= 0 ? 1 : -1;
	size_t cnt = 0, kept = 0, i, j;

	for (i = 0; i < g->part_cnt; i++) {
		const struct gap_part *p = &g->parts[i];
		bool work = p->site == AT_WORK;

		if (!gap_part_holds(p))
			continue;
		for (j = 0; j < cnt && (out[j].cause != p->cause || out[j].work != work); j++)
			;
		if (j == cnt)
			out[cnt++] = (struct told){.cause = p->cause, .work = work, .largest = p};
		out[j].delta_ns += p->delta_ns;
		if (sign * p->delta_ns > 0 && (sign * out[j].largest->delta_ns < 0 ||
					       (is_place(p) && !is_place(out[j].largest))))
			out[j].largest = p;
	}
	for (i = 0; i < cnt; i++)
		if (sign * out[i].delta_ns > 0)
			out[kept++] = out[i];
	cnt = kept;
	/* few: put in order by insertion, earlier ones first among equals */
	for (i = 1; i < cnt; i++) {
		struct told t = out[i];

		for (j = i; j && sign * out[j - 1].delta_ns < sign * t.delta_ns; j--)
			out[j] = out[j - 1];
		out[j] = t;
	}
	return cnt;
}

static int say_cause(FILE *f, const struct gap *g, const struct told *t, bool first,
		     const struct locks *l)
{
	static const char *const verb[2][2] = {{"goes into", "into"}, {"is saved on", "on"}};
	scoped_free char *site = is_place(t->largest) && !t->work && t->largest->site != AT_SERIAL
					 ? gap_part_site(t->largest, l, PATH_COLUMNS)
					 : strdup("");
	bool serial = t->largest->site == AT_SERIAL;
	const char *what =
		t->work	 ? gap_work_words(t->largest)
		: serial ? "work that went on alone: the same CPU time in all, less of it "
			   "side by side"
			 : meaning(t->cause);

	if (!site)
		return -ENOMEM;
	fprintf(f, "%s%s of it (%s) %s %s%s%s%s", first ? "" : "; ",
		fmt_share(WORD, t->delta_ns / g->gap_ns), fmt_time(WORD, whole(fabs(t->delta_ns))),
		t->work ? "is that" : verb[g->gap_ns < 0][!first], what, *site ? " (" : "", site,
		*site ? ")" : "");
	/* what lanes wait for in a pool is often the orchestrator: say what it did */
	if ((t->cause == GAP_IPC || t->cause == GAP_IDLE) &&
	    fabs(g->b->cpu_orchestrator_ns - g->a->cpu_orchestrator_ns) >=
		    ORCHESTRATOR_SHARE * fabs(t->delta_ns))
		fprintf(f, ", while the orchestrator used %s of CPU against %s",
			fmt_time(WORD, whole(g->b->cpu_orchestrator_ns)),
			fmt_time(WORD, whole(g->a->cpu_orchestrator_ns)));
	return 0;
}

static bool is_decided(const struct gap *g)
{
	return g->verdict == GAP_SLOWER || g->verdict == GAP_FASTER;
}

/* How many of the causes that collect() found are told. */
static size_t told_cnt(const struct gap *g, const struct told *told, size_t cnt)
{
	size_t said = 0;

	while (is_decided(g) && said < cnt && said < TOLD_MAX &&
	       fabs(told[said].delta_ns) >= TOLD_SHARE * fabs(g->gap_ns))
		said++;
	return said;
}

size_t gap_advice(const struct gap *g, const struct locks *l, const char *out[GAP_ADVICE_MAX])
{
	struct told told[GAP_CAUSE_CNT + 1] = {{0}};
	size_t cnt = told_cnt(g, told, collect(g, told)), said = 0;

	for (size_t i = 0; i < cnt; i++) {
		const char *text = told[i].work ? NULL : advice_for(told[i].largest, l);
		bool seen = !text;

		for (size_t j = 0; j < said && !seen; j++)
			seen = !strcmp(out[j], text);
		if (!seen)
			out[said++] = text;
	}
	return said;
}

/* What is left over, and what chance may have made, over the gap. */
static double unclear(const struct gap *g)
{
	double noise = 0;

	for (size_t i = 0; i < g->part_cnt; i++)
		noise += gap_part_holds(&g->parts[i]) ? 0 : g->parts[i].delta_ns;
	return g->gap_ns != 0 ? (fabs(g->unexplained_ns) + fabs(noise)) / fabs(g->gap_ns) : 0;
}

char *gap_paragraph(const struct gap *g, const struct locks *l)
{
	scoped_free char *a = gap_side(g, g->a), *b = gap_side(g, g->b);
	struct told told[GAP_CAUSE_CNT + 1] = {{0}};
	size_t cnt = collect(g, told), said = 0, sz = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &sz);
	int err = a && b ? 0 : -ENOMEM;

	if (!f)
		return NULL;
	if (!err && g->verdict == GAP_NO_DIFFERENCE)
		fprintf(f, "The repeats do not tell %s and %s apart.", b, a);
	else if (!err && g->verdict == GAP_UNDECIDED)
		fprintf(f, "Too few repeats to tell what is cause and what is chance.");
	else if (!err)
		fprintf(f, "%s takes %.2f times as long as %s%s: ", b,
			g->a->wall_ns.median > 0 ? g->b->wall_ns.median / g->a->wall_ns.median : 0,
			a, g->gap_ns < 0 ? ". Of the difference" : "");
	said = told_cnt(g, told, cnt);
	for (size_t i = 0; i < said && !err; i++)
		err = say_cause(f, g, &told[i], !i, l);
	if (is_decided(g))
		fputs(said ? "." : "no part of it stands out from the noise.", f);
	if (is_decided(g) && unclear(g) > UNCLEAR_SHARE)
		fprintf(f, " More than half as much again is unexplained or chance: take this with "
			   "care, or repeat more often.");
	if (fclose(f) || err) {
		free(text);
		return NULL;
	}
	return text;
}
