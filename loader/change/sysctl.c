// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <json-c/json.h>
#include <string.h>

#include "change/change.h"
#include "fault.h"
#include "net/sysctl.h"

int change_sysctl(struct journal *j, const char *key, const char *value)
{
	struct json_object *detail;
	char was[SYSCTL_VALUE_MAX];

	if (sysctl_read(key, was, sizeof(was)))
		return -1;
	if (!strcmp(was, value))
		return 0;
	detail = json_object_new_object();
	json_object_object_add(detail, "key", json_object_new_string(key));
	json_object_object_add(detail, "was", json_object_new_string(was));
	json_object_object_add(detail, "set", json_object_new_string(value));
	if (journal_record(j, "sysctl", detail) || sysctl_write(key, value))
		return -1;
	return fault_point("sysctl");
}

int undo_sysctl(struct json_object *detail, struct undo *undo)
{
	const char *key = detail_str(detail, "key"), *was = detail_str(detail, "was");
	char now[SYSCTL_VALUE_MAX];

	if (!sysctl_exists(key))
		return 0;
	if (sysctl_read(key, now, sizeof(now)))
		return -1;
	if (!strcmp(now, was))
		return 0;
	if (strcmp(now, detail_str(detail, "set")))
		return undo_left(undo, "sysctl %s: changed to '%s' since attach", key, now);
	return sysctl_write(key, was);
}
