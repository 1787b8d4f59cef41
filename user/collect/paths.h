/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Call paths, the user side: a thread that keeps the kernel's knowledge of mappings up to date
 * and takes in what the stream brings, and the windows' profiles. All that is shared with the
 * thread is behind one lock.
 */
#ifndef WG_COLLECT_PATHS_H
#define WG_COLLECT_PATHS_H

#include "base/err.h"
#include "collect/lockcode.h"
#include "collect/profile.h"
#include "collect/sitemaps.h"
#include "collect/space.h"

struct paths;

/* BPF maps, which stay the caller's. */
struct paths_maps {
	int pool, rules, modules, layouts, files, stream, lock_modules, lock_codes;
	struct sitemaps sites;
	bool notes; /* the kernel side notes mappings itself: there is less hurry */
};

/*
 * cache: folder of unwind tables, or NULL. class_of: what functions mean for waits below them, or
 * NULL when the critical path is not kept. half_walked(ctx, tgid) is called from the thread when
 * stacks of waits of that process came without its mappings, which are known now: those that
 * still sleep can be walked from outside, see paths_adopt.
 */
int paths_open(struct paths **out, const struct paths_maps *maps, const char *cache,
	       lock_class_fn *class_of, void (*half_walked)(void *ctx, uint32_t tgid), void *ctx,
	       struct err *e);
void paths_close(struct paths *p); /* accepts NULL */

/* Read process tgid's mappings now. */
void paths_track(struct paths *p, uint32_t tgid);
/*
 * The stack and object of the wait of a thread that sleeps already, its stack walked from outside.
 * -ESRCH: its memory is not to be had.
 */
int paths_adopt(struct paths *p, const struct wg_sleeper *s, struct wg_adopt *out);
/* Have the tables of an executable ready before it is run. */
void paths_preload(struct paths *p, const char *path);

/* From here on samples and wakeups of this window are kept, those of others dropped. */
void paths_window_begin(struct paths *p, uint16_t window);
/* All that the window brought, settled; out is cleared first. */
int paths_window_end(struct paths *p, struct profile *out);

/* To look at mappings and stacks while the thread does not change them. */
const struct spaces *paths_lock(struct paths *p, struct stacks **stacks);
void paths_unlock(struct paths *p);

struct paths_losses {
	uint64_t memory;    /* events that found no memory here */
	uint64_t maps_lost; /* news of mappings that the kernel dropped */
};
void paths_losses(struct paths *p, struct paths_losses *out, struct spaces_stats *stats);

#endif
