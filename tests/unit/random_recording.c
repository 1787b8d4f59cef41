// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See random_recording.h. Both functions go by the struct definitions, not by the store's tables
 * of columns: a field that the store forgets shows as a difference.
 */
#include "unit/random_recording.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "store/limits.h"

static uint64_t amount(struct prng *p)
{
	switch (prng_below(p, 8)) {
	case 0:
		return 0;
	case 1:
		return STORE_AMOUNT_MAX;
	default:
		return prng_next(p) >> (6 + prng_below(p, 58));
	}
}

static uint64_t maybe(struct prng *p)
{
	return prng_below(p, 4) ? amount(p) : UNKNOWN;
}

static char *word(struct prng *p)
{
	static const char *const words[] = {
		"", "a", "perf", "köln", "\xf0\x9f\x98\x80", "two words", "new\nline", "q'uote\"s"};
	char *s = strdup(words[prng_below(p, ARRAY_SIZE(words))]);

	if (!s)
		abort();
	return s;
}

static int small(struct prng *p)
{
	return (int)prng_below(p, 1000);
}

static void begin_end(struct prng *p, uint64_t *begin, uint64_t *end)
{
	*begin = amount(p) / 2;
	*end = *begin + amount(p) / 2;
}

static void random_thread(struct thread *t, const struct recording *r, struct prng *p)
{
	scoped_free char *comm = word(p);

	t->id = prng_next(p);
	t->parent_id = prng_next(p);
	t->tid = (uint32_t)prng_next(p);
	t->tgid = (uint32_t)prng_next(p);
	strncpy(t->comm, comm, sizeof(t->comm) - 1);
	t->role = (enum role)prng_below(p, ROLE_CNT);
	t->lane = small(p) - 1;
	t->flags = (uint32_t)prng_next(p);
	begin_end(p, &t->begin_ns, &t->end_ns);
	t->clock_ns = amount(p);
	for (int i = 0; i < WG_STATE_CNT; i++) {
		t->state_ns[i] = amount(p);
		t->state_cnt[i] = amount(p);
	}
	for (int i = 0; i < WG_COUNT_CNT; i++)
		t->count[i] = amount(p);
	t->count[WG_N_TLB_REMOTE] = maybe(p);
	t->count[WG_N_TLB_LOCAL] = maybe(p);
	t->count[WG_N_IPI_SENT] = maybe(p);
	for (int i = 0; i < WG_PART_CNT; i++)
		t->part_ns[i] = amount(p);
	t->kernel = (struct wg_kernel){amount(p), amount(p), amount(p),
				       amount(p), amount(p), amount(p)};
	t->audit_oncpu_ns = amount(p);
	t->audit_run_delay_ns = amount(p);
	t->pgtables_bytes = amount(p);
	t->pgtables_peak_bytes = amount(p);
	if (r->frame_cnt && prng_below(p, 2))
		t->start = (uint32_t)prng_below(p, r->frame_cnt);
}

/* A function's name as a compiler, a kernel or a hostile perf map may give it. */
static char *function(struct prng *p)
{
	static const char *const names[] = {"pthread_rwlock_rdlock",
					    "futex_wait",
					    "do_futex",
					    "__x64_sys_futex",
					    "entry_SYSCALL_64_after_hwframe",
					    "clone3",
					    "start_thread",
					    "main",
					    "libcrypto.so.3+0x1f65c0",
					    "[unknown]",
					    "operator new(unsigned long)",
					    "a;b\nc",
					    "",
					    "pthread_cond_wait",
					    "malloc",
					    "clear_page_rep",
					    "__pte_alloc",
					    "uv_cond_wait"};
	char *s = prng_below(p, 4) ? strdup(names[prng_below(p, ARRAY_SIZE(names))]) : word(p);

	if (!s)
		abort();
	return s;
}

