// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct err_saved {
	char *text, *hint;
};

static struct err_saved slot;

static struct {
	char **v;
	size_t n;
	bool quiet;
} warnings;

/* Stands in for a text that there was no memory for. Never freed. */
static char out_of_memory[] = "out of memory";

static void drop(char *text)
{
	if (text != out_of_memory)
		free(text);
}

static char *format(const char *fmt, va_list ap)
{
	char *text;

	return vasprintf(&text, fmt, ap) < 0 ? out_of_memory : text;
}

/* Takes text over. hint may be the recorded one. */
static void record(char *text, const char *hint)
{
	char *copy = hint ? strdup(hint) : NULL;

	err_clear();
	slot.text = text;
	slot.hint = copy;
}

int err(const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(format(fmt, ap), hint);
	va_end(ap);
	return -1;
}

int err_sys(int errnum, const char *hint, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	err(hint, "%s: %s", text, strerror(errnum));
	drop(text);
	return -1;
}

int err_context(const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (!slot.text)
		return -1;
	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	err(slot.hint, "%s: %s", text, slot.text);
	drop(text);
	return -1;
}

const char *err_text(void)
{
	return slot.text;
}

const char *err_hint(void)
{
	return slot.hint;
}

void err_clear(void)
{
	drop(slot.text);
	free(slot.hint);
	slot.text = slot.hint = NULL;
}

struct err_saved *err_save(void)
{
	struct err_saved *saved = slot.text ? malloc(sizeof(*saved)) : NULL;

	if (saved) {
		*saved = slot;
		slot.text = slot.hint = NULL;
	}
	return saved;
}

void err_restore(struct err_saved *saved)
{
	if (!saved)
		return;
	err_clear();
	slot = *saved;
	free(saved);
}

static void keep_warning(char *text)
{
	char **v;

	for (size_t i = 0; i < warnings.n; i++) {
		if (!strcmp(warnings.v[i], text)) {
			drop(text);
			return;
		}
	}
	if (!warnings.quiet)
		fprintf(stderr, "mape-xdp: warning: %s\n", text);
	v = realloc(warnings.v, (warnings.n + 1) * sizeof(*v));
	if (!v) {
		drop(text);
		return;
	}
	warnings.v = v;
	warnings.v[warnings.n++] = text;
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep_warning(format(fmt, ap));
	va_end(ap);
}

void warn_quiet(bool quiet)
{
	warnings.quiet = quiet;
}

size_t warn_count(void)
{
	return warnings.n;
}

const char *warn_get(size_t index)
{
	return index < warnings.n ? warnings.v[index] : NULL;
}

void warn_clear(void)
{
	while (warnings.n)
		drop(warnings.v[--warnings.n]);
	free(warnings.v);
	warnings.v = NULL;
}
