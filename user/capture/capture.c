// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Two edges and what lies between them; see capture.h. */
#include "capture/capture.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "capture/names.h"
#include "capture/sites.h"
#include "capture/tasks.h"
#include "capture/unfold.h"
#include "host/host.h"
#include "model/ledger.h"

struct capture {
	struct collector *c;
	struct recording *r;
	struct names *names;
	/* of the window at hand */
	pid_t root; /* the process that the tree begins with, or 0 */
	uint64_t root_id;
	struct rows before, after, gone;
	struct cost cost;
	uint64_t busy_ns, steal_ns; /* of the machine, at the start; UNKNOWN if not had */
	uint64_t begin_ns;
	bool path;
};

int capture_new(struct capture **out, struct collector *c, struct recording *r)
{
	struct capture *k = calloc(1, sizeof(*k));

	if (!k || names_new(&k->names, r)) {
		free(k);
		return -ENOMEM;
	}
	k->c = c;
	k->r = r;
	*out = k;
	return 0;
}

static void forget_window(struct capture *k)
{
	rows_clear(&k->before);
	rows_clear(&k->after);
	rows_clear(&k->gone);
	k->root = 0;
	k->root_id = 0;
	k->path = false;
}

void capture_free(struct capture *k)
{
	if (!k)
		return;
	forget_window(k);
	names_free(k->names);
	free(k);
}

struct collector *capture_collector(const struct capture *k)
{
	return k->c;
}

struct recording *capture_recording(const struct capture *k)
{
	return k->r;
}

static void machine_read(struct capture *k)
{
	uint64_t idle;

	if (host_cpu_times(&k->busy_ns, &idle, &k->steal_ns))
		k->busy_ns = k->steal_ns = UNKNOWN;
}

int capture_drain(struct capture *k, struct err *e)
{
	int err = collector_drain(k->c, &k->gone);

	return err ? err_sys(e, err, "cannot drain the ring buffer") : 0;
}

static int begin(struct capture *k, struct err *e)
{
	int err;

	forget_window(k);
	err = capture_drain(k, e);
	if (err)
		return err;
	k->gone.cnt = 0; /* gone before the window: of the one before, or of the set-up */
	collector_cost(k->c, &k->cost);
	machine_read(k);
	k->begin_ns = now_ns();
	return 0;
}

int capture_begin_early(struct capture *k, pid_t root, bool path, struct err *e)
{
	int err = begin(k, e);

	k->root = root;
	k->path = path;
	if (!err)
		collector_window_begin(k->c);
	return err;
}

int capture_begin(struct capture *k, pid_t root, struct err *e)
{
	int err = begin(k, e);

	if (!err)
		err = collector_window_open(k->c, &k->before, e);
	if (!err)
		k->root_id = tasks_root(&k->before, root);
	return err;
}

static int fill_threads(struct capture *k, struct run *run)
{
	struct tasks t = {.before = &k->before,
			  .after = &k->after,
			  .gone = &k->gone,
			  .begin_ns = k->begin_ns};

	if (!k->root_id)
		k->root_id = tasks_root(&k->after, k->root);
	if (!k->root_id)
		k->root_id = tasks_root(&k->gone, k->root);
	t.root_id = k->root_id;
	for (int i = 0; i < WG_COUNT_CNT; i++)
		t.counts[i] = collector_counts(k->c, (enum wg_count)i);
	return tasks_fill(&t, run);
}

/* Where the run's threads start: they stand in the order of rows, those that are left out left out. */
static void name_starts(struct capture *k, struct run *run, const struct rows *rows, size_t *at)
{
	size_t i;

	for (i = 0; i < rows->cnt && *at < run->thread_cnt; i++) {
		const struct wg_row *row = &rows->row[i];
		struct thread *t = &run->threads[*at];

		if (row->id != t->id)
			continue;
		t->start = names_start(k->names, row);
		(*at)++;
	}
}

/* CPU time of the machine in the window that is not the run's own. */
static void fill_machine(const struct capture *k, struct run *run)
{
	uint64_t busy, idle, steal, own = 0;
	size_t i;

	run->steal_ns = run->other_cpu_ns = UNKNOWN;
	if (k->busy_ns == UNKNOWN || host_cpu_times(&busy, &idle, &steal))
		return;
	for (i = 0; i < run->thread_cnt; i++)
		own += ledger_oncpu(&run->threads[i]);
	busy -= k->busy_ns;
	run->steal_ns = steal - k->steal_ns;
	run->other_cpu_ns = busy > own ? busy - own : 0;
}

/* The last that rows of ended tasks are needed for: of 50,000 they are as large as all the rest. */
static int take_path(struct capture *k, struct run *run)
{
	int err = 0;

	if (k->path && !k->after.cnt)
		err = unfold_path(run, k->gone.row, k->gone.cnt);
	k->path = false;
	rows_clear(&k->gone);
	return err;
}

/* Callchains and their names: after the window, since this takes its time. */
static int fill_sites(struct capture *k, struct run *run, struct err *e)
{
	struct profile profile = {0};
	const struct spaces *spaces;
	struct stacks *stacks;
	size_t at = 0;
	int err = collector_window_end(k->c, &k->before, &k->after, &profile, e);

	if (!err) {
		spaces = collector_names_begin(k->c, &stacks);
		if (spaces) {
			names_window(k->names);
			names_use(k->names, spaces, stacks);
			name_starts(k, run, &k->after, &at);
			name_starts(k, run, &k->gone, &at);
			err = take_path(k, run);
			if (!err)
				err = sites_fill(run, &profile, k->names);
		}
		collector_names_end(k->c);
		if (err)
			err_sys(e, err, "callchains of the window");
	}
	profile_clear(&profile);
	return err;
}

static void fill_cost(const struct capture *k, struct run *run)
{
	struct cost cost;

	collector_cost(k->c, &cost);
	run->bpf_ns = cost.bpf_ns - k->cost.bpf_ns;
	run->event_cnt = cost.event_cnt - k->cost.event_cnt;
	if (cost.own_cpu_ns != UNKNOWN && k->cost.own_cpu_ns != UNKNOWN)
		run->own_cpu_ns = cost.own_cpu_ns - k->cost.own_cpu_ns;
}

int capture_end(struct capture *k, struct run *run, struct err *e)
{
	int err = collector_window_close(k->c, &k->after, e);

	if (err)
		return err;
	run->begin_ns = k->begin_ns;
	run->end_ns = now_ns();
	err = capture_drain(k, e);
	if (err)
		return err;
	fill_cost(k, run);
	err = fill_threads(k, run);
	if (err)
		return err_sys(e, err, "threads of the window");
	fill_machine(k, run);
	err = fill_sites(k, run, e);
	if (!err)
		err = take_path(k, run); /* where there are no callchains */
	forget_window(k);
	return err;
}
