// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Memory of a recording: build it up, free it. No meaning is made here; see ledger.c. */
#include "model/recording.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

static const char *const role_names[ROLE_CNT] = {
	[ROLE_WORKER] = "worker",
	[ROLE_ORCHESTRATOR] = "orchestrator",
	[ROLE_HELPER] = "helper",
};

static const char *const state_names[WG_STATE_CNT] = {
	[WG_CPU] = "cpu",
	[WG_CPU_FAULT] = "cpu_fault",
	[WG_RUNQ_WAKE] = "runq_wake",
	[WG_RUNQ_PREEMPT] = "runq_preempt",
	[WG_FUTEX] = "futex",
	[WG_KLOCK] = "klock",
	[WG_IO] = "io",
	[WG_SLEEP] = "sleep",
	[WG_POLL] = "poll",
	[WG_IPC] = "ipc",
	[WG_CHILD] = "child",
	[WG_STOPPED] = "stopped",
	[WG_OTHER] = "other",
	[WG_PROBE] = "probe",
};

static const char *const stack_end_names[WG_END_CNT] = {
	[WG_END_COMPLETE] = "complete", [WG_END_TRUNCATED] = "truncated",
	[WG_END_BROKEN] = "broken",	[WG_END_UNSUPPORTED] = "unsupported",
	[WG_END_UNMAPPED] = "unmapped", [WG_END_NONE] = "none",
	[WG_END_LOST] = "lost",
};

void recording_init(struct recording *r)
{
	memset(r, 0, sizeof(*r));
	r->schema = RECORDING_SCHEMA;
}

static void run_clear(struct run *run)
{
	free(run->label);
	free(run->runtime);
	free(run->workload);
	free(run->model);
	free(run->variant);
	free(run->detail);
	free(run->checksum);
	free(run->threads);
	for (size_t i = 0; i < run->work_cnt; i++)
		free(run->works[i].checksum);
	free(run->works);
	for (size_t i = 0; i < run->site_cnt; i++)
		hist_clear(&run->sites[i].hist);
	free(run->sites);
	free(run->wakers);
	free(run->path_parts);
}

static void paths_clear(struct recording *r)
{
	for (size_t i = 0; i < r->frame_cnt; i++) {
		free(r->frames[i].name);
		free(r->frames[i].module);
	}
	free(r->frames);
	for (size_t i = 0; i < r->stack_cnt; i++)
		free(r->stacks[i].frames);
	free(r->stacks);
	for (size_t i = 0; i < r->lock_cnt; i++) {
		free(r->locks[i].module);
		free(r->locks[i].symbol);
	}
	free(r->locks);
}

static void host_clear(struct host *h)
{
	free(h->kernel);
	free(h->machine);
	free(h->distro);
	free(h->cpu_model);
	free(h->lockdown);
	free(h->fault_end);
	free(h->preemption);
	free(h->virt);
}

static void conditions_clear(struct conditions *c)
{
	free(c->thp);
	free(c->clocksource);
	free(c->governor);
}

static void pools_clear(struct recording *r)
{
	for (size_t i = 0; i < r->runtime_cnt; i++) {
		free(r->runtimes[i].name);
		free(r->runtimes[i].version);
		free(r->runtimes[i].libs);
		free(r->runtimes[i].flags);
		free(r->runtimes[i].path);
	}
	free(r->runtimes);
	for (size_t i = 0; i < r->absence_cnt; i++) {
		free(r->absences[i].runtime);
		free(r->absences[i].workload);
		free(r->absences[i].model);
		free(r->absences[i].why);
	}
	free(r->absences);
}

void recording_clear(struct recording *r)
{
	free(r->version);
	free(r->command);
	free(r->argv);
	free(r->user);
	free(r->stopped_by);
	host_clear(&r->host);
	for (size_t i = 0; i < ARRAY_SIZE(r->conditions); i++)
		conditions_clear(&r->conditions[i]);
	for (size_t i = 0; i < r->lib_cnt; i++) {
		free(r->libs[i].name);
		free(r->libs[i].version);
	}
	free(r->libs);
	for (size_t i = 0; i < r->loss_cnt; i++) {
		free(r->losses[i].name);
		free(r->losses[i].what);
	}
	free(r->losses);
	pools_clear(r);
	paths_clear(r);
	for (size_t i = 0; i < r->run_cnt; i++)
		run_clear(&r->runs[i]);
	free(r->runs);
	recording_init(r);
}

