// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <json-c/json.h>
#include <string.h>

#include "change/change.h"
#include "err.h"
#include "fault.h"

/* The MACs are random and recorded first: they tell our pair from another one of the same name. */
int change_tunnel(struct journal *j, const char *name, const char *exit_name, uint32_t mtu,
		  struct link_info *tun, struct link_info *exit_end)
{
	struct veth_spec spec = { .name = name, .peer = exit_name, .mtu = mtu,
				  .ifalias = "mape-xdp" };
	struct json_object *detail = json_object_new_object();
	char mac[LINK_MAC_TEXT];

	if (link_random_mac(spec.mac) || link_random_mac(spec.peer_mac)) {
		json_object_put(detail);
		return -1;
	}
	json_object_object_add(detail, "name", json_object_new_string(name));
	json_object_object_add(detail, "mac",
			       json_object_new_string(link_mac_format(spec.mac, mac)));
	if (journal_record(j, "tunnel", detail) || link_create_veth(&spec) || fault_point("tunnel"))
		return -1;
	return link_get(name, tun) || link_get(exit_name, exit_end) ? -1 : 0;
}

int undo_tunnel(struct json_object *detail, struct undo *undo)
{
	const char *name = detail_str(detail, "name");
	struct link_info link;
	uint8_t mac[6];
	int ret = link_find(name, &link);

	if (ret)
		return ret < 0 ? -1 : 0;
	if (strcmp(link.kind, "veth") || link_mac_parse(detail_str(detail, "mac"), mac) ||
	    memcmp(mac, link.mac, 6))
		return undo_left(undo, "interface %s: it is not the one that attach made", name);
	return link_delete(link.ifindex);
}
