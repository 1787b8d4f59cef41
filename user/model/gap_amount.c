// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What each nanosecond of a run's mean lane is about; see gap_amount.h. */
#include "model/gap_amount.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "model/path.h"

int amount_keys_order(const struct amount_key *x, const struct amount_key *y)
{
	ORDER(x->bucket, y->bucket);
	ORDER(x->site, y->site);
	ORDER(x->cause, y->cause);
	ORDER(x->kind, y->kind);
	ORDER(x->id, y->id);
	ORDER(x->frame, y->frame);
	return 0;
}

static int order_amounts(const void *a, const void *b)
{
	const struct amount *x = a, *y = b;
	int order = amount_keys_order(&x->key, &y->key);

	if (order)
		return order;
	ORDER(x->column, y->column);
	ORDER(y->ns, x->ns);
	return 0;
}

static uint32_t id_of(const struct locks *l, const struct where_cause *c)
{
	switch (c->kind) {
	case CAUSE_LOCK:
		return l->objects[c->object].name_id;
	case CAUSE_FUTEX:
		return (uint32_t)c->type * WAIT_CLASS_CNT + (uint32_t)c->wait;
	case CAUSE_KERNEL:
		return (uint32_t)c->kclass;
	case CAUSE_BLOCKED:
		return (uint32_t)c->blocked;
	default:
		return 0;
	}
}

static int add_amount(struct amounts *x, size_t column, const struct amount_key *key, double ns,
		      const struct where_cause *c)
{
	struct amount *a;

	if (array_grow((void **)&x->list, &x->cap, x->cnt, sizeof(*x->list)))
		return -ENOMEM;
	a = &x->list[x->cnt++];
	*a = (struct amount){.key = *key, .column = column, .ns = ns, .stack = NO_INDEX};
	if (!c)
		return 0;
	a->of = *c;
	a->of.paths = a->of.wakers = NULL;
	a->of.path_cnt = a->of.waker_cnt = 0;
	a->cnt = c->count;
	if (c->path_cnt)
		a->stack = c->paths[0].stack;
	a->path_cnt = where_path_cnt(c);
	return 0;
}

/*
 * Getting into the kernel and out of it at a page fault, the most that counts for one: with what
 * guards against speculation it takes 0.2 to 1 us. All of it shows as user time at the instruction
 * that faulted, since interrupts, the sampler's too, are off meanwhile.
 */
#define TRAP_NS 1000

/* Of the user time of a function, what is at instructions that fault, as far as its faults explain it. */
static double trap_ns(const struct where *w, const struct where_cause *c)
{
	const struct where_bucket *faults = &w->bucket[WHERE_FAULTS];
	double cnt = 0;

	if (c->kind != CAUSE_FUNCTION || !(c->faulting > 0) || !(c->amount > 0))
		return 0;
	for (size_t i = 0; i < faults->cause_cnt; i++)
		if (faults->causes[i].kind == CAUSE_FUNCTION && faults->causes[i].frame == c->frame)
			cnt += faults->causes[i].amount;
	return fmin(c->ns * c->faulting / c->amount, cnt * TRAP_NS);
}

/*
 * A function's samples at atomic instructions are a cause of their own, and so are lock functions,
 * and those where page faults enter and leave the kernel.
 */
static int add_cause(struct amounts *x, size_t column, enum bucket b, const struct where *w,
		     const struct where_cause *c, double left)
{
	struct amount_key key = {.bucket = b,
				 .site = AT_CAUSE,
				 .cause = gap_cause_of(x->l, b, c),
				 .kind = c->kind,
				 .id = id_of(x->l, c),
				 .frame = c->frame == NO_INDEX ? NO_INDEX : x->twin[c->frame]};
	double ns = c->ns * left;
	double traffic = b == B_CPU_USER && c->amount > 0 ? ns * c->traffic / c->amount : 0;
	double trap = b == B_CPU_USER ? fmin(trap_ns(w, c), ns - traffic) : 0;
	int err = add_amount(x, column, &key, ns - traffic - trap, c);

	if (!err && traffic > 0) {
		key.cause = GAP_LOCK_TRAFFIC;
		err = add_amount(x, column, &key, traffic, c);
	}
	if (!err && trap > 0) {
		key.cause = GAP_PAGE_FAULTS;
		err = add_amount(x, column, &key, trap, c);
	}
	return err;
}

