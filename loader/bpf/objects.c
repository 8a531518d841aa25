// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "bpf/objects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <mape/control.h>
#include <xdp/libxdp.h>

#include "bpf/control.h"
#include "err.h"
#include "mape_ctl.skel.h"
#include "mape_tc.skel.h"
#include "mape_xdp.skel.h"

/*
 * What libbpf says when a program is refused is a wall of verifier text; users get its last lines
 * with the error, which is where the reason stands.
 */
static char log_tail[1024];

static int log_keep(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[512];
	size_t used = strlen(log_tail), len;

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	len = strlen(line);
	if (used + len >= sizeof(log_tail)) {
		size_t drop = used + len - sizeof(log_tail) + 1;

		if (drop > used)
			drop = used;
		memmove(log_tail, log_tail + drop, used - drop + 1);
		used -= drop;
	}
	memcpy(log_tail + used, line, len + 1);
	return 0;
}

static int xdp_log_keep(enum libxdp_print_level level, const char *fmt, va_list args)
{
	return level == LIBXDP_WARN ? log_keep(LIBBPF_WARN, fmt, args) : 0;
}

void objects_log_capture(void)
{
	libbpf_set_print(log_keep);
	libxdp_set_print(xdp_log_keep);
}

const char *objects_log(void)
{
	return log_tail[0] ? log_tail : NULL;
}

static int size_map(struct bpf_object *obj, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);
	int ret = map ? bpf_map__set_max_entries(map, entries) : -ENOENT;

	return ret ? err_sys(-ret, NULL, "cannot size the BPF map '%s'", name) : 0;
}

static int size_maps(struct bpf_object *obj, uint32_t ports)
{
	if (size_map(obj, "ports", MAPE_SLOT_COUNT * ports) ||
	    size_map(obj, "free_ports_tcp", ports) || size_map(obj, "free_ports_udp", ports) ||
	    size_map(obj, "free_ports_icmp", ports))
		return -1;
	return 0;
}

/* Every map of this object that the TC object has too becomes the very same map. */
static int share_maps(struct bpf_object *obj, const struct bpf_object *owner)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		struct bpf_map *shared =
			bpf_object__find_map_by_name(owner, bpf_map__name(map));
		int ret = shared ? bpf_map__reuse_fd(map, bpf_map__fd(shared)) : -ENOENT;

		if (ret)
			return err_sys(-ret, NULL, "cannot share the BPF map '%s'",
				       bpf_map__name(map));
	}
	return 0;
}

static int load_failed(int errnum, const char *what)
{
	return err_sys(errnum, objects_log(), "the kernel did not accept the %s", what);
}

static int write_config(const struct objects *objects, const struct mape_config *config)
{
	uint32_t zero = 0;
	int fd = objects_map(objects, "config");

	if (bpf_map_update_elem(fd, &zero, config, BPF_ANY))
		return err_sys(errno, NULL, "cannot write the config map");
	return 0;
}

static int start_napt(const struct objects *objects, uint32_t reserve)
{
	struct mape_request request = { .op = MAPE_OP_INIT, .count = reserve };
	int fd = bpf_program__fd(objects->ctl->progs.control);

	if (control_run(fd, &request))
		return err_context("filling the port set");
	request.op = MAPE_OP_ARM;
	if (control_run(fd, &request))
		return err_context("starting the sweep timers");
	return 0;
}

int objects_load(struct objects *objects, const struct mape_config *config, uint32_t reserve,
		 bool tc_decap)
{
	int ret;

	objects_log_capture();
	memset(objects, 0, sizeof(*objects));
	objects->tc = mape_tc__open();
	objects->ctl = mape_ctl__open();
	if (!objects->tc || !objects->ctl)
		return err_sys(errno, objects_log(), "cannot open the BPF objects");
	if (size_maps(objects->tc->obj, config->ports.count))
		return -1;
	bpf_program__set_autoload(objects->tc->progs.wan_tc, tc_decap);
	ret = mape_tc__load(objects->tc);
	if (ret)
		return load_failed(-ret, "TC programs");
	if (share_maps(objects->ctl->obj, objects->tc->obj))
		return -1;
	ret = mape_ctl__load(objects->ctl);
	if (ret)
		return load_failed(-ret, "control program");
	if (write_config(objects, config))
		return -1;
	return start_napt(objects, reserve);
}

void objects_close(struct objects *objects)
{
	mape_ctl__destroy(objects->ctl);
	mape_tc__destroy(objects->tc);
	memset(objects, 0, sizeof(*objects));
}

int objects_tc_prog(const struct objects *objects, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(objects->tc->obj, name));
}

int objects_map(const struct objects *objects, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(objects->tc->obj, name));
}

int objects_config_id(const struct objects *objects, uint32_t *id)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(objects_map(objects, "config"), &info, &len))
		return err_sys(errno, NULL, "cannot ask for the config map's id");
	*id = info.id;
	return 0;
}

int objects_pin(const struct objects *objects, const char *dir)
{
	struct bpf_map *map;
	char path[512];
	int ret;

	bpf_object__for_each_map(map, objects->tc->obj) {
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		ret = bpf_map__pin(map, path);
		if (ret)
			return err_sys(-ret, NULL, "cannot pin a map at '%s'", path);
	}
	snprintf(path, sizeof(path), "%s/control", dir);
	ret = bpf_program__pin(objects->ctl->progs.control, path);
	if (ret)
		return err_sys(-ret, NULL, "cannot pin the control program at '%s'", path);
	return 0;
}

struct bpf_object *objects_open_xdp(const struct objects *objects, const char *prog)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "mape_xdp");
	struct bpf_program *other;
	struct bpf_object *obj;
	const void *data;
	size_t size;

	objects_log_capture();
	data = mape_xdp__elf_bytes(&size);
	obj = bpf_object__open_mem(data, size, &opts);
	if (!obj) {
		err_sys(errno, objects_log(), "cannot open the XDP object");
		return NULL;
	}
	bpf_object__for_each_program(other, obj)
		bpf_program__set_autoload(other, !strcmp(bpf_program__name(other), prog));
	if (share_maps(obj, objects->tc->obj)) {
		bpf_object__close(obj);
		return NULL;
	}
	return obj;
}
