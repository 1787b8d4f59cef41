// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See locks.h. In order: types of waits, words to objects, names of objects. */
#include "model/locks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "model/match.h"

/* A wait on a lock, on the way to its object. */
struct ref {
	const struct lock *lock;
	struct wait_info *info;
	enum lock_type type;
	uint32_t tgid;
	uint64_t base;
	uint32_t teller; /* frame from which it was waited for, or NO_INDEX */
	double ns;
};

struct builder {
	struct locks *l;
	const struct recording *r;
	struct ref *refs;
	size_t ref_cnt, ref_cap;
	uint32_t *types; /* of each lock: bits of the types that its waits' paths decided */
	double *weight;	 /* of each frame: time of the waits that it tells of */
};

/* --- types */

uint32_t lock_flags_of(uint32_t site_flags)
{
	static const struct {
		uint32_t site, lock;
	} table[] = {
		{WG_SITE_SPIN, LOCK_SPIN},	   {WG_SITE_READ, LOCK_READER},
		{WG_SITE_WRITE, LOCK_WRITER},	   {WG_SITE_RT, LOCK_RT},
		{WG_SITE_PERCPU, LOCK_PERCPU},	   {WG_SITE_MUTEX, LOCK_MUTEX},
		{WG_SITE_OWN_MMAP, LOCK_OWN_MMAP}, {WG_SITE_PI, LOCK_PI},
	};
	uint32_t flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (site_flags & table[i].site)
			flags |= table[i].lock;
	return flags;
}

static enum lock_type kernel_type(const struct lock *k)
{
	if (k->flags & LOCK_OWN_MMAP)
		return TYPE_MMAP;
	if (k->flags & LOCK_PERCPU)
		return TYPE_KPERCPU;
	if (k->flags & LOCK_RT)
		return TYPE_KRT;
	if (k->flags & LOCK_MUTEX)
		return TYPE_KMUTEX;
	if (k->flags & (LOCK_READER | LOCK_WRITER))
		return k->flags & LOCK_SPIN ? TYPE_KRWLOCK : TYPE_KRWSEM;
	return k->flags & LOCK_SPIN ? TYPE_KSPIN : TYPE_KMUTEX;
}

static const struct lock *lock_of(const struct builder *b, const struct site *s)
{
	return s->lock == NO_INDEX ? NULL : &b->r->locks[s->lock];
}

/* By the path of this one site alone. */
static void type_site(struct builder *b, const struct site *s, struct wait_info *w, bool *near)
{
	const struct stack *stack = &b->r->stacks[s->stack];
	const struct paths *p = b->l->paths;
	const struct lock *k = lock_of(b, s);
	struct futex_wait f;

	*w = (struct wait_info){.object = NO_INDEX, .from = path_kernel_from(p, stack)};
	*near = false;
	if (k && k->kind == LOCK_KERNEL) {
		w->type = kernel_type(k);
		w->wait = WAIT_CONTENTION;
		if (w->type == TYPE_KRWSEM && path_takes_mmap_lock(p, stack))
			w->type = TYPE_MMAP;
	} else if (s->state == WG_FUTEX || k) {
		f = path_futex_wait(p, stack);
		w->type = f.type;
		w->wait = f.wait;
		w->from = f.at < stack->frame_cnt ? f.at : path_telling(p, stack, 0);
		if (w->from >= stack->frame_cnt)
			w->from = stack->kernel_cnt;
		*near = f.near;
	}
	if (k)
		b->types[s->lock] |= 1u << w->type;
}

/*
 * The only type in a set that may hold raw futexes too; or TYPE_RAW. A word of a mutex shows as a
 * condition's where it is taken again, never the other way round.
 */
static enum lock_type only_type(uint32_t set)
{
	set &= ~(1u << TYPE_RAW);
	if (set & 1u << TYPE_MUTEX)
		set &= ~(1u << TYPE_CONDVAR);
	return set && !(set & (set - 1)) ? (enum lock_type)__builtin_ctz(set) : TYPE_RAW;
}

