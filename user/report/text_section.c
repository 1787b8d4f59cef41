// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The sections of the text report. Of pools: a table with a row for each model, fastest first.
 * Of a command: its figures, then its threads, by name when there are many.
 */
#include "report/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/ledger.h"
#include "model/gap_pairs.h"
#include "model/path.h"
#include "model/summary.h"
#include "report/buckets.h"
#include "report/format.h"
#include "report/para.h"
#include "report/table.h"
#include "report/text_gap.h"
#include "report/text_pools.h"
#include "report/text_where.h"
#include "report/threads.h"

#define INDENT 2
#define NAMED_MAX 20  /* more threads of a command than these are listed by name */
#define ROW_MAX 15    /* names listed */
#define PATH_MIN 0.01 /* of the critical path: smaller shares are not told */

enum group_of_columns { TIME_COLUMNS, MEMORY_COLUMNS };

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* A line of its own, in bold where there is colour, cut to the width. */
static int title(FILE *f, const char *text, const struct text_opts *o)
{
	scoped_free char *line = printable(text, o->columns);

	if (!line)
		return -ENOMEM;
	fprintf(f, o->color ? "\033[1m%s\033[0m\n" : "%s\n", line);
	return 0;
}

/* --- a section of pools */

static int pool_title(FILE *f, const struct section *sec, const struct text_opts *o)
{
	const struct run *run = sec->groups[0].first;
	scoped_free char *text = NULL;
	const char *detail = str(run->detail), *end = NULL;

	for (size_t i = 1; i < sec->group_cnt && !end; i++)
		if (strcmp(str(sec->groups[i].first->detail), detail))
			end = strstr(detail, ", ");
	if (asprintf(&text, "%s, %s%s%.*s", str(run->workload),
		     *str(run->runtime) ? run->runtime : "runtime unknown", *detail ? ": " : "",
		     end ? (int)(end - detail) : (int)strlen(detail), detail) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return title(f, text, o);
}

/* How each model does the same work in its own way, where they differ: behind the size. */
static void pool_ways(FILE *f, const struct section *sec, const struct text_opts *o)
{
	struct para p = {.f = f, .columns = o->columns, .color = o->color};
	const char *first = str(sec->groups[0].first->detail), *way;
	bool differ = false;

	for (size_t i = 1; i < sec->group_cnt; i++)
		differ |= strcmp(str(sec->groups[i].first->detail), first) != 0;
	if (!differ)
		return;
	para_begin(&p, "  ways", PARA_PLAIN);
	for (size_t i = 0; i < sec->group_cnt; i++) {
		const struct run *run = sec->groups[i].first;

		way = strstr(str(run->detail), ", ");
		para_item(&p, "%s %s", str(run->model), way ? way + 2 : str(run->detail));
	}
	para_end(&p);
}

static void pool_buckets(struct bucket_columns *c, const struct section *sec)
{
	bucket_columns_clear(c);
	for (size_t i = 0; i < sec->group_cnt; i++)
		bucket_columns_see(c, sec->groups[i].bucket_ns, sec->groups[i].lane_ns);
	for (size_t i = 0; i < sec->group_cnt; i++)
		bucket_columns_rest(c, sec->groups[i].bucket_ns);
}

static bool any_major(const struct section *sec)
{
	for (size_t i = 0; i < sec->group_cnt; i++) {
		if (sec->groups[i].faults_major > 0)
			return true;
	}
	return false;
}

static bool any_pss(const struct section *sec)
{
	for (size_t i = 0; i < sec->group_cnt; i++) {
		if (sec->groups[i].pss_sum_bytes != UNKNOWN)
			return true;
	}
	return false;
}

static void pool_heads(struct table *t, const struct section *sec, const struct bucket_columns *c)
{
	table_column(t, "model", ALIGN_LEFT, TIME_COLUMNS);
	table_column(t, "wall (range)", ALIGN_LEFT, TIME_COLUMNS);
	table_column(t, "x", ALIGN_RIGHT, TIME_COLUMNS);
	bucket_heads(t, c, BUCKET_HEADS_LONG, TIME_COLUMNS);
	table_column(t, "faults", ALIGN_RIGHT, MEMORY_COLUMNS);
	if (any_major(sec))
		table_column(t, "major", ALIGN_RIGHT, MEMORY_COLUMNS);
	table_column(t, "page tables", ALIGN_RIGHT, MEMORY_COLUMNS);
	table_column(t, "rss avg/peak/sum", ALIGN_RIGHT, MEMORY_COLUMNS);
	if (any_pss(sec))
		table_column(t, "pss sum", ALIGN_RIGHT, MEMORY_COLUMNS);
	table_column(t, "orchestrator CPU", ALIGN_RIGHT, MEMORY_COLUMNS);
}

static void wall_cell(struct table *t, const struct group *g, struct time_unit unit)
{
	if (g->wall_ns.cnt > 1)
		table_cell(t, fmt_time_range(WORD, unit, g->wall_ns.median, g->wall_ns.min,
					     g->wall_ns.max));
	else
		table_cell(t, fmt_time_in(WORD, unit, g->wall_ns.median));
}

static void pool_row(struct table *t, const struct section *sec, const struct group *g,
		     const struct bucket_columns *c, struct time_unit unit)
{
	const uint64_t rss[] = {g->rss_avg_bytes, g->rss_peak_bytes, g->rss_sum_peak_bytes};
	char ratio[32];

	snprintf(ratio, sizeof(ratio), g->ratio > 0 ? "%.2f" : "-", g->ratio);
	table_row(t);
	table_cell(t, str(g->first->model));
	wall_cell(t, g, unit);
	table_cell(t, ratio);
	bucket_cells(t, c, g->bucket_ns, g->lane_ns);
	table_cell(t, fmt_count(WORD, whole(g->faults_minor + g->faults_major)));
	if (any_major(sec))
		table_cell(t, fmt_count(WORD, whole(g->faults_major)));
	table_cell(t, fmt_bytes(WORD, g->pgtables_peak_bytes));
	table_cell(t, fmt_bytes_list(WORD, rss, ARRAY_SIZE(rss)));
	if (any_pss(sec))
		table_cell(t, fmt_bytes(WORD, g->pss_sum_bytes));
	table_cell(t, fmt_share(WORD, g->orchestrator_share));
}

static int pool_table(FILE *f, const struct section *sec, const struct text_opts *o)
{
	struct table *t = table_new();
	struct bucket_columns c;
	double longest = 0;
	int err;

	if (!t)
		return -ENOMEM;
	pool_buckets(&c, sec);
	pool_heads(t, sec, &c);
	for (size_t i = 0; i < sec->group_cnt; i++)
		longest = fmax(longest, sec->groups[i].wall_ns.median);
	for (size_t i = 0; i < sec->group_cnt; i++)
		pool_row(t, sec, &sec->groups[i], &c, time_unit_for(longest));
	err = table_print(t, f, INDENT, o->columns, o->color);
	table_free(t);
	return err;
}

/* Whose waits for a CPU were also waits for quota; nothing is said where none were. */
static void quota_line(FILE *f, const struct group *groups, size_t cnt, const struct text_opts *o)
{
	struct para p = {.f = f, .columns = o->columns, .color = o->color};

	for (size_t i = 0; i < cnt; i++) {
		const struct group *g = &groups[i];
		double waits = g->bucket_ns[B_RUNQ_WAKE] + g->bucket_ns[B_RUNQ_PREEMPT];

		if (!(g->quota_ns > 0))
			continue;
		if (!p.item_cnt)
			para_begin(&p, "  quota", PARA_WARN);
		para_item(&p, "%s%swaiting for a CPU %s, of it for the cgroup's CPU quota %s (%s)",
			  str(g->first->model), *str(g->first->model) ? ": " : "",
			  fmt_time(WORD, whole(waits)), fmt_share(WORD, g->quota_ns / waits),
			  fmt_time(WORD, whole(g->quota_ns)));
	}
	if (p.item_cnt)
		para_end(&p);
}

/* What the reader of a row must know about its runs. */
static void interrupted_note(FILE *f, const struct group *g, const char *name)
{
	if (!g->interrupted_cnt)
		return;
	if (g->partial)
		fprintf(f, "%*s%s: cut short, the figures are of what was seen until then\n",
			INDENT, "", name);
	else
		fprintf(f, "%*s%s: %zu of %zu repeats cut short and left out\n", INDENT, "", name,
			g->interrupted_cnt, g->run_cnt + g->interrupted_cnt);
}

/* Of the runs of g the one nearest the median; the earlier of two as near. */
static const struct run *typical(const struct group *g)
{
	const struct run *best = g->runs[0];

	for (size_t i = 1; i < g->run_cnt; i++) {
		if (fabs((double)ledger_run_wall(g->runs[i]) - g->wall_ns.median) <
		    fabs((double)ledger_run_wall(best) - g->wall_ns.median))
			best = g->runs[i];
	}
	return best;
}

/* The threads of one run, each on its line; of a pool those that never ran on one together. */
static int one_run(FILE *f, const struct group *g, const char *name, const struct recording *r,
		   bool fold_idle, const struct text_opts *o)
{
	const struct threads_opts opts = {.r = r,
					  .role = true,
					  .start = true,
					  .fold_idle = fold_idle,
					  .total = true,
					  .indent = 2 * INDENT,
					  .columns = o->columns,
					  .color = o->color};
	const struct run *run = typical(g);

	fprintf(f, "\n%*s%s%sthreads of repeat %d (%s)\n", INDENT, "", name, *name ? ", " : "",
		run->repeat + 1, fmt_time(WORD, ledger_run_wall(run)));
	return threads_print(f, &run, 1, &opts);
}

static bool is_model(const struct group *g, const char *model)
{
	return !strcmp(str(g->first->model), model);
}

/* The gaps of a section: threads against processes, with -v all. *told: there was one. */
static int pool_gaps(FILE *f, const struct section *sec, const struct gap_pair *pairs, size_t cnt,
		     const struct locks *l, const struct text_opts *o, bool *told)
{
	int err = 0;

	*told = false;

	for (size_t i = 0; i < cnt && !err; i++) {
		const struct gap_pair *p = &pairs[i];

		if (p->runtimes || p->a < sec->groups || p->a >= sec->groups + sec->group_cnt)
			continue;
		if (!o->verbose && sec->group_cnt > 2 &&
		    !(is_model(p->a, "procs") && is_model(p->b, "threads")))
			continue;
		*told = p->a->run_cnt >= INTERVAL_RUNS_MIN && p->b->run_cnt >= INTERVAL_RUNS_MIN;
		err = text_gap(f, l, p->a, p->b, o);
	}
	return err;
}

/* One runtime against the other: by threads, or what model there is; with -v all. */
static int runtime_gaps(FILE *f, const struct gap_pair *pairs, size_t cnt, const struct locks *l,
			const struct text_opts *o)
{
	const char *workload = "";
	bool any = false;
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++) {
		const struct gap_pair *p = &pairs[i];

		if (!p->runtimes || !(o->verbose || is_model(p->a, "threads")))
			continue;
		if (strcmp(workload, str(p->a->first->workload))) {
			scoped_free char *text = NULL;

			workload = str(p->a->first->workload);
			if (asprintf(&text, "%s, one runtime against the other%s", workload,
				     o->verbose ? "" : ", by threads") < 0) {
				text = NULL;
				return -ENOMEM;
			}
			err = title(f, text, o);
		}
		any = true;
		if (!err)
			err = text_gap(f, l, p->a, p->b, o);
	}
	if (any)
		fputc('\n', f);
	return err;
}

