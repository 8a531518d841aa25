/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the packet test programs share: a network namespace of their own with the devices that the
 * BPF programs name, and the product's objects loaded the way the product loads them. Nothing is
 * attached or pinned, so everything is gone when the process ends.
 *
 *	wan0   the WAN; routes and a permanent neighbour lead to the BR and to other CEs
 *	lan0   a LAN device, lan2 another one
 *	mape0  the tunnel interface, mape0x the other end of its pair
 */
#ifndef MAPE_TESTS_PACKET_HARNESS_H
#define MAPE_TESTS_PACKET_HARNESS_H

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <mape/config.h>
#include <mape/control.h>

#include "bpf/control.h"
#include "bpf/objects.h"
#include "bpf/probe.h"
#include "err.h"
#include "mape_ctl.skel.h"
#include "mape_tc.skel.h"
#include "timeouts.h"

#define WAN_MAC "02:00:00:00:00:01"
#define GATEWAY_MAC "02:00:00:00:00:fe"

struct harness {
	struct objects objects;
	struct bpf_object *lan_xdp;
	struct bpf_object *wan_xdp;
	struct mape_config config;
	bool tc_decap;
	bool loaded;
};

static inline void harness_die(const char *what)
{
	const char *text = err_text(), *hint = err_hint();

	fprintf(stderr, "%s: %s\n%s\n", what, text ? text : strerror(errno), hint ? hint : "");
	exit(1);
}

static inline void harness_sysctl(const char *key, const char *value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", key);
	f = fopen(path, "w");
	if (!f || fputs(value, f) < 0 || fclose(f))
		harness_die(path);
}

static inline void harness_namespace(void)
{
	static const char links[] =
		"link set lo up\n"
		"link add wan0 address " WAN_MAC " type veth peer name wan1\n"
		"link add lan0 type veth peer name lan1\n"
		"link add lan2 type veth peer name lan3\n"
		"link add mape0 type veth peer name mape0x\n"
		"link set mape0 mtu 1460\n"
		"link set mape0x up\n"
		"link set mape0 up\n"
		"link set wan1 up\n"
		"link set wan0 up\n"
		"link set lan1 up\n"
		"link set lan0 up\n"
		"route add 2001:db8:b0::/48 via fe80::1 dev wan0\n"
		"route add 2001:db8:f000::/36 via fe80::1 dev wan0\n"
		"neigh replace fe80::1 lladdr " GATEWAY_MAC " nud permanent dev wan0\n";
	FILE *ip;

	if (unshare(CLONE_NEWNET))
		harness_die("a network namespace of our own (are you root?)");
	ip = popen("ip -batch -", "w");
	if (!ip || fputs(links, ip) < 0 || pclose(ip))
		harness_die("making the test devices with ip");
	/* As loader/attach.c does: the way to the BR is asked for as if from here. */
	harness_sysctl("ipv6/conf/mape0x/disable_ipv6", "1");
	harness_sysctl("ipv6/conf/mape0x/forwarding", "1");
	if (probe_tc_decap(&(bool){ false }))
		harness_die("BPF_PROG_TEST_RUN");
}

/* The line that the tests use unless they say otherwise: 1008 ports in 63 ranges. */
static inline void harness_config(struct mape_config *c)
{
	memset(c, 0, sizeof(*c));
	c->magic = MAPE_MAGIC;
	c->abi = MAPE_ABI;
	c->flags = MAPE_FAST_PATH | MAPE_TCP_OFFLOAD;
	c->mtu = 1460;
	c->wan_ifindex = if_nametoindex("wan0");
	c->tun_ifindex = if_nametoindex("mape0");
	c->exit_ifindex = if_nametoindex("mape0x");
	memcpy(c->tun_mac, "\x02\x00\x00\x00\x00\x30", 6);
	mape_portset_init(&c->ports, 6, 6, 22);
	inet_pton(AF_INET, "192.0.2.1", c->ip4);
	c->ip4_len = 32;
	inet_pton(AF_INET6, "2001:db8:ce::1", c->ce);
	inet_pton(AF_INET6, "2001:db8:b0::1", c->br[0]);
	inet_pton(AF_INET6, "2001:db8:b0::2", c->br[1]);
	c->br_count = 2;
	timeouts_set(c, &(const struct opt_list){}); /* the product's own */
	c->outer_vtf = 6U << 28;
	c->hop_limit = 64;
	c->tos_copied = 3;
}

static inline void harness_close(struct harness *h)
{
	if (!h->loaded)
		return;
	bpf_object__close(h->lan_xdp);
	bpf_object__close(h->wan_xdp);
	objects_close(&h->objects);
	memset(h, 0, sizeof(*h));
}

