// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See text_where.h.
 *
 *   threads: where a lane's 0.856 s went
 *     futex      33%  0.283 s, 26,012 waits
 *         97%  rwlock, heap, first waited for in EVP_MD_fetch; 25,800 waits, max 1.20 ms
 *              80% pthread_rwlock_wrlock < .. < EVP_MD_fetch < hash_query < worker
 *              woken by pthread_rwlock_unlock < .. < worker (83% of 1,204 looked at)
 *     user       48%  0.411 s, 1,204 samples, 31% +-3 of them lock traffic
 *         43% +-3  sha512_block_data_order < SHA512_Update < .. < worker
 */
#include "report/text_where.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "model/where.h"
#include "report/buckets.h"
#include "report/format.h"
#include "report/names.h"
#include "report/para.h"

#define BUCKET_MIN 0.02	  /* of the lane's time: smaller buckets are not looked into */
#define COVER WHERE_COVER /* of a bucket: what its rows should hold */
#define ROW_MIN 0.01	  /* of a bucket: smaller rows are summed */
#define ROWS 5		  /* of a bucket; all that COVER asks for when verbose */
#define PATHS 3		  /* of a lock, likewise */
#define PATH_MIN 0.05	  /* of a sampled bucket: paths with less get no line of their own */
#define FLAT 0.7	  /* of samples: when the rows hold less, callers say more */
#define TRAFFIC_MIN 0.05
#define ACTIVITY_MIN 0.01 /* of a bucket's samples */
#define TLB_MIN 100	  /* remote flushes in a run */
#define GROWN_MIN 65536	  /* bytes of page tables */
#define CPU_MIN 0.02	  /* of on-CPU time: unmap and exit */
#define WAITS_MIN 0.3	  /* of the wakeups: the waker is worth a line */

#define INDENT_BUCKET 4
#define INDENT_ROW 6
#define INDENT_PATH 11

struct ctx {
	FILE *f;
	const struct group *g;
	const struct locks *l;
	const struct recording *r;
	const struct text_opts *o;
	struct where w;
};

