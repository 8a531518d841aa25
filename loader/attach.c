// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "bpf/objects.h"
#include "change/change.h"
#include "err.h"
#include "fault.h"
#include "net/addr.h"
#include "net/route.h"
#include "net/sysctl.h"

#define TUNNEL_ADDRESS (TUNNEL_GATEWAY + 1) /* of the first instance */
#define INSTANCES_MAX 6

/* What grows while the plan is carried out. */
struct attach {
	struct journal *j;
	const struct plan *plan;
	struct link_info tun, exit_end;
	struct objects objects;
	uint32_t instance; /* 0.. in this namespace: picks the address and the TC handles */
};

/* The first instance address that no interface of this namespace has. */
static int pick_instance(struct attach *a)
{
	struct link_info *links;
	bool taken = true;
	size_t n;

	if (link_list(0, &links, &n))
		return -1;
	for (a->instance = 0; taken && a->instance < INSTANCES_MAX; a->instance += taken) {
		struct in_addr addr = { htonl(TUNNEL_ADDRESS + a->instance) };

		taken = false;
		for (size_t i = 0; i < n && !taken; i++)
			if (addr4_has(links[i].ifindex, addr, &taken)) {
				free(links);
				return -1;
			}
	}
	free(links);
	return taken ? err(NULL, "there are %d instances already", INSTANCES_MAX) : 0;
}

/* Neither end takes part in IPv6, and answers may come in from where strict checks would not
 * expect them. */
static int set_tunnel_sysctls(const struct attach *a)
{
	char key[128];

	snprintf(key, sizeof(key), "net/ipv6/conf/%s/disable_ipv6", a->tun.name);
	if (sysctl_exists(key) && sysctl_write(key, "1"))
		return -1;
	snprintf(key, sizeof(key), "net/ipv6/conf/%s/disable_ipv6", a->exit_end.name);
	if (sysctl_exists(key) && sysctl_write(key, "1"))
		return -1;
	/* The programs ask for the way to the BR as if from here, which works whether or not the
	 * router forwards IPv6. */
	snprintf(key, sizeof(key), "net/ipv6/conf/%s/forwarding", a->exit_end.name);
	if (sysctl_exists(key) && sysctl_write(key, "1"))
		return -1;
	snprintf(key, sizeof(key), "net/ipv4/conf/%s/rp_filter", a->tun.name);
	return sysctl_write(key, "2");
}

static int make_tunnel(struct attach *a)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr addr;

	if (pick_instance(a) ||
	    change_tunnel(a->j, a->plan->name, a->plan->exit_name, a->plan->mtu, &a->tun,
			  &a->exit_end) ||
	    set_tunnel_sysctls(a))
		return -1;
	addr.s_addr = htonl(TUNNEL_ADDRESS + a->instance);
	inet_ntop(AF_INET, &addr, text, sizeof(text));
	return addr4_add(a->tun.ifindex, addr) || link_set_up(a->exit_end.ifindex, true) ||
			       link_set_up(a->tun.ifindex, true) ||
			       journal_set_fact(a->j, "ifindex",
						json_object_new_int(a->tun.ifindex)) ||
			       journal_set_fact(a->j, "address", json_object_new_string(text)) ?
		       -1 :
		       0;
}

static int load(struct attach *a)
{
	struct mape_config config;

	plan_config(a->plan, &a->tun, &a->exit_end, &config);
	return objects_load(&a->objects, &config, a->plan->reserve, a->plan->tc_decap) ||
			       mesh_fill(&a->plan->mesh, objects_map(&a->objects, "fmrs")) ||
			       lan_sources_fill(&a->plan->sources,
						objects_map(&a->objects, "lan_sources")) ?
		       -1 :
		       0;
}

static int attach_tc(struct attach *a, int ifindex, bool egress, const char *prog)
{
	return change_tc(a->j, ifindex, egress, a->instance + 1, &a->objects, prog);
}

static int wan_xdp(struct attach *a, bool generic)
{
	const struct plan *plan = a->plan;

	if (generic && change_gro_off(a->j, plan->wan.name))
		return -1;
	return change_xdp(a->j, plan->wan.ifindex, generic, &a->objects, "wan_xdp");
}

/* Where the hook was left to us, a driver without native XDP gets the generic one, loudly. */
static int wan_xdp_generic_instead(struct attach *a)
{
	static const char reason[] = "this kernel cannot decapsulate in TC (Linux 6.3 can) and the "
				     "driver has no native XDP; GRO is off for it";

	warn("%s has no native XDP (%s): using generic XDP, which is slower", a->plan->wan.name,
	     err_text());
	err_clear();
	if (journal_set_fact(a->j, "wan_hook", json_object_new_string("xdp-generic")) ||
	    journal_set_fact(a->j, "wan_reason", json_object_new_string(reason)))
		return -1;
	return wan_xdp(a, true);
}

