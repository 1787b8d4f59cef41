// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See merge.h. Frames, stacks and locks of b go behind those of a, and what refers to them is moved
 * on by as many; that a function is in both is found by its name (gap.c).
 */
#include "model/merge.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/summary.h"

static bool same(const char *x, const char *y)
{
	return !strcmp(str(x), str(y));
}

/* Is an earlier run of r of the same work? */
static bool is_later(const struct recording *r, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (same(r->runs[i].label, r->runs[at].label))
			return true;
	return false;
}

/* --- what differs between the two */

static int differs(struct lines *out, const char *what, const char *a, const char *b)
{
	return same(a, b) ? 0 : lines_add(out, "%s: %s against %s", what, str(a), str(b));
}

static int compare_hosts(struct lines *out, const struct host *a, const struct host *b)
{
	int err = differs(out, "kernel", a->kernel, b->kernel);

	if (!err)
		err = differs(out, "CPU", a->cpu_model, b->cpu_model);
	if (!err && a->cpus != b->cpus)
		err = lines_add(out, "CPUs: %d against %d", a->cpus, b->cpus);
	if (!err)
		err = differs(out, "distribution", a->distro, b->distro);
	if (!err)
		err = differs(out, "ends of page faults", a->fault_end, b->fault_end);
	return err;
}

static int compare_conditions(struct lines *out, const struct conditions *a,
			      const struct conditions *b)
{
	int err = differs(out, "transparent huge pages", a->thp, b->thp);

	return err ? err : differs(out, "governor of the CPU clock", a->governor, b->governor);
}

static int compare_libs(struct lines *out, const struct recording *a, const struct recording *b)
{
	int err = 0;

	for (size_t i = 0; i < a->lib_cnt && !err; i++)
		for (size_t j = 0; j < b->lib_cnt && !err; j++)
			if (same(a->libs[i].name, b->libs[j].name))
				err = differs(out, str(a->libs[i].name), a->libs[i].version,
					      b->libs[j].version);
	for (size_t i = 0; i < a->runtime_cnt && !err; i++) {
		for (size_t j = 0; j < b->runtime_cnt && !err; j++) {
			const struct runtime_info *x = &a->runtimes[i], *y = &b->runtimes[j];

			if (!same(x->name, y->name))
				continue;
			err = differs(out, str(x->name), x->version, y->version);
			if (!err && same(x->version, y->version))
				err = differs(out, str(x->name), x->libs, y->libs);
		}
	}
	return err;
}

/* Sizes of the work, and who did it. */
static int compare_runs(struct lines *out, const struct recording *a, const struct recording *b)
{
	int err = 0;

	for (size_t i = 0; i < a->run_cnt && !err; i++) {
		const struct run *x = &a->runs[i], *y = NULL;

		for (size_t j = 0; j < b->run_cnt && !y; j++)
			if (same(x->label, b->runs[j].label))
				y = &b->runs[j];
		if (!y || is_later(a, i))
			continue;
		if (x->workers != y->workers)
			err = lines_add(out, "%s: %d workers against %d", str(x->label), x->workers,
					y->workers);
		if (!err && x->pinned != y->pinned)
			err = lines_add(out, "%s: only one side is pinned", str(x->label));
	}
	return err;
}

/* --- runs */

/* What a switch did to gaps within one of them is no business of a comparison of the two. */
static int drop_variants(struct recording *r, const char *label, struct lines *notes)
{
	size_t to = 0, all = r->run_cnt;

	for (size_t i = 0; i < all; i++) {
		if (!*str(r->runs[i].variant)) {
			struct run keep = r->runs[i];

			r->runs[i] = r->runs[to];
			r->runs[to++] = keep;
		}
	}
	while (r->run_cnt > to)
		recording_drop_run(r);
	return to == all
		       ? 0
		       : lines_add(notes, "%s: %zu runs of --prove are left out", label, all - to);
}

/* What the recording is of, if that is one command, however often; else NULL. */
static const char *only_command(const struct recording *r)
{
	for (size_t i = 0; i < r->run_cnt; i++) {
		const struct run *run = &r->runs[i];

		if (*str(run->workload) || *str(run->model) || !same(run->label, r->runs[0].label))
			return NULL;
	}
	return r->run_cnt ? str(r->runs[0].label) : NULL;
}

/* The model of a command is the side; what it is called says what it is. */
static int name_sides(struct recording *r, const char *side)
{
	for (size_t i = 0; i < r->run_cnt; i++) {
		char *model = strdup(side);

		if (!model)
			return -ENOMEM;
		free(r->runs[i].model);
		r->runs[i].model = model;
	}
	return 0;
}

static int merge_commands(struct recording *a, struct recording *b, const char *a_label,
			  const char *b_label, struct lines *notes)
{
	const char *of_a = only_command(a), *of_b = only_command(b);
	int err = 0;

	if (!same(of_a, of_b))
		err = lines_add(notes, "%s is of '%s', %s of '%s'", a_label, of_a, b_label, of_b);
	if (!err)
		err = name_sides(a, a_label);
	return err ? err : name_sides(b, b_label);
}

static bool same_work(const struct run *x, const struct run *y)
{
	return same(x->workload, y->workload) && same(x->runtime, y->runtime) &&
	       same(x->model, y->model) && *str(x->workload) && run_same_size(x, y);
}

static bool is_in(const struct recording *r, const struct run *run)
{
	for (size_t i = 0; i < r->run_cnt; i++)
		if (same_work(&r->runs[i], run))
			return true;
	return false;
}