static void random_stack(struct stack *s, size_t frame_cnt, struct prng *p)
{
	s->frame_cnt = (uint32_t)prng_below(p, prng_below(p, 8) ? 12 : 128);
	s->kernel_cnt = (uint32_t)prng_below(p, s->frame_cnt + 1);
	s->end = (uint32_t)prng_below(p, WG_END_CNT);
	s->frames = reallocarray(NULL, s->frame_cnt + 1, sizeof(*s->frames));
	if (!s->frames)
		abort();
	for (uint32_t i = 0; i < s->frame_cnt; i++)
		s->frames[i] = (uint32_t)prng_below(p, frame_cnt);
}

static void random_paths(struct recording *r, struct prng *p)
{
	for (uint64_t n = 1 + prng_below(p, 60); n; n--) {
		struct frame *f = recording_add_frame(r);

		f->name = function(p);
		f->module = word(p);
		f->start = prng_next(p);
		f->flags = (uint32_t)prng_next(p);
	}
	for (uint64_t n = prng_below(p, 40); n; n--)
		random_stack(recording_add_stack(r), r->frame_cnt, p);
	for (uint64_t n = prng_below(p, 20); n; n--) {
		struct lock *l = recording_add_lock(r);

		l->kind = (enum lock_kind)prng_below(p, LOCK_KIND_CNT);
		l->flags = (uint32_t)prng_next(p);
		l->tgid = (uint32_t)prng_below(p, 3);
		l->addr = prng_below(p, 2) ? prng_next(p) : 0x1000 + 4 * prng_below(p, 8);
		l->module = word(p);
		l->offset = prng_next(p);
		l->symbol = word(p);
		l->symbol_offset = prng_next(p);
	}
}

static void random_site(struct site *s, const struct recording *r, const struct run *run,
			struct prng *p)
{
	s->kind = (enum site_kind)prng_below(p, SITE_KIND_CNT);
	s->state = s->kind == SITE_WAIT	   ? WG_FUTEX + prng_below(p, WG_PROBE - WG_FUTEX)
		   : s->kind == SITE_FAULT ? WG_CPU_FAULT
					   : WG_CPU + prng_below(p, 2);
	s->role = (enum role)prng_below(p, ROLE_CNT);
	s->user = prng_below(p, 2);
	s->stack = (uint32_t)prng_below(p, r->stack_cnt);
	if (s->kind == SITE_WAIT && r->lock_cnt && prng_below(p, 4))
		s->lock = (uint32_t)prng_below(p, r->lock_cnt);
	s->count = amount(p);
	s->total_ns = amount(p);
	s->max_ns = amount(p);
	for (uint64_t n = prng_below(p, WG_HIST_CNT + 1); n; n--)
		hist_add(&s->hist, (uint32_t)n - 1, prng_below(p, 3) ? amount(p) : 0);
	s->traffic_cnt = amount(p);
	s->undecoded_cnt = amount(p);
	s->faulting_cnt = amount(p);
	s->huge_cnt = amount(p);
	s->pgtables_bytes = amount(p);
	if (run->thread_cnt && prng_below(p, 3))
		s->thread = (uint32_t)prng_below(p, run->thread_cnt);
	s->kept = s->kind == SITE_WAIT && prng_below(p, 2);
}

static void random_path_part(struct path_part *part, const struct run *run, struct prng *p)
{
	if (run->thread_cnt && prng_below(p, 3))
		part->thread = (uint32_t)prng_below(p, run->thread_cnt);
	part->state = (enum wg_state)prng_below(p, WG_STATE_CNT);
	part->ns = amount(p);
}

static void random_waker(struct waker *w, const struct run *run, const struct recording *r,
			 struct prng *p)
{
	w->site = (uint32_t)prng_below(p, run->site_cnt);
	w->stack = prng_below(p, 3) ? (uint32_t)prng_below(p, r->stack_cnt) : NO_INDEX;
	w->count = amount(p);
	w->waited_ns = amount(p);
}

static void random_work(struct work *w, struct prng *p)
{
	w->lane = small(p) - 1;
	w->index = small(p);
	begin_end(p, &w->begin_ns, &w->end_ns);
	w->checksum = word(p);
}