static int pool_section(FILE *f, const struct section *sec, const struct gap_pair *pairs,
			size_t pair_cnt, const struct locks *l, const struct text_opts *o)
{
	bool told = false;
	int err = pool_title(f, sec, o);

	if (!err)
		err = pool_table(f, sec, o);
	if (!err) {
		pool_ways(f, sec, o);
		quota_line(f, sec->groups, sec->group_cnt, o);
	}
	for (size_t i = 0; !err && i < sec->group_cnt; i++) {
		scoped_free char *name = printable(sec->groups[i].first->model, 20);

		if (!name)
			return -ENOMEM;
		interrupted_note(f, &sec->groups[i], name);
	}
	if (!err)
		err = pool_gaps(f, sec, pairs, pair_cnt, l, o, &told);
	/* what makes the gap has been said; where all time went is for those who ask */
	for (size_t i = 0; !err && (o->verbose || !told) && i < sec->group_cnt; i++) {
		scoped_free char *name = printable(sec->groups[i].first->model, 20);

		err = name ? text_where(f, &sec->groups[i], name, l, o) : -ENOMEM;
	}
	for (size_t i = 0; !err && o->verbose && i < sec->group_cnt; i++) {
		scoped_free char *name = printable(sec->groups[i].first->model, 20);

		err = name ? one_run(f, &sec->groups[i], name, l->paths->r, true, o) : -ENOMEM;
	}
	return err;
}

