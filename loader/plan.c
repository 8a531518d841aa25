// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "plan.h"

#include <errno.h>
#include <json-c/json.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/probe.h"
#include "err.h"
#include "line_prefix.h"
#include "net/addr.h"
#include "net/sysctl.h"
#include "provision/find.h"
#include "rule/text.h"

const char *const hook_words[] = { "auto", "xdp", "xdp-generic", "tc", NULL };
const char *const filtering_words[] = { "address", "endpoint", "address-port", NULL };

const char *hook_name(enum hook_choice kind)
{
	return kind == HOOK_TC ? "tc" : "xdp";
}

const char *hook_mode(enum hook_choice kind)
{
	return kind == HOOK_TC ? "clsact" : kind == HOOK_XDP ? "native" : "generic";
}

/* Of a bridge or bond the ports have no addresses and no routes; of a VRF they do. */
static int check_master(const char *role, const struct link_info *link)
{
	struct link_info master;
	int ret = link->master ? link_find_index(link->master, &master) : 1;

	if (ret)
		return ret < 0 ? -1 : 0;
	if (strcmp(master.kind, "bridge") && strcmp(master.kind, "bond") &&
	    strcmp(master.kind, "team"))
		return 0;
	return err("Give that instead: it has the addresses.", "the %s '%s' is a port of the %s '%s'",
		   role, link->name, master.kind, master.name);
}

static int find_device(const char *role, const char *name, struct link_info *link, bool *bare)
{
	if (link_get(name, link) || check_master(role, link))
		return -1;
	if (link->type == ARPHRD_LOOPBACK)
		return err("Give the device with the line, and those with hosts.",
			   "the %s '%s' is the loopback device", role, name);
	*bare = link->type != ARPHRD_ETHER || !link->has_mac;
	return 0;
}

static int find_devices(struct plan *plan, const struct cmd_call *call)
{
	int n = call->n_args - 1;

	bool bare;

	if (find_device("WAN", call->args[0], &plan->wan, &bare))
		return -1;
	if (bare)
		return err("The hook reads Ethernet frames: give the Ethernet or VLAN device of an IPoE "
			   "line. A line by PPP, tun or WireGuard is not supported.",
			   "the WAN '%s' has no Ethernet header", plan->wan.name);
	if (n > PLAN_LANS_MAX)
		return err(NULL, "%d LAN devices given, at most %d are possible", n, PLAN_LANS_MAX);
	for (int i = 0; i < n; i++) {
		struct link_info *lan = &plan->lan[i].link;

		if (find_device("LAN", call->args[i + 1], lan, &plan->lan[i].bare))
			return -1;
		if (plan->lan[i].bare)
			warn("%s has no Ethernet header, so its hosts stay on the kernel path",
			     lan->name);
		if (lan->ifindex == plan->wan.ifindex)
			return err(NULL, "'%s' is given as WAN and as LAN", lan->name);
		for (int k = 0; k < i; k++)
			if (plan->lan[k].link.ifindex == lan->ifindex)
				return err(NULL, "the LAN '%s' is given twice", lan->name);
		plan->n_lan++;
	}
	return 0;
}

/* XDP sees bare frames, so on a bridge it has to sit on the ports. */
static int find_ports(struct plan *plan)
{
	size_t total = 0;

	for (int i = 0; i < plan->n_lan; i++) {
		struct plan_lan *lan = &plan->lan[i];

		if (lan->bare)
			continue;
		if (!strcmp(lan->link.kind, "bridge")) {
			if (link_list(lan->link.ifindex, &lan->ports, &lan->n_ports))
				return -1;
			if (lan->link.vlan_filtering)
				warn("%s filters VLANs; an XDP hook on its ports bypasses that",
				     lan->link.name);
		} else {
			lan->ports = malloc(sizeof(*lan->ports));
			if (!lan->ports)
				return err(NULL, "out of memory");
			lan->ports[0] = lan->link;
			lan->n_ports = 1;
		}
		total += lan->n_ports;
	}
	if (total > PLAN_PORTS_MAX)
		return err("Use --lan-hook tc.", "%zu LAN ports, at most %d can have an XDP hook",
			   total, PLAN_PORTS_MAX);
	return 0;
}

