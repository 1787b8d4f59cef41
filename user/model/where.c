// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See where.h. Each site becomes an atom: what it is about, a call path, amounts. Sorted by
 * bucket, cause and path, equal neighbours are summed to paths, those to causes, and then both are
 * put in order of size.
 */
#include "model/where.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"

/* What a cause is told apart by. */
struct cause_key {
	int bucket;
	enum cause_kind kind;
	uint32_t id;	/* name_id, kclass, blocked rule, or lock type and wait class */
	uint32_t frame; /* or NO_INDEX */
};

struct atom {
	struct cause_key key;
	size_t path_at; /* into builder.frames, path_cnt of them */
	uint32_t path_cnt;
	uint32_t stack;
	size_t run, site;
	double amount, ns, count, traffic, faulting, pgtables, huge;
	uint64_t max_ns;
	uint32_t object;
	enum wait_class wait;
};

struct builder {
	struct where *w;
	const struct locks *l;
	const struct recording *r;
	const struct group *g;
	struct atom *atoms;
	size_t atom_cnt, atom_cap;
	struct atom *wakers; /* the same of wakers: key.id is the cause's index */
	size_t waker_cnt, waker_cap;
	uint32_t *frames; /* of all atoms' paths */
	size_t frame_cnt, frame_cap;
	size_t cause_cnt, path_cnt;
};

int site_bucket(const struct site *s)
{
	if (s->kind == SITE_FAULT)
		return WHERE_FAULTS;
	if (s->kind == SITE_WAIT)
		return bucket_of_state(s->state);
	if (s->state == WG_CPU_FAULT)
		return B_CPU_FAULT;
	return s->user ? B_CPU_USER : B_CPU_KERNEL;
}

/* --- atoms */

static double lanes_of(const struct group *g, const struct run *run)
{
	double cnt = 0;

	if (!g->has_lanes)
		return 1;
	for (size_t i = 0; i < run->thread_cnt; i++)
		cnt += run->threads[i].role == ROLE_WORKER;
	return cnt > 0 ? cnt : 1;
}

/* The path of an atom, to the end of the builder's frames. */
static int add_path(struct builder *b, struct atom *a, const struct stack *s, uint32_t from,
		    bool keep_leaf)
{
	uint32_t frames[PATH_FRAMES_MAX];

	a->path_at = b->frame_cnt;
	a->path_cnt = path_frames(b->l->paths, s, from, keep_leaf, frames);
	for (uint32_t i = 0; i < a->path_cnt; i++) {
		if (array_grow((void **)&b->frames, &b->frame_cap, b->frame_cnt,
			       sizeof(*b->frames)))
			return -ENOMEM;
		b->frames[b->frame_cnt++] = frames[i];
	}
	return 0;
}

/* Frames of the kernel's part that decided, then the user's; from where a path is shown. */
static int add_kernel_path(struct builder *b, struct atom *a, const struct stack *s, uint32_t at)
{
	size_t begin = b->frame_cnt;
	int err;

	if (at >= s->kernel_cnt)
		return add_path(b, a, s, s->kernel_cnt, false);
	if (array_grow((void **)&b->frames, &b->frame_cap, b->frame_cnt, sizeof(*b->frames)))
		return -ENOMEM;
	b->frames[b->frame_cnt++] = s->frames[at];
	err = add_path(b, a, s, s->kernel_cnt, false);
	a->path_at = begin;
	a->path_cnt++;
	return err;
}

static void set_key(struct atom *a, enum cause_kind kind, uint32_t id, uint32_t frame)
{
	a->key.kind = kind;
	a->key.id = id;
	a->key.frame = frame;
}

