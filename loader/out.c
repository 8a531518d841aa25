// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "out_text.h"
#include "out_utf8.h"

#define DEPTH_MAX 16

struct scope {
	char close;	/* '}' or ']' */
	bool filled;	/* something stands in it: the next value needs a comma */
	bool muted;	/* text only */
};

/* JSON is written into memory as it comes (a json-c tree of 65,536 flows would need a kilobyte
 * each) and reaches the stream in out_end(). Text goes through out_text.c, which aligns it. */
static struct {
	FILE *stream;
	bool json;
	FILE *doc;
	char *doc_text;
	size_t doc_len;
	struct scope scopes[DEPTH_MAX];
	int depth;
	bool root_array;	/* the document is an array */
	bool has_warnings;
	bool failed;		/* out of memory, or nested too deep */
} out;

void out_begin(FILE *stream, bool json)
{
	memset(&out, 0, sizeof(out));
	out.stream = stream;
	out.json = json;
	out.scopes[0].close = '}';
	if (!json) {
		out_text_begin(stream);
		return;
	}
	out.doc = open_memstream(&out.doc_text, &out.doc_len);
	out.failed = !out.doc;
}

bool out_is_json(void)
{
	return out.json;
}

/* A JSON string literal of s. */
static void put_string(FILE *f, const char *s)
{
	if (!out_utf8_json(f, s))
		out.failed = true;
}

/* Comma and key of the next value; false: it is not part of the document. */
static bool put_key(const char *key)
{
	struct scope *s = &out.scopes[out.depth];

	if (!out.doc || s->muted || (s->close == '}' && !key))
		return false;
	if (s->filled)
		fputs(out.depth ? "," : ",\n", out.doc);
	s->filled = true;
	if (s->close == '}') {
		put_string(out.doc, key);
		fputs(":", out.doc);
	}
	return true;
}

static void scope_open(const char *key, char open, char close)
{
	bool shown = out.json && put_key(key);

	if (out.depth == DEPTH_MAX - 1) {
		out.failed = true;
		return;
	}
	if (shown)
		fputc(open, out.doc);
	out.scopes[++out.depth] = (struct scope){ .close = close, .muted = !shown };
}

static void scope_close(void)
{
	if (!out.depth)
		return;
	if (!out.scopes[out.depth].muted)
		fputc(out.scopes[out.depth].close, out.doc);
	out.depth--;
}

void out_object(const char *key, const char *label)
{
	scope_open(key, '{', '}');
	if (!out.json)
		out_text_group(label);
}

void out_object_end(void)
{
	scope_close();
	if (!out.json)
		out_text_group_end();
}

void out_array(const char *key, const char *label)
{
	scope_open(key, '[', ']');
	if (!out.json)
		out_text_list(label);
}

void out_array_end(void)
{
	scope_close();
	if (!out.json)
		out_text_list_end();
}

void out_table(const char *key, const char *title)
{
	if (!key && !out.depth && !out.scopes[0].filled) {
		out.root_array = true;
		out.scopes[0].close = ']';
	} else {
		scope_open(key, '[', ']');
	}
	if (!out.json)
		out_text_table(title);
}

void out_table_end(void)
{
	if (!out.root_array || out.depth)
		scope_close();
	if (!out.json)
		out_text_table_end();
}

void out_row(void)
{
	scope_open(NULL, '{', '}');
}

void out_row_end(void)
{
	scope_close();
	if (!out.json)
		out_text_row_end();
}

/* A value that is text in both forms. literal: is it JSON as it stands? */
static void put(const char *key, const char *label, const char *value, bool literal)
{
	if (!out.json) {
		out_text_value(label, value, literal);
	} else if (put_key(key)) {
		if (literal)
			fputs(value, out.doc);
		else
			put_string(out.doc, value);
	}
}

void out_str(const char *key, const char *label, const char *value)
{
	if (value)
		put(key, label, value, false);
	else
		out_null(key, label);
}