static int choose_wan_hook(struct plan *plan)
{
	struct hook *hook = &plan->wan_hook;

	if (plan->opts->wan_hook != HOOK_AUTO) {
		hook->kind = plan->opts->wan_hook;
		hook->reason = "chosen by --wan-hook";
		if (hook->kind == HOOK_TC && !plan->tc_decap)
			return err("Use --wan-hook xdp (or xdp-generic), or Linux 6.3 or later.",
				   "this kernel cannot decapsulate in TC");
	} else if (plan->tc_decap) {
		hook->kind = HOOK_TC;
		hook->reason = "keeps GRO super-packets whole";
	} else {
		hook->kind = HOOK_XDP;
		hook->reason = "this kernel cannot decapsulate in TC (Linux 6.3 can)";
	}
	return 0;
}

static int choose_hooks(struct plan *plan)
{
	struct hook *lan = &plan->lan_hook;

	if (probe_tc_decap(&plan->tc_decap) || choose_wan_hook(plan))
		return -1;
	lan->kind = plan->opts->lan_hook == HOOK_AUTO ? HOOK_TC : plan->opts->lan_hook;
	lan->reason = plan->opts->lan_hook == HOOK_AUTO ?
			      "keeps GSO super-packets whole and bridge rules in force" :
			      "chosen by --lan-hook";
	return lan->kind == HOOK_TC ? 0 : find_ports(plan);
}

static int ask_sources(struct plan *plan)
{
	const struct attach_opts *o = plan->opts;
	struct prov_found found;
	int ret = prov_find(&o->from, &o->rule, &plan->wan, o->prefix, &found);

	if (!ret && !prov_usable(found.method))
		ret = err("See: mape-xdp discover WAN", "%s says that the line has %s, not MAP-E",
			  prov_source_name(found.source), prov_method_name(found.method));
	plan->line = found.line;
	prov_found_free(&found);
	return ret;
}

/* A tunnel to ourselves would be a loop. */
static int check_brs(const struct mape_line *line)
{
	char text[MAPE_IP6_STRLEN];

	for (uint32_t i = 0; i < line->br_count; i++)
		if (mape_ip6_eq(line->br[i], line->ce))
			return err("Give the address of the provider's border relay.",
				   "the border relay %s is this line's own CE address",
				   mape_ip6_str(line->ce, text));
	return 0;
}

/* The options about the rule: given, or written by us for a tunnel that is not MAP-E. */
static const struct rule_opts *rule_of(const struct plan *plan)
{
	return plan->opts->shape.tunnel == TUNNEL_MAP_E ? &plan->opts->rule : &plan->shape.rule;
}

static int make_shape(struct plan *plan)
{
	const struct attach_opts *o = plan->opts;

	if (o->from.from.n)
		return err("Leave out one of the two.",
			   "--from asks how the line works, --tunnel %s tells it",
			   tunnel_words[o->shape.tunnel]);
	return shape_plan(&o->shape, &o->rule, o->prefix, &plan->wan, &plan->shape) ||
			       line_from_options(&plan->shape.rule, plan->shape.prefix,
						 &plan->line) ?
		       -1 :
		       0;
}

static int find_line(struct plan *plan)
{
	const struct attach_opts *o = plan->opts;
	int ret;

	if (o->shape.tunnel != TUNNEL_MAP_E)
		ret = make_shape(plan);
	else if (shape_check_map_e(&o->shape))
		ret = -1;
	else if (o->from.from.n)
		ret = ask_sources(plan);
	else if (o->prefix)
		ret = line_from_options(&o->rule, o->prefix, &plan->line);
	else
		ret = line_discover(&o->rule, &plan->wan, &plan->line);
	if (ret || line_need_br(&plan->line))
		return -1;
	plan->napt = shape_has_napt(o->shape.tunnel, &plan->line);
	mape_prefix6_str(plan->line.prefix, plan->line.prefix_len, plan->prefix);
	return check_brs(&plan->line);
}

