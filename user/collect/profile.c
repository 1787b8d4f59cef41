// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Raw waits, samples and stacks; see profile.h. */
#include "collect/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

void profile_clear(struct profile *p)
{
	free(p->waits);
	free(p->faults);
	free(p->samples);
	free(p->wakes);
	*p = (struct profile){0};
}

static int sample_order(const void *a, const void *b)
{
	const struct raw_sample *x = a, *y = b;

	ORDER(x->stack, y->stack);
	ORDER(x->leaf, y->leaf);
	ORDER(x->tgid, y->tgid);
	ORDER(x->task, y->task);
	ORDER(x->state, y->state);
	ORDER(x->lane, y->lane);
	return 0;
}

static int wake_order(const void *a, const void *b)
{
	const struct raw_wake *x = a, *y = b;

	ORDER(x->stack, y->stack);
	ORDER(x->object, y->object);
	ORDER(x->tgid, y->tgid);
	ORDER(x->flags, y->flags);
	ORDER(x->lane, y->lane);
	ORDER(x->waker, y->waker);
	ORDER(x->waker_tgid, y->waker_tgid);
	return 0;
}

static int key_order(const struct wg_site_key *x, const struct wg_site_key *y)
{
	return memcmp(x, y, sizeof(*x));
}

static int wait_order(const void *a, const void *b)
{
	return key_order(&((const struct raw_wait *)a)->key, &((const struct raw_wait *)b)->key);
}

static int fault_order(const void *a, const void *b)
{
	return key_order(&((const struct raw_fault *)a)->key, &((const struct raw_fault *)b)->key);
}

static void merge_samples(struct profile *p)
{
	size_t i, n = 0;

	if (p->sample_cnt)
		qsort(p->samples, p->sample_cnt, sizeof(*p->samples), sample_order);
	for (i = 0; i < p->sample_cnt; i++) {
		if (n && !sample_order(&p->samples[n - 1], &p->samples[i]))
			p->samples[n - 1].cnt += p->samples[i].cnt;
		else
			p->samples[n++] = p->samples[i];
	}
	p->sample_cnt = p->sample_merged = n;
}

static void merge_wakes(struct profile *p)
{
	size_t i, n = 0;

	if (p->wake_cnt)
		qsort(p->wakes, p->wake_cnt, sizeof(*p->wakes), wake_order);
	for (i = 0; i < p->wake_cnt; i++) {
		if (n && !wake_order(&p->wakes[n - 1], &p->wakes[i])) {
			p->wakes[n - 1].cnt += p->wakes[i].cnt;
			p->wakes[n - 1].waited_ns += p->wakes[i].waited_ns;
		} else {
			p->wakes[n++] = p->wakes[i];
		}
	}
	p->wake_cnt = p->wake_merged = n;
}

static void add_sums(struct wg_site *to, const struct wg_site *from)
{
	int i;

	to->cnt += from->cnt;
	to->total_ns += from->total_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	for (i = 0; i < WG_HIST_CNT; i++)
		to->hist[i] += from->hist[i];
}

static void merge_waits(struct profile *p)
{
	size_t i, n = 0;

	if (p->wait_cnt)
		qsort(p->waits, p->wait_cnt, sizeof(*p->waits), wait_order);
	for (i = 0; i < p->wait_cnt; i++) {
		if (n && !wait_order(&p->waits[n - 1], &p->waits[i]))
			add_sums(&p->waits[n - 1].sum, &p->waits[i].sum);
		else
			p->waits[n++] = p->waits[i];
	}
	p->wait_cnt = p->wait_merged = n;
}

static void merge_faults(struct profile *p)
{
	size_t i, n = 0;

	if (p->fault_cnt)
		qsort(p->faults, p->fault_cnt, sizeof(*p->faults), fault_order);
	for (i = 0; i < p->fault_cnt; i++) {
		struct raw_fault *f = &p->faults[i], *last = n ? &p->faults[n - 1] : NULL;

		if (!last || fault_order(last, f)) {
			p->faults[n++] = *f;
			continue;
		}
		last->sum.cnt += f->sum.cnt;
		last->sum.total_ns += f->sum.total_ns;
		last->sum.huge_cnt += f->sum.huge_cnt;
		last->sum.pgtables_bytes += f->sum.pgtables_bytes;
	}
	p->fault_cnt = p->fault_merged = n;
}

