// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See gap.h. Each run becomes a list of amounts: nanoseconds of its mean lane by what they are
 * about. The lists of all runs are sorted together, which gives a table with a row for each part
 * and a column for each run; from then on it is arithmetic on columns.
 */
#include "model/gap.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/path.h"

#define PART_MIN_SHARE 0.02 /* of the gap: smaller parts of a bucket are told together */

const char *gap_cause_name(enum gap_cause c)
{
	static const char *const names[GAP_CAUSE_CNT] = {
		[GAP_LOCK_WAIT] = "lock wait",
		[GAP_LOCK_TRAFFIC] = "lock traffic",
		[GAP_MMAP_LOCK] = "mmap_lock",
		[GAP_KERNEL_LOCK] = "kernel lock",
		[GAP_PAGE_FAULTS] = "page faults",
		[GAP_PAGE_TABLES] = "page tables",
		[GAP_TLB] = "tlb",
		[GAP_RUN_QUEUE] = "run queue",
		[GAP_CPU_QUOTA] = "cpu quota",
		[GAP_CPU_FUNCTION] = "cpu function",
		[GAP_DISK] = "disk",
		[GAP_IPC] = "ipc",
		[GAP_SLEEP] = "sleep",
		[GAP_CHILD] = "child",
		[GAP_IDLE] = "idle",
		[GAP_LOST] = "lost",
		[GAP_OTHER] = "other",
	};

	return names[c];
}

const char *gap_verdict_name(enum gap_verdict v)
{
	static const char *const names[] = {
		[GAP_SLOWER] = "slower",
		[GAP_FASTER] = "faster",
		[GAP_NO_DIFFERENCE] = "no difference",
		[GAP_UNDECIDED] = "undecided",
	};

	return names[v];
}

/* --- what an amount is about */

struct key {
	enum bucket bucket;
	enum gap_site site;
	enum gap_cause cause;
	enum cause_kind kind;
	uint32_t id;	/* lock's name_id, type and class of a wait, kclass, blocked rule */
	uint32_t frame; /* or NO_INDEX */
};

struct amount {
	struct key key;
	size_t column; /* of the run: a's first, then b's */
	double ns, cnt;
	double all_ns; /* of all threads, on the path or not; else 0 */
	struct where_cause of;
	uint32_t stack;
	size_t path_cnt;
};

struct builder {
	const struct locks *l;
	uint32_t *
		twin; /* of each frame, the first one with its name: the same function of two builds */
	struct amount *list;
	size_t cnt, cap;
};

static int order_keys(const struct key *x, const struct key *y)
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
	int order = order_keys(&x->key, &y->key);

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

/* --- causes in the field's words */

static enum gap_cause cause_of_kernel(enum kclass c)
{
	switch (c) {
	case KC_TLB:
		return GAP_TLB;
	case KC_FAULT_PGTABLE:
		return GAP_PAGE_TABLES;
	case KC_FUTEX:
		return GAP_LOCK_WAIT; /* going to sleep and waking others */
	case KC_MMAP_LOCK:
		return GAP_MMAP_LOCK;
	case KC_LOCK:
		return GAP_KERNEL_LOCK;
	case KC_TRACE:
	case KC_IRQ:
	case KC_SCHED:
	case KC_ENTRY:
	case KC_OTHER:
		return GAP_OTHER;
	case KC_EXEC:
	case KC_EXIT:
	case KC_FORK:
	case KC_UNMAP:
	case KC_MMAP:
	case KC_COPY:
	case KC_SYSCALL:
		return GAP_CPU_FUNCTION;
	default:
		return GAP_PAGE_FAULTS;
	}
}

static enum gap_cause cause_of_wait(const struct where_cause *c)
{
	switch (c->wait) {
	case WAIT_CONTENTION:
		return GAP_LOCK_WAIT;
	case WAIT_IDLE:
	case WAIT_BARRIER:
		return GAP_IDLE;
	default:
		return GAP_OTHER;
	}
}