/* Without a NAPT on either side the line's own prefix is the only network that has a way back. */
static int find_own_prefix(struct plan *plan)
{
	char prefix[MAPE_IP4_STRLEN + 4];

	for (int i = 0; i < plan->n_lan && !plan->route_src.s_addr; i++)
		if (addr4_find_in(plan->lan[i].link.ifindex, plan->line.ip4, plan->line.ip4_len,
				  &plan->route_src))
			return -1;
	if (!plan->route_src.s_addr)
		warn("no LAN device given has an address of %s, so what the router itself sends into "
		     "the tunnel has no source address",
		     mape_prefix4_str(plan->line.ip4, plan->line.ip4_len, prefix));
	return lan_sources_add(&plan->sources, plan->line.ip4, plan->line.ip4_len) ||
			       lan_sources_add_given(&plan->sources, &plan->opts->lan_sources) ?
		       -1 :
		       0;
}

static int find_sources(struct plan *plan)
{
	if (plan->line.ip4_len < MAPE_IP4_BITS)
		return find_own_prefix(plan);
	lan_sources_init(&plan->sources);
	for (int i = 0; i < plan->n_lan; i++)
		if (lan_sources_add_device(&plan->sources, plan->lan[i].link.ifindex))
			return -1;
	return lan_sources_add_given(&plan->sources, &plan->opts->lan_sources);
}

/* Three kinds of mark have to fit, and they are numbers in neighbouring bits. */
static int check_mark_mask(uint32_t mask)
{
	uint32_t low = mask ? mask >> __builtin_ctz(mask) : 3;

	if (!(low & (low + 1)) && low >= 3)
		return 0;
	return err("Give neighbouring bits, for example 0x00ff0000, or 0 for no marks.",
		   "--mark-mask 0x%x is not a run of two or more bits", mask);
}

static int set_sizes(struct plan *plan)
{
	const struct mape_portset *ports = &plan->line.ports;
	uint32_t wan_mtu = link_mtu6(&plan->wan);

	plan->mtu = plan->opts->rule.mtu ? plan->opts->rule.mtu : wan_mtu - TUNNEL_OVERHEAD;
	if (wan_mtu < 1280 || plan->mtu + TUNNEL_OVERHEAD > wan_mtu)
		return err("IPv6 needs an MTU of 1280, and the tunnel takes 40 bytes of it.",
			   "a tunnel MTU of %u does not fit the MTU %u of %s", plan->mtu, wan_mtu,
			   plan->wan.name);
	if (plan->opts->reserve_ranges && plan->opts->reserve_ranges >= mape_portset_ranges(ports))
		return err(NULL, "--reserve-ranges %u leaves no port: the set has %u ranges",
			   plan->opts->reserve_ranges, mape_portset_ranges(ports));
	plan->reserve = plan->opts->reserve_ranges << ports->contig;
	return 0;
}

static bool has_hooks(const struct plan *plan)
{
	for (int i = 0; i < plan->n_lan; i++)
		if (!plan->lan[i].bare)
			return true;
	return false;
}

static void choose_offload(struct plan *plan)
{
	long liberal = 0;

	plan->fast_path = has_hooks(plan) && !plan->opts->no_fast_path && plan->napt;
	plan->conntrack = sysctl_exists(TCP_LIBERAL_KEY);
	if (plan->conntrack && sysctl_read_int(TCP_LIBERAL_KEY, &liberal)) {
		err_clear();
		liberal = 0;
	}
	plan->tcp_offload = plan->fast_path &&
			    (!plan->conntrack || liberal || !plan->opts->no_sysctl);
}

/* A file that was named has to be there; the usual one is read if it is. */
static int read_config(struct plan *plan)
{
	const char *path = plan->opts->config;

	snprintf(plan->config_path, sizeof(plan->config_path), "%s", CONFIG_FILE_DEFAULT);
	if (path && !realpath(path, plan->config_path))
		return err_sys(errno, NULL, "cannot open the config file '%s'", path);
	return config_file_load(&plan->config, plan->config_path, path);
}

