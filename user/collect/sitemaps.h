/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel's maps of sites, emptied while a window lasts: see bpf/site.bpf.h. There are two of
 * each kind; programs add to those of one half, while the other is empty or being emptied.
 */
#ifndef WG_COLLECT_SITEMAPS_H
#define WG_COLLECT_SITEMAPS_H

#include <stdint.h>

#include "collect/profile.h"

struct sitemaps {
	int sites[2], fault_sites[2]; /* descriptors of BPF maps, by half */
	uint32_t *half;		      /* wg_site_half */
	uint32_t *new_cnt;	      /* wg_site_new_cnt */
};

/* Room for what finds none later. Failing to, it is only a loss. */
void sitemaps_begin(const struct sitemaps *m, uint16_t window);
/* Have the other half used from here on, and add to out what the first has of the window. */
int sitemaps_turn(const struct sitemaps *m, uint16_t window, struct profile *out);
/* Add what both have, of a window that is over. */
int sitemaps_end(const struct sitemaps *m, uint16_t window, struct profile *out);

#endif
