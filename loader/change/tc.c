// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <json-c/json.h>

#include "change/change.h"
#include "err.h"
#include "fault.h"
#include "net/qdisc.h"

/*
 * Filters run in the order of their priority until one gives a verdict. Ours lets pass what is not
 * its own, so it can stand early; the number leaves room before it.
 */
#define TC_PRIORITY 300

static int ensure_clsact(struct journal *j, int ifindex)
{
	struct json_object *detail;
	bool exists;

	if (clsact_exists(ifindex, &exists))
		return -1;
	if (exists)
		return 0;
	detail = json_object_new_object();
	json_object_object_add(detail, "ifindex", json_object_new_int(ifindex));
	if (journal_record(j, "clsact", detail) || clsact_add(ifindex))
		return -1;
	return fault_point("clsact");
}

int undo_clsact(struct json_object *detail, struct undo *undo)
{
	int ifindex = detail_int(detail, "ifindex"), found;
	bool exists, in_use;
	struct link_info link;

	found = link_find_index(ifindex, &link);
	if (found)
		return found < 0 ? -1 : 0;
	if (clsact_exists(ifindex, &exists))
		return -1;
	if (!exists)
		return 0;
	if (clsact_in_use(ifindex, &in_use))
		return -1;
	if (in_use)
		return undo_left(undo, "clsact qdisc of %s: others have filters on it", link.name);
	return clsact_del(ifindex);
}

int change_tc(struct journal *j, int ifindex, bool egress, uint32_t handle,
	      const struct objects *objects, const char *prog)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = TC_PRIORITY,
			    .prog_fd = objects_tc_prog(objects, prog));
	struct json_object *detail;
	uint32_t config_id;
	int ret;

	if (ensure_clsact(j, ifindex) || objects_config_id(objects, &config_id))
		return -1;
	detail = json_object_new_object();
	json_object_object_add(detail, "ifindex", json_object_new_int(ifindex));
	json_object_object_add(detail, "egress", json_object_new_boolean(egress));
	json_object_object_add(detail, "handle", json_object_new_int(handle));
	json_object_object_add(detail, "config_id", json_object_new_int(config_id));
	if (journal_record(j, "tc", detail))
		return -1;
	ret = bpf_tc_attach(&hook, &opts);
	if (ret)
		return err_sys(-ret, objects_log(), "cannot attach the TC program '%s'", prog);
	return fault_point("tc");
}

int undo_tc(struct json_object *detail, struct undo *undo)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = detail_int(detail, "ifindex"),
			    .attach_point = detail_int(detail, "egress") ? BPF_TC_EGRESS :
									   BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = detail_int(detail, "handle"),
			    .priority = TC_PRIORITY);
	uint32_t config_id = detail_int(detail, "config_id");
	int ret;

	(void)undo;
	objects_log_capture();
	/* Whatever else stands in this place is not ours, and no filter or device is no work. */
	if (bpf_tc_query(&hook, &opts) || !prog_uses_map(opts.prog_id, config_id))
		return 0;
	opts.flags = opts.prog_fd = opts.prog_id = 0;
	ret = bpf_tc_detach(&hook, &opts);
	if (ret)
		return err_sys(-ret, NULL, "cannot remove the TC filter of interface %d",
			       hook.ifindex);
	return 0;
}
