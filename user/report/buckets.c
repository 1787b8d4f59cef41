// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See buckets.h. */
#include "report/buckets.h"

#include <string.h>

#include "report/format.h"

#define SHARE_WIDTH 4 /* ">99%" */
#define GAP 2

/* The last is that of all that have no column of their own. */
static const char *const head_names[BUCKET_CNT + 1][2] = {
	[B_CPU_USER] = {"user", "user"},
	[B_CPU_KERNEL] = {"kernel", "kern"},
	[B_CPU_FAULT] = {"fault", "fault"},
	[B_RUNQ_WAKE] = {"run queue", "runq"},
	[B_RUNQ_PREEMPT] = {"preempted", "preempt"},
	[B_FUTEX] = {"futex", "futex"},
	[B_KLOCK] = {"kernel lock", "klock"},
	[B_IO] = {"disk", "disk"},
	[B_SLEEP] = {"sleep", "sleep"},
	[B_POLL] = {"poll", "poll"},
	[B_IPC] = {"ipc", "ipc"},
	[B_CHILD] = {"child", "child"},
	[B_STOPPED] = {"stopped", "stop"},
	[B_OTHER] = {"other", "other"},
	[B_PROBE] = {"probe", "probe"},
	[BUCKET_CNT] = {"rest", "rest"},
};

const char *bucket_head(enum bucket b)
{
	return head_names[b][BUCKET_HEADS_LONG];
}

void bucket_columns_clear(struct bucket_columns *c)
{
	memset(c, 0, sizeof(*c));
}

void bucket_columns_see(struct bucket_columns *c, const double ns[BUCKET_CNT], double all)
{
	for (int b = 0; b < BUCKET_CNT; b++) {
		if (all > 0 && ns[b] / all >= BUCKET_MATTERS)
			c->shown[b] = true;
	}
	if (ns[B_RUNQ_WAKE] + ns[B_RUNQ_PREEMPT] > 0)
		c->shown[B_RUNQ_WAKE] = true;
}

static int width_of(int b, enum bucket_heads heads)
{
	int head = (int)strlen(head_names[b][heads]);

	return GAP + (head > SHARE_WIDTH ? head : SHARE_WIDTH);
}

void bucket_columns_fit(struct bucket_columns *c, enum bucket_heads heads,
			const double weight[BUCKET_CNT], int room)
{
	int used = width_of(BUCKET_CNT, heads), least;

	for (int b = 0; b < BUCKET_CNT; b++)
		used += c->shown[b] ? width_of(b, heads) : 0;
	while (used > room) {
		least = -1;
		for (int b = 0; b < BUCKET_CNT; b++) {
			if (c->shown[b] && b != B_RUNQ_WAKE &&
			    (least < 0 || weight[b] < weight[least]))
				least = b;
		}
		if (least < 0)
			return;
		c->shown[least] = false;
		used -= width_of(least, heads);
	}
}

/* What a bucket that has no column of its own adds to: another's, or to the rest (-1). */
static int home_of(const struct bucket_columns *c, int b)
{
	if (c->shown[b])
		return b;
	if (b == B_RUNQ_PREEMPT && c->shown[B_RUNQ_WAKE])
		return B_RUNQ_WAKE;
	return -1;
}

void bucket_columns_rest(struct bucket_columns *c, const double ns[BUCKET_CNT])
{
	for (int b = 0; b < BUCKET_CNT; b++)
		c->rest |= home_of(c, b) < 0 && ns[b] > 0;
}

void bucket_heads(struct table *t, const struct bucket_columns *c, enum bucket_heads heads,
		  int group)
{
	for (int b = 0; b < BUCKET_CNT; b++) {
		if (c->shown[b])
			table_column(t, head_names[b][heads], ALIGN_RIGHT, group);
	}
	if (c->rest)
		table_column(t, head_names[BUCKET_CNT][heads], ALIGN_RIGHT, group);
}

void bucket_cells(struct table *t, const struct bucket_columns *c, const double ns[BUCKET_CNT],
		  double all)
{
	double cell[BUCKET_CNT] = {0}, rest = 0;
	int home;

	for (int b = 0; b < BUCKET_CNT; b++) {
		home = home_of(c, b);
		if (home < 0)
			rest += ns[b];
		else
			cell[home] += ns[b];
	}
	for (int b = 0; b < BUCKET_CNT; b++) {
		if (c->shown[b])
			table_cell(t, fmt_share(WORD, all > 0 ? cell[b] / all : 0));
	}
	if (c->rest)
		table_cell(t, fmt_share(WORD, all > 0 ? rest / all : 0));
}
