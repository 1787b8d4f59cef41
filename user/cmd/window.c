// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Two edges and what lies between them; see window.h. */
#include "cmd/window.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cmd/sites.h"
#include "host/host.h"
#include "model/ledger.h"
#include "model/path.h"

void window_init(struct window *w, struct collector *c, struct names *names)
{
	*w = (struct window){.c = c, .names = names};
}

void window_clear(struct window *w)
{
	rows_clear(&w->before);
	rows_clear(&w->after);
	rows_clear(&w->gone);
}

static void machine_read(struct window *w)
{
	uint64_t idle;

	if (host_cpu_times(&w->busy_ns, &idle, &w->steal_ns))
		w->busy_ns = w->steal_ns = UNKNOWN;
}

static int begin(struct window *w, struct err *e)
{
	int err = collector_drain(w->c, &w->gone);

	if (err)
		return err_sys(e, err, "cannot drain the ring buffer");
	w->gone.cnt = 0; /* gone before the window: of the one before, or of the set-up */
	w->before.cnt = 0;
	collector_cost(w->c, &w->cost);
	machine_read(w);
	w->begin_ns = now_ns();
	return 0;
}

int window_begin_empty(struct window *w, pid_t root, struct err *e)
{
	int err = begin(w, e);

	w->root = root;
	if (!err)
		collector_window_begin(w->c);
	return err;
}

/* The id of the tree's root, found among the rows: it is its own root. */
static uint64_t find_root(const struct rows *r, pid_t root)
{
	size_t i;

	for (i = 0; root && i < r->cnt; i++)
		if (r->row[i].tgid == (uint32_t)root && r->row[i].id == r->row[i].root_id)
			return r->row[i].id;
	return 0;
}

int window_begin(struct window *w, pid_t root, struct err *e)
{
	int err = begin(w, e);

	if (!err)
		err = collector_window_open(w->c, &w->before, e);
	if (!err)
		w->root_id = find_root(&w->before, root);
	return err;
}

static const struct wg_row *row_of(const struct rows *r, uint64_t id)
{
	size_t lo = 0, hi = r->cnt, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (r->row[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->cnt && r->row[lo].id == id ? &r->row[lo] : NULL;
}

static int add_thread(const struct window *w, struct run *run, const struct wg_row *row)
{
	const struct wg_row *before = row_of(&w->before, row->id);
	struct thread *t;

	if (w->root_id && row->root_id != w->root_id)
		return 0;
	/* went while the first snapshot was walking, before it got there */
	if (!before && row->begin_ns < w->begin_ns && row->flags & WG_ROW_DEAD)
		return 0;
	t = run_add_thread(run);
	if (!t)
		return -ENOMEM;
	t->role = ROLE_HELPER;
	t->lane = -1;
	ledger_window(t, before, row);
	for (int i = 0; i < WG_COUNT_CNT; i++)
		if (!collector_counts(w->c, (enum wg_count)i))
			t->count[i] = UNKNOWN;
	return 0;
}

/* Where the run's threads start: they stand in the order of rows, those that are left out left out. */
static void name_starts(struct window *w, struct run *run, const struct rows *rows, size_t *at)
{
	size_t i;

	for (i = 0; i < rows->cnt && *at < run->thread_cnt; i++) {
		const struct wg_row *row = &rows->row[i];
		struct thread *t = &run->threads[*at];

		if (row->id != t->id)
			continue;
		t->start = names_start(w->names, row);
		(*at)++;
	}
}

static int add_threads(const struct window *w, struct run *run)
{
	size_t i;
	int err = 0;

	for (i = 0; i < w->after.cnt && !err; i++)
		err = add_thread(w, run, &w->after.row[i]);
	for (i = 0; i < w->gone.cnt && !err; i++)
		/* went after the second snapshot had seen it: the window ended there */
		if (!row_of(&w->after, w->gone.row[i].id))
			err = add_thread(w, run, &w->gone.row[i]);
	return err;
}

/* CPU time of the machine in the window that is not the run's own. */
static void fill_machine(const struct window *w, struct run *run)
{
	uint64_t busy, idle, steal, own = 0;
	size_t i;

	run->steal_ns = run->other_cpu_ns = UNKNOWN;
	if (w->busy_ns == UNKNOWN || host_cpu_times(&busy, &idle, &steal))
		return;
	for (i = 0; i < run->thread_cnt; i++)
		own += ledger_oncpu(&run->threads[i]);
	busy -= w->busy_ns;
	run->steal_ns = steal - w->steal_ns;
	run->other_cpu_ns = busy > own ? busy - own : 0;
}

/* The last that rows of ended tasks are needed for: of 50,000 they are as large as all the rest. */
static int take_path(struct window *w, struct run *run)
{
	int err = 0;

	if (w->path && !w->after.cnt)
		err = path_fill(run, w->gone.row, w->gone.cnt);
	w->path = false;
	rows_clear(&w->gone);
	return err;
}

/* Call paths and their names: after the window, since this takes its time. */
static int fill_sites(struct window *w, struct run *run, struct err *e)
{
	struct profile profile = {0};
	const struct spaces *spaces;
	struct stacks *stacks;
	size_t at = 0;
	int err = collector_window_end(w->c, &w->before, &w->after, &profile, e);

	if (!err && w->names) {
		spaces = collector_names_begin(w->c, &stacks);
		if (spaces) {
			names_window(w->names);
			names_use(w->names, spaces, stacks);
			name_starts(w, run, &w->after, &at);
			name_starts(w, run, &w->gone, &at);
			err = take_path(w, run);
			if (!err)
				err = sites_fill(run, &profile, w->names);
		}
		collector_names_end(w->c);
		if (err)
			err_sys(e, err, "call paths of the window");
	}
	profile_clear(&profile);
	return err;
}

int window_end(struct window *w, struct run *run, struct err *e)
{
	struct cost cost;
	int err;

	err = collector_window_close(w->c, &w->after, e);
	if (err)
		return err;
	run->begin_ns = w->begin_ns;
	run->end_ns = now_ns();
	err = collector_drain(w->c, &w->gone);
	if (err)
		return err_sys(e, err, "cannot drain the ring buffer");
	collector_cost(w->c, &cost);
	run->bpf_ns = cost.bpf_ns - w->cost.bpf_ns;
	run->event_cnt = cost.event_cnt - w->cost.event_cnt;
	if (!w->root_id)
		w->root_id = find_root(&w->after, w->root);
	if (!w->root_id)
		w->root_id = find_root(&w->gone, w->root);
	err = add_threads(w, run);
	if (err)
		return err_sys(e, err, "threads of the window");
	fill_machine(w, run);
	err = fill_sites(w, run, e);
	/* where there are no call paths */
	return err ? err : take_path(w, run);
}