/* One line at this indent, cut to the width and fit to print. */
static int line(const struct ctx *x, int indent, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int line(const struct ctx *x, int indent, const char *fmt, ...)
{
	scoped_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = printable_text(x->o->columns - indent, fmt, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	fprintf(x->f, "%*s%s\n", indent, "", text);
	return 0;
}

static bool is_sampled(int bucket)
{
	return bucket == B_CPU_USER || bucket == B_CPU_KERNEL || bucket == B_CPU_FAULT;
}

/* "43% ±3" of a sampled bucket, "43%" of a measured one. */
static const char *fmt_part(struct word *w, double share, double error)
{
	fmt_share(w, share);
	if (error > 0)
		snprintf(w->s + strlen(w->s), sizeof(w->s) - strlen(w->s), " ±%.0f",
			 fmax(1, ceil(error * 100)));
	return w->s;
}

/*
 * A share in a column of its own: measured ones to the right, "43% ±3" to the left, since its
 * error is as wide as it is.
 */
static const char *fmt_column(struct word *w, double share, double error, bool sampled)
{
	struct word part;
	int width = display_width(fmt_part(&part, share, error));

	w->s[0] = '\0';
	for (int i = width; !sampled && i < 4; i++)
		strcat(w->s, " ");
	strcat(w->s, part.s);
	for (int i = width; sampled && i < 8; i++)
		strcat(w->s, " ");
	return w->s;
}

/* Break a full path at its frames, with lines that follow indented. */
static int print_full(const struct ctx *x, int indent, const struct stack *s)
{
	scoped_free char *path = full_path(x->r, s);
	int at = indent;
	bool first = true;

	if (!path)
		return -ENOMEM;
	fprintf(x->f, "%*s", indent, "");
	/* a name may hold the separator's sign, but then only a line is broken there */
	for (char *word = path, *next; word; word = next) {
		scoped_free char *fit = NULL;

		next = strstr(word, " < ");
		if (next) {
			*next = '\0';
			next += 3;
		}
		fit = printable(word, x->o->columns - indent - 4);
		if (!fit)
			return -ENOMEM;
		if (!first && at + 3 + display_width(fit) > x->o->columns) {
			fprintf(x->f, "\n%*s< ", indent + 2, "");
			at = indent + 4;
		} else if (!first) {
			at += fprintf(x->f, " < ");
		}
		fputs(fit, x->f);
		at += display_width(fit);
		first = false;
	}
	fputc('\n', x->f);
	return 0;
}

/* --- paths */

/* How a user stack ended that did not reach its thread's entry. */
static const char *ended_words(const struct ctx *x, const struct where_path *p)
{
	static const char *const words[WG_END_CNT] = {
		[WG_END_COMPLETE] = "",
		[WG_END_TRUNCATED] = " (truncated)",
		[WG_END_BROKEN] = " (broken)",
		[WG_END_UNSUPPORTED] = " (unsupported)",
		[WG_END_UNMAPPED] = " (unmapped)",
		[WG_END_NONE] = "",
		[WG_END_LOST] = " (lost)",
	};

	return p->stack == NO_INDEX ? "" : words[x->r->stacks[p->stack].end];
}

/* A path behind some words, as long as there is room. */
static int print_path(const struct ctx *x, int indent, const char *before,
		      const struct where_path *p, const char *after)
{
	const char *ended = ended_words(x, p);
	int room = x->o->columns - indent - display_width(before) - display_width(after) -
		   display_width(ended);
	scoped_free char *path = short_path(x->r, p->frames, p->frame_cnt, room > 20 ? room : 20);
	int err;

	if (!path)
		return -ENOMEM;
	err = line(x, indent, "%s%s%s%s", before, path, ended, after);
	if (!err && x->o->verbose && p->stack != NO_INDEX)
		err = print_full(x, indent + 2, &x->r->stacks[p->stack]);
	return err;
}

/* What a path of waits is told with: how many, and the longest. */
static const char *fmt_waits(struct word *w, double count, uint64_t max_ns)
{
	snprintf(w->s, sizeof(w->s), " (%s, max %s)", fmt_count(WORD, whole(count)),
		 fmt_time(WORD, max_ns));
	return w->s;
}

/* Is one path told for all? */
static bool is_one_path(const struct ctx *x, const struct where_cause *c)
{
	return c->path_cnt == 1 || (!x->o->verbose && where_path_cnt(c) == 1);
}

/*
 * The paths of a cause, each with its share of it: as many as hold COVER of it, those with less than
 * `least` of it together. The frames in common, `common` of them, have been said. Of waits that are no lock's each with how many they were.
 */
static int print_paths(const struct ctx *x, const struct where_cause *c, uint32_t common,
		       double least)
{
	size_t max = x->o->verbose ? c->path_cnt : PATHS;
	bool waits = c->kind == CAUSE_FUNCTION || c->kind == CAUSE_BLOCKED;
	double left = 1;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < c->path_cnt && i < max; i++) {
		struct where_path p = c->paths[i];
		char before[160];

		if (!x->o->verbose && (1 - left >= COVER || p.share < least))
			break;
		if (p.share < ROW_MIN)
			break;
		if (common && p.frame_cnt > common) {
			p.frames += common;
			p.frame_cnt -= common;
			snprintf(before, sizeof(before), "%s < ", fmt_share(WORD, p.share));
		} else {
			snprintf(before, sizeof(before), "%s ", fmt_share(WORD, p.share));
		}
		err = print_path(x, INDENT_PATH, before, &p,
				 waits && p.max_ns ? fmt_waits(WORD, p.count, p.max_ns) : "");
		left -= p.share;
	}
	if (!err && i && i < c->path_cnt && (x->o->verbose || left >= 1 - COVER))
		err = line(x, INDENT_PATH, "%s by %s more", fmt_share(WORD, left),
			   fmt_count(WORD, c->path_cnt - i));
	return err;
}

/* The paths of a lock: one without its share when it is all there is. */
static int print_lock_paths(const struct ctx *x, const struct where_cause *c)
{
	if (c->path_cnt && is_one_path(x, c))
		return print_path(x, INDENT_PATH, "", &c->paths[0], "");
	return print_paths(x, c, 0, ROW_MIN);
}

static int print_wakers(const struct ctx *x, const struct where_cause *c)
{
	size_t max = x->o->verbose ? 3 : 1;
	int err = 0;

	for (size_t i = 0; !err && i < c->waker_cnt && i < max; i++) {
		const struct where_path *p = &c->wakers[i];
		char after[300];

		if (p->share < WAITS_MIN && !x->o->verbose)
			break;
		snprintf(after, sizeof(after), " (%s of %s looked at)", fmt_share(WORD, p->share),
			 fmt_count(WORD, whole(c->woken)));
		if (p->stack == NO_INDEX)
			err = line(x, INDENT_PATH,
				   "woken by a time-out, a signal or an interrupt%s", after);
		else
			err = print_path(x, INDENT_PATH, "woken by ", p, after);
	}
	return err;
}

/* --- causes */

static int print_waits(const struct ctx *x, const struct where_cause *c)
{
	scoped_free char *words = cause_words(x->l, c, true);
	scoped_free char *fit = NULL;
	char after[300];
	int err;

	if (!words)
		return -ENOMEM;
	snprintf(after, sizeof(after), "; %s wait%s, max %s", fmt_count(WORD, whole(c->count)),
		 whole(c->count) == 1 ? "" : "s", fmt_time(WORD, c->max_ns));
	fit = printable(words, x->o->columns - INDENT_ROW - 6 - display_width(after));
	if (!fit)
		return -ENOMEM;
	err = line(x, INDENT_ROW, "%s  %s%s", fmt_column(WORD, c->share, 0, false), fit, after);
	if (!err && x->o->verbose && x->g->run_cnt > 1)
		err = line(x, INDENT_PATH, "%s a run",
			   fmt_time_range(WORD, time_unit_for(c->ns), c->ns, c->lo_ns, c->hi_ns));
	if (!err)
		err = print_lock_paths(x, c);
	if (!err && c->kind == CAUSE_LOCK && (c->wait != WAIT_IDLE || x->o->verbose))
		err = print_wakers(x, c);
	return err;
}

/*
 * A row whose paths differ: what they have in common, then each of them below it.
 *
 *   100%  epoll_wait < uv__io_poll < uv_run (2,551, max 9.870 s)
 *            51% < DelayedTaskScheduler::Start < thread_body (1, max 9.870 s)
 *            49% < SpinEventLoop < main (2,550, max 20.10 ms)
 */
static int print_many(const struct ctx *x, const struct where_cause *c, const char *column,
		      const char *words, const char *after, double least)
{
	const struct where_path common = {
		.frames = c->paths[0].frames, .frame_cnt = c->common_cnt, .stack = NO_INDEX};
	const char *call = c->frame == NO_INDEX ? NULL : syscall_of(x->r->frames[c->frame].name);
	char before[512], tail[300];
	int err;

	snprintf(tail, sizeof(tail), "%s%s", after,
		 c->paths[0].share < least ? ", by several paths" : "");
	snprintf(before, sizeof(before), "%s%.60s%s", column, words,
		 *words && c->common_cnt ? ": " : "");
	if (c->common_cnt)
		err = print_path(x, INDENT_ROW, before, &common, tail);
	else
		err = line(x, INDENT_ROW, "%s%s%s", before, *words ? "" : str(call), tail);
	return err ? err : print_paths(x, c, c->common_cnt, least);
}

/* Sampled causes, faults, and blocked ones without a lock: one line, and more where paths differ. */
static int print_row(const struct ctx *x, const struct where_cause *c, const char *column,
		     const char *words, const char *after, double least)
{
	char before[512];

	if (!is_one_path(x, c))
		return print_many(x, c, column, words, after, least);
	snprintf(before, sizeof(before), "%s%.60s%s", column, words, *words ? ": " : "");
	return print_path(x, INDENT_ROW, before, &c->paths[0], after);
}

static int print_one_line(const struct ctx *x, const struct where_cause *c, int which)
{
	static const char in_fault[] = "page fault: ";
	scoped_free char *all = cause_words(x->l, c, false);
	bool sampled = is_sampled(which);
	const char *words = all;
	struct word after = {""};
	char column[160];
	double traffic = c->amount > 0 ? c->traffic / c->amount : 0;

	if (!words)
		return -ENOMEM;
	if (which == B_CPU_FAULT && !strncmp(words, in_fault, strlen(in_fault)))
		words += strlen(in_fault);
	snprintf(column, sizeof(column), "%s  ", fmt_column(WORD, c->share, c->error, sampled));
	if (sampled && traffic >= TRAFFIC_MIN)
		snprintf(after.s, sizeof(after.s), " (%s lock traffic)", fmt_share(WORD, traffic));
	else if (!sampled)
		fmt_waits(&after, c->count, c->max_ns);
	if (!c->path_cnt || c->kind == CAUSE_UNKNOWN || c->kind == CAUSE_LOST)
		return line(x, INDENT_ROW, "%s%s%s", column, words, after.s);
	return print_row(x, c, column, words, after.s, sampled ? PATH_MIN / c->share : ROW_MIN);
}

/*
 * Where a profile is flat, its leaves say little: the functions that it parts into, from the root
 * on.
 *
 *   under hash_query: 61% ±5 EVP_MD_fetch, 21% ±4 EVP_DigestFinal_ex
 */
static int print_split(const struct ctx *x, const struct where_bucket *k)
{
	struct where_child child[SPLIT_MAX];
	uint32_t under, cnt = where_split(k, &under, child), told = 0;
	scoped_free char *root = NULL;
	char words[512] = "";
	int room;

	if (cnt < 2)
		return 0;
	root = under == NO_INDEX ? strdup("the roots")
				 : short_function(x->r->frames[under].name, 40);
	if (!root)
		return -ENOMEM;
	room = x->o->columns - INDENT_ROW - (int)strlen("under : ") - display_width(root);
	for (; told < cnt; told++) {
		scoped_free char *name = short_function(x->r->frames[child[told].frame].name, 40);
		char word[256];

		if (!name)
			return -ENOMEM;
		snprintf(word, sizeof(word), "%s%s %s", told ? ", " : "",
			 fmt_part(WORD, child[told].share, child[told].error), name);
		room -= display_width(word);
		if (room < 0 || strlen(words) + strlen(word) >= sizeof(words))
			break;
		strcat(words, word);
	}
	return told ? line(x, INDENT_ROW, "under %s: %s", root, words) : 0;
}

static int print_causes(const struct ctx *x, int which)
{
	const struct where_bucket *k = &x->w.bucket[which];
	bool sampled = is_sampled(which);
	size_t i, max = x->o->verbose ? k->cause_cnt : ROWS;
	double held = 0;
	int err = 0;

	for (i = 0; !err && i < k->cause_cnt && i < max; i++) {
		const struct where_cause *c = &k->causes[i];

		if (held >= COVER * k->covered || c->share < ROW_MIN)
			break;
		held += c->share;
		err = c->kind == CAUSE_LOCK || c->kind == CAUSE_FUTEX ? print_waits(x, c)
								      : print_one_line(x, c, which);
	}
	if (!err && which == B_CPU_USER && held < FLAT)
		err = print_split(x, k);
	if (!err && i < k->cause_cnt && k->covered - held >= 0.005)
		err = line(x, INDENT_ROW, "and %s more (%s)", fmt_count(WORD, k->cause_cnt - i),
			   fmt_share(WORD, k->covered - held));
	if (!err && !sampled && k->covered < COVER)
		err = line(x, INDENT_ROW, "%s of it not attributed",
			   fmt_share(WORD, 1 - k->covered));
	return err;
}

/* --- buckets */

/*
 * What the runtime did in a bucket's samples, the largest first:
 *
 *   of it gc 12% ±1, jit 3% ±1
 */
static int print_activities(const struct ctx *x, const struct where_bucket *k)
{
	bool told[ACT_CNT] = {[ACT_NONE] = true};
	char words[256] = "";
	size_t len = 0;

	for (int n = 1; n < ACT_CNT; n++) {
		int best = ACT_NONE;
		double share;

		for (int i = 1; i < ACT_CNT; i++) {
			if (!told[i] && (best == ACT_NONE || k->activity[i] > k->activity[best]))
				best = i;
		}
		share = k->count > 0 ? k->activity[best] / k->count : 0;
		if (share < ACTIVITY_MIN)
			break;
		told[best] = true;
		len += (size_t)snprintf(
			words + len, sizeof(words) - len, "%s%s %s", len ? ", " : "",
			activity_name((enum activity)best),
			fmt_part(WORD, share, 1.96 * sqrt(share * (1 - share) / k->count)));
	}
	return len ? line(x, INDENT_ROW, "of it %s", words) : 0;
}

static int print_bucket(const struct ctx *x, int which)
{
	const struct where_bucket *k = &x->w.bucket[which];
	struct word traffic = {""};
	double share = k->count > 0 ? k->traffic / k->count : 0;
	int err;

	if (k->share < BUCKET_MIN || !k->cause_cnt)
		return 0;
	if (which == B_CPU_USER && share >= TRAFFIC_MIN)
		snprintf(traffic.s, sizeof(traffic.s), ", %s of them lock traffic",
			 fmt_part(WORD, share, 1.96 * sqrt(share * (1 - share) / k->count)));
	err = line(x, INDENT_BUCKET, "%-11s %4s  %s, %s %s%s%s", bucket_head((enum bucket)which),
		   fmt_share(WORD, k->share), fmt_time(WORD, whole(k->ns)),
		   fmt_count(WORD, whole(k->count)), is_sampled(which) ? "sample" : "wait",
		   whole(k->count) == 1 ? "" : "s", traffic.s);
	if (!err && which == B_CPU_USER)
		err = print_activities(x, k);
	return err ? err : print_causes(x, which);
}

static int print_faults(const struct ctx *x)
{
	const struct where_bucket *k = &x->w.bucket[WHERE_FAULTS];
	size_t max = x->o->verbose ? k->cause_cnt : ROWS;
	double held = 0;
	int err;

	if (!k->cause_cnt || x->w.bucket[B_CPU_FAULT].share < BUCKET_MIN)
		return 0;
	err = line(x, INDENT_BUCKET, "page faults by call path, about %s a run",
		   fmt_count(WORD, whole(k->count)));
	for (size_t i = 0; !err && i < k->cause_cnt && i < max && held < COVER; i++) {
		const struct where_cause *c = &k->causes[i];
		char before[160], after[400] = "";

		if (c->share < ROW_MIN)
			break;
		held += c->share;
		snprintf(before, sizeof(before), "%s  ", fmt_column(WORD, c->share, 0, false));
		if (whole(c->pgtables_bytes))
			snprintf(after, sizeof(after), " (page tables +%s)",
				 fmt_bytes(WORD, whole(c->pgtables_bytes)));
		if (whole(c->huge))
			snprintf(after + strlen(after), sizeof(after) - strlen(after), " (%s huge)",
				 fmt_count(WORD, whole(c->huge)));
		err = c->kind == CAUSE_LOST
			      ? line(x, INDENT_ROW, "%slost: no room for it%s", before, after)
		      : c->path_cnt && c->kind != CAUSE_UNKNOWN
			      ? print_row(x, c, before, "", after, PATH_MIN / c->share)
			      : line(x, INDENT_ROW, "%sno call path%s", before, after);
	}
	return err;
}

/* --- page tables, TLB, huge pages, unmap and exit: one line, of what matters */

static uint64_t mean_count(const struct group *g, enum wg_count what)
{
	double sum = 0;

	for (size_t i = 0; i < g->run_cnt; i++) {
		uint64_t cnt = run_count(g->runs[i], what);

		if (cnt == UNKNOWN)
			return UNKNOWN;
		sum += (double)cnt;
	}
	return g->run_cnt ? whole(sum / (double)g->run_cnt) : 0;
}

static double mean_part(const struct group *g, enum wg_part part)
{
	double sum = 0;

	for (size_t i = 0; i < g->run_cnt; i++) {
		for (size_t j = 0; j < g->runs[i]->thread_cnt; j++)
			sum += (double)g->runs[i]->threads[j].part_ns[part];
	}
	return g->run_cnt ? sum / (double)g->run_cnt : 0;
}

/* Share of on-CPU time in this class of kernel work, of the same threads as the buckets. */
static double class_share(const struct ctx *x, enum kclass class)
{
	const struct where_bucket *k = &x->w.bucket[B_CPU_KERNEL];
	double cpu = k->ns + x->w.bucket[B_CPU_USER].ns + x->w.bucket[B_CPU_FAULT].ns;

	for (size_t i = 0; cpu > 0 && i < k->cause_cnt; i++) {
		if (k->causes[i].kind == CAUSE_KERNEL && k->causes[i].kclass == class)
			return k->causes[i].ns / cpu;
	}
	return 0;
}

/* From least on (UNKNOWN: not at all); when verbose any, and that it is not known. */
static void count_item(const struct ctx *x, struct para *p, enum wg_count what, uint64_t least,
		       const char *of_what)
{
	uint64_t cnt = mean_count(x->g, what);

	if (cnt == UNKNOWN && x->o->verbose)
		para_item(p, "%s unknown", of_what);
	else if (cnt != UNKNOWN && (cnt >= least || (cnt && x->o->verbose)))
		para_item(p, "%s %s", fmt_count(WORD, cnt), of_what);
}

/* Items of the line that matter, or all of them when verbose. */
static void memory_items(const struct ctx *x, struct para *p)
{
	uint64_t huge = mean_count(x->g, WG_N_FAULT_HUGE);
	double unmap = class_share(x, KC_UNMAP), exits = class_share(x, KC_EXIT), grown = 0;
	bool all = x->o->verbose;

	for (size_t i = 0; i < x->w.bucket[WHERE_FAULTS].cause_cnt; i++)
		grown += x->w.bucket[WHERE_FAULTS].causes[i].pgtables_bytes;
	count_item(x, p, WG_N_TLB_REMOTE, TLB_MIN, "remote TLB flushes");
	count_item(x, p, WG_N_IPI_SENT, TLB_MIN, "interrupts sent to other CPUs");
	count_item(x, p, WG_N_TLB_LOCAL, UNKNOWN, "local TLB flushes");
	if (huge)
		para_item(p, "%s huge-page faults (%s)", fmt_count(WORD, huge),
			  fmt_time(WORD, whole(mean_part(x->g, WG_T_FAULT_HUGE))));
	if (whole(grown) >= GROWN_MIN || (all && whole(grown)))
		para_item(p, "page tables +%s in faults", fmt_bytes(WORD, whole(grown)));
	if (unmap >= CPU_MIN)
		para_item(p, "unmap %s of on-CPU time", fmt_share(WORD, unmap));
	if (exits >= CPU_MIN)
		para_item(p, "exit %s of on-CPU time", fmt_share(WORD, exits));
}

static int print_memory(const struct ctx *x)
{
	scoped_free char *words = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&words, &sz);
	struct para p = {.f = f, .columns = x->o->columns, .color = x->o->color};

	if (!f)
		return -ENOMEM;
	para_begin(&p, "    memory", PARA_PLAIN);
	memory_items(x, &p);
	para_end(&p);
	if (fclose(f) || p.failed)
		return -ENOMEM;
	if (p.item_cnt)
		fputs(words, x->f);
	return 0;
}

/* --- all of it */

static bool any_sites(const struct group *g)
{
	for (size_t i = 0; i < g->run_cnt; i++) {
		if (g->runs[i]->site_cnt)
			return true;
	}
	return false;
}

static int print_all(const struct ctx *x, const char *name)
{
	const char *time = fmt_time(WORD, whole(x->g->lane_ns));
	int err;

	if (x->g->has_lanes)
		err = line(x, 2, "%s: where a lane's %s went", name, time);
	else
		err = line(x, 2, "%swhere the %s went that its threads lived", name, time);
	for (int b = 0; !err && b < BUCKET_CNT; b++) {
		err = print_bucket(x, b);
		if (!err && b == B_CPU_FAULT)
			err = print_faults(x);
	}
	return err ? err : print_memory(x);
}

int text_where(FILE *f, const struct group *g, const char *name, const struct locks *l,
	       const struct text_opts *o)
{
	struct ctx x = {.f = f, .g = g, .l = l, .r = l->paths->r, .o = o};
	int err;

	if (!any_sites(g))
		return 0;
	err = where_of(&x.w, l, g);
	if (err)
		return err;
	err = print_all(&x, name);
	where_clear(&x.w);
	return err;
}
