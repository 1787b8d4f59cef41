// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Raw profile into sites; see sites.h. */
#include "capture/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* --- which processes --- */

/* Processes of the run, in order, some more than once; NULL without memory. */
static uint32_t *processes_of(const struct run *run)
{
	uint32_t *tgids = calloc(run->thread_cnt + 1, sizeof(*tgids));
	size_t i;

	for (i = 0; tgids && i < run->thread_cnt; i++)
		tgids[i] = run->threads[i].tgid;
	if (tgids && run->thread_cnt)
		qsort(tgids, run->thread_cnt, sizeof(*tgids), order_u32);
	return tgids;
}

static bool among(const uint32_t *tgids, size_t cnt, uint32_t tgid)
{
	return !tgid || (cnt && bsearch(&tgid, tgids, cnt, sizeof(*tgids), order_u32));
}

/* --- whose: the run's threads by the low bits of their ids, which the kernel side gives */

struct owner {
	uint32_t task, thread;
};

static int order_owners(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	ORDER(x->task, y->task);
	ORDER(x->thread, y->thread);
	return 0;
}

struct owners {
	struct owner *list;
	size_t cnt;
};

static int owners_of(struct owners *o, const struct run *run)
{
	o->cnt = run->thread_cnt;
	o->list = reallocarray(NULL, o->cnt + 1, sizeof(*o->list));
	if (!o->list)
		return -ENOMEM;
	for (size_t i = 0; i < o->cnt; i++)
		o->list[i] = (struct owner){(uint32_t)run->threads[i].id, (uint32_t)i};
	qsort(o->list, o->cnt, sizeof(*o->list), order_owners);
	return 0;
}

static int order_task(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	ORDER(x->task, y->task);
	return 0;
}

/* NO_INDEX: none was told (task is 0), or it is not of the run. */
static uint32_t owner_of(const struct owners *o, uint32_t task)
{
	const struct owner key = {.task = task};
	const struct owner *found =
		task ? bsearch(&key, o->list, o->cnt, sizeof(key), order_task) : NULL;

	return found ? found->thread : NO_INDEX;
}

static enum role role_of(uint8_t lane)
{
	return lane == WG_LANE_WORKER	      ? ROLE_WORKER
	       : lane == WG_LANE_ORCHESTRATOR ? ROLE_ORCHESTRATOR
					      : ROLE_HELPER;
}

/* --- sites that are alike become one --- */

static int place_order(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	ORDER(x->kind, y->kind);
	ORDER(x->state, y->state);
	ORDER(x->role, y->role);
	ORDER(x->user, y->user);
	ORDER(x->stack, y->stack);
	ORDER(x->lock, y->lock);
	return 0;
}

static int site_order(const void *a, const void *b)
{
	const struct site *x = a, *y = b;
	int order = place_order(a, b);

	if (order)
		return order;
	ORDER(x->thread, y->thread);
	ORDER(x->kept, y->kept);
	return 0;
}

static int add_to(struct site *to, struct site *from)
{
	int err = hist_join(&to->hist, &from->hist);

	hist_clear(&from->hist);
	to->count += from->count;
	to->total_ns += from->total_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	to->traffic_cnt += from->traffic_cnt;
	to->undecoded_cnt += from->undecoded_cnt;
	to->faulting_cnt += from->faulting_cnt;
	to->huge_cnt += from->huge_cnt;
	to->pgtables_bytes += from->pgtables_bytes;
	return err;
}

static int merge_sites(struct run *run)
{
	size_t i, n = 0;
	int err = 0;

	if (run->site_cnt)
		qsort(run->sites, run->site_cnt, sizeof(*run->sites), site_order);
	for (i = 0; i < run->site_cnt; i++) {
		if (n && !site_order(&run->sites[n - 1], &run->sites[i]))
			err = add_to(&run->sites[n - 1], &run->sites[i]) ? -ENOMEM : err;
		else
			run->sites[n++] = run->sites[i];
	}
	run->site_cnt = n;
	return err;
}

