// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "change/change.h"

#include <json-c/json.h>
#include <unistd.h>

#include <bpf/bpf.h>

const struct undo_op change_undo[] = {
	{ "tunnel", undo_tunnel }, { "sysctl", undo_sysctl }, { "ce_address", undo_ce_address },
	{ "gro", undo_gro },	   { "pins", undo_pins },     { "clsact", undo_clsact },
	{ "tc", undo_tc },	   { "xdp", undo_xdp },	      {},
};

const char *detail_str(struct json_object *detail, const char *key)
{
	const char *value = json_object_get_string(json_object_object_get(detail, key));

	return value ? value : "";
}

int detail_int(struct json_object *detail, const char *key)
{
	return json_object_get_int(json_object_object_get(detail, key));
}

bool prog_uses_map(uint32_t prog_id, uint32_t map_id)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info), maps[64];
	int fd = bpf_prog_get_fd_by_id(prog_id);
	bool uses = false;

	if (fd < 0)
		return false;
	info.map_ids = (uintptr_t)maps;
	info.nr_map_ids = 64;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		for (uint32_t i = 0; i < info.nr_map_ids && i < 64; i++)
			uses |= maps[i] == map_id;
	close(fd);
	return uses;
}
