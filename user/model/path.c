// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The critical path by bucket, by site and by who was on it; see path.h. */
#include "model/path.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"

/* --- buckets */

bool path_buckets(const struct run *run, double out[BUCKET_CNT])
{
	double pooled = ledger_user_share(run), user = 0, cpu, told = 0, all = 0;

	for (int b = 0; b < BUCKET_CNT; b++)
		out[b] = 0;
	for (int i = 0; i < WG_STATE_CNT; i++) {
		out[bucket_of_state((enum wg_state)i)] += (double)run->path_ns[i];
		all += (double)run->path_ns[i];
	}
	cpu = (double)run->path_ns[WG_CPU];
	for (size_t i = 0; i < run->path_part_cnt; i++) {
		const struct path_part *p = &run->path_parts[i];
		const uint64_t *count;
		double samples;

		if (p->state != WG_CPU || p->thread == NO_INDEX)
			continue;
		count = run->threads[p->thread].count;
		samples = (double)count[WG_N_SAMPLE_USER] + (double)count[WG_N_SAMPLE_KERNEL];
		user += (double)p->ns *
			(samples > 0 ? (double)count[WG_N_SAMPLE_USER] / samples : pooled);
		told += (double)p->ns;
	}
	user += (cpu - told) * pooled;
	out[B_CPU_USER] = user < 0 ? 0 : user > cpu ? cpu : user;
	out[B_CPU_KERNEL] = cpu - out[B_CPU_USER];
	return all > 0;
}

double path_quota(const struct run *run, enum bucket b)
{
	double sum = 0;

	for (size_t i = 0; i < run->path_part_cnt; i++) {
		const struct path_part *p = &run->path_parts[i];
		const struct thread *t;
		double all;

		if (p->thread == NO_INDEX || bucket_of_state(p->state) != b)
			continue;
		t = &run->threads[p->thread];
		all = (double)t->state_ns[p->state];
		if (all > 0)
			sum += (double)ledger_quota(t, b) * fmin((double)p->ns / all, 1);
	}
	return sum;
}

/* --- sites */

/* Of a thread and state: ns on the path, and ns in all. */
struct cell {
	double on, all;
};

/* What a site's time is a part of: for waits those that stayed on the task's own path. */
static bool may_be_on_path(const struct site *s)
{
	return s->kind != SITE_WAIT || s->kept;
}

static void count_all(const struct run *run, struct cell (*cell)[WG_STATE_CNT])
{
	for (size_t i = 0; i < run->thread_cnt; i++) {
		cell[i][WG_CPU].all = (double)run->threads[i].state_ns[WG_CPU];
		cell[i][WG_CPU_FAULT].all = (double)run->threads[i].state_ns[WG_CPU_FAULT];
	}
	for (size_t i = 0; i < run->site_cnt; i++) {
		const struct site *s = &run->sites[i];

		if (s->kind == SITE_WAIT && s->kept && s->thread != NO_INDEX)
			cell[s->thread][s->state].all += (double)s->total_ns;
	}
}

/* Time on the path that is of no single task is spread over what all have besides. */
static void rest_shares(const struct run *run, struct cell (*cell)[WG_STATE_CNT],
			const double rest[WG_STATE_CNT], double share[WG_STATE_CNT])
{
	for (int s = 0; s < WG_STATE_CNT; s++) {
		double left = 0;

		for (size_t i = 0; i < run->thread_cnt; i++)
			left += cell[i][s].all > cell[i][s].on ? cell[i][s].all - cell[i][s].on : 0;
		share[s] = left > 0 ? rest[s] / left : 0;
		share[s] = share[s] > 1 ? 1 : share[s];
	}
}

static double weight_of(const struct cell *c, double rest_share)
{
	double on = c->all > 0 ? c->on / c->all : 0;

	on = on > 1 ? 1 : on;
	return on + (1 - on) * rest_share;
}

