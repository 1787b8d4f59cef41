// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See threads.h. */
#include "report/threads.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/ledger.h"
#include "model/paths.h"
#include "report/buckets.h"
#include "report/format.h"
#include "report/names.h"
#include "report/table.h"

#define KIND_COLUMNS 22

/* One thread, or several summed. */
struct row {
	char comm[WG_COMM_LEN];
	char kind[KIND_COLUMNS * 4 + 1]; /* what it is for */
	enum role role;
	uint32_t tid;
	uint64_t id;
	uint64_t thread_cnt;
	uint64_t wall_ns, oncpu_ns;
	double bucket_ns[BUCKET_CNT];
	uint64_t switches, faults;
};

/* What t is for: in the words of the rules, else by its start routine. */
static int kind_of(struct row *row, const struct thread *t, const struct threads_opts *o)
{
	const char *kind = thread_kind_of(o->r, t), *start = thread_start(o->r, t);
	scoped_free char *words = NULL;

	if (!*kind && o->start && *start) {
		words = short_function(start, KIND_COLUMNS);
		if (!words)
			return -ENOMEM;
		kind = words;
	}
	snprintf(row->kind, sizeof(row->kind), "%s", kind);
	return 0;
}

static int row_of(struct row *row, const struct thread *t, double pooled_user,
		  const struct threads_opts *o)
{
	uint64_t ns[BUCKET_CNT];

	memset(row, 0, sizeof(*row));
	memcpy(row->comm, t->comm, sizeof(row->comm));
	row->comm[sizeof(row->comm) - 1] = '\0';
	row->role = t->role;
	row->tid = t->tid;
	row->id = t->id;
	row->thread_cnt = 1;
	row->wall_ns = ledger_wall(t);
	row->oncpu_ns = ledger_oncpu(t);
	ledger_buckets(t, pooled_user, ns);
	for (int b = 0; b < BUCKET_CNT; b++)
		row->bucket_ns[b] = (double)ns[b];
	row->switches = t->count[WG_N_SWITCH_VOLUNTARY] + t->count[WG_N_SWITCH_INVOLUNTARY];
	row->faults = ledger_faults_minor(t) + ledger_faults_major(t);
	return kind_of(row, t, o);
}

static void row_add(struct row *to, const struct row *from)
{
	to->thread_cnt += from->thread_cnt;
	to->wall_ns += from->wall_ns;
	to->oncpu_ns += from->oncpu_ns;
	for (int b = 0; b < BUCKET_CNT; b++)
		to->bucket_ns[b] += from->bucket_ns[b];
	to->switches += from->switches;
	to->faults += from->faults;
}

static int compare_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = strcmp(x->comm, y->comm);

	if (!c)
		c = strcmp(x->kind, y->kind);
	return c ? c : (int)x->role - (int)y->role;
}

static int compare_oncpu(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	ORDER(y->oncpu_ns, x->oncpu_ns);
	ORDER(y->wall_ns, x->wall_ns);
	ORDER(x->tid, y->tid);
	ORDER(x->id, y->id);
	return compare_name(a, b);
}

/* One row for each run of equal names in rows that are sorted by name. Returns how many are left. */
static size_t merge_names(struct row *rows, size_t cnt)
{
	size_t left = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (left && !compare_name(&rows[left - 1], &rows[i]))
			row_add(&rows[left - 1], &rows[i]);
		else
			rows[left++] = rows[i];
	}
	/* which thread was first is chance: rows of names have no thread id */
	for (size_t i = 0; i < left; i++) {
		rows[i].tid = 0;
		rows[i].id = 0;
	}
	return left;
}

/* The rows from at on as one, under this name. Returns how many are left. */
static size_t merge_from(struct row *rows, size_t cnt, size_t at, const char *name)
{
	for (size_t i = at + 1; i < cnt; i++)
		row_add(&rows[at], &rows[i]);
	snprintf(rows[at].comm, sizeof(rows[at].comm), "%.*s", WG_COMM_LEN - 1, name);
	rows[at].tid = 0;
	rows[at].kind[0] = '\0';
	rows[at].role = ROLE_HELPER;
	return at + 1;
}

/* Of rows sorted by on-CPU time, those that are too many to show. Returns how many are left. */
static size_t merge_tail(struct row *rows, size_t cnt, const struct threads_opts *o)
{
	size_t busy = cnt;
	char name[32];

	while (o->fold_idle && busy && !rows[busy - 1].oncpu_ns)
		busy--;
	if (cnt - busy > 1) {
		snprintf(name, sizeof(name), "(%zu idle)", cnt - busy);
		cnt = merge_from(rows, cnt, busy, name);
	}
	if (o->row_max && cnt > o->row_max)
		cnt = merge_from(rows, cnt, o->row_max, "(the rest)");
	return cnt;
}

static struct row *collect(const struct run *const *runs, size_t cnt, const struct threads_opts *o,
			   size_t *row_cnt)
{
	struct row *rows;
	size_t all = 0, at = 0;

	for (size_t i = 0; i < cnt; i++)
		all += runs[i]->thread_cnt;
	rows = reallocarray(NULL, all + 1, sizeof(*rows));
	if (!rows)
		return NULL;
	for (size_t i = 0; i < cnt; i++) {
		double pooled_user = ledger_user_share(runs[i]);

		for (size_t j = 0; j < runs[i]->thread_cnt; j++) {
			if (row_of(&rows[at++], &runs[i]->threads[j], pooled_user, o)) {
				free(rows);
				return NULL;
			}
		}
	}
	*row_cnt = all;
	return rows;
}