/*
 * By the other sites of the same word. A path that broke off before the lock's function takes the
 * type of the others. And in a stripped libc, a thread that takes the mutex again at the end of
 * pthread_cond_wait looks like one that waits for the condition: the word is that of a mutex,
 * though, if others wait for it in pthread_mutex_lock.
 */
static void type_by_word(struct builder *b, const struct site *s, struct wait_info *w, bool near)
{
	uint32_t set = b->types[s->lock];
	enum lock_type only = only_type(set);

	if (w->type == TYPE_RAW && only != TYPE_RAW) {
		w->type = only;
		w->wait = lock_type_wait(only);
	} else if (w->type == TYPE_CONDVAR && near && (set & 1u << TYPE_MUTEX)) {
		w->type = TYPE_MUTEX;
		w->wait = WAIT_CONTENTION;
	} else if (w->type == TYPE_KRWSEM && (set & 1u << TYPE_MMAP)) {
		w->type = TYPE_MMAP;
	}
}

static int type_run(struct builder *b, size_t run)
{
	const struct run *r = &b->r->runs[run];
	scoped_free bool *near = calloc(r->site_cnt + 1, sizeof(*near));
	struct wait_info *of = calloc(r->site_cnt + 1, sizeof(*of));

	b->l->of[run] = of;
	if (!near || !of)
		return -ENOMEM;
	for (size_t i = 0; i < r->site_cnt; i++) {
		of[i].object = NO_INDEX;
		if (r->sites[i].kind == SITE_WAIT)
			type_site(b, &r->sites[i], &of[i], &near[i]);
	}
	for (size_t i = 0; i < r->site_cnt; i++) {
		if (r->sites[i].kind == SITE_WAIT && r->sites[i].lock != NO_INDEX)
			type_by_word(b, &r->sites[i], &of[i], near[i]);
	}
	return 0;
}

bool site_is_lost(const struct stack *stack, const struct wait_info *w)
{
	return stack->end == WG_END_LOST && w->type == TYPE_RAW;
}

/* --- words to objects */

static int add_ref(struct builder *b, const struct site *s, struct wait_info *w)
{
	const struct stack *stack = &b->r->stacks[s->stack];
	const struct lock *k = lock_of(b, s);
	struct ref *ref;
	uint32_t at;

	if (array_grow((void **)&b->refs, &b->ref_cap, b->ref_cnt, sizeof(*b->refs)))
		return -ENOMEM;
	ref = &b->refs[b->ref_cnt++];
	*ref = (struct ref){.lock = k, .info = w, .type = w->type, .ns = (double)s->total_ns};
	if (k->kind == LOCK_KERNEL) {
		ref->base = k->addr;
		at = path_kernel_from(b->l->paths, stack);
		ref->teller = at < stack->kernel_cnt ? stack->frames[at] : NO_INDEX;
	} else {
		ref->tgid = k->tgid;
		ref->base = lock_type_base(w->type, k->addr);
		at = path_telling(b->l->paths, stack, w->from + (w->type != TYPE_RAW));
		ref->teller = at < stack->frame_cnt ? stack->frames[at] : NO_INDEX;
	}
	if (ref->teller != NO_INDEX)
		b->weight[ref->teller] += ref->ns;
	return 0;
}

static int collect(struct builder *b)
{
	for (size_t i = 0; i < b->r->run_cnt; i++) {
		const struct run *run = &b->r->runs[i];

		for (size_t j = 0; j < run->site_cnt; j++) {
			if (run->sites[j].kind == SITE_WAIT && run->sites[j].lock != NO_INDEX &&
			    add_ref(b, &run->sites[j], &b->l->of[i][j]))
				return -ENOMEM;
		}
	}
	return 0;
}

/* A process's mmap_lock is one thing to its own threads and another to whoever looks in from outside. */
static bool is_own(const struct lock *k)
{
	return k->flags & LOCK_OWN_MMAP;
}

static int compare_refs(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	ORDER(x->lock->kind, y->lock->kind);
	ORDER(x->type, y->type);
	ORDER(is_own(x->lock), is_own(y->lock));
	ORDER(x->tgid, y->tgid);
	ORDER(x->base, y->base);
	ORDER(x->lock, y->lock);
	ORDER(x->info, y->info);
	return 0;
}

