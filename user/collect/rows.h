/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Arrays of rows. */
#ifndef WG_COLLECT_ROWS_H
#define WG_COLLECT_ROWS_H

#include <stddef.h>

#include "shared.h"

struct rows {
	struct wg_row *row;
	size_t cnt, cap;
};

void rows_clear(struct rows *r);
/* Order by id, so that two snapshots can be walked side by side. */
void rows_sort(struct rows *r);
/* Append all of `from` to `to`, and leave it empty. 0 or -ENOMEM. */
int rows_move(struct rows *to, struct rows *from);

#endif
