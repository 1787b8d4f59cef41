// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See json_sites.h. One object a site, as it was recorded, with what the model makes of it: type
 * and name of the lock, purpose of a wait, class of kernel work. Estimates are marked by their
 * kind: total_ns of cpu and fault sites.
 */
#include "report/json_sites.h"

#include <string.h>

#include "base/util.h"
#include "model/ledger.h"
#include "model/where.h"

/* The wakers of a run in the order of their sites, and where those of each site begin. */
struct wakers {
	const struct waker **list;
	size_t *begin; /* of site i; site_cnt + 1 of them */
};

static int compare_wakers(const void *a, const void *b)
{
	const struct waker *x = *(const struct waker *const *)a;
	const struct waker *y = *(const struct waker *const *)b;

	ORDER(x->site, y->site);
	ORDER(y->count, x->count);
	ORDER(x, y);
	return 0;
}

static bool wakers_of(struct wakers *w, const struct run *run)
{
	size_t at = 0;

	w->list = reallocarray(NULL, run->waker_cnt + 1, sizeof(*w->list));
	w->begin = reallocarray(NULL, run->site_cnt + 1, sizeof(*w->begin));
	if (!w->list || !w->begin)
		return false;
	for (size_t i = 0; i < run->waker_cnt; i++)
		w->list[i] = &run->wakers[i];
	qsort(w->list, run->waker_cnt, sizeof(*w->list), compare_wakers);
	for (size_t i = 0; i <= run->site_cnt; i++) {
		while (at < run->waker_cnt && w->list[at]->site < i)
			at++;
		w->begin[i] = at;
	}
	return true;
}

static json_t *append(json_t *list, json_t *value)
{
	if (list && (!value || json_array_append_new(list, value))) {
		json_decref(list);
		return NULL;
	}
	if (!list)
		json_decref(value);
	return list;
}

/* Names, the leaf first. */
static json_t *stack_json(const struct recording *r, uint32_t stack)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && stack != NO_INDEX && i < r->stacks[stack].frame_cnt; i++)
		list = append(list, json_text(r->frames[r->stacks[stack].frames[i]].name));
	return list;
}

static json_t *histogram_json(const struct hist *hist)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < hist_len(hist); i++)
		list = append(list, json_number(hist_at(hist, i)));
	return list;
}

static json_t *wakers_json(const struct recording *r, const struct wakers *w, size_t site)
{
	json_t *list = json_array();

	for (size_t i = w->begin[site]; list && i < w->begin[site + 1]; i++) {
		struct object o = object_new();

		object_set(&o, "count", json_number(w->list[i]->count));
		object_set(&o, "waited_ns", json_number(w->list[i]->waited_ns));
		object_set(&o, "task", json_boolean(w->list[i]->stack != NO_INDEX));
		object_set(&o, "stack", stack_json(r, w->list[i]->stack));
		list = append(list, object_take(&o));
	}
	return list;
}

static const char *kind_of(const struct recording *r, const struct site *s,
			   const struct wait_info *w)
{
	const struct lock *k = s->lock == NO_INDEX ? NULL : &r->locks[s->lock];

	if (site_is_lost(&r->stacks[s->stack], w))
		return "lost";
	if (s->kind == SITE_SAMPLE)
		return "cpu";
	if (s->kind == SITE_FAULT)
		return "fault";
	if (s->state == WG_FUTEX)
		return "futex";
	return s->state == WG_KLOCK || (k && k->kind == LOCK_KERNEL) ? "klock" : "blocked";
}

static void lock_members(struct object *o, const struct locks *l, const struct site *s,
			 const struct wait_info *w)
{
	const struct stack *stack = &l->paths->r->stacks[s->stack];
	const struct lock_object *k = w->object == NO_INDEX ? NULL : &l->objects[w->object];
	int rule = s->kind == SITE_WAIT && !k ? path_blocked(l->paths, stack) : -1;

	if (s->kind == SITE_WAIT && s->state == WG_FUTEX)
		rule = -1;
	if (!site_is_lost(stack, w) && (k || (s->kind == SITE_WAIT && s->state == WG_FUTEX))) {
		object_set(o, "lock_type", json_string(lock_type_name(w->type)));
		object_set(o, "lock_name", k ? json_text(k->name) : json_null());
	} else if (rule >= 0 && blocked_rule_is_lock(rule)) {
		object_set(o, "lock_type", json_string(blocked_rule_name(rule)));
		object_set(o, "lock_name", json_string(blocked_rule_name(rule)));
	} else {
		object_set(o, "lock_type", json_null());
		object_set(o, "lock_name", json_null());
	}
	object_set(o, "lock_addr", k ? json_number(k->base) : json_null());
	object_set(o, "lock_tgid", k && k->tgid ? json_integer(k->tgid) : json_null());
	object_set(o, "lock_shared", k ? json_boolean(k->shared) : json_null());
}

/* What the wait was for, or what the kernel did in a sample. */
static json_t *class_json(const struct locks *l, const struct site *s, const struct wait_info *w)
{
	const struct stack *stack = &l->paths->r->stacks[s->stack];
	scoped_free char *call = NULL;
	uint32_t at;
	enum kclass c;
	int rule;

	if (s->kind == SITE_WAIT) {
		rule = w->wait == WAIT_NONE ? path_blocked(l->paths, stack) : -1;
		return rule >= 0 ? json_string(blocked_rule_name(rule))
				 : json_string(wait_class_name(w->wait));
	}
	if (s->kind == SITE_FAULT || (s->user && s->state == WG_CPU))
		return json_string("");
	c = path_kclass(l->paths, stack, s->state == WG_CPU_FAULT, &at);
	at = path_syscall(l->paths, stack);
	if (c != KC_SYSCALL || at == NO_INDEX)
		return json_string(kclass_name(c));
	if (asprintf(&call, "syscall %s", syscall_of(l->paths->r->frames[at].name)) < 0)
		call = NULL;
	return call ? json_text(call) : NULL;
}