static enum gap_cause cause_of_blocked(const struct where_cause *c)
{
	if (c->kind == CAUSE_LOCK)
		return c->type == TYPE_MMAP ? GAP_MMAP_LOCK : GAP_KERNEL_LOCK;
	return c->kind == CAUSE_BLOCKED && c->blocked >= 0 && blocked_rule_is_lock(c->blocked)
		       ? GAP_KERNEL_LOCK
		       : GAP_OTHER;
}

/* A lock's own function: what it takes on the CPU is the price of its cache line. */
static bool is_lock_function(const struct locks *l, const struct where_cause *c)
{
	const struct lock_rule *rule = c->kind == CAUSE_FUNCTION && c->frame != NO_INDEX
					       ? l->paths->of[c->frame].rule
					       : NULL;

	return rule && rule->kind == RULE_LOCK &&
	       (rule->type == TYPE_MUTEX || rule->type == TYPE_RWLOCK);
}

/* Of a bucket's time that no site has, and of buckets that are one cause whatever the site. */
static enum gap_cause cause_of_bucket(enum bucket b)
{
	static const enum gap_cause causes[BUCKET_CNT] = {
		[B_CPU_USER] = GAP_CPU_FUNCTION,
		[B_CPU_KERNEL] = GAP_CPU_FUNCTION,
		[B_CPU_FAULT] = GAP_PAGE_FAULTS,
		[B_RUNQ_WAKE] = GAP_RUN_QUEUE,
		[B_RUNQ_PREEMPT] = GAP_RUN_QUEUE,
		[B_FUTEX] = GAP_OTHER,
		[B_KLOCK] = GAP_KERNEL_LOCK,
		[B_IO] = GAP_DISK,
		[B_SLEEP] = GAP_SLEEP,
		[B_POLL] = GAP_IDLE,
		[B_IPC] = GAP_IPC,
		[B_CHILD] = GAP_CHILD,
		[B_STOPPED] = GAP_OTHER,
		[B_OTHER] = GAP_OTHER,
		[B_PROBE] = GAP_OTHER,
	};

	return causes[b];
}

static bool is_one_cause(enum bucket b)
{
	return b == B_RUNQ_WAKE || b == B_RUNQ_PREEMPT || b == B_IO || b == B_SLEEP ||
	       b == B_POLL || b == B_IPC || b == B_CHILD;
}

static enum gap_cause cause_of(const struct locks *l, enum bucket b, const struct where_cause *c)
{
	if (c->kind == CAUSE_LOST)
		return GAP_LOST;
	if (is_one_cause(b))
		return cause_of_bucket(b);
	switch (b) {
	case B_CPU_USER:
		return is_lock_function(l, c) ? GAP_LOCK_TRAFFIC : GAP_CPU_FUNCTION;
	case B_CPU_KERNEL:
	case B_CPU_FAULT:
		return c->kind == CAUSE_KERNEL ? cause_of_kernel(c->kclass) : GAP_OTHER;
	case B_FUTEX:
		return cause_of_wait(c);
	default:
		return cause_of_blocked(c);
	}
}

/* --- amounts of one run */