static void random_run(struct run *run, const struct recording *r, struct prng *p)
{
	run->label = word(p);
	run->runtime = word(p);
	run->workload = word(p);
	run->model = word(p);
	run->variant = word(p);
	run->detail = word(p);
	run->checksum = word(p);
	run->workers = small(p);
	run->task_cnt = small(p);
	run->repeat = small(p);
	run->pinned = prng_below(p, 2);
	run->interrupted = prng_below(p, 2);
	run->exit_status = small(p);
	begin_end(p, &run->begin_ns, &run->end_ns);
	run->work_ns = amount(p);
	run->bpf_ns = amount(p);
	run->event_cnt = amount(p);
	run->own_cpu_ns = maybe(p);
	run->steal_ns = maybe(p);
	run->other_cpu_ns = maybe(p);
	run->spin_ns = maybe(p);
	run->cacheline_ns = maybe(p);
	run->sample_hz = amount(p);
	for (int i = 0; i < WG_STATE_CNT; i++)
		run->path_ns[i] = amount(p);
	run->memory = (struct memory){maybe(p), maybe(p), maybe(p), maybe(p),
				      maybe(p), maybe(p), maybe(p)};
	for (uint64_t n = prng_below(p, 20); n; n--)
		random_thread(run_add_thread(run), r, p);
	for (uint64_t n = prng_below(p, 5); n; n--)
		random_work(run_add_work(run), p);
	for (uint64_t n = r->stack_cnt ? prng_below(p, 40) : 0; n; n--)
		random_site(run_add_site(run), r, run, p);
	for (uint64_t n = run->site_cnt ? prng_below(p, 10) : 0; n; n--)
		random_waker(run_add_waker(run), run, r, p);
	for (uint64_t n = prng_below(p, 10); n; n--)
		random_path_part(run_add_path_part(run), run, p);
}

static void random_host(struct host *h, struct prng *p)
{
	h->kernel = word(p);
	h->machine = word(p);
	h->distro = word(p);
	h->cpu_model = word(p);
	h->lockdown = word(p);
	h->fault_end = word(p);
	h->preemption = word(p);
	h->virt = word(p);
	h->cpus = small(p);
	h->mem_bytes = amount(p);
}

static void random_conditions(struct conditions *c, struct prng *p)
{
	c->at_ns = amount(p);
	c->steal_ns = prng_below(p, 2) ? INT64_MAX : maybe(p);
	c->idle_ns = maybe(p);
	c->busy_ns = maybe(p);
	c->cacheline_ns = maybe(p);
	c->spin_ns = maybe(p);
	c->mem_available_bytes = maybe(p);
	c->load1 = small(p) / 8.0;
	c->thp = word(p);
	c->clocksource = word(p);
	c->governor = word(p);
}

static void random_pools(struct recording *r, struct prng *p)
{
	for (uint64_t n = prng_below(p, 4); n; n--) {
		struct runtime_info *info = recording_add_runtime(r);

		info->name = word(p);
		info->version = word(p);
		info->libs = word(p);
		info->flags = word(p);
		info->path = word(p);
	}
	for (uint64_t n = prng_below(p, 4); n; n--) {
		struct absence *a = recording_add_absence(r);

		a->runtime = word(p);
		a->workload = word(p);
		a->model = word(p);
		a->why = word(p);
		a->failed = prng_below(p, 2);
	}
}

void random_recording(struct recording *r, struct prng *p)
{
	r->version = word(p);
	r->command = word(p);
	r->argv = word(p);
	r->user = word(p);
	r->stopped_by = word(p);
	r->created_s = amount(p);
	r->interrupted = prng_below(p, 2);
	r->dispatch_ns = maybe(p);
	r->fault_event_ns = maybe(p);
	r->repair_cnt = maybe(p);
	r->wallgap_rss_peak_bytes = maybe(p);
	r->wallgap_cpu_ns = maybe(p);
	r->start_ns = maybe(p);
	random_host(&r->host, p);
	random_conditions(&r->conditions[0], p);
	random_conditions(&r->conditions[1], p);
	for (uint64_t n = prng_below(p, 4); n; n--)
		recording_add_lib(r, n % 2 ? "libc" : "libcrypto", "1.2");
	for (uint64_t n = prng_below(p, 4); n; n--)
		recording_add_loss(r, n % 2 ? "rows" : "storage", "why", amount(p) / 8);
	random_pools(r, p);
	random_paths(r, p);
	for (uint64_t n = prng_below(p, 5); n; n--)
		random_run(recording_add_run(r), r, p);
}