/* A zeroed element at the end of an array; NULL without memory. */
static void *add_blank(void **arr, size_t *cap, size_t *cnt, size_t sz)
{
	void *elem;

	if (array_grow(arr, cap, *cnt, sz))
		return NULL;
	elem = (char *)*arr + (*cnt)++ * sz;
	memset(elem, 0, sz);
	return elem;
}

#define ADD_BLANK(owner, arr, name)                                                                \
	add_blank((void **)&(owner)->arr, &(owner)->name##_cap, &(owner)->name##_cnt,              \
		  sizeof(*(owner)->arr))

struct run *recording_add_run(struct recording *r)
{
	struct run *run = ADD_BLANK(r, runs, run);

	if (run)
		run->spin_ns = run->cacheline_ns = run->own_cpu_ns = UNKNOWN;
	return run;
}

void recording_drop_run(struct recording *r)
{
	run_clear(&r->runs[--r->run_cnt]);
}

struct runtime_info *recording_add_runtime(struct recording *r)
{
	return ADD_BLANK(r, runtimes, runtime);
}

struct absence *recording_add_absence(struct recording *r)
{
	return ADD_BLANK(r, absences, absence);
}

struct thread *run_add_thread(struct run *run)
{
	struct thread *t = ADD_BLANK(run, threads, thread);

	if (t)
		t->start = NO_INDEX;
	return t;
}

struct work *run_add_work(struct run *run)
{
	return ADD_BLANK(run, works, work);
}

struct site *run_add_site(struct run *run)
{
	struct site *s = ADD_BLANK(run, sites, site);

	if (s)
		s->lock = s->thread = NO_INDEX;
	return s;
}

struct waker *run_add_waker(struct run *run)
{
	return ADD_BLANK(run, wakers, waker);
}

struct path_part *run_add_path_part(struct run *run)
{
	struct path_part *p = ADD_BLANK(run, path_parts, path_part);

	if (p)
		p->thread = NO_INDEX;
	return p;
}

struct frame *recording_add_frame(struct recording *r)
{
	return ADD_BLANK(r, frames, frame);
}

struct stack *recording_add_stack(struct recording *r)
{
	return ADD_BLANK(r, stacks, stack);
}

struct lock *recording_add_lock(struct recording *r)
{
	return ADD_BLANK(r, locks, lock);
}

/* Two copies at once: both are made, or none. */
static int dup_pair(char **a_out, char **b_out, const char *a, const char *b)
{
	char *a_copy = strdup(a ? a : "");
	char *b_copy = strdup(b ? b : "");

	if (!a_copy || !b_copy) {
		free(a_copy);
		free(b_copy);
		return -ENOMEM;
	}
	*a_out = a_copy;
	*b_out = b_copy;
	return 0;
}

int recording_add_lib(struct recording *r, const char *name, const char *version)
{
	struct lib lib;
	int err;

	err = array_grow((void **)&r->libs, &r->lib_cap, r->lib_cnt, sizeof(*r->libs));
	if (err)
		return err;
	err = dup_pair(&lib.name, &lib.version, name, version);
	if (err)
		return err;
	r->libs[r->lib_cnt++] = lib;
	return 0;
}

int recording_add_loss(struct recording *r, const char *name, const char *what, uint64_t count)
{
	struct loss loss = {.count = count};
	int err;

	for (size_t i = 0; i < r->loss_cnt; i++) {
		if (!strcmp(r->losses[i].name, name)) {
			r->losses[i].count += count;
			return 0;
		}
	}
	err = array_grow((void **)&r->losses, &r->loss_cap, r->loss_cnt, sizeof(*r->losses));
	if (err)
		return err;
	err = dup_pair(&loss.name, &loss.what, name, what);
	if (err)
		return err;
	r->losses[r->loss_cnt++] = loss;
	return 0;
}

const char *role_name(enum role role)
{
	return (unsigned int)role < ROLE_CNT ? role_names[role] : "unknown";
}

int role_parse(const char *name)
{
	for (int i = 0; i < ROLE_CNT; i++) {
		if (!strcmp(role_names[i], name))
			return i;
	}
	return -EINVAL;
}

const char *state_name(enum wg_state state)
{
	return (unsigned int)state < WG_STATE_CNT ? state_names[state] : "unknown";
}

const char *stack_end_name(enum wg_stack_end end)
{
	return (unsigned int)end < WG_END_CNT ? stack_end_names[end] : "unknown";
}