static int sample_atom(struct builder *b, struct atom *a, const struct site *site)
{
	const struct stack *s = &b->r->stacks[site->stack];
	enum kclass c;
	uint32_t at;

	if (s->end == WG_END_LOST) {
		set_key(a, CAUSE_LOST, 0, NO_INDEX);
		return 0;
	}
	if (a->key.bucket == B_CPU_USER) {
		if (s->kernel_cnt >= s->frame_cnt)
			set_key(a, CAUSE_UNKNOWN, 0, NO_INDEX);
		else
			set_key(a, CAUSE_FUNCTION, 0, s->frames[s->kernel_cnt]);
		return add_path(b, a, s, s->kernel_cnt, true);
	}
	c = path_kclass(b->l->paths, s, a->key.bucket == B_CPU_FAULT, &at);
	set_key(a, CAUSE_KERNEL, c, c == KC_SYSCALL ? path_syscall(b->l->paths, s) : NO_INDEX);
	return add_kernel_path(b, a, s, c == KC_SYSCALL || c == KC_ENTRY ? s->frame_cnt : at);
}

static int wait_atom(struct builder *b, struct atom *a, const struct site *site,
		     const struct wait_info *info)
{
	const struct stack *s = &b->r->stacks[site->stack];
	const struct paths *p = b->l->paths;
	int rule = path_blocked(p, s);
	uint32_t from = info->from;

	if (site_is_lost(s, info)) {
		set_key(a, CAUSE_LOST, 0, NO_INDEX);
		return 0;
	}
	a->object = info->object;
	a->wait = info->wait;
	if (info->object != NO_INDEX && info->wait != WAIT_IDLE) {
		set_key(a, CAUSE_LOCK, b->l->objects[info->object].name_id, NO_INDEX);
	} else if (site->state == WG_FUTEX) {
		set_key(a, CAUSE_FUTEX, (uint32_t)(info->type * WAIT_CLASS_CNT + info->wait),
			NO_INDEX);
	} else if (rule >= 0) {
		set_key(a, CAUSE_BLOCKED, (uint32_t)rule, NO_INDEX);
		from = path_kernel_from(p, s);
	} else {
		uint32_t call = path_syscall(p, s), user = path_telling(p, s, 0);

		from = s->kernel_cnt;
		if (call == NO_INDEX && user < s->frame_cnt)
			call = s->frames[user];
		set_key(a, call == NO_INDEX ? CAUSE_UNKNOWN : CAUSE_FUNCTION, 0, call);
	}
	return add_path(b, a, s, from, true);
}

static int fault_atom(struct builder *b, struct atom *a, const struct site *site)
{
	const struct stack *s = &b->r->stacks[site->stack];

	if (s->end == WG_END_LOST) {
		set_key(a, CAUSE_LOST, 0, NO_INDEX);
		return 0;
	}
	if (s->kernel_cnt >= s->frame_cnt)
		set_key(a, CAUSE_UNKNOWN, 0, NO_INDEX);
	else
		set_key(a, CAUSE_FUNCTION, 0, s->frames[s->kernel_cnt]);
	return add_path(b, a, s, s->kernel_cnt, true);
}

/* Of what a site counts, this many are something: never more, whatever a file says. */
static double part_of(const struct site *s, uint64_t cnt)
{
	return (double)(cnt < s->count ? cnt : s->count);
}

static int add_atom(struct builder *b, size_t run_at, const struct run *run, size_t i, double lanes,
		    double part)
{
	const struct site *s = &run->sites[i];
	double runs = (double)b->g->run_cnt;
	struct atom *a;

	if (array_grow((void **)&b->atoms, &b->atom_cap, b->atom_cnt, sizeof(*b->atoms)))
		return -ENOMEM;
	a = &b->atoms[b->atom_cnt++];
	*a = (struct atom){.key.bucket = site_bucket(s),
			   .stack = s->stack,
			   .run = run_at,
			   .site = i,
			   .object = NO_INDEX,
			   .max_ns = s->max_ns,
			   .traffic = part_of(s, s->traffic_cnt) * part,
			   .faulting = part_of(s, s->faulting_cnt) * part,
			   .pgtables = (double)s->pgtables_bytes / runs * part,
			   .huge = part_of(s, s->huge_cnt) / runs * part,
			   .ns = (double)s->total_ns / lanes / runs * part,
			   .count = (double)s->count / runs * part};
	switch (s->kind) {
	case SITE_SAMPLE:
		a->amount = a->count = (double)s->count * part;
		a->ns = 0;
		b->w->bucket[a->key.bucket]
			.activity[path_activity(b->l->paths, &b->r->stacks[s->stack])] += a->count;
		return sample_atom(b, a, s);
	case SITE_FAULT:
		a->amount = (double)s->count / lanes / runs * part;
		return fault_atom(b, a, s);
	default:
		a->amount = a->ns;
		return wait_atom(b, a, s, &b->l->of[run - b->r->runs][i]);
	}
}