/* --- one raw entry each --- */

static int add_site(struct run *run, const struct site *s)
{
	struct site *to;

	if (s->stack == NO_INDEX)
		return -ENOMEM;
	to = run_add_site(run);
	if (!to)
		return -ENOMEM;
	*to = *s;
	return 0;
}

/* A stack that never was: what found no room is summed without one, under process 0. */
#define NO_ROOM 1

/* What a wait's site is found by; its sums are left 0. */
static struct site wait_site(struct names *n, const struct wg_site_key *key)
{
	struct site s = {.kind = SITE_WAIT,
			 .state = key->state,
			 .role = role_of(key->lane),
			 .lock = NO_INDEX,
			 .thread = NO_INDEX,
			 .stack = names_stack(n, key->tgid ? key->stack : NO_ROOM, 0, key->tgid)};

	if (!key->tgid)
		return s;
	if (key->state == WG_FUTEX)
		s.lock = names_futex(n, key->tgid, key->object, key->flags & ~WG_SITE_KEPT);
	else if (key->state == WG_KLOCK)
		s.lock = names_klock(n, key->object, key->flags & ~WG_SITE_KEPT);
	return s;
}

static int add_wait(struct run *run, const struct raw_wait *w, struct names *n,
		    const struct owners *o)
{
	struct site s = wait_site(n, &w->key);
	int err = 0;

	s.thread = owner_of(o, w->key.task);
	s.kept = w->key.flags & WG_SITE_KEPT;
	s.count = w->sum.cnt;
	s.total_ns = w->sum.total_ns;
	s.max_ns = w->sum.max_ns;
	for (uint32_t i = 0; i < WG_HIST_CNT && !err; i++)
		err = hist_add(&s.hist, i, w->sum.hist[i]);
	if (!err)
		err = add_site(run, &s);
	if (err)
		hist_clear(&s.hist);
	return err;
}

static int add_fault(struct run *run, const struct raw_fault *f, struct names *n,
		     const struct owners *o)
{
	struct site s = {
		.kind = SITE_FAULT,
		.state = WG_CPU_FAULT,
		.role = role_of(f->key.lane),
		.lock = NO_INDEX,
		.thread = owner_of(o, f->key.task),
		.stack = names_stack(n, f->key.tgid ? f->key.stack : NO_ROOM, 0, f->key.tgid),
		.count = f->sum.cnt,
		.total_ns = f->sum.total_ns,
		.huge_cnt = f->sum.huge_cnt,
		.pgtables_bytes = f->sum.pgtables_bytes};

	return add_site(run, &s);
}

/* --- instructions that raised page faults */

struct faulting {
	uint64_t *leaf; /* as the kernel side gives frames, sorted */
	size_t cnt;
};

static int order_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	ORDER(*x, *y);
	return 0;
}

static int faulting_of(struct faulting *f, const struct profile *p, struct names *n)
{
	f->leaf = reallocarray(NULL, p->fault_cnt + 1, sizeof(*f->leaf));
	if (!f->leaf)
		return -ENOMEM;
	for (size_t i = 0; i < p->fault_cnt; i++) {
		uint64_t leaf = names_leaf(n, p->faults[i].key.stack);

		if (leaf)
			f->leaf[f->cnt++] = leaf;
	}
	qsort(f->leaf, f->cnt, sizeof(*f->leaf), order_u64);
	return 0;
}

static bool is_faulting(const struct faulting *f, uint64_t leaf)
{
	return f->cnt && bsearch(&leaf, f->leaf, f->cnt, sizeof(leaf), order_u64);
}