void recording_to_schema_3(struct recording *r)
{
	*r->user = '\0'; /* of schema 5 */
	*r->stopped_by = '\0';
	for (size_t i = 0; i < r->run_cnt; i++) {
		struct run *run = &r->runs[i];

		*run->variant = '\0';
		run->path_part_cnt = 0;
		for (size_t j = 0; j < run->site_cnt; j++) {
			run->sites[j].thread = NO_INDEX;
			run->sites[j].kept = false;
			run->sites[j].faulting_cnt = 0;
		}
		run->spin_ns = run->cacheline_ns = run->own_cpu_ns = UNKNOWN;
		for (size_t j = 0; j < run->thread_cnt; j++)
			run->threads[j].part_ns[WG_T_QUOTA] = 0;
	}
}

void recording_to_schema_2(struct recording *r)
{
	struct recording all, none;

	recording_to_schema_3(r);
	all = *r;
	recording_init(&none);
	none.runtimes = all.runtimes;
	none.runtime_cnt = all.runtime_cnt;
	none.absences = all.absences;
	none.absence_cnt = all.absence_cnt;
	r->runtimes = NULL;
	r->absences = NULL;
	r->runtime_cnt = r->runtime_cap = r->absence_cnt = r->absence_cap = 0;
	recording_clear(&none);
	for (size_t i = 0; i < r->run_cnt; i++) {
		memset(r->runs[i].path_ns, 0, sizeof(r->runs[i].path_ns));
		for (size_t j = 0; j < r->runs[i].thread_cnt; j++) {
			r->runs[i].threads[j].start = NO_INDEX;
			r->runs[i].threads[j].part_ns[WG_T_QUEUED_ASLEEP] = 0;
		}
	}
}

void recording_to_schema_1(struct recording *r)
{
	struct recording all, none;

	recording_to_schema_2(r);
	all = *r;
	recording_init(&none);
	r->frames = NULL;
	r->stacks = NULL;
	r->locks = NULL;
	r->frame_cnt = r->frame_cap = r->stack_cnt = r->stack_cap = r->lock_cnt = r->lock_cap = 0;
	none.frames = all.frames;
	none.frame_cnt = all.frame_cnt;
	none.stacks = all.stacks;
	none.stack_cnt = all.stack_cnt;
	none.locks = all.locks;
	none.lock_cnt = all.lock_cnt;
	recording_clear(&none);
	for (size_t i = 0; i < r->run_cnt; i++) {
		struct run *run = &r->runs[i];

		for (size_t j = 0; j < run->site_cnt; j++)
			hist_clear(&run->sites[j].hist);
		run->site_cnt = run->waker_cnt = 0;
		run->sample_hz = 0;
		for (size_t j = 0; j < run->thread_cnt; j++) {
			struct thread *t = &run->threads[j];

			t->count[WG_N_FAULT_HUGE] = 0;
			t->count[WG_N_TLB_REMOTE] = t->count[WG_N_TLB_LOCAL] = UNKNOWN;
			t->count[WG_N_IPI_SENT] = UNKNOWN;
			t->part_ns[WG_T_FAULT_HUGE] = 0;
		}
	}
}

/* --- comparing: the first difference is remembered, and the rest goes unseen */

#define SAME(field)                                                                                \
	do {                                                                                       \
		if (a->field != b->field)                                                          \
			return #field;                                                             \
	} while (0)
#define SAME_STR(field)                                                                            \
	do {                                                                                       \
		if (strcmp(a->field, b->field))                                                    \
			return #field;                                                             \
	} while (0)
#define SAME_MEM(field)                                                                            \
	do {                                                                                       \
		if (memcmp(&a->field, &b->field, sizeof(a->field)))                                \
			return #field;                                                             \
	} while (0)

