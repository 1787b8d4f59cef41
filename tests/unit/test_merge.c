// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Two recordings made one: what is in both stays, every index still points to the same thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/gap.h"
#include "model/gap_pairs.h"
#include "model/merge.h"
#include "unit/random_recording.h"

static struct recording a, b;
static struct lines warnings, notes;

static int begin(void **state)
{
	(void)state;
	recording_init(&a);
	recording_init(&b);
	return 0;
}

static int end(void **state)
{
	(void)state;
	recording_clear(&a);
	recording_clear(&b);
	lines_clear(&warnings);
	lines_clear(&notes);
	return 0;
}

static struct run *add(struct recording *r, const char *model, const char *detail)
{
	struct run *run = recording_add_run(r);
	struct thread *t = run_add_thread(run);

	run->workload = strdup("crypto");
	run->runtime = strdup("node");
	run->model = strdup(model);
	run->detail = strdup(detail);
	run->end_ns = t->end_ns = t->state_ns[WG_CPU] = 1000;
	t->role = ROLE_WORKER;
	t->start = NO_INDEX;
	if (asprintf(&run->label, "crypto/node/%s", model) < 0)
		abort();
	return run;
}

static bool says(const struct lines *l, const char *words)
{
	for (size_t i = 0; i < l->cnt; i++)
		if (strstr(l->line[i], words))
			return true;
	return false;
}

/* A site on a path of one function. */
static void add_site(struct recording *r, struct run *run, const char *function)
{
	struct frame *f = recording_add_frame(r);
	struct stack *s = recording_add_stack(r);
	struct site *site = run_add_site(run);

	f->name = strdup(function);
	f->module = strdup("m");
	f->flags = FRAME_NAMED;
	s->frames = calloc(1, sizeof(*s->frames));
	s->frames[0] = (uint32_t)r->frame_cnt - 1;
	s->frame_cnt = 1;
	site->kind = SITE_SAMPLE;
	site->user = true;
	site->stack = (uint32_t)r->stack_cnt - 1;
	site->count = 5;
}

static const char *function_of(const struct recording *r, size_t run)
{
	return r->frames[r->stacks[r->runs[run].sites[0].stack].frames[0]].name;
}

static void what_both_have_becomes_one_section(void **state)
{
	struct gap_pair *pairs;
	struct summary s;

	(void)state;
	add_site(&a, add(&a, "threads", "5 of it, moved"), "in_a");
	add_site(&b, add(&b, "threads", "5 of it, copied"), "in_b");
	add_site(&b, add(&b, "threads", "5 of it, copied"), "in_b2");
	assert_int_equal(recording_merge(&a, &b, "old", "new", &warnings, &notes), 0);
	assert_int_equal(a.run_cnt, 3);
	assert_int_equal(b.run_cnt, 0);
	assert_string_equal(a.runs[0].runtime, "node threads");
	assert_string_equal(a.runs[0].model, "old");
	assert_string_equal(a.runs[2].model, "new");
	assert_string_equal(function_of(&a, 0), "in_a");
	assert_string_equal(function_of(&a, 1), "in_b");
	assert_string_equal(function_of(&a, 2), "in_b2");
	assert_int_equal(summary_of(&s, &a), 0);
	assert_int_equal(s.section_cnt, 1);
	assert_int_equal(gap_pairs(&s, &pairs), 1);
	assert_string_equal(pairs[0].a->first->model, "old");
	assert_string_equal(pairs[0].b->first->model, "new");
	free(pairs);
	summary_clear(&s);
	assert_int_equal(warnings.cnt + notes.cnt, 0);
}

static void one_sided_and_resized_work_is_left_out(void **state)
{
	(void)state;
	add(&a, "threads", "5 of it");
	add(&a, "procs", "5 of it");
	add(&a, "procs", "5 of it");
	add(&b, "single", "5 of it");
	add(&b, "threads", "5 of it");
	add(&b, "procs", "6 of it");
	assert_int_equal(recording_merge(&a, &b, "old", "new", &warnings, &notes), 0);
	assert_int_equal(a.run_cnt, 2);
	assert_int_equal(notes.cnt, 3);
	assert_true(says(&notes, "crypto/node/procs (5 of it) is only in old"));
	assert_true(says(&notes, "crypto/node/procs (6 of it) is only in new"));
	assert_true(says(&notes, "crypto/node/single (5 of it) is only in new"));
}

static void nothing_in_common_is_no_data(void **state)
{
	(void)state;
	add(&a, "threads", "5 of it");
	add(&b, "procs", "5 of it");
	assert_int_equal(recording_merge(&a, &b, "old", "new", &warnings, &notes), -ENODATA);
}

