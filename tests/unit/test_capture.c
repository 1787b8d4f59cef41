// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * From what the kernel side says to the run of a recording: which tasks are its threads, what their
 * waits, samples and faults are called, and that no time and no count is lost on the way. The
 * collector is played here, at its own functions; the file whose code is named is this program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "capture/capture.h"
#include "capture/head.h"
#include "collect/module.h"

/* --- the collector that is played */

struct collector {
	struct rows before, after, gone;
	struct profile profile;
	struct stacks stacks;
	struct process process;
	struct wg_mapping map;
	struct module module; /* number 1: this program */
	bool stacks_wanted;
	int close_err, end_err;
	enum wg_count uncounted; /* WG_COUNT_CNT: all are counted */
	struct cost cost;
	uint64_t losses;
};

static struct collector c;

static int give(struct rows *to, const struct rows *from)
{
	rows_clear(to);
	to->row = calloc(from->cnt + 1, sizeof(*to->row));
	if (!to->row)
		return -ENOMEM;
	if (from->cnt)
		memcpy(to->row, from->row, from->cnt * sizeof(*to->row));
	to->cnt = to->cap = from->cnt;
	return 0;
}

int collector_drain(struct collector *k, struct rows *out)
{
	return rows_move(out, &k->gone);
}

void collector_cost(const struct collector *k, struct cost *cost)
{
	*cost = k->cost;
}

void collector_window_begin(struct collector *k)
{
	(void)k;
}

int collector_window_open(struct collector *k, struct rows *before, struct err *e)
{
	(void)e;
	return give(before, &k->before);
}

int collector_window_close(struct collector *k, struct rows *after, struct err *e)
{
	return k->close_err ? err_sys(e, k->close_err, "cannot walk the tasks")
			    : give(after, &k->after);
}

int collector_window_end(struct collector *k, const struct rows *before, const struct rows *after,
			 struct profile *out, struct err *e)
{
	(void)before;
	(void)after;
	if (k->end_err)
		return err_sys(e, k->end_err, "cannot read the sites");
	*out = k->profile;
	k->profile = (struct profile){0};
	return 0;
}

bool collector_counts(const struct collector *k, enum wg_count what)
{
	return what != k->uncounted;
}

const struct spaces *collector_names_begin(struct collector *k, struct stacks **stacks)
{
	*stacks = &k->stacks;
	return k->stacks_wanted ? (const struct spaces *)k : NULL;
}

void collector_names_end(struct collector *k)
{
	(void)k;
}

const struct module *spaces_module(const struct spaces *s, uint32_t number)
{
	const struct collector *k = (const struct collector *)s;

	return number == 1 ? &k->module : NULL;
}

const struct process *spaces_process(const struct spaces *s, uint32_t tgid)
{
	const struct collector *k = (const struct collector *)s;

	return tgid == k->process.tgid ? &k->process : NULL;
}

void collector_dispatch(const struct collector *k, uint64_t *dispatch_ns, uint64_t *fault_event_ns)
{
	(void)k;
	*dispatch_ns = 31;
	*fault_event_ns = 26;
}

const char *collector_fault_end(const struct collector *k)
{
	(void)k;
	return "perf";
}

const char *collector_library_version(void)
{
	return "9.9";
}

uint64_t collector_repairs(const struct collector *k)
{
	(void)k;
	return 7;
}

int collector_losses(const struct collector *k, struct recording *r)
{
	return recording_add_loss(r, "rows", "rows of tasks", k->losses);
}

/* --- what is told to it */

#define TGID 4242
#define FRAME(addr) ((uint64_t)1 << WG_MODULE_SHIFT | (uint64_t)(addr))
#define KERNEL_LOCK 0xffff888012345678ull

static struct recording r;
static struct capture *k;
static uint64_t base; /* of this program */

/* What is looked for: names of functions and data that the compiler may not do without. */
static int a_lock_word[4];

