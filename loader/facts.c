// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "facts.h"

#include <json-c/json.h>
#include <string.h>

#include "rule_opts.h"

struct json_object *fact_get(const struct instance *instance, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(journal_facts(instance->journal), key, &value);
	return value;
}

struct json_object *fact_setting(const struct instance *instance, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(fact_get(instance, "settings"), key, &value);
	return value;
}

enum hook_choice fact_hook(const struct instance *instance, const char *key)
{
	const char *word = json_object_get_string(fact_get(instance, key));

	for (int i = 0; word && hook_words[i]; i++)
		if (!strcmp(hook_words[i], word))
			return i;
	return HOOK_TC;
}

size_t fact_lan_count(const struct instance *instance)
{
	struct json_object *lan = fact_setting(instance, "lan");

	return json_object_is_type(lan, json_type_array) ? json_object_array_length(lan) : 0;
}

const char *fact_lan(const struct instance *instance, size_t index)
{
	return json_object_get_string(
		json_object_array_get_idx(fact_setting(instance, "lan"), index));
}

static void read_words(struct json_object *words, struct opt_list *list)
{
	if (!json_object_is_type(words, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(words) && i < OPT_LIST_MAX; i++)
		list->v[list->n++] =
			json_object_get_string(json_object_array_get_idx(words, i));
}

int fact_line(const struct instance *instance, struct mape_line *line)
{
	struct rule_opts opts = RULE_OPTS_DEFAULT;
	struct json_object *iid = fact_setting(instance, "iid");

	read_words(fact_setting(instance, "rule"), &opts.rules);
	read_words(fact_setting(instance, "br"), &opts.br);
	if (iid)
		opts.iid = json_object_get_int(iid);
	return line_from_options(&opts, instance_setting(instance, "prefix"), line);
}
