// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The orchestrator's side of a pool: builds it, warms it up, gives orders, takes replies, and
 * says in one line what went wrong. How lanes come to exist is left to the models, what they do
 * to lane.c; see pool.h for the picture.
 */
#include "pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "notice.h"

#define WARM_UP_PART 10 /* a warm-up task is this part of a whole one */
#define MIB (1ull << 20)

static const struct model *const models[] = {&model_single, &model_threads, &model_procs};

const struct model *model_at(size_t i)
{
	return i < ARRAY_SIZE(models) ? models[i] : NULL;
}

const struct model *model_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		if (!strcmp(models[i]->name, name))
			return models[i];
	return NULL;
}

int pool_fail(struct pool *p, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return code;
}

/* --- replies --- */

/* A child ended. 0 when it was none of ours. */
static int report_dead_child(struct pool *p)
{
	int status, lane = -1;
	pid_t child = waitpid(-1, &status, WNOHANG);

	if (child <= 0)
		return 0;
	for (int i = 0; i < p->started; i++)
		if (p->lanes[i].child == child)
			lane = i;
	if (lane < 0)
		return 0;
	p->lanes[lane].child = 0;
	if (p->board->slots[lane].why[0]) /* it told, and the signal overtook the reply */
		return pool_fail(p, -EIO, "lane %d: %s", lane, p->board->slots[lane].why);
	if (WIFSIGNALED(status))
		return pool_fail(p, -ECHILD,
				 "the process of lane %d (%d) was killed by signal %d (%s)", lane,
				 child, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return pool_fail(p, -ECHILD, "the process of lane %d (%d) ended with exit status %d", lane,
			 child, WEXITSTATUS(status));
}

static int report_late(struct pool *p)
{
	const struct board *b = p->board;
	int late = -1, more = -1;

	if (!b->measured)
		return pool_fail(p, -ETIMEDOUT, "the pool was not ready within %d s",
				 p->spec.timeout_s);
	for (int i = 0; i < b->task_cnt; i++) {
		if (b->results[i].finished)
			continue;
		if (late < 0)
			late = i;
		more++;
	}
	if (more > 0)
		return pool_fail(
			p, -ETIMEDOUT,
			"lane %d did not finish task %d within %d s, nor are %d others done",
			late % p->spec.workers, late, p->spec.timeout_s, more);
	return pool_fail(p, -ETIMEDOUT, "lane %d did not finish task %d within %d s",
			 late % p->spec.workers, late, p->spec.timeout_s);
}

static int look_at_notices(struct pool *p)
{
	int err = 0;

	if (notice_take(NOTICE_CHILD))
		err = report_dead_child(p);
	if (!err && notice_take(NOTICE_LOADER) && p->spec.loader_fd >= 0 &&
	    p->spec.loader_speaks(p->spec.loader_arg))
		err = pool_fail(p, -ECANCELED, "the loader cut the work short");
	if (!err && notice_take(NOTICE_ALARM))
		err = report_late(p);
	return err;
}

static int next_reply(struct pool *p, struct reply *r)
{
	ssize_t got;
	int err;

	for (;;) {
		err = look_at_notices(p);
		if (err)
			return err;
		got = read(p->reply_rd, r, sizeof(*r));
		if (got < 0 && errno == EINTR)
			continue;
		if (got != sizeof(*r)) /* we hold the write end: cannot end, is never torn */
			return pool_fail(p, -EIO, "the pipe of replies broke");
		if (r->kind == REPLY_FAILED)
			return pool_fail(p, -EIO, "lane %d: %s", r->lane,
					 p->board->slots[r->lane].why);
		if (r->kind != REPLY_POKE)
			return 0;
	}
}

/* --- work --- */

static int give_order(struct pool *p, enum order order)
{
	const uint64_t one = 1;

	p->board->order = order;
	for (int i = 0; i < p->started; i++)
		if (write(p->lanes[i].wake_fd, &one, sizeof(one)) != sizeof(one))
			return pool_fail(p, -errno, "lane %d cannot be woken: %s", i,
					 strerror(errno));
	return 0;
}

/* For another process's task some buffer is in the socket by now: not always this task's. */
static int consume(struct pool *p, struct reply *r)
{
	const struct workload *w = p->spec.workload;
	char why[WHY_SZ] = "";
	int err;

	if (!r->out.sz)
		return 0;
	if (p->spec.model->other_process) {
		err = pass_receive(p->pass_rd, &r->index, &r->out);
		if (err)
			return pool_fail(p, err, "receiving a buffer: %s", strerror(-err));
	}
	err = w->consume(&r->out, p->board->results[r->index].checksum, why);
	return err ? pool_fail(p, err, "task %d: %s", r->index, why) : 0;
}

static int check_agreement(struct pool *p)
{
	const struct result *first = &p->board->results[0];

	for (int i = 1; i < p->board->task_cnt; i++) {
		const struct result *res = &p->board->results[i];

		if (strcmp(res->checksum, first->checksum))
			return pool_fail(p, -EILSEQ,
					 "wrong result: task %d (lane %d) gave %.24s, "
					 "task 0 (lane %d) gave %.24s for the same work",
					 i, res->lane, res->checksum, first->lane, first->checksum);
	}
	return 0;
}

static int do_tasks(struct pool *p, int task_cnt, long long n, bool measured)
{
	struct board *b = p->board;
	struct reply r;
	int err;

	b->task_cnt = task_cnt;
	b->n = n;
	b->measured = measured;
	for (int i = 0; i < task_cnt; i++)
		b->results[i].finished = false;
	p->begin_ns = now_ns();
	err = give_order(p, ORDER_WORK);
	for (int left = task_cnt; !err && left; left--) {
		err = next_reply(p, &r);
		if (err)
			break;
		assert(r.kind == REPLY_TASK && r.index < task_cnt);
		b->results[r.index].finished = true;
		err = consume(p, &r);
	}
	p->end_ns = now_ns();
	return err ? err : check_agreement(p);
}

int pool_go(struct pool *p)
{
	int err;

	notice_timer(p->spec.timeout_s);
	err = do_tasks(p, p->spec.tasks, p->spec.n, true);
	notice_timer(0);
	return err;
}

/* --- building --- */

static int warm_up_tasks(const struct pool_spec *spec)
{
	/* As many buffers under way as there will be: one filled, one looked at. */
	bool twice = spec->workload->warm_up_whole && spec->tasks > spec->workers;

	return spec->workers * (twice ? 2 : 1);
}

static long long warm_up_n(const struct pool_spec *spec)
{
	long long n = spec->workload->warm_up_whole ? spec->n : spec->n / WARM_UP_PART;

	return n ? n : 1;
}

/* Of /proc/meminfo's MemAvailable; all there is when that cannot be read. */
static uint64_t available_memory(void)
{
	scoped_file FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			return kib << 10;
	return UINT64_MAX;
}

static int check_memory(struct pool *p)
{
	const struct pool_spec *spec = &p->spec;
	uint64_t need, have;

	if (!spec->workload->footprint)
		return 0;
	need = spec->workload->footprint(spec->n) * (uint64_t)spec->workers;
	have = available_memory();
	if (need <= have)
		return 0;
	return pool_fail(p, -ENOMEM,
			 "%s with %d workers needs %llu MiB of memory, %llu MiB are available: "
			 "use fewer workers",
			 spec->workload->name, spec->workers, (unsigned long long)(need / MIB),
			 (unsigned long long)(have / MIB));
}

/* A descriptor a lane. */
static int raise_file_limit(struct pool *p)
{
	struct rlimit lim;
	rlim_t need = (rlim_t)p->spec.workers + 32;

	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur >= need)
		return 0;
	lim.rlim_cur = lim.rlim_max < need ? lim.rlim_max : need;
	setrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur >= need)
		return 0;
	return pool_fail(p, -EMFILE,
			 "%d workers need %d open files, the limit is %llu: raise ulimit -n",
			 p->spec.workers, (int)need, (unsigned long long)lim.rlim_max);
}

