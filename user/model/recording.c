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
	free(run->detail);
	free(run->checksum);
	free(run->threads);
	for (size_t i = 0; i < run->work_cnt; i++)
		free(run->works[i].checksum);
	free(run->works);
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

void recording_clear(struct recording *r)
{
	free(r->version);
	free(r->command);
	free(r->argv);
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
	for (size_t i = 0; i < r->run_cnt; i++)
		run_clear(&r->runs[i]);
	free(r->runs);
	recording_init(r);
}

struct run *recording_add_run(struct recording *r)
{
	struct run *run;

	if (array_grow((void **)&r->runs, &r->run_cap, r->run_cnt, sizeof(*r->runs)))
		return NULL;
	run = &r->runs[r->run_cnt++];
	memset(run, 0, sizeof(*run));
	return run;
}

struct thread *run_add_thread(struct run *run)
{
	struct thread *t;

	if (array_grow((void **)&run->threads, &run->thread_cap, run->thread_cnt,
		       sizeof(*run->threads)))
		return NULL;
	t = &run->threads[run->thread_cnt++];
	memset(t, 0, sizeof(*t));
	return t;
}

struct work *run_add_work(struct run *run)
{
	struct work *w;

	if (array_grow((void **)&run->works, &run->work_cap, run->work_cnt, sizeof(*run->works)))
		return NULL;
	w = &run->works[run->work_cnt++];
	memset(w, 0, sizeof(*w));
	return w;
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
