// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One lane: pinned, set up, then order after order until it is told to quit. The same code runs
 * in a thread and in a process; how it got there is left to the models, what a task is to the
 * workloads. What is tested by WALLGAP_TEST_* goes wrong here.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/util.h"
#include "notice.h"
#include "pool.h"

#define STACK_SZ (512l << 10) /* 10,000 lanes must fit */

static struct lane_slot *slot_of(struct lane *l)
{
	return &l->pool->board->slots[l->index];
}

static void reply(struct lane *l, const struct reply *r)
{
	/* Smaller than PIPE_BUF, so whole or not at all. If nobody reads, nobody needs it. */
	while (write(l->pool->reply_wr, r, sizeof(*r)) < 0 && errno == EINTR)
		;
}

static void reply_kind(struct lane *l, enum reply_kind kind)
{
	reply(l, &(struct reply){.kind = kind, .lane = l->index});
}

void lane_report_failure(struct lane *l, const char *what, int code)
{
	snprintf(slot_of(l)->why, WHY_SZ, "%s: %s", what, strerror(-code));
	reply_kind(l, REPLY_FAILED);
}

static int pin(struct lane *l)
{
	size_t sz = CPU_ALLOC_SIZE((size_t)l->cpu + 1);
	cpu_set_t *set;
	char what[48];
	int code = 0;

	if (l->cpu < 0)
		return 0;
	set = CPU_ALLOC((size_t)l->cpu + 1);
	if (!set)
		return -ENOMEM;
	CPU_ZERO_S(sz, set);
	CPU_SET_S((size_t)l->cpu, sz, set);
	if (sched_setaffinity(0, sz, set)) /* 0: this thread alone */
		code = -errno;
	CPU_FREE(set);
	if (code) {
		snprintf(what, sizeof(what), "cannot be pinned to CPU %d", l->cpu);
		lane_report_failure(l, what, code);
	}
	return code;
}

static void go_wrong_if_asked(struct lane *l, struct task *t)
{
	const struct pool *p = l->pool;

	if (!p->board->measured)
		return;
	if (l->index == p->crash_lane) {
		prctl(PR_SET_DUMPABLE, 0); /* no core file */
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	while (l->index == p->hang_lane)
		pause();
	if (l->index == p->wrong_lane)
		snprintf(t->checksum, sizeof(t->checksum), "wrong");
}

static int hand_over(struct lane *l, struct task *t, int index)
{
	int err = 0;

	if (t->out.sz && t->other_process) {
		err = pass_send(l->pool->pass_wr, index, &t->out);
		close(t->out.fd);
		if (err)
			snprintf(t->why, WHY_SZ, "sending a buffer: %s", strerror(-err));
	}
	return err;
}

static int do_task(struct lane *l, void *state, int index)
{
	const struct pool_spec *spec = &l->pool->spec;
	struct result *res = &l->pool->board->results[index];
	struct task t = {
		.state = state,
		.n = l->pool->board->n,
		.other_process = spec->model->other_process,
		.touch = spec->touch,
		.out.fd = -1,
	};
	uint64_t begin_ns = now_ns();
	int err = spec->workload->run(&t);

	if (!err) {
		go_wrong_if_asked(l, &t);
		/* Before the buffer: its receiver compares. */
		memcpy(res->checksum, t.checksum, sizeof(res->checksum));
		err = hand_over(l, &t, index);
	}
	if (err) {
		snprintf(slot_of(l)->why, WHY_SZ, "%s", t.why);
		reply_kind(l, REPLY_FAILED);
		return err;
	}
	res->lane = l->index;
	res->begin_ns = begin_ns;
	res->end_ns = now_ns();
	reply(l, &(struct reply){REPLY_TASK, l->index, index, t.out});
	return 0;
}

/* Sleep until there is an order. False: the orchestrator is gone. */
static bool wait_for_order(struct lane *l)
{
	uint64_t orders;
	ssize_t got;

	do
		got = read(l->wake_fd, &orders, sizeof(orders));
	while (got < 0 && errno == EINTR);
	return got == sizeof(orders);
}

static void follow_orders(struct lane *l, void *state)
{
	const struct board *b = l->pool->board;

	while (wait_for_order(l) && b->order != ORDER_QUIT) {
		/* The reply to our last task may be answered by the next order before we look here. */
		const int task_cnt = b->task_cnt;

		for (int i = l->index; i < task_cnt; i += l->pool->spec.workers)
			if (do_task(l, state, i))
				return;
	}
}

void lane_main(struct lane *l)
{
	const struct workload *w = l->pool->spec.workload;
	struct lane_slot *slot = slot_of(l);
	void *state = NULL;
	char name[16];

	slot->tid = gettid();
	slot->tgid = getpid();
	snprintf(name, sizeof(name), "lane %d", l->index % 1000000);
	prctl(PR_SET_NAME, name);
	if (pin(l))
		return;
	if (w->setup && w->setup(l->index, &state, slot->why)) {
		reply_kind(l, REPLY_FAILED);
	} else {
		reply_kind(l, REPLY_UP);
		follow_orders(l, state);
	}
	if (w->teardown)
		w->teardown(state);
}

int lane_start_thread(struct lane *l, void *(*body)(void *))
{
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setstacksize(&attr, STACK_SZ);
	notice_block(true);
	err = pthread_create(&l->thread, &attr, body, l);
	notice_block(false);
	pthread_attr_destroy(&attr);
	return -err;
}