/* --- a section of a command */

static void command_time(struct para *p, const struct group *g)
{
	const struct run *run = typical(g);
	struct time_unit unit = time_unit_for(g->wall_ns.median);
	double cpu = g->cpu_orchestrator_ns + g->cpu_workers_ns + g->cpu_helpers_ns;
	long process_cnt = run_process_cnt(run);

	if (g->wall_ns.cnt > 1)
		para_item(p, "wall %s over %zu runs",
			  fmt_time_range(WORD, unit, g->wall_ns.median, g->wall_ns.min,
					 g->wall_ns.max),
			  g->wall_ns.cnt);
	else
		para_item(p, "wall %s", fmt_time_in(WORD, unit, g->wall_ns.median));
	para_item(p, "on CPU %s", fmt_time(WORD, whole(cpu)));
	if (g->wall_ns.median > 0)
		para_item(p, "%.2f CPUs busy", cpu / g->wall_ns.median);
	if (process_cnt < 0)
		p->failed = true;
	else
		para_item(p, "%s thread%s in %s process%s", fmt_count(WORD, run->thread_cnt),
			  plural(run->thread_cnt), fmt_count(WORD, (uint64_t)process_cnt),
			  process_cnt == 1 ? "" : "es");
	if (run->exit_status)
		para_item(p, "exit status %d", run->exit_status);
}

