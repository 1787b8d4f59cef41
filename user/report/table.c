// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See table.h. */
#include "report/table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <string.h>

#include "base/util.h"
#include "report/format.h"

#define CELL_MAX 60 /* columns of one cell */
#define GAP 2	    /* between columns */

struct column {
	char *head;
	enum align align;
	int group;
	int width;
};

struct table {
	struct column *columns;
	size_t column_cnt, column_cap;
	char **cells; /* row by row, column_cnt each */
	size_t cell_cnt, cell_cap;
	size_t row_cnt;
	bool failed;
};

struct table *table_new(void)
{
	return calloc(1, sizeof(struct table));
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->column_cnt; i++)
		free(t->columns[i].head);
	for (size_t i = 0; i < t->cell_cnt; i++)
		free(t->cells[i]);
	free(t->columns);
	free(t->cells);
	free(t);
}

void table_column(struct table *t, const char *head, enum align align, int group)
{
	struct column c = {.align = align, .group = group};

	if (t->failed ||
	    array_grow((void **)&t->columns, &t->column_cap, t->column_cnt, sizeof(*t->columns))) {
		t->failed = true;
		return;
	}
	c.head = printable(head, CELL_MAX);
	c.width = c.head ? display_width(c.head) : 0;
	t->columns[t->column_cnt++] = c;
	t->failed |= !c.head;
}

/* Cells that the last row still lacks are empty. */
static void fill_row(struct table *t)
{
	while (!t->failed && t->cell_cnt < t->row_cnt * t->column_cnt)
		table_cell(t, "");
}

void table_row(struct table *t)
{
	fill_row(t);
	t->row_cnt++;
}

void table_cell(struct table *t, const char *text)
{
	size_t column = t->column_cnt ? t->cell_cnt % t->column_cnt : 0;
	char *cell;
	int width;

	if (t->failed ||
	    array_grow((void **)&t->cells, &t->cell_cap, t->cell_cnt, sizeof(*t->cells))) {
		t->failed = true;
		return;
	}
	cell = printable(text, CELL_MAX);
	if (!cell) {
		t->failed = true;
		return;
	}
	t->cells[t->cell_cnt++] = cell;
	width = display_width(cell);
	if (width > t->columns[column].width)
		t->columns[column].width = width;
}

static int span_width(const struct table *t, size_t from, size_t to)
{
	int width = 0;

	for (size_t i = from; i < to; i++)
		width += t->columns[i].width + (i > from ? GAP : 0);
	return width;
}

int table_width(const struct table *t)
{
	return span_width(t, 0, t->column_cnt);
}

/* Columns of a block: the first of the table, then from..to-1. */
static int block_width(const struct table *t, size_t from, size_t to)
{
	int width = span_width(t, from, to);

	return from ? t->columns[0].width + GAP + width : width;
}

static size_t group_end(const struct table *t, size_t from)
{
	size_t to = from;

	while (to < t->column_cnt && t->columns[to].group == t->columns[from].group)
		to++;
	return to;
}

/* Where the block that begins at from ends: whole groups if they fit, else single columns. */
static size_t block_end(const struct table *t, size_t from, int room)
{
	size_t end = group_end(t, from);

	if (block_width(t, from, end) <= room) {
		while (end < t->column_cnt && block_width(t, from, group_end(t, end)) <= room)
			end = group_end(t, end);
		return end;
	}
	end = from + 1;
	while (end < t->column_cnt && block_width(t, from, end + 1) <= room)
		end++;
	/* the names of the rows alone are no block */
	return !from && end == 1 && t->column_cnt > 1 ? 2 : end;
}

/* The columns of a block in turn: the first of the table, then from on. */
static size_t after(size_t i, size_t from)
{
	return i < from ? from : i + 1;
}

static int add_columns(struct libscols_table *tb, const struct table *t, size_t from, size_t to,
		       bool color)
{
	for (size_t i = 0; i < to; i = after(i, from)) {
		const struct column *c = &t->columns[i];
		struct libscols_column *col = scols_table_new_column(
			tb, c->head, 0, c->align == ALIGN_RIGHT ? SCOLS_FL_RIGHT : 0);

		if (!col)
			return -ENOMEM;
		if (color)
			scols_cell_set_color(scols_column_get_header(col), "\033[4m");
	}
	return 0;
}

static int add_lines(struct libscols_table *tb, const struct table *t, size_t from, size_t to)
{
	for (size_t row = 0; row < t->row_cnt; row++) {
		struct libscols_line *line = scols_table_new_line(tb, NULL);
		char **cells = t->cells + row * t->column_cnt;
		size_t at = 0;

		if (!line)
			return -ENOMEM;
		for (size_t i = 0; i < to; i = after(i, from)) {
			if (scols_line_set_data(line, at++, cells[i]))
				return -ENOMEM;
		}
	}
	return 0;
}

/* Lines of text, each indented, without blanks at their ends. */
static void print_indented(FILE *f, char *text, int indent)
{
	for (char *line = text, *next; line && *line; line = next) {
		size_t len;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		len = strlen(line);
		while (len && line[len - 1] == ' ')
			len--;
		fprintf(f, "%*s%.*s\n", len ? indent : 0, "", (int)len, line);
	}
}

static int print_block(const struct table *t, FILE *f, size_t from, size_t to, int indent,
		       bool color)
{
	struct libscols_table *tb = scols_new_table();
	char *text = NULL;
	int err = -ENOMEM;

	if (!tb)
		return -ENOMEM;
	scols_table_set_column_separator(tb, "  ");
	scols_table_enable_colors(tb, color);
	scols_table_set_termforce(tb, SCOLS_TERMFORCE_NEVER);
	if (!add_columns(tb, t, from, to, color) && !add_lines(tb, t, from, to) &&
	    !scols_print_table_to_string(tb, &text)) {
		print_indented(f, text, indent);
		err = 0;
	}
	free(text);
	scols_unref_table(tb);
	return err;
}

int table_print(struct table *t, FILE *f, int indent, int columns, bool color)
{
	size_t from = 0, to;
	int err = 0;

	fill_row(t);
	if (t->failed)
		return -ENOMEM;
	for (; !err && from < t->column_cnt; from = to) {
		to = block_end(t, from, columns - indent);
		err = print_block(t, f, from, to, indent, color);
	}
	return err;
}