static int add_atoms(struct builder *b)
{
	for (size_t i = 0; i < b->g->run_cnt; i++) {
		const struct run *run = b->g->runs[i];
		double lanes = lanes_of(b->g, run);
		const double *weight = b->g->site_weight ? b->g->site_weight[i] : NULL;

		for (size_t j = 0; j < run->site_cnt; j++) {
			if (b->g->has_lanes && run->sites[j].role != ROLE_WORKER)
				continue;
			if (weight && !(weight[j] > 0))
				continue;
			if (add_atom(b, i, run, j, lanes, weight ? weight[j] : 1))
				return -ENOMEM;
		}
	}
	return 0;
}

/* --- order */

static int compare_keys(const struct cause_key *x, const struct cause_key *y)
{
	ORDER(x->bucket, y->bucket);
	ORDER(x->kind, y->kind);
	ORDER(x->id, y->id);
	ORDER(x->frame, y->frame);
	return 0;
}

static int compare_frames(const uint32_t *x, uint32_t x_cnt, const uint32_t *y, uint32_t y_cnt)
{
	ORDER(x_cnt, y_cnt);
	for (uint32_t i = 0; i < x_cnt; i++)
		ORDER(x[i], y[i]);
	return 0;
}

static int compare_atoms(const void *a, const void *b, void *frames)
{
	const struct atom *x = a, *y = b;
	const uint32_t *f = frames;
	int order = compare_keys(&x->key, &y->key);

	if (!order)
		order = compare_frames(f + x->path_at, x->path_cnt, f + y->path_at, y->path_cnt);
	if (order)
		return order;
	ORDER(x->run, y->run);
	ORDER(x->site, y->site);
	return 0;
}

static int compare_paths(const void *a, const void *b)
{
	const struct where_path *x = a, *y = b;

	ORDER(y->amount, x->amount);
	return compare_frames(x->frames, x->frame_cnt, y->frames, y->frame_cnt);
}

static int compare_causes(const void *a, const void *b)
{
	const struct where_cause *x = a, *y = b;

	ORDER(y->amount, x->amount);
	ORDER(x->kind, y->kind);
	ORDER(x->object, y->object);
	ORDER(x->frame, y->frame);
	ORDER(x->kclass, y->kclass);
	ORDER(x->blocked, y->blocked);
	return 0;
}

/* --- summing up */

static bool same_path(const struct builder *b, const struct atom *x, const struct atom *y)
{
	return !compare_frames(b->frames + x->path_at, x->path_cnt, b->frames + y->path_at,
			       y->path_cnt);
}

/* cnt atoms of one path. */
static void sum_path(const struct builder *b, struct where_path *p, const struct atom *atoms,
		     size_t cnt)
{
	double heaviest = -1;

	*p = (struct where_path){.frames = b->frames + atoms->path_at,
				 .frame_cnt = atoms->path_cnt};
	for (size_t i = 0; i < cnt; i++) {
		const struct atom *a = &atoms[i];

		p->amount += a->amount;
		p->count += a->count;
		p->max_ns = a->max_ns > p->max_ns ? a->max_ns : p->max_ns;
		p->pgtables_bytes += a->pgtables;
		p->huge += a->huge;
		if (a->amount > heaviest) {
			heaviest = a->amount;
			p->stack = a->stack;
		}
	}
}