__attribute__((noinline)) static int waits_here(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

__attribute__((noinline)) static int adds_atomically(int *to)
{
	__asm__ volatile(".globl wg_test_locked\nwg_test_locked: lock addl $1, %0" : "+m"(*to));
	return *to;
}

extern const char wg_test_locked[];

static int find_base(struct dl_phdr_info *info, size_t sz, void *arg)
{
	(void)sz;
	*(uint64_t *)arg = info->dlpi_addr;
	return 1; /* the first is the program */
}

static uint64_t in_file(const void *p)
{
	return (uint64_t)(uintptr_t)p - base;
}

static void add_stack(uint64_t hash, const uint64_t *frames, int kernel_cnt, int user_cnt)
{
	size_t sz = (size_t)(kernel_cnt + user_cnt) * sizeof(*frames);
	struct raw_stack *s;

	c.stacks.stack = reallocarray(c.stacks.stack, c.stacks.cnt + 1, sizeof(*s));
	assert_non_null(c.stacks.stack);
	s = &c.stacks.stack[c.stacks.cnt++];
	*s = (struct raw_stack){.hash = hash,
				.frame = malloc(sz + 1),
				.tgid = TGID,
				.user_cnt = (uint8_t)user_cnt,
				.kernel_cnt = (uint8_t)kernel_cnt,
				.end = WG_END_COMPLETE};
	memcpy(s->frame, frames, sz);
	c.stacks.cap = c.stacks.cnt;
}

static struct wg_row *add_row(struct rows *to, uint64_t id, uint64_t root, uint64_t begin,
			      uint64_t now)
{
	struct wg_row *row;

	to->row = reallocarray(to->row, to->cnt + 1, sizeof(*row));
	assert_non_null(to->row);
	row = &to->row[to->cnt++];
	to->cap = to->cnt;
	*row = (struct wg_row){.id = id,
			       .root_id = root,
			       .tid = (uint32_t)id,
			       .tgid = (uint32_t)root,
			       .begin_ns = begin,
			       .begin_sched_ns = begin,
			       .now_ns = now,
			       .sched_ns = now,
			       .comm = "task"};
	row->state_ns[WG_CPU] = now - begin;
	return row;
}

static void add_wait(uint64_t stack, enum wg_state state, uint64_t object, unsigned int flags,
		     uint64_t cnt, uint64_t ns)
{
	const struct wg_site_key key = {.stack = stack,
					.object = object,
					.tgid = TGID,
					.flags = (uint16_t)flags,
					.state = (uint8_t)state};
	const struct wg_site sum = {.cnt = cnt, .total_ns = ns, .max_ns = ns};

	assert_int_equal(profile_add_wait(&c.profile, &key, &sum), 0);
}

static int begin(void **state)
{
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	dl_iterate_phdr(find_base, &base);
	memset(&c, 0, sizeof(c));
	c.stacks_wanted = true;
	c.uncounted = WG_COUNT_CNT;
	if (fd < 0 || fstat(fd, &st) || module_open(&c.module, fd, &st, "/opt/x/program", NULL))
		return -1;
	c.map = (struct wg_mapping){
		.start = base, .end = base + st.st_size, .bias = base, .module = 1};
	c.process = (struct process){.tgid = TGID,
				     .ns_tgid = (uint32_t)getpid(),
				     .uid = geteuid(),
				     .identified = true,
				     .root_fd = -1,
				     .map = &c.map,
				     .map_cnt = 1};
	recording_init(&r);
	return capture_new(&k, &c, &r);
}

static int end(void **state)
{
	(void)state;
	capture_free(k);
	recording_clear(&r);
	rows_clear(&c.before);
	rows_clear(&c.after);
	rows_clear(&c.gone);
	profile_clear(&c.profile);
	stacks_clear(&c.stacks);
	module_clear(&c.module);
	return 0;
}

/* One window of the tree of TGID, ended. */
static struct run *capture(void)
{
	struct run *run = recording_add_run(&r);
	struct err e = {""};
	uint64_t now = now_ns();

	if (!c.before.cnt)
		add_row(&c.before, TGID, TGID, now - 1000, now);
	if (!c.after.cnt)
		add_row(&c.after, TGID, TGID, now - 1000, now + 5000);
	assert_int_equal(capture_begin(k, TGID, &e), 0);
	if (capture_end(k, run, &e))
		fail_msg("%s", e.msg);
	return run;
}

static const char *leaf_name(const struct site *s)
{
	const struct stack *stack = &r.stacks[s->stack];

	return stack->frame_cnt ? r.frames[stack->frames[0]].name : "";
}

/* --- which tasks are threads */

static void threads_are_those_of_the_tree(void **state)
{
	uint64_t now = now_ns(), born;
	struct err e = {""};
	struct run *run = recording_add_run(&r);
	struct rows gone = {0};

	(void)state;
	add_row(&c.before, TGID, TGID, now - 1000, now);
	add_row(&c.before, 5000, 5000, now - 1000, now); /* of another tree */
	add_row(&c.after, TGID, TGID, now - 1000, now + 7000);
	add_row(&c.after, 5000, 5000, now - 1000, now + 7000);
	assert_int_equal(capture_begin(k, TGID, &e), 0);
	/* born and ended in the window; ended before the first snapshot came to it; another's child */
	born = now_ns();
	add_row(&gone, 6000, TGID, born, born + 300)->flags = WG_ROW_DEAD;
	add_row(&gone, 6001, TGID, now - 500, now + 1)->flags = WG_ROW_DEAD;
	add_row(&gone, 6002, 5000, born, born + 300)->flags = WG_ROW_DEAD;
	/* seen alive by the second snapshot, and ended since: it is there once, as it was then */
	add_row(&gone, TGID, TGID, now - 1000, now + 9000)->flags = WG_ROW_DEAD;
	c.gone = gone;
	assert_int_equal(capture_drain(k, &e), 0);
	assert_int_equal(capture_end(k, run, &e), 0);
	assert_int_equal(run->thread_cnt, 2);
	assert_int_equal(run->threads[0].id, TGID);
	assert_int_equal(run->threads[0].state_ns[WG_CPU], 7000);
	assert_int_equal(run->threads[1].id, 6000);
	assert_int_equal(run->threads[1].state_ns[WG_CPU], 300);
	assert_true(run->threads[1].flags & THREAD_BORN);
	assert_true(run->threads[1].flags & THREAD_DIED);
}

static void what_is_not_counted_is_unknown(void **state)
{
	struct run *run;

	(void)state;
	c.uncounted = WG_N_FAULT_MAJOR;
	run = capture();
	assert_true(run->threads[0].count[WG_N_FAULT_MAJOR] == UNKNOWN);
	assert_int_equal(run->threads[0].count[WG_N_FAULT_MINOR], 0);
}

static void cost_is_the_windows(void **state)
{
	struct run *run = recording_add_run(&r);
	struct err e = {""};

	(void)state;
	c.cost = (struct cost){1000, 10, 50};
	assert_int_equal(capture_begin(k, 0, &e), 0);
	c.cost = (struct cost){1700, 14, 80};
	assert_int_equal(capture_end(k, run, &e), 0);
	assert_int_equal(run->bpf_ns, 700);
	assert_int_equal(run->event_cnt, 4);
	assert_int_equal(run->own_cpu_ns, 30);
	assert_true(run->end_ns >= run->begin_ns);
}

static void a_window_that_fails_is_forgotten(void **state)
{
	struct run *run = recording_add_run(&r);
	struct err e = {""};

	(void)state;
	add_row(&c.before, TGID, TGID, 0, 1000);
	assert_int_equal(capture_begin(k, TGID, &e), 0);
	c.close_err = -ENOMEM;
	assert_int_equal(capture_end(k, run, &e), -ENOMEM);
	assert_non_null(strstr(e.msg, "cannot walk the tasks"));
	recording_drop_run(&r);
	c.close_err = 0;
	c.end_err = -EIO;
	run = recording_add_run(&r);
	assert_int_equal(capture_begin(k, TGID, &e), 0);
	assert_int_equal(capture_end(k, run, &e), -EIO);
	recording_drop_run(&r);
	c.end_err = 0;
	assert_int_equal(capture()->thread_cnt, 1);
}

static void the_path_is_of_who_ended_last(void **state)
{
	struct run *run = recording_add_run(&r);
	struct err e = {""};
	struct wg_row *row;
	uint64_t begin_ns;

	(void)state;
	assert_int_equal(capture_begin_early(k, TGID, true, &e), 0);
	begin_ns = now_ns();
	row = add_row(&c.gone, TGID, TGID, begin_ns, begin_ns + 900);
	row->flags = WG_ROW_DEAD;
	row->path.ns[WG_CPU] = 600;
	row->path.ns[WG_FUTEX] = 300;
	row->path.part[0].key = (uint64_t)TGID << WG_PATH_ID_SHIFT | WG_CPU;
	row->path.part[0].ns = 600;
	row->path.part[1].key = (uint64_t)TGID << WG_PATH_ID_SHIFT | WG_FUTEX;
	row->path.part[1].ns = 300;
	assert_int_equal(capture_end(k, run, &e), 0);
	assert_int_equal(run->thread_cnt, 1);
	assert_int_equal(run->path_ns[WG_CPU], 600);
	assert_int_equal(run->path_ns[WG_FUTEX], 300);
	assert_int_equal(run->path_part_cnt, 2);
}

/* --- what waits are called */

static void kernel_flags_are_the_models(void **state)
{
	static const struct {
		unsigned int site, lock;
	} rows[] = {
		{WG_SITE_SPIN, LOCK_SPIN},
		{WG_SITE_READ, LOCK_READER},
		{WG_SITE_WRITE, LOCK_WRITER},
		{WG_SITE_RT, LOCK_RT},
		{WG_SITE_PERCPU, LOCK_PERCPU},
		{WG_SITE_MUTEX, LOCK_MUTEX},
		{WG_SITE_OWN_MMAP | WG_SITE_READ, LOCK_OWN_MMAP | LOCK_READER},
	};
	struct run *run;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		add_wait(0, WG_KLOCK, KERNEL_LOCK + 64 * i, rows[i].site, 1, 100);
	run = capture();
	assert_int_equal(run->site_cnt, ARRAY_SIZE(rows));
	for (size_t i = 0; i < run->site_cnt; i++) {
		const struct lock *l = &r.locks[run->sites[i].lock];

		assert_int_equal(l->kind, LOCK_KERNEL);
		assert_int_equal(l->flags, rows[(l->addr - KERNEL_LOCK) / 64].lock);
		assert_int_equal(l->tgid, 0);
	}
}

static void a_futex_has_the_name_of_its_data(void **state)
{
	uint64_t word = (uint64_t)(uintptr_t)&a_lock_word[2];
	struct run *run;
	const struct lock *l;

	(void)state;
	add_wait(0, WG_FUTEX, word, WG_SITE_PRIVATE, 2, 500);
	run = capture();
	assert_int_equal(run->site_cnt, 1);
	l = &r.locks[run->sites[0].lock];
	assert_string_equal(l->module, "program");
	assert_string_equal(l->symbol, "a_lock_word");
	assert_int_equal(l->symbol_offset, 8);
	assert_int_equal(l->offset, word - base);
	assert_int_equal(l->tgid, TGID);
	assert_int_equal(l->flags, 0);
}

static void a_futex_in_no_file_has_its_regions_name(void **state)
{
	struct region regions[] = {{0x7000, 0x8000, "[shared]", true},
				   {0x9000, 0xa000, "[heap]", false}};
	static const struct {
		uint64_t addr;
		unsigned int site, flags;
		const char *name;
	} rows[] = {
		{0x7010, 0, LOCK_SHARED, "[shared]"},
		{0x7020, WG_SITE_PRIVATE, 0, "[shared]"},
		{0x9010, WG_SITE_PI, LOCK_PI, "[heap]"},
		{0xb000, 0, 0, ""},
	};
	struct run *run;

	(void)state;
	c.map.bias = UINT64_MAX / 2; /* far from all of them */
	c.process.regions = (struct regions){regions, 2, 2};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		add_wait(0, WG_FUTEX, rows[i].addr, rows[i].site, 1, 100);
	run = capture();
	assert_int_equal(run->site_cnt, ARRAY_SIZE(rows));
	for (size_t i = 0; i < run->site_cnt; i++) {
		const struct lock *l = &r.locks[run->sites[i].lock];
		size_t j = 0;

		while (rows[j].addr != l->addr)
			j++;
		assert_string_equal(l->module, rows[j].name);
		assert_int_equal(l->flags, rows[j].flags);
	}
}

static void stacks_alike_by_name_are_one_site(void **state)
{
	uint64_t at = in_file((const void *)(uintptr_t)waits_here);
	uint64_t one[] = {FRAME(at + 1) | WG_FRAME_EXACT}, two[] = {FRAME(at + 3) | WG_FRAME_EXACT};
	struct run *run;

	(void)state;
	add_stack(11, one, 0, 1);
	add_stack(12, two, 0, 1);
	add_wait(11, WG_SLEEP, 0, 0, 3, 400);
	add_wait(12, WG_SLEEP, 0, 0, 4, 500);
	run = capture();
	assert_int_equal(run->site_cnt, 1);
	assert_int_equal(run->sites[0].count, 7);
	assert_int_equal(run->sites[0].total_ns, 900);
	assert_int_equal(run->sites[0].max_ns, 500);
	assert_string_equal(leaf_name(&run->sites[0]), "waits_here");
	assert_string_equal(r.frames[0].module, "program");
	assert_int_equal(r.frames[0].start, at);
	assert_true(r.frames[0].flags & FRAME_NAMED);
}

/* A return address is looked up a byte before it: the next function may begin right there. */
static void a_return_address_is_of_the_call(void **state)
{
	uint64_t at = in_file((const void *)(uintptr_t)waits_here);
	uint64_t frames[] = {FRAME(at + 1) | WG_FRAME_EXACT, FRAME(at)};
	struct run *run;

	(void)state;
	add_stack(11, frames, 0, 2);
	add_wait(11, WG_SLEEP, 0, 0, 1, 1);
	run = capture();
	assert_int_equal(r.stacks[run->sites[0].stack].frame_cnt, 2);
	assert_string_not_equal(r.frames[r.stacks[run->sites[0].stack].frames[1]].name,
				"waits_here");
}

static void a_stack_that_never_came_is_lost(void **state)
{
	struct run *run;
	uint64_t sum = 0;

	(void)state;
	add_wait(77, WG_FUTEX, 0x1000, 0, 1, 100); /* no such stack */
	add_wait(0, WG_FUTEX, 0x1000, 0, 1, 200);  /* none was taken */
	run = capture();
	assert_int_equal(run->site_cnt, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct stack *s = &r.stacks[run->sites[i].stack];

		assert_int_equal(s->frame_cnt, 0);
		assert_int_equal(s->end, run->sites[i].total_ns == 100 ? WG_END_LOST : WG_END_NONE);
		sum += run->sites[i].total_ns;
	}
	assert_int_equal(sum, 300);
}

static void waits_of_others_stay_out(void **state)
{
	const struct wg_site_key key = {.tgid = TGID + 1, .state = WG_SLEEP};
	const struct wg_site sum = {.cnt = 1, .total_ns = 5};

	(void)state;
	assert_int_equal(profile_add_wait(&c.profile, &key, &sum), 0);
	assert_int_equal(capture()->site_cnt, 0);
}

/* What found no room is summed without a process: it is everybody's, so no time goes missing. */
static void what_found_no_room_stays_in(void **state)
{
	const struct wg_site_key key = {.state = WG_FUTEX};
	const struct wg_site sum = {.cnt = 9, .total_ns = 900};
	struct run *run;

	(void)state;
	assert_int_equal(profile_add_wait(&c.profile, &key, &sum), 0);
	run = capture();
	assert_int_equal(run->site_cnt, 1);
	assert_int_equal(run->sites[0].total_ns, 900);
	assert_int_equal(run->sites[0].lock, NO_INDEX);
	assert_int_equal(r.stacks[run->sites[0].stack].end, WG_END_LOST);
}

/* --- samples, faults, wakers */

static void add_sample(uint64_t leaf, uint64_t cnt)
{
	const struct raw_sample s = {
		.stack = 21, .leaf = leaf, .tgid = TGID, .state = WG_CPU, .cnt = cnt};

	assert_int_equal(profile_add_sample(&c.profile, &s), 0);
}

static void an_atomic_instruction_is_traffic(void **state)
{
	static const uint64_t leaf_below[] = {0};
	int word = 0;
	struct run *run;

	(void)state;
	assert_int_equal(adds_atomically(&word), 1);
	add_stack(21, leaf_below, 0, 1);
	add_sample(FRAME(in_file(wg_test_locked)) | WG_FRAME_EXACT, 5);
	add_sample(FRAME(in_file((const void *)(uintptr_t)adds_atomically)) | WG_FRAME_EXACT, 2);
	run = capture();
	assert_int_equal(run->site_cnt, 1);
	assert_string_equal(leaf_name(&run->sites[0]), "adds_atomically");
	assert_int_equal(run->sites[0].kind, SITE_SAMPLE);
	assert_true(run->sites[0].user);
	assert_int_equal(run->sites[0].count, 7);
	assert_int_equal(run->sites[0].traffic_cnt, 5);
	assert_int_equal(run->sites[0].undecoded_cnt, 0);
}

/* One window with a wait in code of no file, which the process's perf map calls `name`. */
static struct run *capture_jit(const char *name)
{
	const uint64_t frames[] = {0x20010 | WG_FRAME_EXACT};
	char path[64];
	struct run *run;
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%u.map", c.process.ns_tgid);
	f = fopen(path, "wx");
	assert_non_null(f);
	fprintf(f, "20000 100 %s\n", name);
	fclose(f);
	add_stack(31, frames, 0, 1);
	add_wait(31, WG_SLEEP, 0, 0, 1, 1);
	run = capture();
	unlink(path);
	return run;
}

static void jit_code_has_the_names_of_the_perf_map(void **state)
{
	struct run *run = capture_jit("made_by_a_runtime");

	(void)state;
	assert_string_equal(leaf_name(&run->sites[0]), "made_by_a_runtime");
	assert_true(r.frames[0].flags & FRAME_JIT);
}

/* Not known to be its own: another process may have had the number. */
static void a_stranger_has_no_perf_map(void **state)
{
	struct run *run;

	(void)state;
	c.process.identified = false;
	run = capture_jit("made_by_another");
	assert_string_equal(leaf_name(&run->sites[0]), "[unknown]");
}

static void faults_and_their_instructions(void **state)
{
	uint64_t at = FRAME(in_file((const void *)(uintptr_t)waits_here) + 1) | WG_FRAME_EXACT;
	const struct wg_site_key key = {.stack = 41, .tgid = TGID, .state = WG_CPU_FAULT};
	const struct wg_fault_site sum = {.cnt = 6, .total_ns = 60, .pgtables_bytes = 4096};
	const struct raw_sample s = {
		.stack = 21, .leaf = at, .tgid = TGID, .state = WG_CPU, .cnt = 3};
	static const uint64_t leaf_below[] = {0};
	struct run *run;

	(void)state;
	add_stack(41, &at, 0, 1);
	add_stack(21, leaf_below, 0, 1);
	assert_int_equal(profile_add_fault(&c.profile, &key, &sum), 0);
	assert_int_equal(profile_add_sample(&c.profile, &s), 0);
	run = capture();
	assert_int_equal(run->site_cnt, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct site *site = &run->sites[i];

		if (site->kind == SITE_FAULT) {
			assert_int_equal(site->count, 6);
			assert_int_equal(site->pgtables_bytes, 4096);
		} else {
			assert_int_equal(site->faulting_cnt, 3);
		}
	}
}

static void a_waker_is_the_waits(void **state)
{
	uint64_t at = FRAME(in_file((const void *)(uintptr_t)waits_here) + 1) | WG_FRAME_EXACT;
	struct raw_wake w = {.stack = 51,
			     .object = 0x1000,
			     .waker = 51,
			     .tgid = TGID,
			     .waker_tgid = TGID,
			     .cnt = 4,
			     .waited_ns = 80};
	struct run *run;

	(void)state;
	add_stack(51, &at, 0, 1);
	add_wait(51, WG_FUTEX, 0x1000, 0, 4, 80);
	assert_int_equal(profile_add_wake(&c.profile, &w), 0);
	w.object = 0x2000; /* of a wait that is not in the window */
	assert_int_equal(profile_add_wake(&c.profile, &w), 0);
	run = capture();
	assert_int_equal(run->waker_cnt, 1);
	assert_int_equal(run->wakers[0].site, 0);
	assert_int_equal(run->wakers[0].count, 4);
	assert_int_equal(run->wakers[0].waited_ns, 80);
}

static void without_stacks_there_are_no_sites(void **state)
{
	struct run *run;

	(void)state;
	c.stacks_wanted = false;
	run = capture();
	assert_int_equal(run->site_cnt, 0);
	assert_int_equal(run->thread_cnt, 1);
}

/* --- the head */

static void the_head_says_who_and_what(void **state)
{
	const char *argv[] = {"record", "-F", "99", "--", "true"};

	(void)state;
	recording_clear(&r);
	c.losses = 3;
	assert_int_equal(head_begin(&r, "record", 5, (char **)argv, NULL, &c), 0);
	assert_int_equal(head_end(&r, &c, 0), 0);
	assert_string_equal(r.argv, "record -F 99 -- true");
	assert_string_equal(r.command, "record");
	assert_string_equal(r.user, "");
	assert_string_equal(r.host.fault_end, "perf");
	assert_int_equal(r.dispatch_ns, 31);
	assert_int_equal(r.repair_cnt, 7);
	assert_false(r.interrupted);
	assert_int_equal(r.loss_cnt, 1);
}

#define CAPTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURE_TEST(threads_are_those_of_the_tree),
		CAPTURE_TEST(what_is_not_counted_is_unknown),
		CAPTURE_TEST(cost_is_the_windows),
		CAPTURE_TEST(a_window_that_fails_is_forgotten),
		CAPTURE_TEST(the_path_is_of_who_ended_last),
		CAPTURE_TEST(kernel_flags_are_the_models),
		CAPTURE_TEST(a_futex_has_the_name_of_its_data),
		CAPTURE_TEST(a_futex_in_no_file_has_its_regions_name),
		CAPTURE_TEST(stacks_alike_by_name_are_one_site),
		CAPTURE_TEST(a_return_address_is_of_the_call),
		CAPTURE_TEST(a_stack_that_never_came_is_lost),
		CAPTURE_TEST(waits_of_others_stay_out),
		CAPTURE_TEST(what_found_no_room_stays_in),
		CAPTURE_TEST(an_atomic_instruction_is_traffic),
		CAPTURE_TEST(jit_code_has_the_names_of_the_perf_map),
		CAPTURE_TEST(a_stranger_has_no_perf_map),
		CAPTURE_TEST(faults_and_their_instructions),
		CAPTURE_TEST(a_waker_is_the_waits),
		CAPTURE_TEST(without_stacks_there_are_no_sites),
		CAPTURE_TEST(the_head_says_who_and_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
