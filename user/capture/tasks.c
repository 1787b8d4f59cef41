// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Which tasks are threads of the window's run; see tasks.h. */
#include "capture/tasks.h"

#include <errno.h>

#include "capture/interval.h"

uint64_t tasks_root(const struct rows *r, pid_t root)
{
	size_t i;

	for (i = 0; root && i < r->cnt; i++)
		if (r->row[i].tgid == (uint32_t)root && r->row[i].id == r->row[i].root_id)
			return r->row[i].id;
	return 0;
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

static int add_thread(const struct tasks *in, struct run *run, const struct wg_row *row)
{
	const struct wg_row *before = row_of(in->before, row->id);
	struct thread *t;

	if (in->root_id && row->root_id != in->root_id)
		return 0;
	/* went while the first snapshot was walking, before it got there */
	if (!before && row->begin_ns < in->begin_ns && row->flags & WG_ROW_DEAD)
		return 0;
	t = run_add_thread(run);
	if (!t)
		return -ENOMEM;
	t->role = ROLE_HELPER;
	t->lane = -1;
	interval_fill(t, before, row);
	for (int i = 0; i < WG_COUNT_CNT; i++)
		if (!in->counts[i])
			t->count[i] = UNKNOWN;
	return 0;
}

int tasks_fill(const struct tasks *in, struct run *run)
{
	size_t i;
	int err = 0;

	for (i = 0; i < in->after->cnt && !err; i++)
		err = add_thread(in, run, &in->after->row[i]);
	for (i = 0; i < in->gone->cnt && !err; i++)
		/* went after the second snapshot had seen it: the window ended there */
		if (!row_of(in->after, in->gone->row[i].id))
			err = add_thread(in, run, &in->gone->row[i]);
	return err;
}