static uint32_t common_frames(const struct where_cause *c)
{
	uint32_t cnt = c->path_cnt ? c->paths[0].frame_cnt : 0;

	for (size_t i = 1; i < c->path_cnt; i++) {
		const struct where_path *p = &c->paths[i];
		uint32_t same = 0;

		while (same < cnt && same < p->frame_cnt &&
		       p->frames[same] == c->paths[0].frames[same])
			same++;
		cnt = same;
	}
	return cnt;
}

size_t where_path_cnt(const struct where_cause *c)
{
	double held = 0;
	size_t cnt = 0;

	while (cnt < c->path_cnt && held < WHERE_COVER)
		held += c->paths[cnt++].share;
	return cnt;
}

static void sum_paths(struct builder *b, struct where_cause *c, size_t from, size_t to)
{
	c->paths = b->w->paths + b->path_cnt;
	while (from < to) {
		size_t end = from + 1;

		while (end < to && same_path(b, &b->atoms[from], &b->atoms[end]))
			end++;
		sum_path(b, &c->paths[c->path_cnt++], b->atoms + from, end - from);
		from = end;
	}
	b->path_cnt += c->path_cnt;
	for (size_t i = 0; i < c->path_cnt; i++)
		c->paths[i].share = c->amount > 0 ? c->paths[i].amount / c->amount : 0;
	qsort(c->paths, c->path_cnt, sizeof(*c->paths), compare_paths);
	c->common_cnt = common_frames(c);
}

/* Of one run: its time in the cause, and how many different locks that were. */
static int sum_run(struct builder *b, struct where_cause *c, size_t from, size_t to, size_t run)
{
	scoped_free uint32_t *seen = reallocarray(NULL, to - from, sizeof(*seen));
	uint32_t cnt = 0, different = 0;
	double ns = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = from; i < to; i++) {
		if (b->atoms[i].run != run)
			continue;
		ns += b->atoms[i].ns * (double)b->g->run_cnt;
		if (b->atoms[i].object != NO_INDEX)
			seen[cnt++] = b->atoms[i].object;
	}
	qsort(seen, cnt, sizeof(*seen), order_u32);
	for (uint32_t i = 0; i < cnt; i++)
		different += !i || seen[i] != seen[i - 1];
	if (different > c->object_cnt)
		c->object_cnt = different;
	c->lo_ns = !run || ns < c->lo_ns ? ns : c->lo_ns;
	c->hi_ns = ns > c->hi_ns ? ns : c->hi_ns;
	return 0;
}

/* Atoms [from, to) have one cause. */
static int sum_cause(struct builder *b, struct where_cause *c, size_t from, size_t to)
{
	const struct atom *first = &b->atoms[from];

	*c = (struct where_cause){.kind = first->key.kind,
				  .object = first->object,
				  .frame = first->key.frame,
				  .kclass = KC_OTHER,
				  .blocked = -1,
				  .wait = first->wait};
	if (c->kind == CAUSE_LOCK)
		c->type = b->l->objects[c->object].type;
	else if (c->kind == CAUSE_FUTEX)
		c->type = (enum lock_type)(first->key.id / WAIT_CLASS_CNT);
	else if (c->kind == CAUSE_KERNEL)
		c->kclass = (enum kclass)first->key.id;
	else if (c->kind == CAUSE_BLOCKED)
		c->blocked = (int)first->key.id;
	for (size_t i = from; i < to; i++) {
		const struct atom *a = &b->atoms[i];

		c->amount += a->amount;
		c->ns += a->ns;
		c->count += a->count;
		c->traffic += a->traffic;
		c->faulting += a->faulting;
		c->pgtables_bytes += a->pgtables;
		c->huge += a->huge;
		c->max_ns = a->max_ns > c->max_ns ? a->max_ns : c->max_ns;
		/* the plainer word wins: a lock that anyone contends for is contended */
		c->wait = a->wait == WAIT_CONTENTION ? a->wait : c->wait;
	}
	for (size_t i = 0; i < b->g->run_cnt; i++) {
		if (sum_run(b, c, from, to, i))
			return -ENOMEM;
	}
	sum_paths(b, c, from, to);
	return 0;
}

