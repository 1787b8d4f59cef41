/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What happens to the orchestrator while it waits for its lanes. A signal handler notes it and
 * writes a REPLY_POKE into the pipe of replies, which ends the orchestrator's read(). Notes are
 * kept apart from the pipe, so that a full pipe loses none.
 */
#ifndef WG_NATIVE_NOTICE_H
#define WG_NATIVE_NOTICE_H

#include <stdbool.h>

enum notice {
	NOTICE_CHILD,  /* a child ended */
	NOTICE_LOADER, /* the loader wrote something, or is gone */
	NOTICE_ALARM,  /* the time of notice_timer is up */
	NOTICE_CNT,
};

/* Begin to poke reply_wr. loader_fd may be -1. 0 or -errno. One pipe a program. */
int notice_open(int reply_wr, int loader_fd);
/* Was there one since the last call? */
bool notice_take(enum notice what);
void notice_timer(int seconds); /* 0 stops it */
/* In a child: these signals are plain again. */
void notice_forget(void);
/* Keep these signals to the main thread: block around the making of others. */
void notice_block(bool block);

#endif