static double row_time(const struct row *row)
{
	double sum = 0;

	for (int b = 0; b < BUCKET_CNT; b++)
		sum += row->bucket_ns[b];
	return sum;
}

static const char *const short_roles[ROLE_CNT] = {
	[ROLE_WORKER] = "worker",
	[ROLE_ORCHESTRATOR] = "orch.",
	[ROLE_HELPER] = "helper",
};

/* One unit for each column of times, that of its sum. */
struct units {
	struct time_unit wall, oncpu;
};

static bool any_kind(const struct row *rows, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		if (*rows[i].kind)
			return true;
	}
	return false;
}

static void row_cells(struct table *t, const struct row *row, const struct threads_opts *o,
		      const struct units *units, const struct bucket_columns *c, bool kinds)
{
	char number[16] = "";

	table_row(t);
	table_cell(t, *row->comm ? row->comm : "(no name)");
	if (row->tid)
		snprintf(number, sizeof(number), "%u", row->tid);
	table_cell(t, o->by_name ? fmt_count(WORD, row->thread_cnt) : number);
	if (kinds)
		table_cell(t, row->kind);
	if (o->role)
		table_cell(t, row->tid ? short_roles[row->role] : "");
	table_cell(t, fmt_time_in(WORD, units->wall, (double)row->wall_ns));
	table_cell(t, fmt_time_in(WORD, units->oncpu, (double)row->oncpu_ns));
	bucket_cells(t, c, row->bucket_ns, row_time(row));
	table_cell(t, fmt_count(WORD, row->switches));
	table_cell(t, fmt_count(WORD, row->faults));
}

static struct table *make(const struct row *rows, size_t cnt, const struct row *total,
			  const struct threads_opts *o, const struct bucket_columns *c)
{
	struct table *t = table_new();
	bool kinds = any_kind(rows, cnt);
	const struct units units = {.wall = time_unit_for((double)total->wall_ns),
				    .oncpu = time_unit_for((double)total->oncpu_ns)};

	if (!t)
		return NULL;
	table_column(t, o->by_name ? "name" : "thread", ALIGN_LEFT, 0);
	table_column(t, o->by_name ? "threads" : "tid", ALIGN_RIGHT, 0);
	if (kinds)
		table_column(t, "kind", ALIGN_LEFT, 0);
	if (o->role)
		table_column(t, "role", ALIGN_LEFT, 0);
	table_column(t, o->by_name ? "lived" : "wall", ALIGN_RIGHT, 0);
	table_column(t, "on CPU", ALIGN_RIGHT, 0);
	bucket_heads(t, c, BUCKET_HEADS_SHORT, 0);
	table_column(t, "switches", ALIGN_RIGHT, 0);
	table_column(t, "faults", ALIGN_RIGHT, 0);
	for (size_t i = 0; i < cnt; i++)
		row_cells(t, &rows[i], o, &units, c, kinds);
	if (o->total)
		row_cells(t, total, o, &units, c, kinds);
	return t;
}

/*
 * How much each bucket says of these threads: half by its share of all the time they lived, half
 * by its share in each row, weighed by how long the row was on a CPU. By the first alone, threads
 * that only wait would push out what the busy ones did.
 */
static void weigh(double weight[BUCKET_CNT], const struct row *rows, size_t cnt,
		  const struct row *total)
{
	double all = row_time(total), oncpu = (double)total->oncpu_ns;

	for (int b = 0; b < BUCKET_CNT; b++) {
		weight[b] = all > 0 ? total->bucket_ns[b] / all : 0;
		for (size_t i = 0; oncpu > 0 && i < cnt; i++) {
			double time = row_time(&rows[i]);
			double busy = (double)rows[i].oncpu_ns / oncpu;

			weight[b] += time > 0 ? rows[i].bucket_ns[b] / time * busy : 0;
		}
	}
}

/* Which buckets get a column: what matters in some row, as far as the width goes. */
static int choose(struct bucket_columns *c, const struct row *rows, size_t cnt,
		  const struct row *total, const struct threads_opts *o)
{
	double weight[BUCKET_CNT];
	struct table *bare;

	bucket_columns_clear(c);
	weigh(weight, rows, cnt, total);
	bare = make(rows, cnt, total, o, c);
	if (!bare)
		return -ENOMEM;
	bucket_columns_see(c, total->bucket_ns, row_time(total));
	for (size_t i = 0; i < cnt; i++)
		bucket_columns_see(c, rows[i].bucket_ns, row_time(&rows[i]));
	bucket_columns_fit(c, BUCKET_HEADS_SHORT, weight,
			   o->columns - o->indent - table_width(bare));
	bucket_columns_rest(c, total->bucket_ns);
	table_free(bare);
	return 0;
}

int threads_print(FILE *f, const struct run *const *runs, size_t cnt, const struct threads_opts *o)
{
	size_t row_cnt = 0;
	scoped_free struct row *rows = collect(runs, cnt, o, &row_cnt);
	struct row total = {.comm = "total"};
	struct bucket_columns c;
	struct table *t;
	int err;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < row_cnt; i++)
		row_add(&total, &rows[i]);
	if (row_cnt && o->by_name) {
		qsort(rows, row_cnt, sizeof(*rows), compare_name);
		row_cnt = merge_names(rows, row_cnt);
	}
	if (row_cnt)
		qsort(rows, row_cnt, sizeof(*rows), compare_oncpu);
	row_cnt = merge_tail(rows, row_cnt, o);
	err = choose(&c, rows, row_cnt, &total, o);
	if (err)
		return err;
	t = make(rows, row_cnt, &total, o, &c);
	err = t ? table_print(t, f, o->indent, o->columns, o->color) : -ENOMEM;
	table_free(t);
	return err;
}