static char *format(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0) {
		out.failed = true;
		return NULL;
	}
	return text;
}

void out_fmt(const char *key, const char *label, const char *fmt, ...)
{
	va_list ap;
	char *value;

	va_start(ap, fmt);
	value = format(fmt, ap);
	va_end(ap);
	if (value)
		put(key, label, value, false);
	free(value);
}

void out_u64(const char *key, const char *label, uint64_t value)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRIu64, value);
	put(key, label, buf, true);
}

void out_i64(const char *key, const char *label, int64_t value)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRId64, value);
	put(key, label, buf, true);
}

void out_bool(const char *key, const char *label, bool value)
{
	if (out.json)
		put(key, label, value ? "true" : "false", true);
	else
		put(key, label, value ? "yes" : "no", false);
}

void out_null(const char *key, const char *label)
{
	if (out.json)
		put(key, label, "null", true);
	else
		put(key, label, "-", false);
}

void out_json(const char *key, struct json_object *value)
{
	if (out.json && put_key(key))
		fputs(json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE),
		      out.doc);
}

void out_text(const char *fmt, ...)
{
	va_list ap;
	char *line;

	if (out.json)
		return;
	va_start(ap, fmt);
	line = format(fmt, ap);
	va_end(ap);
	if (line)
		out_text_prose(line);
	free(line);
}

void out_warnings(void)
{
	if (!out.json)
		return;
	out.has_warnings = true;
	out_array("warnings", NULL);
	for (size_t i = 0; i < warn_count(); i++)
		out_str(NULL, NULL, warn_get(i));
	out_array_end();
}

static void drop_document(void)
{
	if (out.doc)
		fclose(out.doc);
	free(out.doc_text);
	out.doc = NULL;
	out.doc_text = NULL;
}

/* The document that says what failed, instead of any other. */
static void error_document(void)
{
	bool failed = out.failed;

	drop_document();
	out_begin(out.stream, true);
	out.failed |= failed;
	out_str("error", NULL, err_text());
	out_str("hint", NULL, err_hint());
}

static void end_json(void)
{
	if (out.failed && !err_text())
		err(NULL, "out of memory for the output");
	if (err_text())
		error_document();
	if (!out.root_array && !out.has_warnings && warn_count())
		out_warnings();
	if (!out.doc)
		return;
	/* memstream: the text is complete, and its address known, only after fclose(). */
	if (fclose(out.doc))
		out.failed = true;
	out.doc = NULL;
	fprintf(out.stream, "%c%s%c\n", out.root_array ? '[' : '{', out.doc_text,
		out.root_array ? ']' : '}');
	drop_document();
}

/* "  HINT" for each line of it. */
static void print_hint(const char *hint)
{
	while (hint && *hint) {
		size_t len = strcspn(hint, "\n");

		fprintf(stderr, "  %.*s\n", (int)len, hint);
		hint += len + (hint[len] == '\n');
	}
}

/* What goes to stderr: the error in text mode; the warnings beside a JSON list, which has no room
 * for them (text mode has printed them already). */
static void print_errors(void)
{
	if (!out.json && err_text()) {
		fprintf(stderr, "mape-xdp: %s\n", err_text());
		print_hint(err_hint());
	}
	for (size_t i = 0; out.root_array && out.json && i < warn_count(); i++)
		fprintf(stderr, "mape-xdp: warning: %s\n", warn_get(i));
}

int out_end(void)
{
	bool failed;

	if (out.json)
		end_json();
	else if (!out_text_end())
		out.failed = true;
	failed = out.failed;
	if (failed && !out.json)
		fprintf(stderr, "mape-xdp: out of memory, the output is incomplete\n");

	errno = 0;
	if (fflush(out.stream) || ferror(out.stream)) {
		failed = true;
		if (errno != EPIPE)
			fprintf(stderr, "mape-xdp: cannot write the output: %s\n",
				strerror(errno ? errno : EIO));
	}
	print_errors();
	return failed ? -1 : 0;
}
