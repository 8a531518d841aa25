// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "fault.h"
#include "journal.h"
#include "journal_file.h"

int undo_left(struct undo *undo, const char *fmt, ...)
{
	struct json_object *item;
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		return 1;
	item = json_object_new_string(text);
	free(text);
	if (!item || json_object_array_add(undo->left, item))
		json_object_put(item);
	return 1;
}

static int undo_one(const struct undo_op *ops, const char *kind, struct json_object *detail,
		    struct undo *undo)
{
	for (; ops->kind; ops++) {
		if (strcmp(ops->kind, kind))
			continue;
		return fault_point("undo") ? -1 : ops->undo(detail, undo);
	}
	return err("use the version of mape-xdp that made it", "unknown kind of record '%s'", kind);
}

/* Goes on after a failure: later steps often do not depend on it, and what stays is in the file. */
static void undo_records(struct journal *j, const struct undo_op *ops, struct undo *undo)
{
	for (size_t i = journal_count(j); i-- > 0;) {
		struct json_object *detail = NULL;
		const char *kind = journal_get(j, i, &detail);

		err_clear();
		if (undo_one(ops, kind, detail, undo) < 0) {
			undo->failed++;
			warn("cannot undo '%s': %s", kind, err_text() ? err_text() : "unknown");
			continue;
		}
		undo->undone++;
		json_object_array_del_idx(journal_records(j), i, 1);
		/* A full disk must not stop the cleaning up. The file then names a change that is
		 * gone already, which undo functions take in their stride. */
		journal_save(j);
	}
	err_clear();
}

int journal_undo_all(struct journal *j, const struct undo_op *ops, void *ctx,
		     struct json_object **left)
{
	struct undo undo = { .ctx = ctx, .left = json_object_new_array() };
	int rc = 0;

	if (!undo.left)
		return err(NULL, "out of memory");
	if (j->root)
		undo_records(j, ops, &undo);
	if (undo.failed)
		rc = err("see the warnings; remove the cause and run 'mape-xdp detach' again",
			 "%u of %u changes could not be undone", undo.failed,
			 undo.failed + undo.undone);
	else if (j->root)
		rc = journal_remove(j);
	if (left)
		*left = undo.left;
	else
		json_object_put(undo.left);
	return rc;
}