/*
 * A reader of a lock that prefers writers may wait on its first word, __readers, which looks like
 * the third of a lock 8 bytes before: no two rwlocks are that near, so it is one.
 */
static bool same_object(const struct lock_object *o, const struct ref *ref)
{
	if (o->kernel != (ref->lock->kind == LOCK_KERNEL) || o->type != ref->type ||
	    o->tgid != ref->tgid || is_own(o->lock) != is_own(ref->lock))
		return false;
	return o->base == ref->base || (o->type == TYPE_RWLOCK && o->base + 8 == ref->base);
}

static struct lock_object *add_object(struct locks *l, const struct ref *ref)
{
	struct lock_object *o;

	if (array_grow((void **)&l->objects, &l->object_cap, l->object_cnt, sizeof(*l->objects)))
		return NULL;
	o = &l->objects[l->object_cnt++];
	*o = (struct lock_object){.type = ref->type,
				  .kernel = ref->lock->kind == LOCK_KERNEL,
				  .tgid = ref->tgid,
				  .base = ref->base,
				  .lock = ref->lock};
	return o;
}

static int make_objects(struct builder *b)
{
	struct lock_object *o = NULL;

	if (b->ref_cnt)
		qsort(b->refs, b->ref_cnt, sizeof(*b->refs), compare_refs);
	for (size_t i = 0; i < b->ref_cnt; i++) {
		struct ref *ref = &b->refs[i];

		if (!o || !same_object(o, ref))
			o = add_object(b->l, ref);
		if (!o)
			return -ENOMEM;
		o->base = ref->base;
		o->shared |= (ref->lock->flags & LOCK_SHARED) != 0;
		ref->info->object = (uint32_t)(o - b->l->objects);
	}
	return 0;
}

/* --- names */

static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

/*
 * "table_lock+0x40 in libfoo.so", for a lock that begins `into` bytes before the word: but not
 * before its symbol, where it would only begin by the layout of another libc.
 */
static char *symbol_name(const struct lock *k, uint64_t into)
{
	uint64_t off = k->symbol_offset > into ? k->symbol_offset - into : 0;
	const char *module = str(k->module);
	bool plain = !*module || !strcmp(module, "[kernel]");
	char at[32] = "";

	if (off)
		snprintf(at, sizeof(at), "+0x%" PRIx64, off);
	return format("%s%s%s%s", k->symbol, at, plain ? "" : " in ", plain ? "" : module);
}

/* Where a futex lies that no symbol and no file's data holds. */
static const char *place_of(const struct lock *k)
{
	static const char *const places[][2] = {{"[heap]", "heap"},
						{"[stack]", "stack"},
						{"[anon]", "anon memory"},
						{"[shared]", "shared memory"},
						{"", "memory"}};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!strcmp(str(k->module), places[i][0]))
			return places[i][1];
	}
	return k->module;
}

static char *placed_name(const struct lock_object *o, const char *teller)
{
	const char *place = place_of(o->lock);

	if (o->type == TYPE_ARENA)
		return format("a thread's arena");
	if (o->type == TYPE_JOIN)
		return format(*teller ? "end of a thread, in %s" : "end of a thread", teller);
	return format(*teller ? "%s, first waited for in %s" : "%s", place, teller);
}

static char *futex_name(const struct lock_object *o, const char *teller)
{
	const struct lock *k = o->lock;
	uint64_t into = k->addr >= o->base ? k->addr - o->base : 0;
	bool in_file = *str(k->module) && k->module[0] != '[' && k->offset;

	if (o->type == TYPE_ARENA && in_file && is_libc(k->module))
		return format("main arena");
	if (*str(k->symbol))
		return symbol_name(k, into);
	if (in_file)
		return format("%s+0x%" PRIx64, k->module,
			      k->offset >= into ? k->offset - into : k->offset);
	return placed_name(o, teller);
}

static char *kernel_name(const struct lock_object *o, const char *teller)
{
	if (o->type == TYPE_MMAP)
		return format(o->lock->flags & LOCK_OWN_MMAP ? "mmap_lock"
							     : "mmap_lock of another process");
	if (*str(o->lock->symbol))
		return symbol_name(o->lock, 0);
	/* "kernel rwsem" without the word that its type says already */
	return format(*teller ? "%s in %s" : "%s", lock_type_name(o->type) + strlen("kernel "),
		      teller);
}

