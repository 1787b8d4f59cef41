// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Memory of tracked processes; see procs.h. */
#include "capture/procs.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "host/host.h"

#define COMPARE_ONE_IN 16 /* /proc/PID/status costs more than all the rest of a sample */
#define COST_FACTOR 100	  /* sampling may take a hundredth of a CPU */

static int room_for(struct procs *p, size_t cnt)
{
	uint32_t *tgids = reallocarray(p->tgids, cnt, sizeof(*tgids));
	uint64_t *pgtables;

	if (!tgids)
		return -1;
	p->tgids = tgids;
	pgtables = reallocarray(p->pgtables, cnt, sizeof(*pgtables));
	if (!pgtables)
		return -1;
	p->pgtables = pgtables;
	p->cap = cnt;
	return 0;
}

/* The processes of p->rows into p->tgids, each once. */
static void list_processes(struct procs *p)
{
	size_t i, n = 0;

	p->cnt = 0;
	if (p->rows.cnt > p->cap && room_for(p, p->rows.cnt))
		return;
	for (i = 0; i < p->rows.cnt; i++)
		p->tgids[i] = p->rows.row[i].tgid;
	items_sort(p->tgids, p->rows.cnt, sizeof(*p->tgids), order_u32);
	for (i = 0; i < p->rows.cnt; i++)
		if (!n || p->tgids[n - 1] != p->tgids[i])
			p->tgids[n++] = p->tgids[i];
	p->cnt = n;
}

static uint64_t rows_pgtables(const struct rows *rows, uint32_t tgid)
{
	uint64_t max = 0;
	size_t i;

	for (i = 0; i < rows->cnt; i++)
		if (rows->row[i].tgid == tgid && rows->row[i].pgtables_bytes > max)
			max = rows->row[i].pgtables_bytes;
	return max;
}

/* Comparable only where /proc said the same before and after our rows were made. */
static void compare_pgtables(struct procs *p)
{
	uint64_t ours = 0, kernel = 0, now;
	size_t i;

	for (i = 0; i < p->cnt; i++) {
		if (p->pgtables[i] == UNKNOWN || host_pgtables(p->tgids[i], &now) ||
		    now != p->pgtables[i])
			continue;
		kernel += now;
		ours += rows_pgtables(&p->rows, p->tgids[i]);
	}
	if (!kernel)
		return;
	p->ours = ours;
	p->kernel = kernel;
}

static void read_pgtables(struct procs *p)
{
	for (size_t i = 0; i < p->cnt; i++)
		if (host_pgtables(p->tgids[i], &p->pgtables[i]))
			p->pgtables[i] = UNKNOWN;
}

void procs_pgtables(struct collector *c, const uint32_t *tgids, size_t cnt, struct memory *out)
{
	struct procs p = {0};

	out->pgtables_kernel_bytes = out->pgtables_ours_bytes = UNKNOWN;
	if (cnt && !room_for(&p, cnt)) {
		memcpy(p.tgids, tgids, cnt * sizeof(*tgids));
		p.cnt = cnt;
		read_pgtables(&p);
		if (!collector_snapshot(c, &p.rows, NULL))
			compare_pgtables(&p);
		if (p.kernel) {
			out->pgtables_kernel_bytes = p.kernel;
			out->pgtables_ours_bytes = p.ours;
		}
	}
	procs_clear(&p);
}

int procs_sample(struct procs *p, struct collector *c)
{
	uint64_t begin = now_ns(), generation = collector_generation(c), period, took;
	bool compare;

	if (begin < p->next_ns)
		return (int)((p->next_ns - begin) / NSEC_PER_MSEC) + 1;
	compare = p->sum.sample_cnt % COMPARE_ONE_IN == 1;
	if (compare)
		read_pgtables(p);
	/* walking all tasks is the dear part: only when there is something new to see */
	if ((compare || !p->cnt || generation != p->generation) &&
	    !collector_snapshot(c, &p->rows, NULL)) {
		if (compare)
			compare_pgtables(p);
		list_processes(p);
		p->generation = generation;
	}
	mem_sum_sample(&p->sum, p->tgids, p->cnt);
	took = now_ns() - begin;
	period = took * COST_FACTOR;
	if (!p->begin_ns)
		p->begin_ns = begin;
	if (period < mem_period_ns(begin - p->begin_ns))
		period = mem_period_ns(begin - p->begin_ns);
	p->next_ns = begin + period;
	return (int)(period / NSEC_PER_MSEC) + 1;
}

void procs_result(const struct procs *p, struct memory *out)
{
	mem_sum_result(&p->sum, out);
	out->pss_sum_bytes = UNKNOWN;
	out->pgtables_kernel_bytes = p->kernel ? p->kernel : UNKNOWN;
	out->pgtables_ours_bytes = p->kernel ? p->ours : UNKNOWN;
}

void procs_clear(struct procs *p)
{
	rows_clear(&p->rows);
	free(p->tgids);
	free(p->pgtables);
	*p = (struct procs){0};
}
