/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The tables of a recording file as data: from these the SQL is made, and by these rows are
 * written, read and checked. To keep one more figure, add one line to schema.c.
 *
 *   struct table --- columns[] --- { name in SQL, kind, offset in the struct, doc }
 */
#ifndef WG_SCHEMA_H
#define WG_SCHEMA_H

#include <stddef.h>
#include <stdio.h>

#define STORE_APPLICATION_ID 0x77676170 /* "wgap", for file(1) and for us */

/* What a column holds, how it is kept in SQL and what is refused on reading. */
enum kind {
	K_AMOUNT,     /* uint64_t, 0 to 2^59: ns, bytes, counts of one run */
	K_AMOUNT_OPT, /* the same; UNKNOWN is NULL */
	K_BIG,	      /* uint64_t, 0 to 2^63 - 1: sums over all CPUs since boot */
	K_BIG_OPT,    /* the same; UNKNOWN is NULL */
	K_ID,	      /* uint64_t, any; kept as the int64 with the same bits */
	K_U32,	      /* uint32_t */
	K_INT,	      /* int, not negative */
	K_LANE,	      /* int, -1 for none */
	K_BOOL,	      /* bool as 0 or 1 */
	K_REAL,	      /* double, finite, not negative */
	K_STR,	      /* char *, of the heap; valid UTF-8 */
	K_COMM,	      /* char[WG_COMM_LEN]; valid UTF-8 */
	K_ROLE,	      /* enum role by its name */
};

struct column {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *doc;
};

struct table {
	const char *name;
	const char *doc;
	const char *key; /* SQL of a first column that is no part of the struct, or NULL */
	const char *key_name;
	const struct column *columns;
	int column_cnt;
};

enum table_id {
	TABLE_RECORDING,
	TABLE_HOST,
	TABLE_CONDITIONS,
	TABLE_LIB,
	TABLE_LOSS,
	TABLE_RUN,
	TABLE_WORK,
	TABLE_THREAD,
	TABLE_CNT,
};

extern const struct table tables[TABLE_CNT];

/* SQL, each ended by ";\n" where it is a whole statement. */
void schema_create(FILE *f);			    /* all tables and views */
void schema_insert(FILE *f, const struct table *t); /* with a "?" for the key and each column */
void schema_select(FILE *f, const struct table *t); /* key and columns in order, by rowid */

#endif
