// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See paths.h. */
#include "model/paths.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/match.h"

static struct func func_of(const struct frame *f)
{
	struct func fn = {.blocked = -1, .named = f->flags & FRAME_NAMED};
	const char *name = str(f->name);

	if (f->flags & FRAME_KERNEL) {
		fn.named = true;
		fn.evidence = kclasses_of(name);
		fn.blocked = blocked_rule_of(name);
		fn.step = is_kernel_step(name);
		fn.mmap_lock = is_mmap_lock_function(name);
		return fn;
	}
	fn.libc = !(f->flags & FRAME_JIT) && is_libc(str(f->module));
	/* code that a runtime made, and no name: the program's, as likely as not */
	fn.program = f->flags & FRAME_JIT && !fn.named;
	if (fn.named) {
		fn.program = f->flags & FRAME_JIT ? is_program_script(name, str(f->module))
						  : is_script_entry(name);
		fn.rule = lock_rule_of(name);
		fn.runtime = fn.program ? NULL : runtime_rule_of(name);
		fn.entry = is_entry_function(name);
	}
	return fn;
}

int paths_of(struct paths *p, const struct recording *r)
{
	p->r = r;
	p->of = reallocarray(NULL, r->frame_cnt + 1, sizeof(*p->of));
	if (!p->of)
		return -ENOMEM;
	for (size_t i = 0; i < r->frame_cnt; i++)
		p->of[i] = func_of(&r->frames[i]);
	return 0;
}

void paths_clear(struct paths *p)
{
	free(p->of);
	*p = (struct paths){.r = NULL};
}

/* --- waits */

#define OUTER_REACH 12 /* frames from a lock's function up to one that is built on it */

static bool is_kind(const struct func *fn, enum rule_kind kind)
{
	return fn->rule && fn->rule->kind == kind && (fn->libc || !fn->rule->in_libc);
}

/* The lock's function nearest to the leaf; only steps and libc's insides may be below it. */
static uint32_t innermost_lock(const struct paths *p, const struct stack *s)
{
	for (uint32_t i = s->kernel_cnt; i < s->frame_cnt; i++) {
		const struct func *fn = path_func(p, s, i);

		if (is_kind(fn, RULE_LOCK) || is_kind(fn, RULE_OUTER))
			return i;
		if (!fn->libc && !is_kind(fn, RULE_STEP))
			break;
	}
	return s->frame_cnt;
}

/* Further up within libc: pthread_cond_wait above the mutex that it takes again. */
static uint32_t outermost_in_libc(const struct paths *p, const struct stack *s, uint32_t at)
{
	uint32_t found = at;

	for (uint32_t i = at + 1; path_func(p, s, at)->libc && i < s->frame_cnt; i++) {
		const struct func *fn = path_func(p, s, i);

		if (!fn->libc || fn->entry)
			break;
		if (is_kind(fn, RULE_LOCK))
			found = i;
	}
	return found;
}

/* A lock that is built on the one at `at`: the loader's, WebKit's, a Java monitor. Or frame_cnt. */
static uint32_t built_on_it(const struct paths *p, const struct stack *s, uint32_t at)
{
	bool all_libc = path_func(p, s, at)->libc;

	for (uint32_t i = at + 1; i < s->frame_cnt && i <= at + OUTER_REACH; i++) {
		const struct func *fn = path_func(p, s, i);

		all_libc &= fn->libc;
		if (is_kind(fn, RULE_OUTER) && (all_libc || !fn->rule->in_libc))
			return i;
	}
	return s->frame_cnt;
}

/* What called the lock at `at`, if its own functions have no names: CPython's. Or frame_cnt. */
static uint32_t above_it(const struct paths *p, const struct stack *s, uint32_t at)
{
	uint32_t i = at + 1;

	while (i < s->frame_cnt && !path_func(p, s, i)->named)
		i++;
	if (i >= s->frame_cnt || !is_kind(path_func(p, s, i), RULE_ABOVE))
		return s->frame_cnt;
	for (uint32_t j = at + 1; j < i; j++) {
		if (strcmp(str(path_frame(p, s, j)->module), str(path_frame(p, s, i)->module)) != 0)
			return s->frame_cnt;
	}
	return i;
}

struct futex_wait path_futex_wait(const struct paths *p, const struct stack *s)
{
	struct futex_wait w = {TYPE_RAW, WAIT_UNKNOWN, s->frame_cnt, false};
	uint32_t inner = innermost_lock(p, s), outer;

	if (inner == s->frame_cnt)
		return w;
	outer = built_on_it(p, s, inner);
	w.type = path_func(p, s, inner)->rule->type;
	w.wait = path_func(p, s, inner)->rule->wait;
	w.at = outermost_in_libc(p, s, inner);
	w.near = true;
	for (uint32_t i = s->kernel_cnt; i < inner; i++)
		w.near &= !path_func(p, s, i)->named;
	if (outer == s->frame_cnt && w.type == TYPE_CONDVAR)
		outer = above_it(p, s, w.at);
	if (outer < s->frame_cnt) {
		w.type = path_func(p, s, outer)->rule->type;
		w.wait = path_func(p, s, outer)->rule->wait;
		w.at = outer;
	}
	return w;
}

/* --- runtimes */

static bool called(const struct paths *p, const struct stack *s, uint32_t i, const char *callee)
{
	return i > s->kernel_cnt &&
	       name_matches(bare_user_name(str(path_frame(p, s, i - 1)->name)), callee);
}

