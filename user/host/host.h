/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The machine around the measurement, read from /proc, /sys and by two short loops. A fact that
 * cannot be had is "unknown", "" or UNKNOWN, never an error.
 */
#ifndef WG_HOST_HOST_H
#define WG_HOST_HOST_H

#include <stdbool.h>

#include "model/recording.h"

/* Fill all of h but fault_end (the collector knows that). Returns 0 or -ENOMEM. */
int host_read(struct host *h);

/* Whether the kernel may take the CPU away from code that runs in it: "full" or "lazy", or not known. */
bool host_preemptible(void);

/*
 * Fill c. measure: also time the cache line between the first two of the allowed CPUs and the
 * arithmetic loop (about 20 ms together).
 */
int conditions_read(struct conditions *c, bool measure);

/* CPU time of all tasks since boot, and steal, ns, from /proc/stat; 0 or -errno. */
int host_cpu_times(uint64_t *busy_ns, uint64_t *idle_ns, uint64_t *steal_ns);

/* Resident set of process tgid from /proc/TGID/statm; 0, or -ESRCH when it is gone. */
int host_rss(uint32_t tgid, uint64_t *rss_bytes);
/* The highest resident set of this program since its exec (VmHWM); 0 or -errno. */
int host_own_rss_peak(uint64_t *bytes);
/* When this program was exec'd, on CLOCK_MONOTONIC, to the clock tick's precision; 0 if not known. */
uint64_t host_own_start_ns(void);
/* Proportional set size from /proc/TGID/smaps_rollup: takes the process's mmap_lock for a while. */
int host_pss(uint32_t tgid, uint64_t *pss_bytes);
/* VmPTE (all levels of the page tables on this kernel) from /proc/TGID/status. */
int host_pgtables(uint32_t tgid, uint64_t *bytes);

#endif