static void share_causes(int which, struct where_bucket *k)
{
	bool samples = which == B_CPU_USER || which == B_CPU_KERNEL || which == B_CPU_FAULT;
	double all = 0, whole;

	for (size_t i = 0; i < k->cause_cnt; i++) {
		k->count += k->causes[i].count;
		k->traffic += k->causes[i].traffic;
		all += k->causes[i].amount;
	}
	/* rows that found no room are in sites, not in the ledger: shares are of what is more */
	whole = samples || which == WHERE_FAULTS ? all : fmax(k->ns, all);
	for (size_t i = 0; i < k->cause_cnt; i++) {
		struct where_cause *c = &k->causes[i];

		c->share = whole > 0 ? fmin(c->amount / whole, 1) : 0;
		if (samples) {
			c->error = all > 0 ? 1.96 * sqrt(c->share * (1 - c->share) / all) : 0;
			c->ns = c->share * k->ns;
		}
	}
	k->covered = whole > 0 ? fmin(all / whole, 1) : 0;
	if (k->cause_cnt)
		qsort(k->causes, k->cause_cnt, sizeof(*k->causes), compare_causes);
}

static int sum_all(struct builder *b)
{
	struct where *w = b->w;
	size_t from = 0, to;

	for (; from < b->atom_cnt; from = to) {
		struct where_cause *c = &w->causes[b->cause_cnt++];
		struct where_bucket *k = &w->bucket[b->atoms[from].key.bucket];

		for (to = from + 1; to < b->atom_cnt; to++) {
			if (compare_keys(&b->atoms[from].key, &b->atoms[to].key))
				break;
		}
		if (sum_cause(b, c, from, to))
			return -ENOMEM;
		k->causes = k->cause_cnt++ ? k->causes : c;
	}
	return 0;
}

/* --- wakers: atoms once more, of the cause that they belong to, by its place before sorting */

/* For each run of the group and site of it: the index of its cause, or NO_INDEX. */
static int map_sites(struct builder *b, uint32_t **cause_of)
{
	size_t at = 0;

	for (size_t i = 0; i < b->g->run_cnt; i++) {
		cause_of[i] = reallocarray(NULL, b->g->runs[i]->site_cnt + 1, sizeof(**cause_of));
		if (!cause_of[i])
			return -ENOMEM;
		memset(cause_of[i], 0xff, (b->g->runs[i]->site_cnt + 1) * sizeof(**cause_of));
	}
	for (size_t i = 0; i < b->atom_cnt; i++) {
		if (i && compare_keys(&b->atoms[i - 1].key, &b->atoms[i].key))
			at++;
		cause_of[b->atoms[i].run][b->atoms[i].site] = (uint32_t)at;
	}
	return 0;
}

static int add_waker(struct builder *b, const struct waker *wk, uint32_t cause)
{
	const struct stack *s = wk->stack == NO_INDEX ? NULL : &b->r->stacks[wk->stack];
	struct atom *a;
	uint32_t from;

	if (array_grow((void **)&b->wakers, &b->waker_cap, b->waker_cnt, sizeof(*b->wakers)))
		return -ENOMEM;
	a = &b->wakers[b->waker_cnt++];
	*a = (struct atom){.key.id = cause,
			   .stack = wk->stack,
			   .path_at = b->frame_cnt,
			   .amount = (double)wk->count};
	a->key.frame = !s; /* nobody is told apart from a path without frames */
	if (!s)
		return 0;
	from = path_futex_wait(b->l->paths, s).at;
	if (from >= s->frame_cnt)
		from = s->kernel_cnt < s->frame_cnt ? s->kernel_cnt
						    : path_kernel_from(b->l->paths, s);
	return add_path(b, a, s, from, true);
}

static int add_wakers(struct builder *b, uint32_t *const *cause_of)
{
	for (size_t i = 0; i < b->g->run_cnt; i++) {
		const struct run *run = b->g->runs[i];

		for (size_t j = 0; j < run->waker_cnt; j++) {
			uint32_t c = cause_of[i][run->wakers[j].site];

			if (c != NO_INDEX && add_waker(b, &run->wakers[j], c))
				return -ENOMEM;
		}
	}
	return 0;
}