static const char *thread_differs(const struct thread *a, const struct thread *b)
{
	SAME(id);
	SAME(parent_id);
	SAME(tid);
	SAME(tgid);
	SAME_STR(comm);
	SAME(role);
	SAME(lane);
	SAME(flags);
	SAME(begin_ns);
	SAME(end_ns);
	SAME(clock_ns);
	SAME_MEM(state_ns);
	SAME_MEM(state_cnt);
	SAME_MEM(count);
	SAME_MEM(part_ns);
	SAME_MEM(kernel);
	SAME(audit_oncpu_ns);
	SAME(audit_run_delay_ns);
	SAME(pgtables_bytes);
	SAME(pgtables_peak_bytes);
	SAME(start);
	return NULL;
}

static const char *work_differs(const struct work *a, const struct work *b)
{
	SAME(lane);
	SAME(index);
	SAME(begin_ns);
	SAME(end_ns);
	SAME_STR(checksum);
	return NULL;
}

static const char *site_differs(const struct site *a, const struct site *b)
{
	SAME(kind);
	SAME(state);
	SAME(role);
	SAME(user);
	SAME(stack);
	SAME(lock);
	SAME(count);
	SAME(total_ns);
	SAME(max_ns);
	for (uint32_t i = 0; i < WG_HIST_CNT; i++)
		if (hist_at(&a->hist, i) != hist_at(&b->hist, i))
			return "hist";
	SAME(traffic_cnt);
	SAME(undecoded_cnt);
	SAME(faulting_cnt);
	SAME(huge_cnt);
	SAME(pgtables_bytes);
	SAME(thread);
	SAME(kept);
	return NULL;
}

static const char *path_part_differs(const struct path_part *a, const struct path_part *b)
{
	SAME(thread);
	SAME(state);
	SAME(ns);
	return NULL;
}

static const char *waker_differs(const struct waker *a, const struct waker *b)
{
	SAME(site);
	SAME(stack);
	SAME(count);
	SAME(waited_ns);
	return NULL;
}

static const char *run_differs(const struct run *a, const struct run *b)
{
	const char *where = NULL;

	SAME_STR(label);
	SAME_STR(runtime);
	SAME_STR(workload);
	SAME_STR(model);
	SAME_STR(variant);
	SAME_STR(detail);
	SAME_STR(checksum);
	SAME(workers);
	SAME(task_cnt);
	SAME(repeat);
	SAME(pinned);
	SAME(interrupted);
	SAME(exit_status);
	SAME(begin_ns);
	SAME(end_ns);
	SAME(work_ns);
	SAME(bpf_ns);
	SAME(event_cnt);
	SAME(own_cpu_ns);
	SAME(steal_ns);
	SAME(other_cpu_ns);
	SAME(spin_ns);
	SAME(cacheline_ns);
	SAME_MEM(memory);
	SAME(thread_cnt);
	SAME(work_cnt);
	SAME(sample_hz);
	SAME_MEM(path_ns);
	SAME(site_cnt);
	SAME(waker_cnt);
	SAME(path_part_cnt);
	for (size_t i = 0; !where && i < a->path_part_cnt; i++)
		where = path_part_differs(&a->path_parts[i], &b->path_parts[i]);
	for (size_t i = 0; !where && i < a->site_cnt; i++)
		where = site_differs(&a->sites[i], &b->sites[i]);
	for (size_t i = 0; !where && i < a->waker_cnt; i++)
		where = waker_differs(&a->wakers[i], &b->wakers[i]);
	for (size_t i = 0; !where && i < a->thread_cnt; i++)
		where = thread_differs(&a->threads[i], &b->threads[i]);
	for (size_t i = 0; !where && i < a->work_cnt; i++)
		where = work_differs(&a->works[i], &b->works[i]);
	return where;
}

static const char *frame_differs(const struct frame *a, const struct frame *b)
{
	SAME_STR(name);
	SAME_STR(module);
	SAME(start);
	SAME(flags);
	return NULL;
}

static const char *stack_differs(const struct stack *a, const struct stack *b)
{
	SAME(frame_cnt);
	SAME(kernel_cnt);
	SAME(end);
	for (uint32_t i = 0; i < a->frame_cnt; i++)
		SAME(frames[i]);
	return NULL;
}

