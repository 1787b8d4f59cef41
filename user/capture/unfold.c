// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See unfold.h. A row's path names the tasks on it, and of those that ended and so let the path go
 * on, it says only "all of theirs". So the last path is unfolded: what it has of an ended task is
 * laid on that task's own row, and so on, until all is of tasks.
 */
#include "capture/unfold.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct unfolding {
	const struct run *run;
	const struct wg_row *rows;
	size_t cnt;
	uint32_t *by_id;     /* rows in order of id */
	uint32_t *thread_of; /* of each row, index into run.threads or NO_INDEX */
	uint64_t *pending;   /* ns of each row's path that are yet to be laid on its parts */
	uint32_t *todo;	     /* rows with something pending */
	size_t todo_cnt;
	uint64_t (*ns)[WG_STATE_CNT]; /* of each thread */
};

static int order_by_id(const void *a, const void *b, void *arg)
{
	const struct wg_row *rows = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	ORDER(rows[x].id, rows[y].id);
	ORDER(x, y);
	return 0;
}

static uint32_t row_of(const struct unfolding *u, uint64_t id)
{
	size_t lo = 0, hi = u->cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (u->rows[u->by_id[mid]].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < u->cnt && u->rows[u->by_id[lo]].id == id ? u->by_id[lo] : NO_INDEX;
}

/* ns of the path of task id. */
static void lay_on(struct unfolding *u, uint64_t id, uint64_t ns)
{
	uint32_t row = row_of(u, id);

	if (row == NO_INDEX || !ns)
		return;
	if (!u->pending[row])
		u->todo[u->todo_cnt++] = row;
	u->pending[row] += ns;
}

static uint64_t path_sum(const struct wg_path *p)
{
	uint64_t sum = 0;

	for (int i = 0; i < WG_STATE_CNT; i++)
		sum += p->ns[i];
	return sum;
}

/*
 * What the task itself did after it had let the path go on: from wake to last switch, on a CPU or
 * waiting for one, and on nobody's way. Taken off its own parts.
 */
static void trim(struct wg_path *p, uint64_t id, uint64_t over)
{
	static const uint8_t states[] = {WG_CPU, WG_CPU_FAULT, WG_RUNQ_PREEMPT, WG_RUNQ_WAKE};

	for (size_t s = 0; s < ARRAY_SIZE(states) && over; s++) {
		for (int i = 0; i < WG_PATH_PARTS && over; i++) {
			uint64_t cut = p->part[i].ns < over ? p->part[i].ns : over;

			if (p->part[i].key != (id << WG_PATH_ID_SHIFT | states[s]))
				continue;
			p->part[i].ns -= cut;
			over -= cut;
		}
	}
}

/* Lay `pending` ns of a row's path on its parts; all of them, if that is all of it. */
static void unfold_row(struct unfolding *u, uint32_t row, uint64_t pending)
{
	const struct wg_row *r = &u->rows[row];
	struct wg_path p = r->path;
	uint64_t sum = path_sum(&p);
	double share;

	if (pending < sum)
		trim(&p, r->id, sum - pending);
	/* more than once, or of a path that has changed since: in proportion */
	share = pending > sum && sum ? (double)pending / (double)sum : 1;
	for (int i = 0; i < WG_PATH_PARTS && p.part[i].key; i++) {
		uint64_t id = p.part[i].key >> WG_PATH_ID_SHIFT;
		uint64_t state = p.part[i].key & WG_PATH_REF;
		uint64_t ns = share == 1 ? p.part[i].ns : (uint64_t)((double)p.part[i].ns * share);
		uint32_t of;

		if (state == WG_PATH_REF) {
			lay_on(u, id, ns);
			continue;
		}
		of = row_of(u, id);
		if (of != NO_INDEX && u->thread_of[of] != NO_INDEX && state < WG_STATE_CNT)
			u->ns[u->thread_of[of]][state] += ns;
	}
}

static void unfold(struct unfolding *u, uint32_t last)
{
	size_t rounds = 16 * u->cnt + 16; /* rows that refer to each other in a ring are junk */

	u->pending[last] = path_sum(&u->rows[last].path);
	u->todo[u->todo_cnt++] = last;
	while (u->todo_cnt && rounds--) {
		uint32_t row = u->todo[--u->todo_cnt];
		uint64_t pending = u->pending[row];

		u->pending[row] = 0;
		unfold_row(u, row, pending);
	}
}

/* The states are exact, so they have the last word: parts give way, the rest is nobody's. */
static int add_parts(struct unfolding *u, struct run *run)
{
	for (int s = 0; s < WG_STATE_CNT; s++) {
		uint64_t told = 0, all = run->path_ns[s];
		struct path_part *part;

		for (size_t i = 0; i < run->thread_cnt; i++)
			told += u->ns[i][s];
		if (told > all) {
			double share = (double)all / (double)told;

			told = 0;
			for (size_t i = 0; i < run->thread_cnt; i++) {
				u->ns[i][s] = (uint64_t)((double)u->ns[i][s] * share);
				told += u->ns[i][s];
			}
			/* a double holds 53 bits: rounding may leave a little too much */
			for (size_t i = 0; i < run->thread_cnt && told > all; i++) {
				uint64_t cut = u->ns[i][s] < told - all ? u->ns[i][s] : told - all;

				u->ns[i][s] -= cut;
				told -= cut;
			}
		}
		for (size_t i = 0; i <= run->thread_cnt; i++) {
			uint64_t ns = i < run->thread_cnt ? u->ns[i][s] : all - told;

			if (!ns)
				continue;
			part = run_add_path_part(run);
			if (!part)
				return -ENOMEM;
			*part = (struct path_part){.thread = i < run->thread_cnt ? (uint32_t)i
										 : NO_INDEX,
						   .state = (enum wg_state)s,
						   .ns = ns};
		}
	}
	return 0;
}

static void find_threads(struct unfolding *u)
{
	for (size_t i = 0; i < u->cnt; i++)
		u->thread_of[i] = NO_INDEX;
	for (size_t i = 0; i < u->run->thread_cnt; i++) {
		uint32_t row = row_of(u, u->run->threads[i].id);

		if (row != NO_INDEX)
			u->thread_of[row] = (uint32_t)i;
	}
}

/* The row of the run's task that ended last; NO_INDEX: there is none. */
static uint32_t last_row(const struct unfolding *u)
{
	uint32_t last = NO_INDEX;

	for (size_t i = 0; i < u->cnt; i++) {
		if (u->thread_of[i] != NO_INDEX &&
		    (last == NO_INDEX || u->rows[i].now_ns > u->rows[last].now_ns))
			last = (uint32_t)i;
	}
	return last;
}

int unfold_path(struct run *run, const struct wg_row *rows, size_t cnt)
{
	scoped_free uint32_t *by_id = reallocarray(NULL, cnt + 1, sizeof(*by_id));
	scoped_free uint32_t *thread_of = reallocarray(NULL, cnt + 1, sizeof(*thread_of));
	scoped_free uint32_t *todo = reallocarray(NULL, cnt + 1, sizeof(*todo));
	scoped_free uint64_t *pending = calloc(cnt + 1, sizeof(*pending));
	uint64_t(*ns)[WG_STATE_CNT] = calloc(run->thread_cnt + 1, sizeof(*ns));
	struct unfolding u = {.run = run,
			      .rows = rows,
			      .cnt = cnt,
			      .by_id = by_id,
			      .thread_of = thread_of,
			      .todo = todo,
			      .pending = pending,
			      .ns = ns};
	uint32_t last;
	int err = by_id && thread_of && todo && pending && ns ? 0 : -ENOMEM;

	if (!err) {
		for (uint32_t i = 0; i < cnt; i++)
			by_id[i] = i;
		if (cnt)
			qsort_r(by_id, cnt, sizeof(*by_id), order_by_id, (void *)rows);
		find_threads(&u);
		last = last_row(&u);
		if (last != NO_INDEX) {
			memcpy(run->path_ns, rows[last].path.ns, sizeof(run->path_ns));
			unfold(&u, last);
			err = add_parts(&u, run);
		}
	}
	free(ns);
	return err;
}