static double samples_in(const struct where *w, enum bucket b)
{
	double cnt = 0;

	for (size_t i = 0; i < w->bucket[b].cause_cnt; i++)
		cnt += w->bucket[b].causes[i].amount;
	return cnt;
}

/*
 * On its way to the first event of a page fault a CPU has interrupts off. The ledger counts that as
 * time outside of faults; but samples that fall into it come when it is over, inside the fault. So
 * there are more of those than the fault's time explains, and what they are too many is time that
 * plain user and kernel functions must not get. Its share of the time on the CPU outside of faults.
 */
static double entry_share(const struct where *w)
{
	double user = w->bucket[B_CPU_USER].ns, kernel = w->bucket[B_CPU_KERNEL].ns;
	double fault = w->bucket[B_CPU_FAULT].ns, in_fault = samples_in(w, B_CPU_FAULT), cnt = 0;
	double all = samples_in(w, B_CPU_USER) + samples_in(w, B_CPU_KERNEL) + in_fault, ns;

	for (size_t i = 0; i < w->bucket[WHERE_FAULTS].cause_cnt; i++)
		cnt += w->bucket[WHERE_FAULTS].causes[i].amount;
	if (!(all > 0) || !(user + kernel > 0))
		return 0;
	ns = in_fault * (user + kernel + fault) / all - fault;
	return fmin(fmax(fmin(ns, cnt * TRAP_NS), 0) / (user + kernel), 1);
}

/* The function with the most faults: where there is one, that is what the ways into them are of. */
static const struct where_cause *most_faults(const struct where *w)
{
	const struct where_bucket *faults = &w->bucket[WHERE_FAULTS];
	const struct where_cause *most = NULL;

	for (size_t i = 0; i < faults->cause_cnt; i++)
		if (faults->causes[i].kind == CAUSE_FUNCTION && faults->causes[i].path_cnt &&
		    (!most || faults->causes[i].amount > most->amount))
			most = &faults->causes[i];
	return most;
}

static int add_entry(struct amounts *x, size_t column, enum bucket b, const struct where *w,
		     double ns)
{
	const struct where_cause *at = most_faults(w);
	struct where_cause entry = {.kind = CAUSE_KERNEL,
				    .kclass = KC_FAULT_ENTRY,
				    .object = NO_INDEX,
				    .frame = NO_INDEX,
				    .blocked = -1};
	const struct amount_key key = {.bucket = b,
				       .site = AT_CAUSE,
				       .cause = GAP_PAGE_FAULTS,
				       .kind = CAUSE_KERNEL,
				       .id = KC_FAULT_ENTRY,
				       .frame = NO_INDEX};

	if (!(ns > 0))
		return 0;
	if (at) {
		entry.paths = at->paths;
		entry.path_cnt = at->path_cnt;
	}
	return add_amount(x, column, &key, ns, &entry);
}

/* Waits for a CPU have no sites, but of some it is known that the cgroup's CPU quota was used up. */
static int add_quota(struct amounts *x, size_t column, enum bucket b, double ns)
{
	const struct amount_key key = {
		.bucket = b, .site = AT_BUCKET, .cause = GAP_CPU_QUOTA, .frame = NO_INDEX};

	return ns > 0 ? add_amount(x, column, &key, ns, NULL) : 0;
}

static int add_bucket(struct amounts *x, size_t column, enum bucket b, const struct where *w,
		      double quota_ns)
{
	const struct where_bucket *k = &w->bucket[b];
	bool has_sites = b != B_RUNQ_WAKE && b != B_RUNQ_PREEMPT && b != B_PROBE;
	struct amount_key rest = {.bucket = b,
				  .site = has_sites ? AT_NOWHERE : AT_BUCKET,
				  .cause = gap_cause_of_bucket(b),
				  .frame = NO_INDEX};
	bool plain = b == B_CPU_USER || b == B_CPU_KERNEL;
	double entry = plain ? entry_share(w) : 0, left = k->ns * (1 - entry) - quota_ns;
	int err = add_quota(x, column, b, quota_ns);

	if (!err)
		err = add_entry(x, column, b, w, k->ns * entry);

	for (size_t i = 0; i < k->cause_cnt && !err; i++) {
		err = add_cause(x, column, b, w, &k->causes[i], 1 - entry);
		left -= k->causes[i].ns * (1 - entry);
	}
	return err ? err : add_amount(x, column, &rest, left, NULL);
}