static void sum_wakers(struct builder *b)
{
	size_t from = 0, to;

	for (size_t i = 0; i < b->waker_cnt; i++)
		b->w->causes[b->wakers[i].key.id].woken += b->wakers[i].amount;
	for (; from < b->waker_cnt; from = to) {
		struct where_cause *c = &b->w->causes[b->wakers[from].key.id];
		struct where_path *p = &b->w->paths[b->path_cnt++];

		for (to = from + 1; to < b->waker_cnt; to++) {
			if (compare_keys(&b->wakers[from].key, &b->wakers[to].key) ||
			    !same_path(b, &b->wakers[from], &b->wakers[to]))
				break;
		}
		sum_path(b, p, b->wakers + from, to - from);
		p->share = c->woken > 0 ? p->amount / c->woken : 0;
		c->wakers = c->waker_cnt++ ? c->wakers : p;
	}
	for (size_t i = 0; i < b->cause_cnt; i++) {
		struct where_cause *c = &b->w->causes[i];

		if (c->waker_cnt)
			qsort(c->wakers, c->waker_cnt, sizeof(*c->wakers), compare_paths);
	}
}

/* --- all of it */

static void sort_atoms(struct builder *b, struct atom *atoms, size_t cnt)
{
	if (cnt)
		qsort_r(atoms, cnt, sizeof(*atoms), compare_atoms, b->frames);
}

/* All atoms are there before any is summed: only then their frames stay where they are. */
static int build(struct builder *b, uint32_t **cause_of)
{
	struct where *w = b->w;

	if (!cause_of || add_atoms(b))
		return -ENOMEM;
	sort_atoms(b, b->atoms, b->atom_cnt);
	if (map_sites(b, cause_of) || add_wakers(b, cause_of))
		return -ENOMEM;
	sort_atoms(b, b->wakers, b->waker_cnt);
	w->causes = reallocarray(NULL, b->atom_cnt + 1, sizeof(*w->causes));
	w->paths = reallocarray(NULL, b->atom_cnt + b->waker_cnt + 1, sizeof(*w->paths));
	if (!w->causes || !w->paths || sum_all(b))
		return -ENOMEM;
	sum_wakers(b);
	for (int i = 0; i < WHERE_CNT; i++)
		share_causes(i, &w->bucket[i]);
	return 0;
}

int where_of(struct where *w, const struct locks *l, const struct group *g)
{
	struct builder b = {.w = w, .l = l, .r = l->paths->r, .g = g};
	uint32_t **cause_of = calloc(g->run_cnt + 1, sizeof(uint32_t *));
	int err;

	memset(w, 0, sizeof(*w));
	for (int i = 0; i < BUCKET_CNT; i++) {
		w->bucket[i].ns = g->bucket_ns[i];
		w->bucket[i].share = g->lane_ns > 0 ? g->bucket_ns[i] / g->lane_ns : 0;
	}
	err = build(&b, cause_of);
	for (size_t i = 0; cause_of && i < g->run_cnt; i++)
		free(cause_of[i]);
	free(cause_of);
	free(b.atoms);
	free(b.wakers);
	w->frames = b.frames;
	if (err)
		where_clear(w);
	return err;
}

void where_clear(struct where *w)
{
	free(w->causes);
	free(w->paths);
	free(w->frames);
	memset(w, 0, sizeof(*w));
}

/* --- where paths part */

/* A path on the way from its root to its leaf. */
struct walker {
	const struct where_path *path;
	uint32_t left;	/* frames not yet walked */
	uint32_t frame; /* the one at hand; NO_INDEX past the leaf */
};

static void walk(struct walker *w)
{
	w->frame = NO_INDEX;
	while (w->left && w->frame == NO_INDEX)
		w->frame = w->path->frames[--w->left];
}