/* Its forwarding rules are applied to sessions. */
static int find_mesh(struct plan *plan)
{
	struct mesh_opts opts = plan->opts->mesh;

	if (!plan->napt && opts.mode == MESH_AUTO && !opts.fmrs.n)
		opts.mode = MESH_OFF;
	if (!plan->napt && opts.mode != MESH_OFF)
		return err("Leave out --mesh and --fmr: everything goes by way of --br.",
			   "a mesh needs the NAPT, which this line is without");
	return mesh_plan(&plan->mesh, &opts, rule_of(plan), &plan->line);
}

int plan_make(struct plan *plan, const struct cmd_call *call)
{
	memset(plan, 0, sizeof(*plan));
	plan->opts = call->opts;
	plan->name = call->globals->name;
	snprintf(plan->exit_name, sizeof(plan->exit_name), "%s-out", plan->name);
	if (check_mark_mask(plan->opts->mark_mask) || read_config(plan) ||
	    find_devices(plan, call) ||
	    find_line(plan) ||
	    find_mesh(plan) || find_sources(plan) || set_sizes(plan) || choose_hooks(plan))
		return -1;
	choose_offload(plan);
	return 0;
}

void plan_free(struct plan *plan)
{
	for (int i = 0; i < plan->n_lan; i++)
		free(plan->lan[i].ports);
	config_file_free(&plan->config);
}

static void add_words(struct json_object *object, const char *key, const struct opt_list *list)
{
	struct json_object *words = json_object_new_array();

	for (unsigned int i = 0; i < list->n; i++)
		json_object_array_add(words, json_object_new_string(list->v[i]));
	json_object_object_add(object, key, words);
}

struct json_object *plan_settings(const struct plan *plan)
{
	const struct attach_opts *o = plan->opts;
	struct json_object *s = json_object_new_object(), *lan = json_object_new_array();

	for (int i = 0; i < plan->n_lan; i++)
		json_object_array_add(lan, json_object_new_string(plan->lan[i].link.name));
	json_object_object_add(s, "wan", json_object_new_string(plan->wan.name));
	json_object_object_add(s, "lan", lan);
	json_object_object_add(s, "prefix", json_object_new_string(plan->prefix));
	json_object_object_add(s, "tunnel",
			       json_object_new_string(tunnel_words[o->shape.tunnel]));
	add_words(s, "rule", &rule_of(plan)->rules);
	add_words(s, "br", &o->rule.br);
	add_words(s, "from", &o->from.from);
	json_object_object_add(s, "iid", json_object_new_int(o->rule.iid));
	json_object_object_add(s, "mtu", json_object_new_int(plan->mtu));
	json_object_object_add(s, "mesh", json_object_new_string(mesh_words[plan->mesh.mode]));
	add_words(s, "fmr", &o->mesh.fmrs);
	outer_settings(&o->outer, s);
	add_words(s, "lan-source", &o->lan_sources);
	json_object_object_add(s, "filtering",
			       json_object_new_string(filtering_words[o->filtering]));
	json_object_object_add(s, "wan-hook", json_object_new_string(hook_words[o->wan_hook]));
	json_object_object_add(s, "lan-hook", json_object_new_string(hook_words[o->lan_hook]));
	json_object_object_add(s, "reserve-ranges", json_object_new_int(o->reserve_ranges));
	json_object_object_add(s, "host-ports", json_object_new_int64(o->host_ports));
	json_object_object_add(s, "host-rate", json_object_new_int64(o->host_rate));
	json_object_object_add(s, "rest", json_object_new_int64(o->rest));
	add_words(s, "timeout", &o->timeouts);
	json_object_object_add(s, "metric", json_object_new_int64(o->metric));
	json_object_object_add(s, "table", json_object_new_int64(o->table));
	json_object_object_add(s, "mark-mask", json_object_new_int64(o->mark_mask));
	json_object_object_add(s, "config", json_object_new_string(plan->config_path));
	json_object_object_add(s, "no-route", json_object_new_boolean(o->no_route));
	json_object_object_add(s, "no-sysctl", json_object_new_boolean(o->no_sysctl));
	json_object_object_add(s, "no-fast-path", json_object_new_boolean(o->no_fast_path));
	return s;
}
