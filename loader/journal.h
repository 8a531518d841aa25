/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_JOURNAL_H
#define MAPE_LOADER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/*
 * The write-ahead record of everything an instance changes on the machine.
 *
 * Each change is recorded durably before it is made. A failed attach, a command that was killed at
 * any instant and a plain detach therefore all do the same: undo the records, last to first. A
 * record only says that the change may have been made; undo functions look before they act.
 *
 * One file per instance, DIR/ID.json, replaced as a whole (temporary file, fsync, rename). /run is
 * empty after a reboot, as are the interfaces, addresses and routes that the records speak of.
 *
 * Every function that returns int gives 0, or -1 with err().
 */

#define JOURNAL_DIR "/run/mape-xdp"
#define JOURNAL_LOCK_MS 10000	/* an attach waits for duplicate address detection */

enum journal_phase {
	JOURNAL_NONE,		/* there is no file */
	JOURNAL_ATTACHING,	/* an attach is under way, or was killed */
	JOURNAL_ATTACHED,
	JOURNAL_DETACHING,	/* a detach is under way, was killed, or could not undo all */
};

struct journal;

/* Reads DIR/ID.json if it exists; makes nothing on disk. NULL with err(). Read-only commands need
 * no more than this: the file they see is always a complete one. */
struct journal *journal_open(const char *dir, const char *id);
void journal_close(struct journal *j);		/* also unlocks; NULL is fine */

/* Calls fn for the id of every journal in DIR, in no particular order, until it returns non-zero,
 * and returns that (0 at the end, also if DIR does not exist; -1 with err() if unreadable). */
int journal_each(const char *dir, int (*fn)(const char *id, void *arg), void *arg);

/*
 * Keeps other commands that change something out, machine-wide, until journal_close() or the end
 * of the process; makes DIR. Waits at most timeout_ms, then fails naming the holder. Reads the file
 * again, as the former holder may have changed it. Needed before every function that writes.
 */
int journal_lock(struct journal *j, unsigned int timeout_ms);

const char *journal_id(const struct journal *j);
enum journal_phase journal_phase(const struct journal *j);
int journal_set_phase(struct journal *j, enum journal_phase phase);

/* Starts an empty journal in phase ATTACHING; facts: a JSON object of the caller's choice (WAN,
 * rule, options, ...), taken over. Fails if there are records already: undo them first. */
int journal_begin(struct journal *j, struct json_object *facts);

/* The facts, borrowed; NULL if there is no file. journal_set_fact() stores one durably. */
struct json_object *journal_facts(const struct journal *j);
int journal_set_fact(struct journal *j, const char *key, struct json_object *value);

/* Stores a record durably; call it BEFORE the change. detail: a JSON object with what the undo
 * function needs, taken over (also on failure). */
int journal_record(struct journal *j, const char *kind, struct json_object *detail);

/* Adds something to the last record that is known only after the change (an index, an id). */
int journal_amend(struct journal *j, const char *key, struct json_object *value);

/* For status and doctor: number of records, and kind and detail (borrowed) of one, oldest first. */
size_t journal_count(const struct journal *j);
const char *journal_get(const struct journal *j, size_t index, struct json_object **detail);

/* What an undo function is given besides its record. */
struct undo {
	void *ctx;			/* of the caller of journal_undo_all() */
	struct json_object *left;	/* array of strings: what was left in place, and why */
	unsigned int undone, failed;	/* records so far */
};

/* Says what was left in place and why; returns 1. */
int undo_left(struct undo *undo, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Undoes one kind of record. It may be called for a change that was never made, or was undone
 * already, and removes only what is still ours and unchanged.
 * 0: undone, or nothing to do; 1: left in place (undo_left()); -1: failed, with err().
 */
struct undo_op {
	const char *kind;		/* NULL ends a table */
	int (*undo)(struct json_object *detail, struct undo *undo);
};

/*
 * Undoes all records, last to first, dropping each from the file once it is dealt with. A record
 * that fails (or whose kind is not in the table) is kept and the others are still undone; each
 * failure becomes a warning. When none is left the file goes too.
 * `ctx` is handed to the undo functions, *left (may be NULL) receives the JSON array of strings.
 */
int journal_undo_all(struct journal *j, const struct undo_op *ops, void *ctx,
		     struct json_object **left);

#endif