static void add_command(struct recording *r, const char *label, uint64_t wall_ns)
{
	struct run *run = add(r, "", "");
	struct path_part *part = run_add_path_part(run);

	free(run->workload);
	free(run->runtime);
	free(run->label);
	run->workload = strdup("");
	run->runtime = strdup("");
	run->label = strdup(label);
	run->threads[0].role = ROLE_HELPER;
	run->threads[0].state_ns[WG_CPU] = wall_ns;
	run->end_ns = run->path_ns[WG_CPU] = part->ns = wall_ns;
	part->thread = 0;
}

/* Two recordings of one command each are two sides, whatever the commands are. */
static void commands_are_two_sides(void **state)
{
	struct gap_pair *pairs;
	struct summary s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		add_command(&a, "make -j1", 5000);
		add_command(&b, "make -j2", 3000);
	}
	assert_int_equal(recording_merge(&a, &b, "old", "new", &warnings, &notes), 0);
	assert_true(says(&notes, "old is of 'make -j1', new of 'make -j2'"));
	assert_int_equal(summary_of(&s, &a), 0);
	assert_int_equal(s.section_cnt, 1);
	assert_int_equal(gap_pairs(&s, &pairs), 1);
	assert_string_equal(pairs[0].a->first->model, "old");
	assert_string_equal(pairs[0].b->first->label, "make -j2");
	free(pairs);
	summary_clear(&s);
}

/* Which of several commands is meant is not said. */
static void several_commands_are_no_sides(void **state)
{
	(void)state;
	add_command(&a, "make -j1", 5000);
	add_command(&a, "make -j3", 5000);
	add_command(&b, "make -j2", 3000);
	assert_int_equal(recording_merge(&a, &b, "old", "new", &warnings, &notes), -ENODATA);
}

static void other_machines_are_told(void **state)
{
	(void)state;
	add(&a, "threads", "5 of it")->workers = 2;
	add(&b, "threads", "5 of it")->workers = 4;
	a.host.kernel = strdup("6.1");
	b.host.kernel = strdup("6.12");
	a.host.cpus = 2;
	b.host.cpus = 8;
	recording_add_lib(&a, "libcrypto", "3.0.15");
	recording_add_lib(&b, "libcrypto", "3.5.0");
	assert_int_equal(recording_merge(&a, &b, "old", "new", &warnings, &notes), 0);
	assert_int_equal(warnings.cnt, 4);
	assert_true(says(&warnings, "kernel: 6.1 against 6.12"));
	assert_true(says(&warnings, "CPUs: 2 against 8"));
	assert_true(says(&warnings, "libcrypto: 3.0.15 against 3.5.0"));
	assert_true(says(&warnings, "crypto/node/threads: 2 workers against 4"));
}

/* Random ones: whatever they hold, what comes out can be read from end to end. */
static void indices_stay_in_range(void **state)
{
	struct prng p = {.state = 11};

	(void)state;
	for (int n = 0; n < 40; n++) {
		random_recording(&a, &p);
		random_recording(&b, &p);
		add(&a, "threads", "5 of it");
		add(&b, "threads", "5 of it");
		assert_int_equal(recording_merge(&a, &b, "x", "y", &warnings, &notes), 0);
		for (size_t i = 0; i < a.stack_cnt; i++)
			for (uint32_t j = 0; j < a.stacks[i].frame_cnt; j++)
				assert_true(a.stacks[i].frames[j] < a.frame_cnt);
		for (size_t i = 0; i < a.run_cnt; i++) {
			for (size_t j = 0; j < a.runs[i].site_cnt; j++) {
				const struct site *s = &a.runs[i].sites[j];

				assert_true(s->stack < a.stack_cnt);
				assert_true(s->lock == NO_INDEX || s->lock < a.lock_cnt);
			}
			for (size_t j = 0; j < a.runs[i].thread_cnt; j++)
				assert_true(a.runs[i].threads[j].start == NO_INDEX ||
					    a.runs[i].threads[j].start < a.frame_cnt);
		}
		end(NULL);
		begin(NULL);
	}
}

/* Runs with a switch set belong to the gaps of their own recording. */
static void variants_are_left_out(void **state)
{
	(void)state;
	add(&a, "threads", "5 of it");
	add(&a, "threads", "5 of it")->variant = strdup("private-contexts");
	add(&a, "threads", "5 of it");
	add(&b, "threads", "5 of it")->variant = strdup("private-contexts");
	add(&b, "threads", "5 of it");
	assert_int_equal(recording_merge(&a, &b, "old", "new", &warnings, &notes), 0);
	assert_int_equal(a.run_cnt, 3);
	assert_int_equal(b.run_cnt, 0);
	for (size_t i = 0; i < a.run_cnt; i++)
		assert_string_equal(str(a.runs[i].variant), "");
	assert_true(says(&notes, "old: 1 runs of --prove are left out"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_both_have_becomes_one_section),
		TEST(one_sided_and_resized_work_is_left_out),
		TEST(nothing_in_common_is_no_data),
		TEST(commands_are_two_sides),
		TEST(several_commands_are_no_sides),
		TEST(other_machines_are_told),
		TEST(indices_stay_in_range),
		TEST(variants_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
