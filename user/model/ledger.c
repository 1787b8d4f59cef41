// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * States of a thread come in, buckets go out. All sums are kept: what goes in as time comes out as
 * time, to the nanosecond.
 */
#include "model/ledger.h"

#include <string.h>

static const char *const bucket_names[BUCKET_CNT] = {
	[B_CPU_USER] = "cpu_user",
	[B_CPU_KERNEL] = "cpu_kernel",
	[B_CPU_FAULT] = "cpu_fault",
	[B_RUNQ_WAKE] = "runq_wake",
	[B_RUNQ_PREEMPT] = "runq_preempt",
	[B_FUTEX] = "futex",
	[B_KLOCK] = "klock",
	[B_IO] = "io",
	[B_SLEEP] = "sleep",
	[B_POLL] = "poll",
	[B_IPC] = "ipc",
	[B_CHILD] = "child",
	[B_STOPPED] = "stopped",
	[B_OTHER] = "other",
	[B_PROBE] = "probe",
};

static const enum bucket state_bucket[WG_STATE_CNT] = {
	[WG_CPU] = B_CPU_KERNEL,
	[WG_CPU_FAULT] = B_CPU_FAULT,
	[WG_RUNQ_WAKE] = B_RUNQ_WAKE,
	[WG_RUNQ_PREEMPT] = B_RUNQ_PREEMPT,
	[WG_FUTEX] = B_FUTEX,
	[WG_KLOCK] = B_KLOCK,
	[WG_IO] = B_IO,
	[WG_SLEEP] = B_SLEEP,
	[WG_POLL] = B_POLL,
	[WG_IPC] = B_IPC,
	[WG_CHILD] = B_CHILD,
	[WG_STOPPED] = B_STOPPED,
	[WG_OTHER] = B_OTHER,
	[WG_PROBE] = B_PROBE,
};

const char *bucket_name(enum bucket b)
{
	return (unsigned int)b < BUCKET_CNT ? bucket_names[b] : "unknown";
}

enum bucket bucket_of_state(enum wg_state state)
{
	return state_bucket[state];
}

void ledger_buckets(const struct thread *t, double pooled_user, uint64_t out[BUCKET_CNT])
{
	uint64_t user_cnt = t->count[WG_N_SAMPLE_USER];
	uint64_t sample_cnt = user_cnt + t->count[WG_N_SAMPLE_KERNEL];
	double share = sample_cnt ? (double)user_cnt / (double)sample_cnt : pooled_user;
	uint64_t cpu = t->state_ns[WG_CPU];
	double user = (double)cpu * share + 0.5;

	memset(out, 0, BUCKET_CNT * sizeof(*out));
	for (int i = 0; i < WG_STATE_CNT; i++)
		out[bucket_of_state(i)] += t->state_ns[i];
	/* A double holds 53 bits: never let rounding take more than there is. */
	out[B_CPU_USER] = user >= (double)cpu ? cpu : (uint64_t)user;
	out[B_CPU_KERNEL] = cpu - out[B_CPU_USER];
}

/* Of both waits for a CPU the part is one: most of it begins when a running task is stopped. */
uint64_t ledger_quota(const struct thread *t, enum bucket b)
{
	uint64_t all = t->part_ns[WG_T_QUOTA], preempt = t->state_ns[WG_RUNQ_PREEMPT];
	uint64_t first = all < preempt ? all : preempt, rest = all - first;

	if (b == B_RUNQ_PREEMPT)
		return first;
	if (b != B_RUNQ_WAKE)
		return 0;
	return rest < t->state_ns[WG_RUNQ_WAKE] ? rest : t->state_ns[WG_RUNQ_WAKE];
}

double ledger_run_quota(const struct run *run, enum bucket b, bool lanes)
{
	double sum = 0;
	int cnt = 0;

	for (size_t i = 0; i < run->thread_cnt; i++) {
		if (lanes && run->threads[i].role != ROLE_WORKER)
			continue;
		sum += (double)ledger_quota(&run->threads[i], b);
		cnt++;
	}
	return lanes && cnt ? sum / cnt : sum;
}

double ledger_user_share(const struct run *run)
{
	double user = 0, all = 0;

	for (size_t i = 0; i < run->thread_cnt; i++) {
		const uint64_t *count = run->threads[i].count;

		user += (double)count[WG_N_SAMPLE_USER];
		all += (double)count[WG_N_SAMPLE_USER] + (double)count[WG_N_SAMPLE_KERNEL];
	}
	return all > 0 ? user / all : 0.5;
}

int ledger_lane_mean(const struct run *run, double out[BUCKET_CNT])
{
	double pooled = ledger_user_share(run);
	uint64_t one[BUCKET_CNT];
	int lane_cnt = 0;

	for (int b = 0; b < BUCKET_CNT; b++)
		out[b] = 0;
	for (size_t i = 0; i < run->thread_cnt; i++) {
		if (run->threads[i].role != ROLE_WORKER)
			continue;
		ledger_buckets(&run->threads[i], pooled, one);
		for (int b = 0; b < BUCKET_CNT; b++)
			out[b] += (double)one[b];
		lane_cnt++;
	}
	for (int b = 0; lane_cnt && b < BUCKET_CNT; b++)
		out[b] /= lane_cnt;
	return lane_cnt;
}

void ledger_total(const struct run *run, double out[BUCKET_CNT])
{
	double pooled = ledger_user_share(run);
	uint64_t one[BUCKET_CNT];

	for (int b = 0; b < BUCKET_CNT; b++)
		out[b] = 0;
	for (size_t i = 0; i < run->thread_cnt; i++) {
		ledger_buckets(&run->threads[i], pooled, one);
		for (int b = 0; b < BUCKET_CNT; b++)
			out[b] += (double)one[b];
	}
}

uint64_t ledger_wall(const struct thread *t)
{
	return t->end_ns > t->begin_ns ? t->end_ns - t->begin_ns : 0;
}

int64_t ledger_closure(const struct thread *t)
{
	uint64_t sum = 0;

	for (int i = 0; i < WG_STATE_CNT; i++)
		sum += t->state_ns[i];
	return (int64_t)(ledger_wall(t) - sum);
}

uint64_t ledger_oncpu(const struct thread *t)
{
	return t->state_ns[WG_CPU] + t->state_ns[WG_CPU_FAULT] + t->state_ns[WG_PROBE];
}

uint64_t ledger_run_wall(const struct run *run)
{
	return run->end_ns > run->begin_ns ? run->end_ns - run->begin_ns : 0;
}

uint64_t ledger_faults_minor(const struct thread *t)
{
	return t->count[WG_N_FAULT_MINOR] + t->count[WG_N_FAULT_UNTRAPPED];
}

uint64_t ledger_faults_major(const struct thread *t)
{
	return t->count[WG_N_FAULT_MAJOR] + t->count[WG_N_FAULT_UNTRAPPED_MAJOR];
}
