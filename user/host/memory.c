// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Sampling of resident memory; see memory.h. */
#include "host/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/threads.h"
#include "base/util.h"
#include "host/host.h"

#define COST_FACTOR 100 /* sampling may take a hundredth of a CPU */
#define PERIOD_MIN_NS (20 * NSEC_PER_MSEC)
#define PERIOD_MAX_NS (100 * NSEC_PER_MSEC)

uint64_t mem_period_ns(uint64_t elapsed_ns)
{
	uint64_t period = elapsed_ns / 50;

	return period < PERIOD_MIN_NS	? PERIOD_MIN_NS
	       : period > PERIOD_MAX_NS ? PERIOD_MAX_NS
					: period;
}

void mem_sum_sample(struct mem_sum *m, const uint32_t *tgids, size_t cnt)
{
	uint64_t rss, sum = 0;
	size_t i, alive = 0;

	for (i = 0; i < cnt; i++) {
		if (host_rss(tgids[i], &rss))
			continue;
		alive++;
		sum += rss;
		if (rss > m->peak)
			m->peak = rss;
	}
	if (!alive)
		return;
	m->sample_cnt++;
	m->mean_sum += (double)sum / (double)alive;
	if (sum > m->sum_peak)
		m->sum_peak = sum;
}

void mem_sum_result(const struct mem_sum *m, struct memory *out)
{
	out->sample_cnt = m->sample_cnt;
	if (!m->sample_cnt)
		return;
	out->rss_avg_bytes = (uint64_t)(m->mean_sum / (double)m->sample_cnt);
	out->rss_peak_bytes = m->peak;
	out->rss_sum_peak_bytes = m->sum_peak;
}

struct mem_watch {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	struct mem_sum sum;
	size_t cnt;
	uint32_t tgids[];
};

static void deadline_in(struct timespec *ts, uint64_t ns)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ts->tv_nsec += (long)ns;
	ts->tv_sec += ts->tv_nsec / (long)NSEC_PER_SEC;
	ts->tv_nsec %= (long)NSEC_PER_SEC;
}

static void *watch(void *arg)
{
	struct mem_watch *w = arg;
	uint64_t begin = now_ns(), at, period, cost;
	struct timespec until;

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		at = now_ns();
		mem_sum_sample(&w->sum, w->tgids, w->cnt);
		period = mem_period_ns(at - begin);
		cost = (now_ns() - at) * COST_FACTOR;
		deadline_in(&until, cost > period ? cost : period);
		pthread_cond_timedwait(&w->wake, &w->lock, &until);
	}
	mem_sum_sample(&w->sum, w->tgids, w->cnt);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int mem_watch_start(struct mem_watch **out, const uint32_t *tgids, size_t cnt)
{
	struct mem_watch *w = calloc(1, sizeof(*w) + cnt * sizeof(*tgids));
	pthread_condattr_t attr;
	int err;

	if (!w)
		return -ENOMEM;
	items_move(w->tgids, tgids, cnt, sizeof(*tgids));
	w->cnt = cnt;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	err = start_helper(&w->thread, NULL, watch, w);
	if (err) {
		free(w);
		return err;
	}
	*out = w;
	return 0;
}

void mem_watch_stop(struct mem_watch *w, struct memory *out)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	if (out)
		mem_sum_result(&w->sum, out);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
