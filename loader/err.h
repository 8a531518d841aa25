/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_ERR_H
#define MAPE_LOADER_ERR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One error slot and one list of warnings for the whole process: this is a command that does one
 * thing and exits. Functions deep down record what failed and what to do next, return -1, and
 * main() prints the record once, as text or as JSON.
 *
 * err() and warn() also exist in the C library with other arguments. Hidden visibility keeps ours
 * out of the dynamic symbol table, so that no shared library ever calls them by mistake.
 */
#pragma GCC visibility push(hidden)

/* What failed, in `fmt`; what to do next, in `hint` (may be NULL, may have several lines).
 * Replaces an older record. Always -1, so that callers can write `return err(...)`. */
int err(const char *hint, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same with ": " and the meaning of `errnum` (positive errno) appended. */
int err_sys(int errnum, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "CONTEXT: " in front of the recorded text; keeps the hint. Always -1. */
int err_context(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Text and hint of the record; NULL if there is none. Valid until the next err*() call. */
const char *err_text(void);
const char *err_hint(void);
void err_clear(void);

/*
 * Sets the record aside while cleaning up after it, which may fail in turn. err_restore() puts it
 * back over whatever was recorded meanwhile and releases `saved` (NULL, saved when there was no
 * record or no memory, changes nothing).
 */
struct err_saved;
struct err_saved *err_save(void);
void err_restore(struct err_saved *saved);

/* Something worth knowing that does not stop the command. Printed to stderr at once, unless
 * warn_quiet(true) was called (JSON mode); always collected. The same text is kept only once. */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void warn_quiet(bool quiet);
size_t warn_count(void);
const char *warn_get(size_t index);
void warn_clear(void);

#pragma GCC visibility pop

#endif