static void command_memory(struct para *p, const struct group *g)
{
	const uint64_t rss[] = {g->rss_avg_bytes, g->rss_peak_bytes, g->rss_sum_peak_bytes};

	para_item(p, "rss avg/peak/sum %s", fmt_bytes_list(WORD, rss, ARRAY_SIZE(rss)));
	if (g->pss_sum_bytes != UNKNOWN)
		para_item(p, "pss %s", fmt_bytes(WORD, g->pss_sum_bytes));
	para_item(p, "page tables %s", fmt_bytes(WORD, g->pgtables_peak_bytes));
	para_item(p, "faults %s minor, %s major", fmt_count(WORD, whole(g->faults_minor)),
		  fmt_count(WORD, whole(g->faults_major)));
}

/* The critical path of a typical run: what the wall time was made of, whoever spent it. */
static void command_path(FILE *f, const struct group *g, const struct text_opts *o)
{
	struct para p = {.f = f, .columns = o->columns, .color = o->color};
	double path[BUCKET_CNT], all = 0;

	if (!path_buckets(typical(g), path))
		return;
	for (int b = 0; b < BUCKET_CNT; b++)
		all += path[b];
	para_begin(&p, "  path", PARA_PLAIN);
	para_item(&p, "critical path %s", fmt_time(WORD, whole(all)));
	for (int b = 0; b < BUCKET_CNT; b++)
		if (path[b] >= PATH_MIN * all)
			para_item(&p, "%s %s", bucket_head((enum bucket)b),
				  fmt_share(WORD, path[b] / all));
	para_end(&p);
}

#define LINK_MIN 0.01 /* of the path: shorter links are told together */

/* Who was on it, in the order of their beginning. */
static int command_chain(FILE *f, const struct group *g, const struct text_opts *o)
{
	const struct run *run = typical(g);
	struct para p = {.f = f, .columns = o->columns, .color = o->color};
	scoped_free struct path_link *links = NULL;
	long cnt = path_links(run, &links);
	double all = 0, rest = 0;

	if (cnt < 0)
		return (int)cnt;
	for (long i = 0; i < cnt; i++)
		all += (double)links[i].ns;
	if (!(all > 0))
		return 0;
	para_begin(&p, "  chain", PARA_PLAIN);
	for (long i = 0; i < cnt; i++) {
		const struct path_link *l = &links[i];
		double share = (double)l->ns / all;
		scoped_free char *name = printable(l->comm, WG_COMM_LEN);

		if (!name)
			return -ENOMEM;
		if (share < LINK_MIN || l->thread == NO_INDEX)
			rest += share;
		else if (l->task_cnt > 1)
			para_item(&p, "%s (%s tasks) %s", name, fmt_count(WORD, l->task_cnt),
				  fmt_share(WORD, share));
		else
			para_item(&p, "%s %" PRIu32 " %s", name, run->threads[l->thread].tid,
				  fmt_share(WORD, share));
	}
	if (rest >= LINK_MIN)
		para_item(&p, "others %s", fmt_share(WORD, rest));
	para_end(&p);
	return p.failed ? -ENOMEM : 0;
}

static int command_threads(FILE *f, const struct group *g, const struct recording *r,
			   const struct text_opts *o)
{
	bool many = g->run_cnt > 1 || g->runs[0]->thread_cnt > NAMED_MAX;
	const struct threads_opts opts = {.r = r,
					  .by_name = many,
					  .start = o->verbose,
					  .total = true,
					  .row_max = many ? ROW_MAX : 0,
					  .indent = INDENT,
					  .columns = o->columns,
					  .color = o->color};
	int err = threads_print(f, g->runs, g->run_cnt, &opts);

	if (!err && many && o->verbose)
		err = one_run(f, g, "", r, false, o);
	return err;
}