static int attach_wan(struct attach *a)
{
	const struct plan *plan = a->plan;

	if (plan->wan_hook.kind == HOOK_TC)
		return attach_tc(a, plan->wan.ifindex, false, "wan_tc");
	if (attach_tc(a, plan->wan.ifindex, false, "wan_handoff"))
		return -1;
	if (!wan_xdp(a, plan->wan_hook.kind == HOOK_XDP_GENERIC) ||
	    (plan->opts->wan_hook == HOOK_AUTO && !wan_xdp_generic_instead(a)))
		return 0;
	return err_context("the WAN hook on %s (try --wan-hook xdp-generic or tc)", plan->wan.name);
}

static int allow_device(struct attach *a, const char *map, uint32_t key, uint32_t value)
{
	if (bpf_map_update_elem(objects_map(&a->objects, map), &key, &value, BPF_ANY))
		return err_sys(errno, NULL, "cannot enter interface %u into the map '%s'", key,
			       map);
	return 0;
}

static int attach_lan_xdp(struct attach *a, const struct plan_lan *lan)
{
	for (size_t i = 0; i < lan->n_ports; i++) {
		const struct link_info *port = &lan->ports[i];

		if (allow_device(a, "lan_ports", port->ifindex, lan->link.ifindex) ||
		    allow_device(a, "tx_devices", port->ifindex, port->ifindex))
			return -1;
		if (change_xdp(a->j, port->ifindex, a->plan->lan_hook.kind == HOOK_XDP_GENERIC,
			       &a->objects, "lan_xdp"))
			return err_context("the LAN hook on %s (try --lan-hook tc)", port->name);
	}
	return 0;
}

static int attach_lans(struct attach *a)
{
	const struct plan *plan = a->plan;

	if (!plan->fast_path)
		return 0;
	if (plan->lan_hook.kind != HOOK_TC &&
	    allow_device(a, "tx_devices", plan->wan.ifindex, plan->wan.ifindex))
		return -1;
	for (int i = 0; i < plan->n_lan; i++) {
		const struct plan_lan *lan = &plan->lan[i];

		if (lan->bare)
			continue;
		if (attach_tc(a, lan->link.ifindex, true, "lan_seen"))
			return -1;
		if (plan->lan_hook.kind == HOOK_TC ?
			    attach_tc(a, lan->link.ifindex, false, "lan_tc") :
			    attach_lan_xdp(a, lan))
			return -1;
	}
	return 0;
}

/* Traffic starts with the route, so it comes last. An existing default route is not touched. */
static int add_route(struct attach *a)
{
	const struct attach_opts *o = a->plan->opts;
	struct route4 *routes;
	size_t n;

	if (o->no_route)
		return 0;
	if (route4_defaults(o->table, &routes, &n))
		return -1;
	if (n && routes[0].metric <= o->metric)
		warn("there is a default route with metric %u already; IPv4 goes there, not into "
		     "%s (metric %u)",
		     routes[0].metric, a->plan->name, o->metric);
	free(routes);
	return route4_add_default(a->tun.ifindex, o->metric, o->table, a->plan->route_src);
}

static int liberal_conntrack(struct attach *a)
{
	if (!a->plan->conntrack || !a->plan->tcp_offload || a->plan->opts->no_sysctl)
		return 0;
	return change_sysctl(a->j, TCP_LIBERAL_KEY, "1");
}

int attach_run(const struct instance *instance, const struct plan *plan, const char *pin_root)
{
	struct journal *j = instance->journal;
	struct attach a = { .j = j, .plan = plan };
	struct in6_addr ce;
	int ret;

	mape_ip6_store(&ce, plan->line.ce);
	ret = change_ce_address(j, plan->wan.ifindex, &ce) || make_tunnel(&a) || load(&a) ||
	      change_pins(j, pin_root, journal_id(j), &a.objects) || liberal_conntrack(&a) ||
	      attach_tc(&a, a.exit_end.ifindex, false, "mape_out") || attach_wan(&a) ||
	      attach_lans(&a) || forwards_restore(instance, &plan->config) ||
	      add_route(&a) || fault_point("route") ||
	      journal_set_phase(j, JOURNAL_ATTACHED);
	if (a.objects.tc || a.objects.ctl)
		objects_close(&a.objects);
	return ret ? -1 : 0;
}

int attach_undo(struct journal *j)
{
	struct json_object *left = NULL;
	int ret;

	if (journal_phase(j) != JOURNAL_NONE && journal_set_phase(j, JOURNAL_DETACHING))
		return -1;
	ret = journal_undo_all(j, change_undo, NULL, &left);
	for (size_t i = 0; left && i < json_object_array_length(left); i++)
		warn("left in place: %s",
		     json_object_get_string(json_object_array_get_idx(left, i)));
	json_object_put(left);
	return ret;
}
