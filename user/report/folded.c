// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Call paths as "root;...;leaf COUNT" a line, for flamegraph.pl, inferno and speedscope. Frames of
 * the kernel end in "_[k]", JIT code in "_[j]", as stackcollapse-perf.pl has it; repeats of one
 * label are summed. The first element is the run's label, the second, in a pool, the role of the
 * thread; a user stack that did not reach its thread's entry begins with how it ended.
 */
#include "report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/plain.h"
#include "base/util.h"

#define LABEL_MAX 60
#define NAME_MAX_BYTES 4096 /* of a name; longer ones are cut */

struct row {
	const char *label;
	bool pool;
	enum role role;
	uint32_t stack;
	double amount;
};

struct rows {
	struct row *row;
	size_t cnt, cap;
};

/* How much of what is asked for a site holds; 0 when it is about something else. */
static double amount_of(const struct site *s, enum folded_what what)
{
	switch (what) {
	case FOLDED_CPU:
		return s->kind == SITE_SAMPLE ? (double)s->count : 0;
	case FOLDED_OFFCPU:
		return s->kind == SITE_WAIT ? (double)s->total_ns / 1e3 : 0;
	default:
		return s->kind == SITE_FAULT ? (double)s->count : 0;
	}
}

static int collect(struct rows *rows, const struct recording *r, enum folded_what what)
{
	for (size_t i = 0; i < r->run_cnt; i++) {
		const struct run *run = &r->runs[i];

		for (size_t j = 0; j < run->site_cnt; j++) {
			const struct site *s = &run->sites[j];
			double amount = amount_of(s, what);

			if (!(amount > 0))
				continue;
			if (array_grow((void **)&rows->row, &rows->cap, rows->cnt,
				       sizeof(*rows->row)))
				return -ENOMEM;
			rows->row[rows->cnt++] = (struct row){.label = str(run->label),
							      .pool = *str(run->workload),
							      .role = s->role,
							      .stack = s->stack,
							      .amount = amount};
		}
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->label, y->label);

	if (order)
		return order;
	ORDER(x->pool, y->pool);
	if (x->pool)
		ORDER(x->role, y->role);
	ORDER(x->stack, y->stack);
	ORDER(x->amount, y->amount);
	return 0;
}

static bool same_line(const struct row *x, const struct row *y)
{
	return !strcmp(x->label, y->label) && x->pool == y->pool &&
	       (!x->pool || x->role == y->role) && x->stack == y->stack;
}

/* A name that cannot break the format: ";" parts frames, a line ends in its count. At most max bytes of it. */
static int put_name(FILE *f, const char *name, size_t max, const char *mark)
{
	size_t len = strnlen(name, max);
	scoped_free char *plain = malloc(len + 1);

	if (!plain)
		return -ENOMEM;
	plain_line(plain, len + 1, name);
	for (char *p = plain; *p; p++) {
		if (*p == ';')
			*p = ':';
	}
	fprintf(f, "%s%s", *plain ? plain : "[unknown]", mark);
	return 0;
}

static int put_frame(FILE *f, const struct frame *frame)
{
	const char *mark = frame->flags & FRAME_KERNEL ? "_[k]"
			   : frame->flags & FRAME_JIT  ? "_[j]"
						       : "";

	fputc(';', f);
	return put_name(f, str(frame->name), NAME_MAX_BYTES, mark);
}

static int put_line(FILE *f, const struct recording *r, const struct row *row, uint64_t amount)
{
	const struct stack *s = &r->stacks[row->stack];
	int err = put_name(f, *row->label ? row->label : "[no label]", LABEL_MAX, "");

	if (row->pool)
		fprintf(f, ";%s", role_name(row->role));
	if (s->end != WG_END_COMPLETE && s->end != WG_END_NONE)
		fprintf(f, ";[%s]", stack_end_name((enum wg_stack_end)s->end));
	for (uint32_t i = s->frame_cnt; !err && i > 0; i--)
		err = put_frame(f, &r->frames[s->frames[i - 1]]);
	fprintf(f, " %" PRIu64 "\n", amount);
	return err;
}

static int put_lines(FILE *f, const struct recording *r, const struct rows *rows)
{
	size_t from = 0, to;

	for (; from < rows->cnt; from = to) {
		double amount = 0;

		for (to = from; to < rows->cnt; to++) {
			if (!same_line(&rows->row[from], &rows->row[to]))
				break;
			amount += rows->row[to].amount;
		}
		/* waits too short for a microsecond in sum have no width in a graph */
		if (llround(amount) > 0 &&
		    put_line(f, r, &rows->row[from], (uint64_t)llround(amount)))
			return -ENOMEM;
	}
	return 0;
}

int report_folded(FILE *to, const struct recording *r, enum folded_what what)
{
	struct rows rows = {NULL, 0, 0};
	FILE *f = plain_open(to, false);
	int err = f ? collect(&rows, r, what) : -ENOMEM;

	if (!err) {
		if (rows.cnt)
			qsort(rows.row, rows.cnt, sizeof(*rows.row), compare);
		err = put_lines(f, r, &rows);
	}
	free(rows.row);
	if (f && plain_close(f, to) && !err)
		err = -EIO;
	return err;
}
