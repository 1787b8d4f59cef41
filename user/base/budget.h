/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What work on files that are not ours may take of memory and time: of one file, and of all together.
 * Such a file may claim to be of any size, and be made to be slow. Its reader asks before it takes
 * memory by what the file says, and again and again in loops as long as the file says, and stops
 * when there is no more. The first stop of each work is counted, by its reason.
 *
 *   limits              for all of the program: what all hold now, what all have taken of time
 *     struct budget     of one work: a file's unwind table, its names, a process's JIT code
 *
 * Memory counts until it is given back, time while the work is between begin and end: CPU time of the
 * thread, so that a busy machine cuts nothing. All time may grow by a part of the time that passes:
 * a long recording meets new files all along.
 */
#ifndef WG_BASE_BUDGET_H
#define WG_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum budget_reason {
	BUDGET_NONE,
	BUDGET_FILE_MEMORY,
	BUDGET_FILE_TIME,
	BUDGET_FILE_LENGTH, /* bytes of a file that is read through */
	BUDGET_ALL_MEMORY,
	BUDGET_ALL_TIME,
	BUDGET_DESCRIPTORS, /* open files */
	BUDGET_REASON_CNT,
};

/* Of one work. Zeroed with a path it is ready; one thread at a time. All below accept NULL: no limits. */
struct budget {
	const char *path; /* for people; outlives the work, or NULL */
	size_t held;
	uint64_t used_ns;
	uint64_t begin_ns;	   /* by the thread's clock, while running */
	uint32_t depth;		   /* of begin and end */
	uint32_t step_cnt;	   /* since the clock was looked at */
	enum budget_reason reason; /* of the first stop */
};

void budget_begin(struct budget *b);
void budget_end(struct budget *b);

/* sz bytes more; false: not to be had. */
bool budget_take(struct budget *b, size_t sz);
void budget_give(struct budget *b, size_t sz);
/* Give back all that is held: with the memory, the last thing to be freed. */
void budget_close(struct budget *b);

/* Whether there is time left. budget_step: for short loops, looks at the clock now and then. */
bool budget_has_time(struct budget *b);
bool budget_step(struct budget *b);

/* Take back the stop, which what comes now makes good. */
void budget_forgive(struct budget *b);

/* A stop for a reason that the caller has found. */
void budget_stop(struct budget *b, enum budget_reason reason);

/*
 * array_grow() out of the budget: new room is not zeroed, and of large ones there is little. 0,
 * -ENOMEM, or -EDQUOT: the budget has no more.
 */
int budget_grow(struct budget *b, void **arr, size_t *cap, size_t cnt, size_t elem_sz);

/* --- all of them together */

struct budget_limits {
	size_t file_bytes, all_bytes;
	uint64_t file_ns, all_ns;
};
/* For tests: others than the program's, and begin anew. */
void budget_set_limits(const struct budget_limits *l);

struct budget_stops {
	uint64_t cnt[BUDGET_REASON_CNT];
	char first[BUDGET_REASON_CNT][256]; /* the path of the first, as it is; "" for none */
};
void budget_stops(struct budget_stops *out);

#endif