static int add_sample(struct run *run, const struct raw_sample *r, struct names *n,
		      const struct owners *o, const struct faulting *faulting)
{
	struct site s = {.kind = SITE_SAMPLE,
			 .state = r->state,
			 .role = role_of(r->lane),
			 .user = !(r->leaf >> 63),
			 .lock = NO_INDEX,
			 .thread = owner_of(o, r->task),
			 .stack = names_stack(n, r->stack, r->leaf, r->tgid),
			 .count = r->cnt};

	if (s.user && is_faulting(faulting, r->leaf))
		s.faulting_cnt = r->cnt;
	if (s.user) {
		switch (names_traffic(n, r->leaf, r->tgid)) {
		case TRAFFIC_YES:
			s.traffic_cnt = r->cnt;
			break;
		case TRAFFIC_UNKNOWN:
			s.undecoded_cnt = r->cnt;
			break;
		case TRAFFIC_NO:
			break;
		}
	}
	return add_site(run, &s);
}

/* --- wakers --- */

static int waker_order(const void *a, const void *b)
{
	const struct waker *x = a, *y = b;

	ORDER(x->site, y->site);
	ORDER(x->stack, y->stack);
	return 0;
}

static int add_waker(struct run *run, const struct raw_wake *w, struct names *n)
{
	const struct wg_site_key key = {.stack = w->stack,
					.object = w->object,
					.tgid = w->tgid,
					.flags = w->flags,
					.state = WG_FUTEX,
					.lane = w->lane};
	struct site like = wait_site(n, &key), *site;
	struct waker *to;

	site = run->site_cnt ? bsearch(&like, run->sites, run->site_cnt, sizeof(like), place_order)
			     : NULL;
	if (!site)
		return 0; /* woken in the window's last moment: its wait is not in it */
	to = run_add_waker(run);
	if (!to)
		return -ENOMEM;
	*to = (struct waker){.site = (uint32_t)(site - run->sites),
			     .stack = w->waker ? names_stack(n, w->waker, 0, w->waker_tgid)
					       : NO_INDEX,
			     .count = w->cnt,
			     .waited_ns = w->waited_ns};
	return 0;
}

static void merge_wakers(struct run *run)
{
	struct waker *w = run->wakers;
	size_t i, n = 0;

	if (run->waker_cnt)
		qsort(w, run->waker_cnt, sizeof(*w), waker_order);
	for (i = 0; i < run->waker_cnt; i++) {
		if (n && !waker_order(&w[n - 1], &w[i])) {
			w[n - 1].count += w[i].count;
			w[n - 1].waited_ns += w[i].waited_ns;
		} else {
			w[n++] = w[i];
		}
	}
	run->waker_cnt = n;
}

int sites_fill(struct run *run, const struct profile *p, struct names *n)
{
	scoped_free uint32_t *tgids = processes_of(run);
	size_t i, cnt = run->thread_cnt;
	struct owners owners = {0};
	struct faulting faulting = {0};
	int err = tgids ? owners_of(&owners, run) : -ENOMEM;

	if (!err)
		err = faulting_of(&faulting, p, n);
	for (i = 0; i < p->wait_cnt && !err; i++)
		if (p->waits[i].sum.cnt && among(tgids, cnt, p->waits[i].key.tgid))
			err = add_wait(run, &p->waits[i], n, &owners);
	for (i = 0; i < p->fault_cnt && !err; i++)
		if ((p->faults[i].sum.cnt || p->faults[i].sum.pgtables_bytes) &&
		    among(tgids, cnt, p->faults[i].key.tgid))
			err = add_fault(run, &p->faults[i], n, &owners);
	for (i = 0; i < p->sample_cnt && !err; i++)
		if (among(tgids, cnt, p->samples[i].tgid))
			err = add_sample(run, &p->samples[i], n, &owners, &faulting);
	if (merge_sites(run) && !err)
		err = -ENOMEM;
	for (i = 0; i < p->wake_cnt && !err; i++)
		if (among(tgids, cnt, p->wakes[i].tgid))
			err = add_waker(run, &p->wakes[i], n);
	merge_wakers(run);
	free(owners.list);
	free(faulting.leaf);
	return err;
}