/* What the CPU time of all threads went into, whoever was on the path. */
static int add_totals(struct amounts *x, size_t column, const struct run *run)
{
	const struct run *only[] = {run};
	struct group all = {.first = run, .runs = only, .run_cnt = 1};
	size_t from = x->cnt;
	struct where w;
	int err;

	ledger_total(run, all.bucket_ns);
	for (int i = 0; i < BUCKET_CNT; i++)
		all.lane_ns += all.bucket_ns[i];
	err = where_of(&w, x->l, &all);
	if (err)
		return err;
	for (int b = B_CPU_USER; b <= B_CPU_FAULT && !err; b++)
		err = add_bucket(x, column, (enum bucket)b, &w, 0);
	for (size_t i = from; i < x->cnt; i++) {
		x->list[i].all_ns = x->list[i].ns;
		x->list[i].ns = x->list[i].cnt = 0;
		x->list[i].stack = NO_INDEX;
	}
	where_clear(&w);
	return err;
}

/* Of a run without lanes it is about the critical path, as if that were a lane. */
int amounts_add_run(struct amounts *x, size_t column, const struct group *g, const struct run *run)
{
	const struct run *only[] = {run};
	scoped_free double *weight = g->has_lanes ? NULL : path_site_weights(run);
	double *const weights[] = {weight};
	struct group one = {.first = run,
			    .runs = only,
			    .run_cnt = 1,
			    .has_lanes = g->has_lanes,
			    .site_weight = g->has_lanes ? NULL : weights};
	struct where w;
	int err = 0;

	if (!g->has_lanes && !weight)
		return -ENOMEM;
	if (g->has_lanes)
		ledger_lane_mean(run, one.bucket_ns);
	else
		path_buckets(run, one.bucket_ns);
	for (int i = 0; i < BUCKET_CNT; i++)
		one.lane_ns += one.bucket_ns[i];
	err = where_of(&w, x->l, &one);
	if (err)
		return err;
	for (int i = 0; i < BUCKET_CNT && !err; i++)
		err = add_bucket(x, column, (enum bucket)i, &w,
				 g->has_lanes ? ledger_run_quota(run, (enum bucket)i, true)
					      : path_quota(run, (enum bucket)i));
	where_clear(&w);
	return err || g->has_lanes ? err : add_totals(x, column, run);
}

/* --- twins */

static int order_names(const void *a, const void *b, void *arg)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct frame *frames = arg;
	int order = strcmp(frames[x].name, frames[y].name);

	if (order)
		return order;
	ORDER(frames[x].flags & FRAME_KERNEL, frames[y].flags & FRAME_KERNEL);
	order = strcmp(frames[x].module, frames[y].module);
	if (order)
		return order;
	ORDER(x, y);
	return 0;
}

static bool are_twins(const struct frame *a, const struct frame *b)
{
	return (a->flags & FRAME_KERNEL) == (b->flags & FRAME_KERNEL) &&
	       !strcmp(a->name, b->name) &&
	       (b->flags & FRAME_NAMED || !strcmp(a->module, b->module));
}

/* NULL: no memory. */
static uint32_t *find_twins(const struct recording *r)
{
	uint32_t *twin = reallocarray(NULL, r->frame_cnt + 1, sizeof(*twin));
	scoped_free uint32_t *order = reallocarray(NULL, r->frame_cnt + 1, sizeof(*order));

	if (!twin || !order) {
		free(twin);
		return NULL;
	}
	for (uint32_t i = 0; i < r->frame_cnt; i++)
		order[i] = i;
	qsort_r(order, r->frame_cnt, sizeof(*order), order_names, r->frames);
	for (size_t i = 0; i < r->frame_cnt; i++)
		twin[order[i]] = i && are_twins(&r->frames[order[i - 1]], &r->frames[order[i]])
					 ? twin[order[i - 1]]
					 : order[i];
	return twin;
}

int amounts_init(struct amounts *x, const struct locks *l)
{
	*x = (struct amounts){.l = l, .twin = find_twins(l->paths->r)};
	return x->twin ? 0 : -ENOMEM;
}

void amounts_sort(struct amounts *x)
{
	if (x->cnt)
		qsort(x->list, x->cnt, sizeof(*x->list), order_amounts);
}

void amounts_clear(struct amounts *x)
{
	free(x->list);
	free(x->twin);
	*x = (struct amounts){0};
}