/* Only what the other has too stays; each thing that goes is told once. */
static int drop_one_sided(struct recording *r, const struct recording *other, const char *label,
			  struct lines *notes)
{
	size_t to = 0;
	int err = 0;

	for (size_t i = 0; i < r->run_cnt && !err; i++)
		if (!is_in(other, &r->runs[i]) && !is_later(r, i))
			err = lines_add(notes, "%s (%s) is only in %s", str(r->runs[i].label),
					str(r->runs[i].detail), label);
	for (size_t i = 0; i < r->run_cnt && !err; i++) {
		if (is_in(other, &r->runs[i])) {
			struct run keep = r->runs[i];

			r->runs[i] = r->runs[to];
			r->runs[to++] = keep;
		}
	}
	while (!err && r->run_cnt > to)
		recording_drop_run(r);
	return err;
}

/* "node" and "threads" become the runtime "node threads", and the model the side. */
static int relabel(struct run *run, const char *side)
{
	char *runtime = NULL, *model = strdup(side), *label = NULL;

	if (asprintf(&runtime, "%s %s", str(run->runtime), str(run->model)) < 0)
		runtime = NULL;
	if (asprintf(&label, "%s/%s", str(run->label), side) < 0)
		label = NULL;
	if (!runtime || !model || !label) {
		free(runtime);
		free(model);
		free(label);
		return -ENOMEM;
	}
	free(run->runtime);
	free(run->model);
	free(run->label);
	run->runtime = runtime;
	run->model = model;
	run->label = label;
	return 0;
}

/* --- moving b behind a */

static int append(void **to, size_t *to_cnt, size_t *to_cap, void **from, size_t *from_cnt,
		  size_t sz)
{
	void *all = reallocarray(*to, *to_cnt + *from_cnt + 1, sz);

	if (!all)
		return -ENOMEM;
	if (*from_cnt)
		memcpy((char *)all + *to_cnt * sz, *from, *from_cnt * sz);
	*to = all;
	*to_cnt += *from_cnt;
	*to_cap = *to_cnt + 1;
	*from_cnt = 0;
	return 0;
}

#define APPEND(field)                                                                              \
	append((void **)&a->field##s, &a->field##_cnt, &a->field##_cap, (void **)&b->field##s,     \
	       &b->field##_cnt, sizeof(*a->field##s))

static void shift(uint32_t *index, size_t by)
{
	if (*index != NO_INDEX)
		*index += (uint32_t)by;
}

static void shift_run(struct run *run, const struct recording *a)
{
	for (size_t i = 0; i < run->thread_cnt; i++)
		shift(&run->threads[i].start, a->frame_cnt);
	for (size_t i = 0; i < run->site_cnt; i++) {
		shift(&run->sites[i].stack, a->stack_cnt);
		shift(&run->sites[i].lock, a->lock_cnt);
	}
	for (size_t i = 0; i < run->waker_cnt; i++)
		shift(&run->wakers[i].stack, a->stack_cnt);
}

static int move_all(struct recording *a, struct recording *b)
{
	int err;

	for (size_t i = 0; i < b->stack_cnt; i++)
		for (uint32_t j = 0; j < b->stacks[i].frame_cnt; j++)
			shift(&b->stacks[i].frames[j], a->frame_cnt);
	for (size_t i = 0; i < b->run_cnt; i++)
		shift_run(&b->runs[i], a);
	/* one array's failure leaves the rest with b, which still frees it */
	err = APPEND(frame);
	if (!err)
		err = APPEND(stack);
	if (!err)
		err = APPEND(lock);
	if (!err)
		err = APPEND(run);
	return err;
}

/* What was lost on either side is missing in the comparison. */
static int add_losses(struct recording *a, const struct recording *b)
{
	int err = 0;

	for (size_t i = 0; i < b->loss_cnt && !err; i++)
		err = recording_add_loss(a, str(b->losses[i].name), str(b->losses[i].what),
					 b->losses[i].count);
	return err;
}

static int merge_pools(struct recording *a, struct recording *b, const char *a_label,
		       const char *b_label, struct lines *warnings, struct lines *notes)
{
	int err = compare_runs(warnings, a, b);

	if (!err)
		err = drop_one_sided(a, b, a_label, notes);
	if (!err)
		err = drop_one_sided(b, a, b_label, notes);
	if (!err && !a->run_cnt)
		err = -ENODATA;
	for (size_t i = 0; i < a->run_cnt && !err; i++)
		err = relabel(&a->runs[i], a_label);
	for (size_t i = 0; i < b->run_cnt && !err; i++)
		err = relabel(&b->runs[i], b_label);
	return err;
}

int recording_merge(struct recording *a, struct recording *b, const char *a_label,
		    const char *b_label, struct lines *warnings, struct lines *notes)
{
	int err = compare_hosts(warnings, &a->host, &b->host);

	if (!err)
		err = compare_conditions(warnings, &a->conditions[0], &b->conditions[0]);
	if (!err)
		err = compare_libs(warnings, a, b);
	if (!err)
		err = drop_variants(a, a_label, notes);
	if (!err)
		err = drop_variants(b, b_label, notes);
	if (!err)
		err = only_command(a) && only_command(b)
			      ? merge_commands(a, b, a_label, b_label, notes)
			      : merge_pools(a, b, a_label, b_label, warnings, notes);
	if (!err)
		err = add_losses(a, b);
	if (!err)
		err = move_all(a, b);
	return err;
}