double *path_site_weights(const struct run *run)
{
	struct cell(*cell)[WG_STATE_CNT] = calloc(run->thread_cnt + 1, sizeof(*cell));
	double *weight = calloc(run->site_cnt + 1, sizeof(*weight));
	double rest[WG_STATE_CNT] = {0}, share[WG_STATE_CNT];

	if (!cell || !weight) {
		free(cell);
		free(weight);
		return NULL;
	}
	count_all(run, cell);
	for (size_t i = 0; i < run->path_part_cnt; i++) {
		const struct path_part *p = &run->path_parts[i];

		if (p->thread == NO_INDEX)
			rest[p->state] += (double)p->ns;
		else
			cell[p->thread][p->state].on += (double)p->ns;
	}
	rest_shares(run, cell, rest, share);
	for (size_t i = 0; i < run->site_cnt; i++) {
		const struct site *s = &run->sites[i];

		if (may_be_on_path(s) && s->thread != NO_INDEX)
			weight[i] = weight_of(&cell[s->thread][s->state], share[s->state]);
	}
	free(cell);
	return weight;
}

/* --- who was on it */

#define LINKS_FEW 8 /* so many tasks are told one by one */

static int order_links(const void *a, const void *b, void *arg)
{
	const struct run *run = arg;
	const struct path_link *x = a, *y = b;

	ORDER(x->thread == NO_INDEX, y->thread == NO_INDEX);
	if (x->thread != NO_INDEX && y->thread != NO_INDEX)
		ORDER(run->threads[x->thread].begin_ns, run->threads[y->thread].begin_ns);
	ORDER(x->thread, y->thread);
	return 0;
}

static bool same_name(const struct path_link *x, const struct path_link *y)
{
	return (x->thread == NO_INDEX) == (y->thread == NO_INDEX) && !strcmp(x->comm, y->comm);
}

static void add_link(struct path_link *to, const struct path_link *from)
{
	uint64_t most = to->task_cnt == 1 ? to->ns : 0;

	if (from->ns > most && to->task_cnt == 1)
		to->thread = from->thread;
	to->task_cnt += from->task_cnt;
	to->ns += from->ns;
	for (int i = 0; i < WG_STATE_CNT; i++)
		to->state_ns[i] += from->state_ns[i];
}

/* Those of one name become one, at the place of the first. */
static size_t join_names(struct path_link *links, size_t cnt)
{
	size_t n = 0;

	for (size_t i = 0; i < cnt; i++) {
		size_t j = 0;

		while (j < n && !same_name(&links[j], &links[i]))
			j++;
		if (j < n)
			add_link(&links[j], &links[i]);
		else
			links[n++] = links[i];
	}
	return n;
}

long path_links(const struct run *run, struct path_link **out)
{
	scoped_free uint32_t *at = reallocarray(NULL, run->thread_cnt + 1, sizeof(*at));
	struct path_link *links = calloc(run->thread_cnt + 2, sizeof(*links));
	size_t cnt = 0;

	*out = NULL;
	if (!at || !links) {
		free(links);
		return -ENOMEM;
	}
	memset(at, 0xff, (run->thread_cnt + 1) * sizeof(*at));
	for (size_t i = 0; i < run->path_part_cnt; i++) {
		const struct path_part *p = &run->path_parts[i];
		size_t slot = p->thread == NO_INDEX ? run->thread_cnt : p->thread;
		struct path_link *l;

		if (at[slot] == NO_INDEX) {
			at[slot] = (uint32_t)cnt;
			links[cnt] = (struct path_link){.thread = p->thread, .task_cnt = 1};
			if (p->thread != NO_INDEX)
				memcpy(links[cnt].comm, run->threads[p->thread].comm, WG_COMM_LEN);
			cnt++;
		}
		l = &links[at[slot]];
		l->ns += p->ns;
		l->state_ns[p->state] += p->ns;
	}
	qsort_r(links, cnt, sizeof(*links), order_links, (void *)run);
	*out = links;
	return (long)(cnt > LINKS_FEW ? join_names(links, cnt) : cnt);
}
