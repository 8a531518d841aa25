// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <json-c/json.h>

#include "change/change.h"
#include "fault.h"

/*
 * Generic XDP runs behind GRO: it would get super-packets of tunnelled segments, and the kernel
 * would go on treating them as tunnelled after the outer header is gone.
 */
int change_gro_off(struct journal *j, const char *dev)
{
	struct json_object *detail;
	bool on;

	if (link_get_gro(dev, &on))
		return -1;
	if (!on)
		return 0;
	detail = json_object_new_object();
	json_object_object_add(detail, "dev", json_object_new_string(dev));
	if (journal_record(j, "gro", detail) || link_set_gro(dev, false))
		return -1;
	return fault_point("gro");
}

int undo_gro(struct json_object *detail, struct undo *undo)
{
	const char *dev = detail_str(detail, "dev");
	struct link_info link;
	int ret = link_find(dev, &link);

	(void)undo;
	if (ret)
		return ret < 0 ? -1 : 0;
	return link_set_gro(dev, true);
}