static int compare_walkers(const void *a, const void *b)
{
	const struct walker *x = a, *y = b;

	ORDER(x->frame, y->frame);
	ORDER(x->path, y->path);
	return 0;
}

static int compare_children(const void *a, const void *b)
{
	const struct where_child *x = a, *y = b;

	ORDER(y->share, x->share);
	ORDER(x->frame, y->frame);
	return 0;
}

/* The different frames that walkers are at, and how much of all each has; NO_INDEX left out. */
static size_t children_of(struct walker *w, size_t cnt, double all, struct where_child *out)
{
	size_t children = 0;

	qsort(w, cnt, sizeof(*w), compare_walkers);
	for (size_t i = 0; i < cnt && w[i].frame != NO_INDEX; i++) {
		if (!i || w[i].frame != w[i - 1].frame)
			out[children++] = (struct where_child){.frame = w[i].frame};
		out[children - 1].share += w[i].path->amount / all;
	}
	if (children)
		qsort(out, children, sizeof(*out), compare_children);
	return children;
}

/* Keep the walkers that are at this frame, and take them one further. */
static size_t follow(struct walker *w, size_t cnt, uint32_t frame)
{
	size_t kept = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (w[i].frame == frame)
			w[kept++] = w[i];
	}
	for (size_t i = 0; i < kept; i++)
		walk(&w[i]);
	return kept;
}

static size_t walkers_of(const struct where_bucket *k, struct walker **out, double *all)
{
	size_t cnt = 0;

	*all = 0;
	for (size_t i = 0; i < k->cause_cnt; i++)
		cnt += k->causes[i].path_cnt;
	*out = reallocarray(NULL, cnt + 1, sizeof(**out));
	if (!*out)
		return 0;
	cnt = 0;
	for (size_t i = 0; i < k->cause_cnt; i++) {
		for (size_t j = 0; j < k->causes[i].path_cnt; j++) {
			const struct where_path *p = &k->causes[i].paths[j];

			(*out)[cnt] = (struct walker){.path = p, .left = p->frame_cnt};
			walk(&(*out)[cnt++]);
			*all += p->amount;
		}
	}
	return cnt;
}

uint32_t where_split(const struct where_bucket *k, uint32_t *under,
		     struct where_child out[SPLIT_MAX])
{
	scoped_free struct walker *w = NULL;
	scoped_free struct where_child *child = NULL;
	double all;
	size_t cnt = walkers_of(k, &w, &all), children;
	uint32_t told = 0;

	*under = NO_INDEX;
	child = reallocarray(NULL, cnt + 1, sizeof(*child));
	if (!cnt || !child || !(all > 0))
		return 0;
	children = children_of(w, cnt, all, child);
	while (children && child[0].share >= SPLIT_ONE) {
		*under = child[0].frame;
		cnt = follow(w, cnt, child[0].frame);
		children = children_of(w, cnt, all, child);
	}
	for (size_t i = 0; i < children && told < SPLIT_MAX && child[i].share >= SPLIT_MIN; i++) {
		out[told] = child[i];
		out[told].error = 1.96 * sqrt(fmax(child[i].share * (1 - child[i].share), 0) / all);
		told++;
	}
	return told;
}

/* --- quality of stacks */

void stack_quality_add(struct stack_quality *q, const struct recording *r, const struct run *run)
{
	for (size_t i = 0; i < run->site_cnt; i++) {
		const struct site *s = &run->sites[i];
		uint32_t end = r->stacks[s->stack].end;

		if (s->kind == SITE_WAIT)
			q->waits[end] += (double)s->count;
		else if (s->kind == SITE_SAMPLE)
			q->samples[end] += (double)s->count;
	}
}

double stack_quality_all(const double ends[WG_END_CNT])
{
	double all = 0;

	for (int i = 0; i < WG_END_CNT; i++)
		all += i == WG_END_NONE ? 0 : ends[i];
	return all;
}

double stack_quality_complete(const double ends[WG_END_CNT])
{
	double all = stack_quality_all(ends);

	return all > 0 ? ends[WG_END_COMPLETE] / all : 1;
}
