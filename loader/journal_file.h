/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_JOURNAL_FILE_H
#define MAPE_LOADER_JOURNAL_FILE_H

#include <json-c/json.h>

/* What the parts of the journal share; users of the journal include journal.h. */

/*
 * The file: { "version": 1, "id": .., "phase": .., "facts": {..}, "records": [
 *	{ "kind": .., "detail": {..} }, .. ] }, oldest record first.
 */
struct journal {
	char *dir, *id, *path, *temp;
	int lock;			/* descriptor of the lock file, -1: not held */
	struct json_object *root;	/* contents of the file, NULL: there is none */
};

/* Of the file format; a reader that does not know it must not undo anything. */
#define JOURNAL_VERSION 1

/* Reads the file into root; a missing file is no error. */
int journal_load(struct journal *j);
/* Replaces the file by root, atomically and durably. */
int journal_save(const struct journal *j);
/* Removes the file and root. */
int journal_remove(struct journal *j);

/* A member of the given type, or NULL. */
struct json_object *journal_member(struct json_object *o, const char *key, enum json_type type);
/* Sets a member, taking value over also on failure; NULL (no memory) is a failure. */
int journal_set_member(struct json_object *o, const char *key, struct json_object *value);
/* The array of records, NULL if there is no file. */
struct json_object *journal_records(const struct journal *j);

#endif