#define MERGE_AT 16384

int profile_add_sample(struct profile *p, const struct raw_sample *s)
{
	if (p->sample_cnt >= MERGE_AT && p->sample_cnt >= 2 * p->sample_merged)
		merge_samples(p);
	if (array_grow((void **)&p->samples, &p->sample_cap, p->sample_cnt, sizeof(*s)))
		return -ENOMEM;
	p->samples[p->sample_cnt++] = *s;
	return 0;
}

int profile_add_wake(struct profile *p, const struct raw_wake *w)
{
	if (p->wake_cnt >= MERGE_AT && p->wake_cnt >= 2 * p->wake_merged)
		merge_wakes(p);
	if (array_grow((void **)&p->wakes, &p->wake_cap, p->wake_cnt, sizeof(*w)))
		return -ENOMEM;
	p->wakes[p->wake_cnt++] = *w;
	return 0;
}

int profile_add_wait(struct profile *p, const struct wg_site_key *key, const struct wg_site *sum)
{
	if (p->wait_cnt >= MERGE_AT && p->wait_cnt >= 2 * p->wait_merged)
		merge_waits(p);
	if (array_grow((void **)&p->waits, &p->wait_cap, p->wait_cnt, sizeof(*p->waits)))
		return -ENOMEM;
	p->waits[p->wait_cnt++] = (struct raw_wait){*key, *sum};
	return 0;
}

int profile_add_fault(struct profile *p, const struct wg_site_key *key,
		      const struct wg_fault_site *sum)
{
	if (p->fault_cnt >= MERGE_AT && p->fault_cnt >= 2 * p->fault_merged)
		merge_faults(p);
	if (array_grow((void **)&p->faults, &p->fault_cap, p->fault_cnt, sizeof(*p->faults)))
		return -ENOMEM;
	p->faults[p->fault_cnt++] = (struct raw_fault){*key, *sum};
	return 0;
}

int profile_join(struct profile *p, const struct profile *from)
{
	size_t i;
	int err = 0;

	for (i = 0; i < from->wait_cnt && !err; i++)
		err = profile_add_wait(p, &from->waits[i].key, &from->waits[i].sum);
	for (i = 0; i < from->fault_cnt && !err; i++)
		err = profile_add_fault(p, &from->faults[i].key, &from->faults[i].sum);
	return err;
}

void profile_settle(struct profile *p)
{
	merge_samples(p);
	merge_wakes(p);
	merge_waits(p);
	merge_faults(p);
}

/* --- stacks --- */

void stacks_clear(struct stacks *s)
{
	size_t i;

	for (i = 0; i < s->cnt; i++)
		free(s->stack[i].frame);
	free(s->stack);
	*s = (struct stacks){0};
}

int stacks_add(struct stacks *s, const struct wg_stack_event *e, size_t sz)
{
	size_t cnt = (size_t)e->user_cnt + e->kernel_cnt, bytes = cnt * sizeof(uint64_t);
	struct raw_stack *r;

	if (sz < offsetof(struct wg_stack_event, frame) + bytes)
		return -EINVAL;
	if (array_grow((void **)&s->stack, &s->cap, s->cnt, sizeof(*r)))
		return -ENOMEM;
	r = &s->stack[s->cnt];
	*r = (struct raw_stack){.hash = e->hash,
				.tgid = e->tgid,
				.user_cnt = e->user_cnt,
				.kernel_cnt = e->kernel_cnt,
				.end = e->end,
				.frame = malloc(bytes + 1)};
	if (!r->frame)
		return -ENOMEM;
	memcpy(r->frame, e->frame, bytes);
	s->cnt++;
	return 0;
}

static int stack_order(const void *a, const void *b)
{
	const struct raw_stack *x = a, *y = b;

	ORDER(x->hash, y->hash);
	return 0;
}

const struct raw_stack *stacks_find(struct stacks *s, uint64_t hash)
{
	struct raw_stack key = {.hash = hash};

	if (s->sorted != s->cnt) {
		qsort(s->stack, s->cnt, sizeof(*s->stack), stack_order);
		s->sorted = s->cnt;
	}
	return s->cnt ? bsearch(&key, s->stack, s->cnt, sizeof(*s->stack), stack_order) : NULL;
}
