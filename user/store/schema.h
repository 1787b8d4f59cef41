/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The tables of a recording file as data: from these the SQL is made, and by these rows are
 * written, read and checked. To keep one more figure, add one line to schema.c.
 *
 *   struct table --- columns[] --- { name in SQL, kind, offset in the struct, doc }
 */
#ifndef WG_STORE_SCHEMA_H
#define WG_STORE_SCHEMA_H

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
	K_ROLE,	      /* an enum, by its name: role */
	K_STATE,      /* wg_state */
	K_STACK_END,  /* wg_stack_end */
	K_LOCK_KIND,  /* lock_kind */
	K_SITE_KIND,  /* site_kind */
	K_NTH,	      /* no field: the row's number in its array, from 0 */
	K_INDEX,      /* uint32_t, the number of a row elsewhere; NULL for NO_INDEX */
	K_PATH,	      /* struct stack: its frames, as a JSON array of their numbers */
	K_HIST,	      /* struct hist, as a JSON array without the zeros at its end */
};

struct column {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *doc;
	int since; /* the schema that brought it; 0, NULL or UNKNOWN in older files */
};

struct table {
	const char *name;
	const char *doc;
	const char *key; /* SQL of a first column that is no part of the struct, or NULL */
	const char *key_name;
	const struct column *columns;
	int column_cnt;
	int since; /* the schema that brought it; no rows in files older than that */
};

enum table_id {
	TABLE_RECORDING,
	TABLE_HOST,
	TABLE_CONDITIONS,
	TABLE_LIB,
	TABLE_RUNTIME,
	TABLE_ABSENCE,
	TABLE_LOSS,
	TABLE_FRAME, /* what others refer to comes before them */
	TABLE_STACK,
	TABLE_LOCK,
	TABLE_RUN,
	TABLE_WORK,
	TABLE_THREAD,
	TABLE_SITE,
	TABLE_WAKER,
	TABLE_PATH_PART,
	TABLE_CNT,
};

extern const struct table tables[TABLE_CNT];

/* SQL, each ended by ";\n" where it is a whole statement. */
void schema_create(FILE *f);			    /* all tables and views */
void schema_insert(FILE *f, const struct table *t); /* with a "?" for the key and each column */
/* Key and columns in order, by rowid, out of a file of this schema. */
void schema_select(FILE *f, const struct table *t, int schema);

/* The name of value number v of an enum kind, NULL when there is none; and back, or -EINVAL. */
const char *schema_enum_name(enum kind kind, unsigned int v);
int schema_enum_parse(enum kind kind, const char *name);

#endif