static const char *lock_differs(const struct lock *a, const struct lock *b)
{
	SAME(kind);
	SAME(flags);
	SAME(tgid);
	SAME(addr);
	SAME_STR(module);
	SAME(offset);
	SAME_STR(symbol);
	SAME(symbol_offset);
	return NULL;
}

static const char *paths_differ(const struct recording *a, const struct recording *b)
{
	const char *where = NULL;

	SAME(frame_cnt);
	SAME(stack_cnt);
	SAME(lock_cnt);
	for (size_t i = 0; !where && i < a->frame_cnt; i++)
		where = frame_differs(&a->frames[i], &b->frames[i]);
	for (size_t i = 0; !where && i < a->stack_cnt; i++)
		where = stack_differs(&a->stacks[i], &b->stacks[i]);
	for (size_t i = 0; !where && i < a->lock_cnt; i++)
		where = lock_differs(&a->locks[i], &b->locks[i]);
	return where;
}

static const char *host_differs(const struct host *a, const struct host *b)
{
	SAME_STR(kernel);
	SAME_STR(machine);
	SAME_STR(distro);
	SAME_STR(cpu_model);
	SAME_STR(lockdown);
	SAME_STR(fault_end);
	SAME_STR(preemption);
	SAME_STR(virt);
	SAME(cpus);
	SAME(mem_bytes);
	return NULL;
}

static const char *conditions_differ(const struct conditions *a, const struct conditions *b)
{
	SAME(at_ns);
	SAME(steal_ns);
	SAME(idle_ns);
	SAME(busy_ns);
	SAME(cacheline_ns);
	SAME(spin_ns);
	SAME(mem_available_bytes);
	SAME(load1);
	SAME_STR(thp);
	SAME_STR(clocksource);
	SAME_STR(governor);
	return NULL;
}

static const char *top_differs(const struct recording *a, const struct recording *b)
{
	SAME(schema);
	SAME_STR(version);
	SAME_STR(command);
	SAME_STR(argv);
	SAME_STR(user);
	SAME_STR(stopped_by);
	SAME(created_s);
	SAME(interrupted);
	SAME(dispatch_ns);
	SAME(fault_event_ns);
	SAME(repair_cnt);
	SAME(wallgap_rss_peak_bytes);
	SAME(wallgap_cpu_ns);
	SAME(start_ns);
	SAME(lib_cnt);
	SAME(loss_cnt);
	SAME(runtime_cnt);
	SAME(absence_cnt);
	SAME(run_cnt);
	for (size_t i = 0; i < a->lib_cnt; i++) {
		SAME_STR(libs[i].name);
		SAME_STR(libs[i].version);
	}
	for (size_t i = 0; i < a->runtime_cnt; i++) {
		SAME_STR(runtimes[i].name);
		SAME_STR(runtimes[i].version);
		SAME_STR(runtimes[i].libs);
		SAME_STR(runtimes[i].flags);
		SAME_STR(runtimes[i].path);
	}
	for (size_t i = 0; i < a->absence_cnt; i++) {
		SAME_STR(absences[i].runtime);
		SAME_STR(absences[i].workload);
		SAME_STR(absences[i].model);
		SAME_STR(absences[i].why);
		SAME(absences[i].failed);
	}
	for (size_t i = 0; i < a->loss_cnt; i++) {
		SAME_STR(losses[i].name);
		SAME_STR(losses[i].what);
		SAME(losses[i].count);
	}
	return NULL;
}

int recording_differs(const struct recording *a, const struct recording *b, const char **where)
{
	*where = top_differs(a, b);
	if (!*where)
		*where = host_differs(&a->host, &b->host);
	for (int i = 0; !*where && i < 2; i++)
		*where = conditions_differ(&a->conditions[i], &b->conditions[i]);
	if (!*where)
		*where = paths_differ(a, b);
	for (size_t i = 0; !*where && i < a->run_cnt; i++)
		*where = run_differs(&a->runs[i], &b->runs[i]);
	return *where != NULL;
}
