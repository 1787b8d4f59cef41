/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How fast this machine is just now, by two short loops. ns, medians; UNKNOWN when not had. */
#ifndef WG_HOST_TIMING_H
#define WG_HOST_TIMING_H

#include <stddef.h>
#include <stdint.h>

/* One-way latency of a cache line between the first two CPUs we may run on; at most about 20 ms. */
uint64_t timing_cacheline(void);

/* Time of a fixed loop of dependent arithmetic on this CPU, about 1 ms; run several times. */
uint64_t timing_spin(void);

/*
 * Both for a short look between measurements, 4 ms together (5 ms at most): the loop, the fastest
 * of three, which others that share the CPU do not touch; the cache line in fewer trips.
 */
void timing_quick(uint64_t *spin_ns, uint64_t *cacheline_ns);

/* Median of cnt values, the lower one of the middle two; sorts v. UNKNOWN when cnt is 0. */
uint64_t timing_median(uint64_t *v, size_t cnt);

#endif
