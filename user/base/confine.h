/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Giving up what is not needed any more: capabilities, and system calls by a filter. Both belong to
 * a thread, for ever, and go on to what it starts; so what may still start the user's commands keeps
 * what they need, and has no filter.
 *
 *                 programs attached        last command started         end
 *   main thread   ------ all ---|--- CONFINE_STARTS ---|--- CONFINE_READS ---|
 *   our threads                 |--------- CONFINE_PARSES --------------------|
 *
 *   CONFINE_STARTS   capabilities: to look at others, to save, to start a command as any user
 *   CONFINE_READS    the same without the last, and the filter
 *   CONFINE_PARSES   capabilities to look at others, and the filter
 *
 * The filter is a list of what is refused, with EPERM: to start programs, to look into or change other
 * processes, to load code into the kernel, to mount, to become someone else, to reach the network. None
 * of it has a use here, in no version of any library. A list of what is allowed would be shorter to
 * trust, but a C library, allocator or SQLite that learns a new call would lose a recording.
 */
#ifndef WG_BASE_CONFINE_H
#define WG_BASE_CONFINE_H

enum confine {
	CONFINE_STARTS,
	CONFINE_READS,
	CONFINE_PARSES,
};

/*
 * Make the filter, which confine() would do at its first use: before there are other threads, since it
 * needs some memory that they could take. Returns 0 or -errno: then nobody gets a filter.
 */
int confine_prepare(void);

/* Of the calling thread. Returns 0 or -errno: then it has kept something, and goes on with that. */
int confine(enum confine how);

/* The filter alone. tracer: leave the calls by which a leak checker stops us at our end. */
int confine_filter(int tracer);

#endif
