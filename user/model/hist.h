/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Waits by length, as in WG_HIST_CNT. Of a site with one wait, or with waits that are alike, which of
 * 50,000 processes nearly all are, the one bucket is in place: all of them would be most of the site.
 */
#ifndef WG_MODEL_HIST_H
#define WG_MODEL_HIST_H

#include <stdint.h>

/* Zeroed it is empty. */
struct hist {
	uint64_t *more; /* WG_HIST_CNT buckets; NULL: there is only the one */
	uint64_t cnt;	/* in bucket `at`, where there are no more */
	uint32_t at;
};

/* cnt more in bucket at, which is below WG_HIST_CNT. 0 or -ENOMEM. */
int hist_add(struct hist *h, uint32_t at, uint64_t cnt);
/* All of `from`, too. */
int hist_join(struct hist *to, const struct hist *from);
uint64_t hist_at(const struct hist *h, uint32_t at);
/* Buckets up to the last that has any. */
uint32_t hist_len(const struct hist *h);
void hist_clear(struct hist *h);

#endif
