/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The table of workloads: what one unit of work (a task) is, and nothing about who runs it.
 *
 *   lane of the pool --setup--> state --run(task), run(task) ...--> checksum, perhaps a buffer
 *                                 `----teardown
 *
 * Every task of a workload does the same work for the same n, whatever the lane, the model and
 * the repeat, so that all checksums must agree.
 */
#ifndef WG_NATIVE_WORKLOAD_H
#define WG_NATIVE_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_SZ 136 /* sha512 in hex, its end, rounded up */
#define WHY_SZ 256	/* one line that says what failed */

/* Memory that a task gives away. The receiver ends its life. */
struct buffer {
	void *addr; /* in this process, or NULL when fd carries it */
	size_t sz;  /* 0: there is none */
	int fd;	    /* a memfd that holds the content, or -1 */
};

struct task {
	void *state;	    /* of the lane, from setup */
	long long n;	    /* size of the work, in the workload's unit */
	bool other_process; /* the receiver of the buffer lives in another process */
	bool touch;	    /* write to the buffer that is given away */
	char checksum[CHECKSUM_SZ];
	struct buffer out;
	char why[WHY_SZ]; /* filled when run fails */
};

struct workload {
	const char *name;
	const char *unit; /* what n counts; "bytes" is shown in MiB */
	long long default_n;
	long long max_n;
	/* A warm-up of a tenth of n is not enough: it must reach the full footprint. */
	bool warm_up_whole;
	/* Memory a lane holds at its peak, bytes; NULL when it does not matter. */
	uint64_t (*footprint)(long long n);
	/* Called by the lane itself, once. NULL when there is no state. 0 or -errno, why filled. */
	int (*setup)(int lane, void **state, char *why);
	/* One task. 0 or -errno, why filled. */
	int (*run)(struct task *t);
	/* Look at a buffer that came out of run and end its life. 0 or -errno, why filled. */
	int (*consume)(struct buffer *b, const char *checksum, char *why);
	void (*teardown)(void *state);
};

extern const struct workload workload_math;
extern const struct workload workload_crypto, workload_crypto_query, workload_crypto_fetched,
	workload_crypto_private, workload_crypto_query_private;
extern const struct workload workload_transfer, workload_churn, workload_populate;

const struct workload *workload_find(const char *name); /* NULL: no such */
const struct workload *workload_at(size_t i);		/* NULL: past the end */
/* "1,000,000 operations a task" */
void workload_describe(const struct workload *w, long long n, char *buf, size_t sz);

#endif
