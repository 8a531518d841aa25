// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "journal.h"

#include <json-c/json.h>
#include <string.h>

#include "err.h"
#include "journal_file.h"

static const char *const phases[] = { "none", "attaching", "attached", "detaching" };

struct json_object *journal_member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

struct json_object *journal_records(const struct journal *j)
{
	return journal_member(j->root, "records", json_type_array);
}

/* Sets a member, taking value over also on failure. */
int journal_set_member(struct json_object *o, const char *key, struct json_object *value)
{
	if (value && !json_object_object_add(o, key, value))
		return 0;
	json_object_put(value);
	return err(NULL, "out of memory for the journal");
}

const char *journal_id(const struct journal *j)
{
	return j->id;
}

enum journal_phase journal_phase(const struct journal *j)
{
	struct json_object *phase = journal_member(j->root, "phase", json_type_string);

	for (int i = JOURNAL_ATTACHING; phase && i <= JOURNAL_DETACHING; i++)
		if (!strcmp(json_object_get_string(phase), phases[i]))
			return i;
	return JOURNAL_NONE;
}

static int need_file(const struct journal *j)
{
	return j->root ? 0 : err(NULL, "journal %s does not exist", j->path);
}

int journal_set_phase(struct journal *j, enum journal_phase phase)
{
	if (need_file(j) ||
	    journal_set_member(j->root, "phase", json_object_new_string(phases[phase])))
		return -1;
	return journal_save(j);
}

int journal_begin(struct journal *j, struct json_object *facts)
{
	struct json_object *root;

	if (journal_count(j)) {
		json_object_put(facts);
		return err("run 'mape-xdp detach' first", "journal %s has %zu records already",
			   j->path, journal_count(j));
	}
	root = json_object_new_object();
	if (!root) {
		json_object_put(facts);
		return err(NULL, "out of memory for the journal");
	}
	json_object_put(j->root);
	j->root = root;
	if (journal_set_member(root, "facts", facts) ||
	    journal_set_member(root, "version", json_object_new_int(JOURNAL_VERSION)) ||
	    journal_set_member(root, "id", json_object_new_string(j->id)) ||
	    journal_set_member(root, "phase", json_object_new_string(phases[JOURNAL_ATTACHING])) ||
	    journal_set_member(root, "records", json_object_new_array()))
		return -1;
	return journal_save(j);
}

struct json_object *journal_facts(const struct journal *j)
{
	return journal_member(j->root, "facts", json_type_object);
}

int journal_set_fact(struct journal *j, const char *key, struct json_object *value)
{
	if (need_file(j)) {
		json_object_put(value);
		return -1;
	}
	if (journal_set_member(journal_facts(j), key, value))
		return -1;
	return journal_save(j);
}

size_t journal_count(const struct journal *j)
{
	struct json_object *list = journal_records(j);

	return list ? json_object_array_length(list) : 0;
}

const char *journal_get(const struct journal *j, size_t index, struct json_object **detail)
{
	struct json_object *r;

	if (index >= journal_count(j))
		return NULL;
	r = json_object_array_get_idx(journal_records(j), index);
	if (detail)
		*detail = journal_member(r, "detail", json_type_object);
	return json_object_get_string(journal_member(r, "kind", json_type_string));
}

int journal_record(struct journal *j, const char *kind, struct json_object *detail)
{
	struct json_object *r;

	if (need_file(j)) {
		json_object_put(detail);
		return -1;
	}
	r = json_object_new_object();
	if (!r) {
		json_object_put(detail);
		return err(NULL, "out of memory for the journal");
	}
	if (journal_set_member(r, "detail", detail) ||
	    journal_set_member(r, "kind", json_object_new_string(kind)) ||
	    json_object_array_add(journal_records(j), r)) {
		json_object_put(r);
		return err(NULL, "out of memory for the journal");
	}
	return journal_save(j);
}

int journal_amend(struct journal *j, const char *key, struct json_object *value)
{
	struct json_object *detail = NULL;

	if (!journal_count(j)) {
		json_object_put(value);
		return err(NULL, "journal %s has no record to amend", j->path);
	}
	journal_get(j, journal_count(j) - 1, &detail);
	if (journal_set_member(detail, key, value))
		return -1;
	return journal_save(j);
}