/* Samples and nanoseconds of each sampled bucket, by role: what one sample stands for. */
struct scale {
	double samples[BUCKET_CNT][ROLE_CNT], ns[BUCKET_CNT][ROLE_CNT];
};

static void scale_of(struct scale *sc, const struct run *run)
{
	double pooled = ledger_user_share(run);

	memset(sc, 0, sizeof(*sc));
	for (size_t i = 0; i < run->thread_cnt; i++) {
		uint64_t ns[BUCKET_CNT];

		ledger_buckets(&run->threads[i], pooled, ns);
		for (int b = B_CPU_USER; b <= B_CPU_FAULT; b++)
			sc->ns[b][run->threads[i].role] += (double)ns[b];
	}
	for (size_t i = 0; i < run->site_cnt; i++) {
		const struct site *s = &run->sites[i];

		if (s->kind == SITE_SAMPLE)
			sc->samples[site_bucket(s)][s->role] += (double)s->count;
	}
}

static json_t *total_json(const struct site *s, const struct scale *sc)
{
	int b = site_bucket(s);

	if (s->kind != SITE_SAMPLE)
		return json_number(s->total_ns);
	if (!(sc->samples[b][s->role] > 0))
		return json_null();
	return json_rounded((double)s->count / sc->samples[b][s->role] * sc->ns[b][s->role]);
}

/* Of the function that sampled or faulted, or that the wait is told by. */
static const char *module_of(const struct recording *r, const struct site *s,
			     const struct wait_info *w)
{
	const struct stack *stack = &r->stacks[s->stack];
	uint32_t at = s->kind == SITE_WAIT ? w->from : 0;

	return at < stack->frame_cnt ? str(r->frames[stack->frames[at]].module) : "";
}

static json_t *site_json(const struct locks *l, size_t run_at, size_t at, const struct wakers *w,
			 const struct scale *sc)
{
	const struct recording *r = l->paths->r;
	const struct site *s = &r->runs[run_at].sites[at];
	const struct wait_info *info = &l->of[run_at][at];
	const struct stack *stack = &r->stacks[s->stack];
	struct object o = object_new();
	int bucket = site_bucket(s);

	object_set(&o, "kind", json_string(kind_of(r, s, info)));
	object_set(&o, "bucket",
		   json_string(bucket_name(bucket == WHERE_FAULTS ? B_CPU_FAULT
								  : (enum bucket)bucket)));
	object_set(&o, "role", json_string(role_name(s->role)));
	object_set(&o, "class", class_json(l, s, info));
	object_set(&o, "idle", json_boolean(info->wait == WAIT_IDLE));
	lock_members(&o, l, s, info);
	object_set(&o, "activity",
		   json_string(s->kind == SITE_FAULT || (s->kind == SITE_SAMPLE && !s->user)
				       ? ""
				       : activity_name(path_activity(l->paths, stack))));
	object_set(&o, "count", json_number(s->count));
	object_set(&o, "total_ns", total_json(s, sc));
	object_set(&o, "max_ns", s->kind == SITE_WAIT ? json_number(s->max_ns) : json_null());
	object_set(&o, "histogram", s->kind == SITE_WAIT ? histogram_json(&s->hist) : json_null());
	object_set(&o, "traffic_count", json_number(s->traffic_cnt));
	object_set(&o, "undecoded_count", json_number(s->undecoded_cnt));
	object_set(&o, "huge_count", json_number(s->huge_cnt));
	object_set(&o, "pgtables_bytes", json_number(s->pgtables_bytes));
	object_set(&o, "stack", stack_json(r, s->stack));
	object_set(&o, "kernel_frames", json_integer(stack->kernel_cnt));
	object_set(&o, "stack_end", json_string(stack_end_name((enum wg_stack_end)stack->end)));
	object_set(&o, "module", json_text(module_of(r, s, info)));
	object_set(&o, "waker_stack",
		   stack_json(r, w->begin[at] < w->begin[at + 1] ? w->list[w->begin[at]]->stack
								 : NO_INDEX));
	object_set(&o, "wakers", wakers_json(r, w, at));
	return object_take(&o);
}

static json_t *ends_json(const double ends[WG_END_CNT])
{
	struct object o = object_new();

	for (int i = 0; i < WG_END_CNT; i++)
		object_set(&o, stack_end_name((enum wg_stack_end)i), json_rounded(ends[i]));
	object_set(&o, "complete_share",
		   stack_quality_all(ends) > 0 ? json_finite(stack_quality_complete(ends))
					       : json_null());
	return object_take(&o);
}

static json_t *quality_json(const struct recording *r, const struct run *run)
{
	struct stack_quality q = {{0}, {0}};
	struct object o = object_new();

	stack_quality_add(&q, r, run);
	object_set(&o, "waits", ends_json(q.waits));
	object_set(&o, "samples", ends_json(q.samples));
	return object_take(&o);
}

void json_sites(struct out *o, const struct locks *l, size_t run_at)
{
	const struct run *run = &l->paths->r->runs[run_at];
	struct wakers w = {NULL, NULL};
	struct scale sc;

	out_member(o, "sample_hz", json_number(run->sample_hz));
	out_member(o, "stacks", quality_json(l->paths->r, run));
	out_array_begin(o, "sites");
	scale_of(&sc, run);
	if (wakers_of(&w, run)) {
		for (size_t i = 0; i < run->site_cnt; i++)
			out_element(o, site_json(l, run_at, i, &w, &sc));
	} else {
		o->failed = true;
	}
	free(w.list);
	free(w.begin);
	out_array_end(o);
}
