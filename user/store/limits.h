/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is taken for possible in a recording. The writer keeps to it and the reader refuses the
 * rest, so that sums over a thread's columns cannot overflow, whatever a file says.
 */
#ifndef WG_STORE_LIMITS_H
#define WG_STORE_LIMITS_H

#define STORE_AMOUNT_MAX (1ull << 59) /* ns: 18 years; bytes: 512 PiB */
#define STORE_STR_MAX (1u << 20)      /* bytes of one string */
#define STORE_RUN_MAX 10000
#define STORE_PATH_MAX 1024 /* frames of one call path */

#endif