static size_t align64(size_t sz)
{
	return (sz + 63) & ~(size_t)63;
}

static int make_board(struct pool *p)
{
	size_t tasks = (size_t)warm_up_tasks(&p->spec), head = align64(sizeof(struct board));
	size_t slots_sz = (size_t)p->spec.workers * sizeof(struct lane_slot), map_sz;
	char *map;

	if (tasks < (size_t)p->spec.tasks)
		tasks = (size_t)p->spec.tasks;
	map_sz = head + slots_sz + tasks * sizeof(struct result);
	map = mmap(NULL, map_sz, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return pool_fail(p, -ENOMEM, "no memory for %d workers and %d tasks",
				 p->spec.workers, p->spec.tasks);
	p->board = (struct board *)(void *)map;
	p->board->slots = (struct lane_slot *)(void *)(map + head);
	p->board->results = (struct result *)(void *)(map + head + slots_sz);
	p->board->map_sz = map_sz;
	return 0;
}

static int make_pipes(struct pool *p)
{
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return pool_fail(p, -errno, "pipe: %s", strerror(errno));
	p->reply_rd = fds[0];
	p->reply_wr = fds[1];
	err = notice_open(p->reply_wr, p->spec.loader_fd);
	if (err)
		return pool_fail(p, err, "/proc/self/fd: %s (is /proc mounted?)", strerror(-err));
	if (!p->spec.workload->consume || !p->spec.model->other_process)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return pool_fail(p, -errno, "socketpair: %s", strerror(errno));
	p->pass_rd = fds[0];
	p->pass_wr = fds[1];
	return 0;
}

static int start_lanes(struct pool *p)
{
	const struct pool_spec *spec = &p->spec;
	struct reply r;
	int err = 0;

	p->lanes = calloc((size_t)spec->workers, sizeof(*p->lanes));
	if (!p->lanes)
		return pool_fail(p, -ENOMEM, "no memory for %d workers", spec->workers);
	for (int i = 0; i < spec->workers; i++) {
		struct lane *l = &p->lanes[i];

		l->pool = p;
		l->index = i;
		l->cpu = spec->cpus ? spec->cpus[i] : -1;
		l->wake_fd = eventfd(0, EFD_CLOEXEC);
		if (l->wake_fd < 0)
			return pool_fail(p, -errno, "eventfd of lane %d: %s", i, strerror(errno));
		err = spec->model->start_lane(p, i);
		if (err) {
			close(l->wake_fd);
			return err;
		}
		p->started++;
		err = look_at_notices(p);
		if (err)
			return err;
	}
	for (int up = 0; !err && up < spec->workers; up++)
		err = next_reply(p, &r);
	return err;
}

static int lane_from_env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? atoi(value) : -1;
}

