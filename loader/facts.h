/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_FACTS_H
#define MAPE_LOADER_FACTS_H

#include "instance.h"
#include "plan.h"
#include "rule/rule.h"

/* What attach has noted about an instance: the facts of its journal (cmd_attach.c). */

/* Borrowed; NULL if there is none. Settings are those of plan_settings(). */
struct json_object *fact_get(const struct instance *instance, const char *key);
struct json_object *fact_setting(const struct instance *instance, const char *key);

/* The hook in use; key: "wan_hook" or "lan_hook". */
enum hook_choice fact_hook(const struct instance *instance, const char *key);

size_t fact_lan_count(const struct instance *instance);
const char *fact_lan(const struct instance *instance, size_t index);

/* The line once more, derived from the settings. 0, or -1 with err(). */
int fact_line(const struct instance *instance, struct mape_line *line);

#endif
