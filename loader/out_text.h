/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_OUT_TEXT_H
#define MAPE_LOADER_OUT_TEXT_H

#include <stdbool.h>
#include <stdio.h>

/* The text half of out.c: aligned "label: value" lines and tables. */

void out_text_begin(FILE *stream);

/* A value at the current place: a line, an item of a list or a cell of a row. */
void out_text_value(const char *label, const char *value, bool number);
void out_text_prose(const char *line);

void out_text_group(const char *label);		/* NULL: not indented */
void out_text_group_end(void);
void out_text_list(const char *label);		/* NULL: values are not shown */
void out_text_list_end(void);
void out_text_table(const char *title);
void out_text_table_end(void);
void out_text_row_end(void);

/* Writes what is held back for alignment and releases everything; false: out of memory. */
bool out_text_end(void);

#endif