int pool_open(struct pool *p, const struct pool_spec *spec)
{
	int err;

	assert(spec->workers > 0 && spec->tasks > 0 && spec->n > 0);
	*p = (struct pool){
		.spec = *spec, .reply_rd = -1, .reply_wr = -1, .pass_rd = -1, .pass_wr = -1};
	p->crash_lane = lane_from_env("WALLGAP_TEST_CRASH");
	p->hang_lane = lane_from_env("WALLGAP_TEST_HANG");
	p->wrong_lane = lane_from_env("WALLGAP_TEST_WRONG");
	err = check_memory(p);
	if (!err)
		err = raise_file_limit(p);
	if (!err)
		err = make_board(p);
	if (!err)
		err = make_pipes(p);
	if (err)
		return err;
	notice_timer(spec->timeout_s);
	err = start_lanes(p);
	if (!err)
		err = do_tasks(p, warm_up_tasks(spec), warm_up_n(spec), false);
	notice_timer(0);
	p->spec.cpus = NULL;
	return err;
}

/* --- the end --- */

static void release(struct pool *p)
{
	const int fds[] = {p->reply_rd, p->reply_wr, p->pass_rd, p->pass_wr};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (int i = 0; i < p->started; i++)
		close(p->lanes[i].wake_fd);
	free(p->lanes);
	if (p->board)
		munmap(p->board, p->board->map_sz);
}

void pool_close(struct pool *p)
{
	give_order(p, ORDER_QUIT);
	p->spec.model->join(p);
	release(p);
}

void pool_abandon(struct pool *p, int status)
{
	for (int i = 0; i < p->started; i++)
		if (p->lanes[i].child > 0)
			kill(p->lanes[i].child, SIGKILL);
	if (p->spec.model->other_process)
		p->spec.model->join(p);
	_exit(status);
}
