// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include <xdp/libxdp.h>

#include "change/change.h"
#include "err.h"
#include "fault.h"

#define SKIP_DISPATCHER "LIBXDP_SKIP_DISPATCHER" /* libxdp looks for it in the environment */

/* 0, or a negative errno with err(). */
static int attach(const struct objects *objects, const char *prog, int ifindex, bool generic)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .prog_name = prog);
	struct xdp_program *xdp;
	int ret;

	opts.obj = objects_open_xdp(objects, prog);
	if (!opts.obj)
		return -ENOENT;
	xdp = xdp_program__create(&opts);
	ret = libxdp_get_error(xdp);
	if (ret) {
		bpf_object__close(opts.obj);
		err_sys(-ret, objects_log(), "cannot prepare the XDP program '%s'", prog);
		return ret;
	}
	ret = xdp_program__attach(xdp, ifindex, generic ? XDP_MODE_SKB : XDP_MODE_NATIVE, 0);
	xdp_program__close(xdp);
	if (ret)
		err_sys(-ret, objects_log(), "cannot attach the XDP program '%s'", prog);
	return ret;
}

/*
 * By libxdp's dispatcher, so that several programs can share a device. Newer kernels do not let a
 * program that changes packets into a dispatcher that does not, as those of older libxdp are: then
 * without, and the device is ours alone.
 */
static int attach_shared_or_alone(const struct objects *objects, const char *prog, int ifindex,
				  bool generic)
{
	int ret = attach(objects, prog, ifindex, generic);

	if (ret != -EINVAL || getenv(SKIP_DISPATCHER))
		return ret;
	err_clear();
	setenv(SKIP_DISPATCHER, "1", 1);
	ret = attach(objects, prog, ifindex, generic);
	unsetenv(SKIP_DISPATCHER);
	return ret;
}

int change_xdp(struct journal *j, int ifindex, bool generic, const struct objects *objects,
	       const char *prog)
{
	struct json_object *detail;
	uint32_t config_id;

	if (objects_config_id(objects, &config_id))
		return -1;
	detail = json_object_new_object();
	json_object_object_add(detail, "ifindex", json_object_new_int(ifindex));
	json_object_object_add(detail, "config_id", json_object_new_int(config_id));
	if (journal_record(j, "xdp", detail) ||
	    attach_shared_or_alone(objects, prog, ifindex, generic))
		return -1;
	return fault_point("xdp");
}

static int detach_if_ours(struct xdp_program *prog, int ifindex, enum xdp_attach_mode mode,
			  uint32_t config_id)
{
	int ret;

	if (!prog || !prog_uses_map(xdp_program__id(prog), config_id))
		return 0;
	ret = xdp_program__detach(prog, ifindex, mode, 0);
	return ret ? err_sys(-ret, objects_log(), "cannot remove the XDP program of interface %d",
			     ifindex) :
		     0;
}

int undo_xdp(struct json_object *detail, struct undo *undo)
{
	int ifindex = detail_int(detail, "ifindex"), ret = 0;
	uint32_t config_id = detail_int(detail, "config_id");
	struct xdp_program *prog = NULL, *next;
	struct xdp_multiprog *all;
	enum xdp_attach_mode mode;

	(void)undo;
	objects_log_capture();
	all = xdp_multiprog__get_from_ifindex(ifindex);
	if (libxdp_get_error(all))
		return 0; /* no program, or no device */
	mode = xdp_multiprog__attach_mode(all);
	if (xdp_multiprog__is_legacy(all)) {
		ret = detach_if_ours(xdp_multiprog__main_prog(all), ifindex, mode, config_id);
	} else {
		for (next = xdp_multiprog__next_prog(NULL, all); (prog = next) && !ret;) {
			next = xdp_multiprog__next_prog(prog, all);
			ret = detach_if_ours(prog, ifindex, mode, config_id);
		}
	}
	xdp_multiprog__close(all);
	return ret;
}