/* The command, behind the name of its side where it has one. */
static int command_title(FILE *f, const struct group *g, const struct text_opts *o)
{
	const char *label = *str(g->first->label) ? g->first->label : "(no command)";
	const char *side = str(g->first->model);
	scoped_free char *text = NULL;

	if (asprintf(&text, "%s%s%s", side, *side ? ": " : "", label) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return title(f, text, o);
}

static int command_head(FILE *f, const struct group *g, const struct text_opts *o)
{
	struct para p = {.f = f, .columns = o->columns, .color = o->color};
	int err = command_title(f, g, o);

	if (err)
		return err;
	para_begin(&p, "  time", PARA_PLAIN);
	command_time(&p, g);
	para_end(&p);
	para_begin(&p, "  memory", PARA_PLAIN);
	command_memory(&p, g);
	para_end(&p);
	quota_line(f, g, 1, o);
	command_path(f, g, o);
	err = p.failed ? -ENOMEM : command_chain(f, g, o);
	interrupted_note(f, g, "this command");
	return err;
}

static int command_section(FILE *f, const struct group *g, const struct locks *l,
			   const struct text_opts *o)
{
	int err = command_head(f, g, o);

	if (!err)
		err = command_threads(f, g, l->paths->r, o);
	return err ? err : text_where(f, g, "", l, o);
}

/* Two commands: first the gap, which is what was asked for. */
static int versus_section(FILE *f, const struct section *sec, const struct gap_pair *pairs,
			  size_t pair_cnt, const struct locks *l, const struct text_opts *o)
{
	bool told;
	int err = 0;

	for (size_t i = 0; i < sec->group_cnt && !err; i++)
		err = command_head(f, &sec->groups[i], o);
	fputc('\n', f);
	if (!err)
		err = pool_gaps(f, sec, pairs, pair_cnt, l, o, &told);
	for (size_t i = 0; i < sec->group_cnt && !err && (o->verbose || !told); i++) {
		fputc('\n', f);
		err = command_title(f, &sec->groups[i], o);
		if (!err)
			err = command_threads(f, &sec->groups[i], l->paths->r, o);
		if (!err)
			err = text_where(f, &sec->groups[i], "", l, o);
	}
	return err;
}

/* What the heads of the tables do not say. */
static void legend(FILE *f, bool pools, const struct text_opts *o)
{
	struct para p = {.f = f, .columns = o->columns, .color = o->color};

	para_begin(&p, "shares", PARA_PLAIN);
	if (pools) {
		para_item(&p, "of the mean worker lane's wall time; its ipc or poll is waiting for "
			      "work, or "
			      "for the other lanes to finish theirs");
		para_item(&p, "rss avg and peak of one worker process, sum of all at one instant");
		para_item(&p, "orchestrator CPU of all CPU time used");
		if (!o->verbose)
			para_item(&p, "-v shows where the time of each model went");
	} else {
		para_item(&p, "of the time the threads lived");
	}
	para_end(&p);
}

static int sections(FILE *f, const struct recording *r, const struct locks *l,
		    const struct text_opts *o)
{
	struct summary s;
	bool pools = false;
	struct gap_pair *pairs = NULL;
	long pair_cnt;
	int err = summary_of(&s, r);

	if (err)
		return err;
	pair_cnt = gap_pairs(&s, &pairs);
	if (pair_cnt < 0)
		err = (int)pair_cnt;
	for (size_t i = 0; !err && i < s.section_cnt; i++) {
		const struct section *sec = &s.sections[i];
		bool pool = *str(sec->groups[0].first->workload);

		pools |= pool;
		if (pool)
			err = pool_section(f, sec, pairs, (size_t)pair_cnt, l, o);
		else if (sec->group_cnt > 1)
			err = versus_section(f, sec, pairs, (size_t)pair_cnt, l, o);
		else
			err = command_section(f, &sec->groups[0], l, o);
		fputc('\n', f);
	}
	if (!err)
		err = runtime_gaps(f, pairs, (size_t)pair_cnt, l, o);
	free(pairs);
	if (!err && pools)
		err = text_headlines(f, l, o);
	if (!err && s.section_cnt)
		legend(f, pools, o);
	summary_clear(&s);
	return err;
}

int text_sections(FILE *f, const struct recording *r, const struct text_opts *o)
{
	struct paths p;
	struct locks l;
	int err = paths_of(&p, r);

	if (err)
		return err;
	err = locks_of(&l, &p);
	if (!err) {
		err = sections(f, r, &l, o);
		locks_clear(&l);
	}
	paths_clear(&p);
	return err;
}
