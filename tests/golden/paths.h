/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Call paths and sites for made-up recordings, written as a person writes a path:
 *
 *   PATH(r, "futex_wait < do_futex", "libc.so.6+0x8f0c2 < pthread_mutex_lock@libc.so.6 < main@app")
 *
 * the kernel's part and the user's, leaf first. "name@module" is a symbol, of libc and libcrypto
 * an exported one; "module+0x..." a function without a name; "name@" JIT code, "name@file:..." and
 * "name@node:..." that of a script.
 */
#ifndef WG_GOLDEN_PATHS_H
#define WG_GOLDEN_PATHS_H

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "model/recording.h"

static char *copy_of(const char *s, size_t len)
{
	char *copy = strndup(s, len);

	if (!copy)
		abort();
	return copy;
}

/* The index of the function in r, made when it is new. text is "name@module" and so on. */
static uint32_t frame_of(struct recording *r, const char *text, size_t len, bool kernel)
{
	char *word = copy_of(text, len), *at = strrchr(word, '@'), *plus = strstr(word, "+0x");
	const char *module = kernel ? "[kernel]" : at ? at + 1 : "";
	uint32_t flags = kernel ? FRAME_KERNEL | FRAME_NAMED : at ? FRAME_NAMED : 0;
	struct frame *f;

	if (at)
		*at = '\0';
	else if (plus && !kernel)
		module = copy_of(word, (size_t)(plus - word));
	if (at && (!*module || !strncmp(module, "file:", 5) || !strncmp(module, "node:", 5)))
		flags |= FRAME_JIT;
	if (!strncmp(module, "lib", 3) && at)
		flags |= FRAME_EXPORTED;
	for (size_t i = 0; i < r->frame_cnt; i++) {
		if (!strcmp(r->frames[i].name, word) && !strcmp(r->frames[i].module, module)) {
			if (!at && plus && !kernel)
				free((char *)module);
			free(word);
			return (uint32_t)i;
		}
	}
	f = recording_add_frame(r);
	f->name = copy_of(word, strlen(word));
	f->module = copy_of(module, strlen(module));
	f->start = 0x1000 * r->frame_cnt;
	f->flags = flags;
	if (!at && plus && !kernel)
		free((char *)module);
	free(word);
	return (uint32_t)r->frame_cnt - 1;
}

static void add_frames(struct recording *r, struct stack *s, const char *text, bool kernel)
{
	while (*text) {
		const char *end = strstr(text, " < ");
		size_t len = end ? (size_t)(end - text) : strlen(text);

		s->frames = reallocarray(s->frames, s->frame_cnt + 1, sizeof(*s->frames));
		if (!s->frames)
			abort();
		s->frames[s->frame_cnt++] = frame_of(r, text, len, kernel);
		s->kernel_cnt += kernel;
		text += len + (end ? 3 : 0);
	}
}

static uint32_t path_ending(struct recording *r, const char *kernel, const char *user,
			    enum wg_stack_end end)
{
	struct stack *s = recording_add_stack(r);

	s->end = end;
	add_frames(r, s, kernel, true);
	add_frames(r, s, user, false);
	return (uint32_t)r->stack_cnt - 1;
}

static uint32_t path(struct recording *r, const char *kernel, const char *user)
{
	return path_ending(r, kernel, user, WG_END_COMPLETE);
}

static inline uint32_t add_lock(struct recording *r, struct lock l)
{
	struct lock *k = recording_add_lock(r);

	*k = l;
	k->module = copy_of(l.module, strlen(l.module));
	k->symbol = copy_of(l.symbol ? l.symbol : "", l.symbol ? strlen(l.symbol) : 0);
	return (uint32_t)r->lock_cnt - 1;
}

/* Waits of these amounts; all of one length but for the longest. */
static inline struct site *add_waits(struct run *run, enum wg_state state, uint32_t stack,
				     uint32_t lock, uint64_t count, uint64_t total_ns,
				     uint64_t max_ns)
{
	struct site *s = run_add_site(run);
	uint64_t mean = count ? total_ns / count : 0;
	int bucket = 0;

	while (bucket < WG_HIST_CNT - 1 && mean >> (bucket + 8))
		bucket++;
	s->kind = SITE_WAIT;
	s->state = state;
	s->role = ROLE_WORKER;
	s->stack = stack;
	s->lock = lock;
	s->count = count;
	s->total_ns = total_ns;
	s->max_ns = max_ns;
	hist_add(&s->hist, (uint32_t)bucket, count);
	return s;
}

static inline struct site *add_samples(struct run *run, enum wg_state state, bool user,
				       uint32_t stack, uint64_t count, uint64_t traffic)
{
	struct site *s = run_add_site(run);

	s->kind = SITE_SAMPLE;
	s->state = state;
	s->role = ROLE_WORKER;
	s->user = user;
	s->stack = stack;
	s->count = count;
	s->traffic_cnt = traffic;
	return s;
}

static inline struct site *add_faults(struct run *run, uint32_t stack, uint64_t count,
				      uint64_t total_ns, uint64_t pgtables_bytes, uint64_t huge)
{
	struct site *s = run_add_site(run);

	s->kind = SITE_FAULT;
	s->state = WG_CPU_FAULT;
	s->role = ROLE_WORKER;
	s->stack = stack;
	s->count = count;
	s->total_ns = total_ns;
	s->pgtables_bytes = pgtables_bytes;
	s->huge_cnt = huge;
	return s;
}

/* Of the waits of the run's last site. */
static inline void add_waker(struct run *run, uint32_t stack, uint64_t count)
{
	struct waker *w = run_add_waker(run);

	w->site = (uint32_t)run->site_cnt - 1;
	w->stack = stack;
	w->count = count;
	w->waited_ns = count * 10000;
}

#endif
