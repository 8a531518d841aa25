/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_OUT_H
#define MAPE_LOADER_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

/*
 * The result of a command, described once and printed as text or as one JSON document.
 *
 * Every value has a key (JSON) and a label (text). NULL as label: JSON only; NULL as key: text
 * only. Inside an array keys are ignored. Text is "label: value", aligned; labels inside a table
 * are the column titles. Text that ends up on a terminal has control characters replaced by '?'.
 *
 *	out_str("wan", "WAN", "eth2");
 *	out_object("rule", "rule");
 *		out_u64("ea_len", "EA bits", 20);
 *	out_object_end();
 *	out_table(NULL, NULL);			(NULL key: the document itself is the array)
 *	for (...) {
 *		out_row();
 *			out_str("proto", "PROTO", "tcp");
 *		out_row_end();
 *	}
 *	out_table_end();
 *
 * Nothing is written before out_end() in JSON mode: a late error still gives a parseable document.
 * Running out of memory or of disk is remembered and reported by out_end().
 */
void out_begin(FILE *stream, bool json);
bool out_is_json(void);

/* A group of values; its lines are indented below `label` (NULL: in line with the others). */
void out_object(const char *key, const char *label);
void out_object_end(void);

/* A list of plain values; text joins them with ", ". */
void out_array(const char *key, const char *label);
void out_array_end(void);

/* Rows of values; text aligns them in columns under the labels of the rows and prints `title`
 * above (NULL: no line; nothing at all if there are no rows). Numbers are right-aligned. */
void out_table(const char *key, const char *title);
void out_table_end(void);
void out_row(void);
void out_row_end(void);

void out_str(const char *key, const char *label, const char *value);	/* NULL: null, "-" */
void out_fmt(const char *key, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void out_u64(const char *key, const char *label, uint64_t value);
void out_i64(const char *key, const char *label, int64_t value);
void out_bool(const char *key, const char *label, bool value);		/* true, "yes" */
void out_null(const char *key, const char *label);			/* null, "-" */

/* A value that exists as json-c already; JSON only. Borrows `value`, NULL is null. */
void out_json(const char *key, struct json_object *value);

/* A line of prose, text only; fmt without the last newline. "%s", "" is an empty line. */
void out_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "warnings": [..] with everything warn() has collected. JSON only: text mode has printed them.
 * out_end() adds it by itself to a document that is an object, if there are any. */
void out_warnings(void);

/*
 * Writes what is still held back and releases everything. In JSON mode a recorded err() replaces
 * the document by {"error","hint"} (and "warnings" if any); in text mode it goes to stderr.
 * 0, or -1 if stdout could not take it all (said on stderr, except for a reader that went away).
 */
int out_end(void);

#endif
