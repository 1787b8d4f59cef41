/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A table that stays within a width: columns that do not fit go into a second block below, with
 * the first column (the names of the rows) repeated. Columns belong to groups, and a block ends
 * between groups where it can. The lines themselves are libsmartcols's.
 *
 * Failures (no memory) are kept and told by table_print.
 */
#ifndef WG_REPORT_TABLE_H
#define WG_REPORT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

struct table;

enum align { ALIGN_LEFT, ALIGN_RIGHT };

struct table *table_new(void); /* NULL without memory */
void table_free(struct table *t);

/* All columns first, then the rows. group is a small number that rises from left to right. */
void table_column(struct table *t, const char *head, enum align align, int group);

/* Begin a row; then one cell for each column. Text is copied and made fit to print. */
void table_row(struct table *t);
void table_cell(struct table *t, const char *text);

/* Columns that the table takes in one block, without indent. */
int table_width(const struct table *t);

/* Print with each line indented, within columns. Returns 0 or -ENOMEM. */
int table_print(struct table *t, FILE *f, int indent, int columns, bool color);

#endif
