// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 24
#define DEPTH_MAX 16

struct line {
	int indent;
	char *label;	/* NULL: prose */
	char *value;	/* NULL: heading of a group */
};

struct column {
	char *title;
	size_t width;
	bool number;
};

static struct {
	FILE *stream;
	struct line *lines;	/* since the last flush */
	size_t n_lines;
	int indent;
	bool indented[DEPTH_MAX]; /* which of the open groups are indented */
	int groups;
	bool in_list;
	char *list_label, *list;
	bool in_table;
	char *table_title;
	struct column columns[COLUMNS_MAX];
	size_t n_columns;
	char **cells;		/* n_rows * COLUMNS_MAX, the last row is the open one */
	size_t n_rows;
	bool failed;
} text;

/* A copy that cannot play tricks on a terminal; with `lines` newlines stay. NULL stays NULL. */
static char *copy_clean(const char *s, bool lines)
{
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		text.failed = true;
	for (char *c = copy; c && *c; c++)
		if (iscntrl((unsigned char)*c) && !(lines && *c == '\n'))
			*c = '?';
	return copy;
}

static char *clean(const char *s)
{
	return copy_clean(s, false);
}

static void print_line(const struct line *line, size_t width)
{
	if (!line->label)
		fprintf(text.stream, "%s\n", line->value);
	else if (!line->value)
		fprintf(text.stream, "%*s%s:\n", line->indent, "", line->label);
	else
		fprintf(text.stream, "%*s%s:%*s%s\n", line->indent, "", line->label,
			(int)(width - line->indent - strlen(line->label)), "", line->value);
}

/* Prints the lines gathered so far, their values below each other. */
static void flush(void)
{
	size_t width = 0;

	for (size_t i = 0; i < text.n_lines; i++) {
		const struct line *line = &text.lines[i];

		if (line->label && line->value && line->indent + strlen(line->label) > width)
			width = line->indent + strlen(line->label);
	}
	for (size_t i = 0; i < text.n_lines; i++) {
		struct line *line = &text.lines[i];

		print_line(line, width + 1);
		free(line->label);
		free(line->value);
	}
	free(text.lines);
	text.lines = NULL;
	text.n_lines = 0;
}

/* Takes label and value over. */
static void add_line(char *label, char *value)
{
	struct line *lines = realloc(text.lines, (text.n_lines + 1) * sizeof(*lines));

	if (!lines) {
		text.failed = true;
		free(label);
		free(value);
		return;
	}
	text.lines = lines;
	lines[text.n_lines++] = (struct line){ text.indent, label, value };
}

void out_text_begin(FILE *stream)
{
	memset(&text, 0, sizeof(text));
	text.stream = stream;
}

void out_text_prose(const char *line)
{
	add_line(NULL, copy_clean(line, true));
}

static void add_item(const char *value)
{
	char *joined;

	if (!text.list_label)
		return;
	if (asprintf(&joined, "%s%s%s", text.list ? text.list : "", text.list ? ", " : "",
		     value) < 0) {
		text.failed = true;
		return;
	}
	free(text.list);
	text.list = joined;
}

static struct column *find_column(const char *label)
{
	struct column *c = text.columns;

	for (size_t i = 0; i < text.n_columns; i++, c++)
		if (c->title && !strcmp(c->title, label))
			return c;
	if (text.n_columns == COLUMNS_MAX)
		return NULL;
	c->title = clean(label);
	c->width = strlen(label);
	c->number = true;
	text.n_columns++;
	return c;
}

/* Makes room for the open row. Grows by halves, for tables of many thousand rows. */
static bool open_row(void)
{
	size_t n = text.n_rows;
	char **cells;

	if ((n & (n - 1)) == 0) {
		size_t room = n ? 2 * n : 1;

		cells = realloc(text.cells, room * COLUMNS_MAX * sizeof(*cells));
		if (!cells) {
			text.failed = true;
			return false;
		}
		memset(cells + n * COLUMNS_MAX, 0, (room - n) * COLUMNS_MAX * sizeof(*cells));
		text.cells = cells;
	}
	return true;
}

static void add_cell(const char *label, const char *value, bool number)
{
	struct column *c = find_column(label);
	char **cell;

	if (!c || !text.cells)
		return;
	if (strlen(value) > c->width)
		c->width = strlen(value);
	if (!number && strcmp(value, "-"))
		c->number = false;
	cell = &text.cells[text.n_rows * COLUMNS_MAX + (c - text.columns)];
	free(*cell);
	*cell = clean(value);
}

void out_text_value(const char *label, const char *value, bool number)
{
	if (text.in_list)
		add_item(value);
	else if (label && text.in_table)
		add_cell(label, value, number);
	else if (label)
		add_line(clean(label), clean(value));
}

void out_text_group(const char *label)
{
	if (label && !text.in_table)
		add_line(clean(label), NULL);
	if (text.groups < DEPTH_MAX) {
		text.indented[text.groups] = label;
		text.indent += label ? 2 : 0;
	}
	text.groups++;
}

void out_text_group_end(void)
{
	if (--text.groups < DEPTH_MAX && text.indented[text.groups])
		text.indent -= 2;
}

void out_text_list(const char *label)
{
	text.in_list = true;
	text.list_label = clean(label);
}

void out_text_list_end(void)
{
	char *label = text.list_label, *list = text.list;

	text.in_list = false;
	text.list_label = text.list = NULL;
	if (label)
		out_text_value(label, list ? list : "-", false);
	free(label);
	free(list);
}

void out_text_table(const char *title)
{
	text.in_table = true;
	text.table_title = clean(title);
	open_row();
}

void out_text_row_end(void)
{
	text.n_rows++;
	if (!open_row())
		text.n_rows--;
}

static void print_row(char *const *cells)
{
	size_t last = 0;

	fprintf(text.stream, "%*s", text.indent, "");
	for (size_t i = 0; i < text.n_columns; i++)
		if (cells[i] && cells[i][0])
			last = i;
	for (size_t i = 0; i < text.n_columns && i <= last; i++) {
		const struct column *c = &text.columns[i];
		int width = c->number ? (int)c->width : i == last ? 0 : -(int)c->width;

		fprintf(text.stream, "%s%*s", i ? "  " : "", width, cells[i] ? cells[i] : "");
	}
	fputs("\n", text.stream);
}

static void print_table(void)
{
	char *titles[COLUMNS_MAX];

	flush();
	if (text.table_title)
		fprintf(text.stream, "%*s%s:\n", text.indent, "", text.table_title);
	text.indent += text.table_title ? 2 : 0;
	for (size_t i = 0; i < text.n_columns; i++)
		titles[i] = text.columns[i].title;
	print_row(titles);
	for (size_t i = 0; i < text.n_rows; i++)
		print_row(text.cells + i * COLUMNS_MAX);
	text.indent -= text.table_title ? 2 : 0;
}

void out_text_table_end(void)
{
	if (text.n_rows && text.n_columns && !text.failed)
		print_table();
	for (size_t i = 0; text.cells && i < (text.n_rows + 1) * COLUMNS_MAX; i++)
		free(text.cells[i]);
	free(text.cells);
	text.cells = NULL;
	text.n_rows = 0;
	while (text.n_columns)
		free(text.columns[--text.n_columns].title);
	free(text.table_title);
	text.table_title = NULL;
	text.in_table = false;
}

bool out_text_end(void)
{
	flush();
	return !text.failed;
}