static inline struct bpf_object *harness_load_xdp(const struct harness *h, const char *name)
{
	struct bpf_object *obj = objects_open_xdp(&h->objects, name);

	if (!obj)
		return NULL;
	if (bpf_object__load(obj)) {
		err_sys(errno, objects_log(), "the kernel did not accept %s", name);
		bpf_object__close(obj);
		return NULL;
	}
	return obj;
}

/* Devices that lan_xdp may take from and that XDP programs may send to. Frames of a test run
 * without a device of their own come from lo, which stands for a bridge port. */
static inline int harness_ports(const struct harness *h)
{
	uint32_t lan = if_nametoindex("lan0"), lo = 1, port = if_nametoindex("lan1");
	int ports = objects_map(&h->objects, "lan_ports");
	int tx = objects_map(&h->objects, "tx_devices");

	if (bpf_map_update_elem(ports, &lan, &lan, BPF_ANY) ||
	    bpf_map_update_elem(ports, &port, &lan, BPF_ANY) ||
	    bpf_map_update_elem(ports, &lo, &lan, BPF_ANY) ||
	    bpf_map_update_elem(tx, &h->config.wan_ifindex, &h->config.wan_ifindex, BPF_ANY) ||
	    bpf_map_update_elem(tx, &port, &port, BPF_ANY))
		return err_sys(errno, NULL, "cannot fill the device maps");
	return 0;
}

/* Fresh objects for this config; 0, or -1 with err(). */
static inline int harness_load(struct harness *h, const struct mape_config *config,
			       uint32_t reserve)
{
	harness_close(h);
	if (probe_tc_decap(&h->tc_decap) || objects_load(&h->objects, config, reserve, h->tc_decap))
		return -1;
	h->config = *config;
	h->loaded = true;
	h->lan_xdp = harness_load_xdp(h, "lan_xdp");
	h->wan_xdp = harness_load_xdp(h, "wan_xdp");
	if (!h->lan_xdp || !h->wan_xdp)
		return -1;
	return harness_ports(h);
}

/* Every map of the object becomes the old one of that name, contents and all. */
static inline int harness_keep_maps(struct bpf_object *obj, const struct objects *old)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		const char *name = bpf_map__name(map);
		int ret = bpf_map__reuse_fd(map, objects_map(old, name));

		if (ret)
			return err_sys(-ret, NULL, "cannot keep the map '%s'", name);
	}
	return 0;
}

/*
 * All programs anew on the same maps, as when a newer version takes over a running instance. The
 * sweep's timers go on with the program that started them. 0, or -1 with err().
 */
static inline int harness_reload(struct harness *h)
{
	struct harness fresh = *h;

	fresh.objects.tc = mape_tc__open();
	fresh.objects.ctl = mape_ctl__open();
	if (!fresh.objects.tc || !fresh.objects.ctl)
		return err_sys(errno, objects_log(), "cannot open the BPF objects");
	bpf_program__set_autoload(fresh.objects.tc->progs.wan_tc, h->tc_decap);
	if (harness_keep_maps(fresh.objects.tc->obj, &h->objects) ||
	    harness_keep_maps(fresh.objects.ctl->obj, &h->objects))
		return -1;
	if (mape_tc__load(fresh.objects.tc) || mape_ctl__load(fresh.objects.ctl))
		return err_sys(errno, objects_log(), "the kernel did not accept the programs");
	fresh.lan_xdp = harness_load_xdp(&fresh, "lan_xdp");
	fresh.wan_xdp = harness_load_xdp(&fresh, "wan_xdp");
	if (!fresh.lan_xdp || !fresh.wan_xdp)
		return -1;
	harness_close(h);
	*h = fresh;
	return 0;
}

/* The fd of a program by its name, -1 if there is none of that name. */
static inline int harness_prog(const struct harness *h, const char *name)
{
	if (!strcmp(name, "lan_xdp"))
		return bpf_program__fd(bpf_object__find_program_by_name(h->lan_xdp, name));
	if (!strcmp(name, "wan_xdp"))
		return bpf_program__fd(bpf_object__find_program_by_name(h->wan_xdp, name));
	if (!bpf_object__find_program_by_name(h->objects.tc->obj, name))
		return -1;
	return objects_tc_prog(&h->objects, name);
}

static inline int harness_control(const struct harness *h, struct mape_request *request)
{
	return control_run(bpf_program__fd(h->objects.ctl->progs.control), request);
}

/* Let the programs' clock be this much ahead of the kernel's. */
static inline int harness_now(struct harness *h, uint64_t offset)
{
	uint32_t zero = 0;

	h->config.now_offset = offset;
	if (bpf_map_update_elem(objects_map(&h->objects, "config"), &zero, &h->config, BPF_ANY))
		return err_sys(errno, NULL, "cannot write the config map");
	return 0;
}

#endif