static int add_amount(struct builder *x, size_t column, const struct key *key, double ns,
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
static int add_cause(struct builder *x, size_t column, enum bucket b, const struct where *w,
		     const struct where_cause *c, double left)
{
	struct key key = {.bucket = b,
			  .site = AT_CAUSE,
			  .cause = cause_of(x->l, b, c),
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

static int add_entry(struct builder *x, size_t column, enum bucket b, const struct where *w,
		     double ns)
{
	const struct where_cause *at = most_faults(w);
	struct where_cause entry = {.kind = CAUSE_KERNEL,
				    .kclass = KC_FAULT_ENTRY,
				    .object = NO_INDEX,
				    .frame = NO_INDEX,
				    .blocked = -1};
	const struct key key = {.bucket = b,
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
static int add_quota(struct builder *x, size_t column, enum bucket b, double ns)
{
	const struct key key = {
		.bucket = b, .site = AT_BUCKET, .cause = GAP_CPU_QUOTA, .frame = NO_INDEX};

	return ns > 0 ? add_amount(x, column, &key, ns, NULL) : 0;
}

static int add_bucket(struct builder *x, size_t column, enum bucket b, const struct where *w,
		      double quota_ns)
{
	const struct where_bucket *k = &w->bucket[b];
	bool has_sites = b != B_RUNQ_WAKE && b != B_RUNQ_PREEMPT && b != B_PROBE;
	struct key rest = {.bucket = b,
			   .site = has_sites ? AT_NOWHERE : AT_BUCKET,
			   .cause = cause_of_bucket(b),
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
static int add_totals(struct builder *x, size_t column, const struct run *run)
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
static int add_run(struct builder *x, size_t column, const struct group *g, const struct run *run)
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

/* --- the table */

struct table {
	size_t row_cnt, a_cnt, b_cnt; /* columns: a's runs, then b's */
	double *ns;		      /* [row][column] */
	double *cnt;
	double *all;   /* [row][column]: of all threads; 0 where nothing is known of them */
	double *delta; /* [row]: room for differences */
	double *wall;  /* [column] */
	struct gap_part *parts; /* [row] */
	double scale;		/* what b's lanes do of the work over what a's do */
};

static size_t columns(const struct table *t)
{
	return t->a_cnt + t->b_cnt;
}

static void table_clear(struct table *t)
{
	free(t->ns);
	free(t->cnt);
	free(t->all);
	free(t->delta);
	free(t->wall);
	free(t->parts);
}

static double tasks_per_lane(const struct group *g)
{
	const struct run *run = g->first;

	return run->workers > 0 && run->task_cnt > 0 ? (double)run->task_cnt / run->workers : 1;
}

/* Lists of all runs, sorted, into rows: amounts of one key and run add up. */
static void fill_rows(struct table *t, const struct builder *x)
{
	size_t row = 0;
	double most = 0;

	for (size_t i = 0; i < x->cnt; i++) {
		const struct amount *a = &x->list[i];
		bool of_a = a->column < t->a_cnt;
		struct gap_part *p;

		if (i && order_keys(&x->list[i - 1].key, &a->key))
			row++;
		p = &t->parts[row];
		if (!i || order_keys(&x->list[i - 1].key, &a->key)) {
			*p = (struct gap_part){.cause = a->key.cause,
					       .bucket = a->key.bucket,
					       .site = a->key.site,
					       .of = a->of,
					       .stack = NO_INDEX};
			most = -1;
		}
		if (a->ns > most) {
			most = a->ns;
			p->of = a->of;
			p->stack = a->stack;
		}
		p->path_cnt = a->path_cnt > p->path_cnt ? a->path_cnt : p->path_cnt;
		t->ns[row * columns(t) + a->column] += a->ns * (of_a ? t->scale : 1);
		t->cnt[row * columns(t) + a->column] += a->cnt;
		t->all[row * columns(t) + a->column] += a->all_ns;
	}
	t->row_cnt = x->cnt ? row + 1 : 0;
}

/* What b's lanes have to do more of: a's own time, as often again. */
static void add_work_row(struct table *t, const struct group *a)
{
	struct gap_part *p = &t->parts[t->row_cnt];

	if (t->scale == 1)
		return;
	*p = (struct gap_part){
		.cause = GAP_OTHER, .bucket = BUCKET_CNT, .site = AT_WORK, .stack = NO_INDEX};
	/* a's column keeps what it took, b's what it would have taken for b's share */
	for (size_t i = 0; i < t->a_cnt; i++)
		t->ns[t->row_cnt * columns(t) + i] = (1 - t->scale) * t->wall[i];
	(void)a;
	t->row_cnt++;
}

static int make_table(struct table *t, const struct locks *l, const struct group *a,
		      const struct group *b)
{
	struct builder x = {.l = l, .twin = find_twins(l->paths->r)};
	int err = x.twin ? 0 : -ENOMEM;

	*t = (struct table){.a_cnt = a->run_cnt, .b_cnt = b->run_cnt};
	t->scale = tasks_per_lane(b) / tasks_per_lane(a);
	for (size_t i = 0; i < columns(t) && !err; i++)
		err = add_run(&x, i, i < t->a_cnt ? a : b,
			      i < t->a_cnt ? a->runs[i] : b->runs[i - t->a_cnt]);
	if (x.cnt)
		qsort(x.list, x.cnt, sizeof(*x.list), order_amounts);
	t->ns = calloc((x.cnt + 3) * (columns(t) + 1), sizeof(*t->ns));
	t->cnt = calloc((x.cnt + 3) * (columns(t) + 1), sizeof(*t->cnt));
	t->all = calloc((x.cnt + 3) * (columns(t) + 1), sizeof(*t->all));
	t->wall = calloc(columns(t) + 1, sizeof(*t->wall));
	t->parts = calloc(x.cnt + 3, sizeof(*t->parts));
	t->delta = calloc(x.cnt + 3, sizeof(*t->delta));
	if (!err && (!t->ns || !t->cnt || !t->all || !t->delta || !t->wall || !t->parts))
		err = -ENOMEM;
	for (size_t i = 0; i < columns(t) && !err; i++)
		t->wall[i] =
			(double)ledger_run_wall(i < t->a_cnt ? a->runs[i] : b->runs[i - t->a_cnt]);
	if (!err) {
		fill_rows(t, &x);
		add_work_row(t, a);
		if (!a->has_lanes)
			t->parts[t->row_cnt++] = (struct gap_part){.cause = GAP_IDLE,
								   .bucket = BUCKET_CNT,
								   .site = AT_SERIAL,
								   .stack = NO_INDEX};
	}
	free(x.list);
	free(x.twin);
	return err;
}

/* --- estimates over columns */

/* A choice of runs of one side: indices into its columns, the middle ones by wall time. */
struct choice {
	size_t *column;
	size_t cnt;
	double median;
};

static int order_columns(const void *x, const void *y, void *arg)
{
	size_t a = *(const size_t *)x, b = *(const size_t *)y;
	const double *wall = arg;

	ORDER(wall[a], wall[b]);
	ORDER(a, b);
	return 0;
}

/* Keep the middle of cnt columns, which are sorted here. */
static void choose(struct choice *c, const double *wall, size_t cnt)
{
	size_t drop = cnt / 4;

	qsort_r(c->column, cnt, sizeof(*c->column), order_columns, (void *)wall);
	c->median = cnt % 2 ? wall[c->column[cnt / 2]]
			    : (wall[c->column[cnt / 2 - 1]] + wall[c->column[cnt / 2]]) / 2;
	memmove(c->column, c->column + drop, (cnt - 2 * drop) * sizeof(*c->column));
	c->cnt = cnt - 2 * drop;
}

static double mean_of(const double *row, const struct choice *c)
{
	double sum = 0;

	for (size_t i = 0; i < c->cnt; i++)
		sum += row[c->column[i]];
	return c->cnt ? sum / (double)c->cnt : 0;
}

/* All runs of one side, each once. */
static void take_all(struct choice *c, size_t first, size_t cnt, const double *wall)
{
	for (size_t i = 0; i < cnt; i++)
		c->column[i] = first + i;
	choose(c, wall, cnt);
}

static void draw(struct choice *c, struct prng *p, size_t first, size_t cnt, const double *wall)
{
	for (size_t i = 0; i < cnt; i++)
		c->column[i] = first + prng_below(p, cnt);
	choose(c, wall, cnt);
}

/*
 * How much of a row's difference on the path the difference of the whole does not account for: the
 * same CPU time, but less of it beside other work. Only of time on the CPU.
 */
static double serial_of(const struct table *t, size_t row, double delta, const struct choice *a,
			const struct choice *b)
{
	const double *all = t->all + row * columns(t);
	double of_a = mean_of(all, a), of_b = mean_of(all, b), grown = of_b - of_a;

	if (!(of_a > 0) && !(of_b > 0))
		return 0;
	if (delta > 0)
		return delta - fmin(fmax(grown, 0), delta);
	return delta - fmax(fmin(grown, 0), delta);
}

/* The differences of all rows into out; they sum to that of the columns' sums. */
static void differences(const struct table *t, const struct choice *a, const struct choice *b,
			double *out)
{
	double serial = 0, one;

	for (size_t i = 0; i < t->row_cnt; i++) {
		const double *row = t->ns + i * columns(t);

		if (t->parts[i].site == AT_SERIAL)
			continue;
		out[i] = mean_of(row, b) - mean_of(row, a);
		one = serial_of(t, i, out[i], a, b);
		out[i] -= one;
		serial += one;
	}
	for (size_t i = 0; i < t->row_cnt; i++)
		if (t->parts[i].site == AT_SERIAL)
			out[i] = serial;
}

static void estimate(struct gap *g, const struct table *t, const struct choice *a,
		     const struct choice *b)
{
	g->gap_ns = b->median - a->median;
	g->unexplained_ns = g->gap_ns;
	differences(t, a, b, t->delta);
	for (size_t i = 0; i < t->row_cnt; i++) {
		struct gap_part *p = &t->parts[i];
		const double *row = t->ns + i * columns(t), *cnt = t->cnt + i * columns(t);

		p->delta_ns = t->delta[i];
		p->a_ns = mean_of(row, a);
		p->b_ns = p->a_ns + p->delta_ns;
		p->a_cnt = mean_of(cnt, a);
		p->b_cnt = mean_of(cnt, b);
		g->unexplained_ns -= p->delta_ns;
	}
}

/* Small parts of a bucket and cause become one: their rows are added up in place. */
static void fold(struct table *t, double gap_ns)
{
	size_t to = 0, many = SIZE_MAX;

	for (size_t i = 0; i < t->row_cnt; i++) {
		struct gap_part *p = &t->parts[i];
		double *row = t->ns + i * columns(t);
		bool small =
			p->site == AT_CAUSE && fabs(p->delta_ns) < PART_MIN_SHARE * fabs(gap_ns);

		if (many != SIZE_MAX &&
		    (t->parts[many].bucket != p->bucket || t->parts[many].cause != p->cause))
			many = SIZE_MAX;
		if (small && many != SIZE_MAX) {
			for (size_t j = 0; j < columns(t); j++) {
				t->ns[many * columns(t) + j] += row[j];
				t->all[many * columns(t) + j] += t->all[i * columns(t) + j];
			}
			continue;
		}
		memmove(t->ns + to * columns(t), row, columns(t) * sizeof(*row));
		memmove(t->cnt + to * columns(t), t->cnt + i * columns(t),
			columns(t) * sizeof(*row));
		memmove(t->all + to * columns(t), t->all + i * columns(t),
			columns(t) * sizeof(*row));
		t->parts[to] = *p;
		if (small) {
			many = to;
			t->parts[to].site = AT_MANY;
			t->parts[to].stack = NO_INDEX;
			memset(t->cnt + to * columns(t), 0, columns(t) * sizeof(*row));
		}
		to++;
	}
	t->row_cnt = to;
}

static bool enough_runs(const struct table *t)
{
	return t->a_cnt >= INTERVAL_RUNS_MIN && t->b_cnt >= INTERVAL_RUNS_MIN;
}

/* Of one row of rounds, which stays as it is: rows are added up later, round by round. */
static struct interval interval_of(const struct table *t, const double *rounds, double *scratch)
{
	struct interval i;

	if (!enough_runs(t))
		return INTERVAL_NONE;
	memcpy(scratch, rounds, BOOTSTRAP_ROUNDS * sizeof(*scratch));
	bootstrap_interval(&i, scratch);
	return i;
}

/* Intervals of the gap, of each part and of what is left over, all from the same resamples. */
static int bootstrap(struct gap *g, const struct table *t, struct choice *a, struct choice *b)
{
	size_t rows = t->row_cnt + 2, n = BOOTSTRAP_ROUNDS;
	double *rounds = g->rounds = reallocarray(NULL, rows * n, sizeof(*rounds));
	scoped_free double *scratch = reallocarray(NULL, n, sizeof(*scratch));
	struct prng p = {.state = BOOTSTRAP_SEED};

	if (!rounds || !scratch)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		double gap_ns, rest;

		draw(a, &p, 0, t->a_cnt, t->wall);
		draw(b, &p, t->a_cnt, t->b_cnt, t->wall);
		gap_ns = rest = b->median - a->median;
		differences(t, a, b, t->delta);
		for (size_t i = 0; i < t->row_cnt; i++) {
			rounds[i * n + k] = t->delta[i];
			rest -= t->delta[i];
		}
		rounds[t->row_cnt * n + k] = gap_ns;
		rounds[(t->row_cnt + 1) * n + k] = rest;
	}
	for (size_t i = 0; i < t->row_cnt; i++) {
		t->parts[i].row = i;
		t->parts[i].interval = interval_of(t, rounds + i * n, scratch);
	}
	g->interval = interval_of(t, rounds + t->row_cnt * n, scratch);
	g->unexplained = interval_of(t, rounds + (t->row_cnt + 1) * n, scratch);
	return 0;
}

static int order_parts(const void *a, const void *b)
{
	const struct gap_part *x = a, *y = b;

	ORDER(fabs(y->delta_ns), fabs(x->delta_ns));
	ORDER(x->bucket, y->bucket);
	ORDER(x->cause, y->cause);
	ORDER(x->site, y->site);
	ORDER(x->of.kind, y->of.kind);
	ORDER(x->of.frame, y->of.frame);
	ORDER(x->of.object, y->of.object);
	return 0;
}

/* Less than half a nanosecond is what sums of doubles leave of nothing. */
bool gap_part_holds(const struct gap_part *p)
{
	return p->interval.lo >= 0.5 || p->interval.hi <= -0.5;
}

#define SMALL_SHARE 0.01
#define REPEATS_MAX 1000

/* The width of an interval goes with the root of the number of repeats. */
static int repeats_needed(const struct gap *g, size_t a_cnt, size_t b_cnt)
{
	double half = (g->interval.hi - g->interval.lo) / 2, gap = fabs(g->gap_ns);
	double cnt = (double)(a_cnt < b_cnt ? a_cnt : b_cnt), needed;

	if (g->verdict != GAP_NO_DIFFERENCE || gap < SMALL_SHARE * g->a->wall_ns.median)
		return 0;
	needed = ceil(cnt * (half / gap) * (half / gap));
	return needed <= REPEATS_MAX ? (int)fmax(needed, cnt + 1) : 0;
}

static int solve(struct gap *g, struct table *t, struct choice *a, struct choice *b)
{
	int err;

	take_all(a, 0, t->a_cnt, t->wall);
	take_all(b, t->a_cnt, t->b_cnt, t->wall);
	estimate(g, t, a, b);
	fold(t, g->gap_ns);
	estimate(g, t, a, b);
	err = bootstrap(g, t, a, b);
	if (err)
		return err;
	qsort(t->parts, t->row_cnt, sizeof(*t->parts), order_parts);
	g->parts = t->parts;
	g->part_cnt = t->row_cnt;
	t->parts = NULL;
	g->verdict = !enough_runs(t)	  ? GAP_UNDECIDED
		     : g->interval.lo > 0 ? GAP_SLOWER
		     : g->interval.hi < 0 ? GAP_FASTER
					  : GAP_NO_DIFFERENCE;
	g->repeats_needed = repeats_needed(g, t->a_cnt, t->b_cnt);
	return 0;
}

int gap_of(struct gap *g, const struct locks *l, const struct group *a, const struct group *b)
{
	struct choice of_a = {0}, of_b = {0};
	struct table t;
	int err = make_table(&t, l, a, b);

	*g = (struct gap){.a = a, .b = b};
	of_a.column = reallocarray(NULL, t.a_cnt + 1, sizeof(size_t));
	of_b.column = reallocarray(NULL, t.b_cnt + 1, sizeof(size_t));
	if (!err)
		err = of_a.column && of_b.column ? solve(g, &t, &of_a, &of_b) : -ENOMEM;
	free(of_a.column);
	free(of_b.column);
	table_clear(&t);
	if (err)
		gap_clear(g);
	return err;
}

void gap_clear(struct gap *g)
{
	free(g->parts);
	free(g->rounds);
	*g = (struct gap){0};
}

/* --- pairs */

#define OTHER_MODEL 3 /* rank of those that are not known: two recordings, by their labels */

static int model_rank(const struct group *g)
{
	static const char *const models[] = {"single", "procs", "threads"};
	const char *model = g->first->model ? g->first->model : "";
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(models) && strcmp(models[i], model); i++)
		;
	return i;
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

struct pairs {
	struct gap_pair *list;
	size_t cnt, cap;
};

static int add_pair(struct pairs *p, const struct group *a, const struct group *b, bool runtimes)
{
	if (a->partial || b->partial || !(a->has_lanes || a->has_path) ||
	    a->has_lanes != b->has_lanes || a->has_path != b->has_path)
		return 0;
	if (array_grow((void **)&p->list, &p->cap, p->cnt, sizeof(*p->list)))
		return -ENOMEM;
	p->list[p->cnt++] = (struct gap_pair){.a = a, .b = b, .runtimes = runtimes};
	return 0;
}

static int pairs_of_section(struct pairs *p, const struct section *sec)
{
	int err = 0;

	for (int x = 0; x < OTHER_MODEL && !err; x++) {
		for (int y = x + 1; y <= OTHER_MODEL && !err; y++) {
			for (size_t i = 0; i < sec->group_cnt && !err; i++) {
				for (size_t j = 0; j < sec->group_cnt && !err; j++) {
					if (model_rank(&sec->groups[i]) == x &&
					    model_rank(&sec->groups[j]) == y)
						err = add_pair(p, &sec->groups[i], &sec->groups[j],
							       false);
				}
			}
		}
	}
	for (size_t i = 0; i < sec->group_cnt && !err; i++) {
		for (size_t j = 0; j < sec->group_cnt && !err; j++) {
			const struct group *a = &sec->groups[i], *b = &sec->groups[j];

			if (model_rank(a) == OTHER_MODEL && model_rank(b) == OTHER_MODEL &&
			    a->first < b->first)
				err = add_pair(p, a, b, false);
		}
	}
	return err;
}

static int pairs_of_sections(struct pairs *p, const struct section *a, const struct section *b)
{
	int err = 0;

	if (!same_text(a->groups[0].first->workload, b->groups[0].first->workload) ||
	    !run_same_size(a->groups[0].first, b->groups[0].first))
		return 0;
	for (int rank = 0; rank < OTHER_MODEL && !err; rank++) {
		for (size_t i = 0; i < a->group_cnt && !err; i++) {
			for (size_t j = 0; j < b->group_cnt && !err; j++) {
				if (model_rank(&a->groups[i]) == rank &&
				    same_text(a->groups[i].first->model, b->groups[j].first->model))
					err = add_pair(p, &a->groups[i], &b->groups[j], true);
			}
		}
	}
	return err;
}

long gap_pairs(const struct summary *s, struct gap_pair **out)
{
	struct pairs p = {0};
	int err = 0;

	for (size_t i = 0; i < s->section_cnt && !err; i++)
		err = pairs_of_section(&p, &s->sections[i]);
	for (size_t i = 0; i < s->section_cnt && !err; i++)
		for (size_t j = i + 1; j < s->section_cnt && !err; j++)
			err = pairs_of_sections(&p, &s->sections[i], &s->sections[j]);
	if (err)
		free(p.list);
	*out = err ? NULL : p.list;
	return err ? err : (long)p.cnt;
}