static bool tells_more(const double *weight, uint32_t x, uint32_t y)
{
	if (weight[x] != weight[y])
		return weight[x] > weight[y];
	return x < y;
}

/*
 * Of the frames that waited for an object the one that tells of the most time over all locks: so
 * that the lock of the second repeat gets the name of the one of the first. A new string, empty
 * when no frame tells; or NULL without memory.
 */
static char *best_teller(const struct builder *b, const struct ref *refs, size_t cnt)
{
	uint32_t best = NO_INDEX;
	const char *name;

	for (size_t i = 0; i < cnt; i++) {
		uint32_t f = refs[i].teller;

		if (f == NO_INDEX)
			continue;
		if (best == NO_INDEX || tells_more(b->weight, f, best))
			best = f;
	}
	name = best == NO_INDEX ? "" : str(b->r->frames[best].name);
	return strndup(name, bare_function_len(name));
}

static int name_objects(struct builder *b)
{
	size_t from = 0, to;

	for (; from < b->ref_cnt; from = to) {
		struct lock_object *o = &b->l->objects[b->refs[from].info->object];
		scoped_free char *teller = NULL;

		for (to = from + 1; to < b->ref_cnt; to++) {
			if (b->refs[to].info->object != b->refs[from].info->object)
				break;
		}
		teller = best_teller(b, b->refs + from, to - from);
		if (!teller)
			return -ENOMEM;
		o->name = o->kernel ? kernel_name(o, teller) : futex_name(o, teller);
		if (!o->name)
			return -ENOMEM;
	}
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct lock_object *x = *(struct lock_object *const *)a;
	const struct lock_object *y = *(struct lock_object *const *)b;
	int order;

	ORDER(x->type, y->type);
	order = strcmp(x->name, y->name);
	return order ? order : (x > y) - (x < y);
}

static int number_names(struct locks *l)
{
	scoped_free struct lock_object **by_name =
		reallocarray(NULL, l->object_cnt + 1, sizeof(*by_name));
	uint32_t id = 0;

	if (!by_name)
		return -ENOMEM;
	for (size_t i = 0; i < l->object_cnt; i++)
		by_name[i] = &l->objects[i];
	qsort(by_name, l->object_cnt, sizeof(*by_name), compare_names);
	for (size_t i = 0; i < l->object_cnt; i++) {
		id += i && (by_name[i]->type != by_name[i - 1]->type ||
			    strcmp(by_name[i]->name, by_name[i - 1]->name) != 0);
		by_name[i]->name_id = id;
	}
	return 0;
}

/* --- all of it */

static int build(struct builder *b)
{
	int err = 0;

	if (!b->l->of || !b->types || !b->weight)
		return -ENOMEM;
	for (size_t i = 0; !err && i < b->r->run_cnt; i++)
		err = type_run(b, i);
	if (!err)
		err = collect(b);
	if (!err)
		err = make_objects(b);
	if (!err)
		err = name_objects(b);
	return err ? err : number_names(b->l);
}

int locks_of(struct locks *l, const struct paths *p)
{
	struct builder b = {.l = l, .r = p->r};
	int err;

	*l = (struct locks){.paths = p};
	l->of = calloc(p->r->run_cnt + 1, sizeof(struct wait_info *));
	b.types = calloc(p->r->lock_cnt + 1, sizeof(*b.types));
	b.weight = calloc(p->r->frame_cnt + 1, sizeof(*b.weight));
	err = build(&b);
	free(b.refs);
	free(b.types);
	free(b.weight);
	if (err)
		locks_clear(l);
	return err;
}

void locks_clear(struct locks *l)
{
	for (size_t i = 0; i < l->object_cnt; i++)
		free(l->objects[i].name);
	free(l->objects);
	for (size_t i = 0; l->of && i < l->paths->r->run_cnt; i++)
		free(l->of[i]);
	free(l->of);
	*l = (struct locks){.paths = NULL};
}
