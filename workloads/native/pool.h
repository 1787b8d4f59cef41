/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A pool of lanes that do tasks, in threads or in processes, by one and the same mechanism, so
 * that a difference between the models is a difference of the models:
 *
 *                     board (one shared mapping: orders, results)
 *                      |                                  |
 *   orchestrator --write--> eventfd of lane i --read--> lane i: its tasks, in turn
 *        ^                                                |
 *        `------read---- one pipe of replies <---write----'
 *
 * A lane without work sleeps in read(), never on a futex. Task i belongs to lane i % workers, so
 * lanes share no queue. What happens to the orchestrator meanwhile (a child ended, the loader
 * spoke or went away, time is up) arrives as a signal, whose handler pokes the same pipe
 * (notice.h): the orchestrator waits in one read() for everything.
 */
#ifndef WG_NATIVE_POOL_H
#define WG_NATIVE_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "workload.h"

#define POOL_MAX_WORKERS 50000
#define POOL_MAX_TASKS 50000

enum order {
	ORDER_WORK, /* do your share of board->task_cnt tasks of size board->n */
	ORDER_QUIT, /* give back what you hold and end */
};

/* What one lane tells of itself; written by that lane alone. Aligned: no false sharing. */
struct lane_slot {
	pid_t tid, tgid;
	char why[WHY_SZ]; /* filled before REPLY_FAILED */
} __attribute__((aligned(64)));

/* One task of the last order; written by its lane alone. */
struct result {
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
	int lane;
	bool finished; /* set by the orchestrator */
	char checksum[CHECKSUM_SZ];
} __attribute__((aligned(64)));

/* Shared by the orchestrator and all lanes. The first part is written before an order is given. */
struct board {
	enum order order;
	bool measured; /* not the warm-up: the faults asked for by WALLGAP_TEST_* happen */
	int task_cnt;
	long long n;
	struct lane_slot *slots;
	struct result *results;
	size_t map_sz;
};

enum reply_kind {
	REPLY_UP,     /* the lane exists, is pinned and set up */
	REPLY_TASK,   /* results[index] is complete */
	REPLY_FAILED, /* slots[lane].why says what */
	REPLY_POKE,   /* from a signal handler: look at the notices */
};

struct reply {
	enum reply_kind kind;
	int lane, index;
	struct buffer out; /* of REPLY_TASK */
};

struct pool_spec {
	const struct workload *workload;
	const struct model *model;
	int workers;	 /* lanes */
	int tasks;	 /* per go */
	long long n;	 /* size of a task */
	bool touch;	 /* buffers that are given away are written to, and read */
	const int *cpus; /* of each lane, or NULL: not pinned. Used during pool_open only. */
	int timeout_s;	 /* for a go, and for the building; 0: none */
	int loader_fd;	 /* or -1: there is no loader */
	/* Is there something to read from the loader, or is it gone? */
	bool (*loader_speaks)(void *arg);
	void *loader_arg;
};

struct lane {
	struct pool *pool;
	int index;
	int cpu;     /* or -1 */
	int wake_fd; /* eventfd: an order is on the board */
	pthread_t thread;
	pid_t child; /* the process it lives in, when that is not ours */
};

struct pool {
	struct pool_spec spec;
	struct board *board;
	struct lane *lanes;
	int started; /* lanes that exist so far, as threads or as children */
	int reply_rd, reply_wr;
	int pass_rd, pass_wr;		       /* buffers of other processes come this way, or -1 */
	int crash_lane, hang_lane, wrong_lane; /* WALLGAP_TEST_*, or -1 */
	uint64_t begin_ns, end_ns;	       /* of the last go */
	char why[512]; /* what failed, one line; set when a function here fails */
};

/* How lanes come to exist. */
struct model {
	const char *name;
	bool one_lane;
	bool other_process; /* lanes live in processes of their own */
	/* Bring lane i into being, to run lane_main. 0 or -errno, pool->why filled. */
	int (*start_lane)(struct pool *p, int i);
	/* All lanes were told to quit: wait for their end. */
	void (*join)(struct pool *p);
};

extern const struct model model_single, model_threads, model_procs;
const struct model *model_find(const char *name); /* NULL: no such */
const struct model *model_at(size_t i);		  /* NULL: past the end */

/*
 * Build the pool and warm it up by real, smaller work. On return every lane waits for an order.
 * 0 or -errno with p->why filled; -ECANCELED when the loader spoke. p is the caller's, and needs
 * pool_close or pool_abandon in either case.
 */
int pool_open(struct pool *p, const struct pool_spec *spec);
/* Have all tasks done; then begin_ns, end_ns and the board's results are set. Errors as above. */
int pool_go(struct pool *p);
/* Lanes are idle: let them end in good order. */
void pool_close(struct pool *p);
/*
 * Lanes may be in any state: kill children, and end the program with this exit status. At once:
 * what exit() runs first, as libcrypto's cleaning up, would take from threads what they work with.
 */
void pool_abandon(struct pool *p, int status) __attribute__((noreturn));

/* Fill p->why and return code. */
int pool_fail(struct pool *p, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* For models: the life of a lane, in the thread that is to do the work. */
void lane_main(struct lane *l);
/* For models: start the pthread of a lane, in this process. 0 or -errno. */
int lane_start_thread(struct lane *l, void *(*body)(void *));
/* For models: can be called by a lane before lane_main, when it cannot get there. */
void lane_report_failure(struct lane *l, const char *what, int code);

/* Pass a buffer's fd to another process. 0 or -errno. */
int pass_send(int sock, int index, const struct buffer *b);
int pass_receive(int sock, int *index, struct buffer *b);

#endif