/* Why scripts were called says nothing of what they did: so no further than where they were. */
enum activity path_activity(const struct paths *p, const struct stack *s)
{
	for (uint32_t i = s->kernel_cnt; i < s->frame_cnt; i++) {
		const struct func *fn = path_func(p, s, i);

		if (fn->program)
			break;
		if (fn->runtime && (!fn->runtime->below || called(p, s, i, fn->runtime->below)))
			return fn->runtime->activity;
	}
	return ACT_NONE;
}

const char *thread_start(const struct recording *r, const struct thread *t)
{
	const struct frame *f = t->start < r->frame_cnt ? &r->frames[t->start] : NULL;

	return f && str(f->name)[0] != '[' ? str(f->name) : ""; /* "[bun]", "[unknown]" */
}

const char *thread_kind_of(const struct recording *r, const struct thread *t)
{
	const char *module = t->start < r->frame_cnt ? str(r->frames[t->start].module) : "";
	char comm[WG_COMM_LEN];

	memcpy(comm, t->comm, sizeof(comm));
	comm[sizeof(comm) - 1] = '\0';
	return thread_kind(thread_start(r, t), module, comm);
}

/* --- the kernel's part */

/* From frame `at` on: a lock's own functions and their caller, no further: a page fault waits on other rwsems too. */
static bool takes_mmap_lock(const struct paths *p, const struct stack *s, uint32_t at)
{
	for (uint32_t i = at; i < s->kernel_cnt; i++) {
		if (path_func(p, s, i)->mmap_lock)
			return true;
		if (!path_func(p, s, i)->step)
			return false;
	}
	return false;
}

enum kclass path_kclass(const struct paths *p, const struct stack *s, bool in_fault, uint32_t *at)
{
	uint64_t evidence = 0;
	enum kclass c;

	for (uint32_t i = 0; i < s->kernel_cnt; i++)
		evidence |= path_func(p, s, i)->evidence;
	c = kclass_decide(evidence, in_fault);
	*at = 0;
	for (uint32_t i = s->kernel_cnt; i > 0; i--) {
		if (path_func(p, s, i - 1)->evidence & 1ull << (c == KC_FAULT_TRACE ? KC_TRACE : c))
			*at = i - 1;
	}
	/* what a lock's functions call while they spin is on top of them */
	return c == KC_LOCK && takes_mmap_lock(p, s, *at) ? KC_MMAP_LOCK : c;
}

uint32_t path_syscall(const struct paths *p, const struct stack *s)
{
	for (uint32_t i = s->kernel_cnt; i > 0; i--) {
		if (syscall_of(str(path_frame(p, s, i - 1)->name)))
			return s->frames[i - 1];
	}
	return NO_INDEX;
}

int path_blocked(const struct paths *p, const struct stack *s)
{
	int best = -1;

	for (uint32_t i = 0; i < s->kernel_cnt; i++) {
		int rule = path_func(p, s, i)->blocked;

		if (rule >= 0 && (best < 0 || rule < best))
			best = rule;
	}
	return best;
}

uint32_t path_kernel_from(const struct paths *p, const struct stack *s)
{
	for (uint32_t i = 0; i < s->kernel_cnt; i++) {
		if (!path_func(p, s, i)->step)
			return i;
	}
	return s->kernel_cnt;
}

bool path_takes_mmap_lock(const struct paths *p, const struct stack *s)
{
	return takes_mmap_lock(p, s, 0);
}

/* --- what a person wants to see */

static bool tells(const struct func *fn, bool kernel)
{
	if (kernel)
		return !fn->step && !(fn->evidence & 1ull << KC_SYSCALL);
	return fn->named && !fn->entry && !is_kind(fn, RULE_STEP);
}

uint32_t path_telling(const struct paths *p, const struct stack *s, uint32_t from)
{
	uint32_t best = s->frame_cnt;

	for (uint32_t i = from > s->kernel_cnt ? from : s->kernel_cnt; i < s->frame_cnt; i++) {
		const struct func *fn = path_func(p, s, i);

		if (tells(fn, false) && !is_kind(fn, RULE_LOCK) && !is_kind(fn, RULE_OUTER) &&
		    !fn->libc)
			return i;
		if (best == s->frame_cnt && !fn->entry && !fn->libc)
			best = i;
	}
	return best;
}

/* Where the part ends that says something: before libc's and the runtimes' thread entries. */
static uint32_t root_end(const struct paths *p, const struct stack *s, uint32_t from)
{
	uint32_t end = s->frame_cnt;

	while (end > from + 1) {
		const struct func *fn = path_func(p, s, end - 1);

		if (end <= s->kernel_cnt || !(fn->entry || (fn->libc && !fn->named)))
			break;
		end--;
	}
	return end;
}

uint32_t path_frames(const struct paths *p, const struct stack *s, uint32_t from, bool keep_leaf,
		     uint32_t out[PATH_FRAMES_MAX])
{
	uint32_t end = root_end(p, s, from), cnt = 0;
	bool any = false;

	for (uint32_t i = from; i < end && cnt < PATH_FRAMES_MAX - 1; i++) {
		if (tells(path_func(p, s, i), i < s->kernel_cnt) || (keep_leaf && i == from)) {
			out[cnt++] = s->frames[i];
			any = true;
		} else if (cnt && out[cnt - 1] != NO_INDEX) {
			out[cnt++] = NO_INDEX;
		}
	}
	/* nothing but steps: as they are */
	for (uint32_t i = from; !any && i < end && cnt < PATH_FRAMES_MAX; i++)
		out[cnt++] = s->frames[i];
	while (cnt && out[cnt - 1] == NO_INDEX)
		cnt--;
	return cnt;
}
