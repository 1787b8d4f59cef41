/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Recordings by chance, for tests that state what holds for all of them. */
#ifndef WG_UNIT_RANDOM_RECORDING_H
#define WG_UNIT_RANDOM_RECORDING_H

#include "model/recording.h"
#include "model/stats.h"

/* Fill r, which recording_init has set up, with values that a file can hold, edges included. */
void random_recording(struct recording *r, struct prng *p);

/* Make of r what a file of schema 3, 2, or 1, holds of it. */
void recording_to_schema_3(struct recording *r);
void recording_to_schema_2(struct recording *r);
void recording_to_schema_1(struct recording *r);

/* 0 when they hold the same; else the place of the first difference is in *where. */
int recording_differs(const struct recording *a, const struct recording *b, const char **where);

#endif
