// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp status: what is attached, where, and by which rule. */
#include <inttypes.h>
#include <json-c/json.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "err.h"
#include "facts.h"
#include "health.h"
#include "host_use.h"
#include "mesh.h"
#include "net/link.h"
#include "net/route.h"
#include "out.h"
#include "ports_out.h"
#include "rule_out.h"
#include "tables.h"

/* Everything that is read before anything is said. */
struct status {
	const struct instance *instance;
	struct health_ctx health;
	struct mape_request ports[MAPE_SLOT_COUNT];
	uint64_t sessions;
	struct mape_path_mtu path;
	struct host_use *hosts;
	size_t n_hosts;
	char tunnel[IFNAMSIZ];
	char route[96]; /* "" if none */
};

static const struct mape_config *config_of(const struct status *s)
{
	return &s->health.config;
}

/* Hook, mode and reason; the hook is NULL where there is none. */
static void hook_out(const char *hook, const char *mode, const char *reason)
{
	out_str("hook", NULL, hook);
	out_str("mode", NULL, mode);
	out_str("reason", NULL, reason);
}

static void wan_out(const struct status *s)
{
	enum hook_choice hook = fact_hook(s->instance, "wan_hook");
	const char *reason = json_object_get_string(fact_get(s->instance, "wan_reason"));

	out_str("wan", "WAN", instance_setting(s->instance, "wan"));
	if (out_is_json()) {
		out_object("wan_hook", NULL);
		hook_out(hook_name(hook), hook_mode(hook), reason);
		out_object_end();
	} else {
		out_fmt(NULL, "WAN hook", "%s (%s): %s", hook_name(hook), hook_mode(hook), reason);
	}
}

static const char *why_not_fast(const struct status *s)
{
	if (config_of(s)->flags & MAPE_NO_NAPT)
		return "without NAPT there are no sessions to offload";
	return json_object_get_boolean(fact_setting(s->instance, "no-fast-path")) ?
		       "chosen by --no-fast-path" :
		       "no LAN device has an Ethernet header";
}

static void lan_json(const struct status *s)
{
	enum hook_choice hook = fact_hook(s->instance, "lan_hook");
	bool fast = config_of(s)->flags & MAPE_FAST_PATH;

	out_table("lan", NULL);
	for (size_t i = 0; i < fact_lan_count(s->instance); i++) {
		out_row();
		out_str("dev", NULL, fact_lan(s->instance, i));
		hook_out(fast ? hook_name(hook) : NULL, fast ? hook_mode(hook) : NULL,
			 fast ? json_object_get_string(fact_get(s->instance, "lan_reason")) :
				why_not_fast(s));
		out_row_end();
	}
	out_table_end();
}

static void lan_text(const struct status *s)
{
	enum hook_choice hook = fact_hook(s->instance, "lan_hook");
	size_t n = fact_lan_count(s->instance);

	out_array(NULL, "LAN");
	for (size_t i = 0; i < n; i++)
		out_str(NULL, NULL, fact_lan(s->instance, i));
	out_array_end();
	if (n && config_of(s)->flags & MAPE_FAST_PATH)
		out_fmt(NULL, "LAN hook", "%s (%s): %s", hook_name(hook), hook_mode(hook),
			json_object_get_string(fact_get(s->instance, "lan_reason")));
	else if (n)
		out_fmt(NULL, "LAN hook", "none: %s", why_not_fast(s));
}

/* Is what the datapath works with what the settings say? */
static bool line_agrees(const struct mape_line *line, const struct mape_config *config)
{
	uint8_t address[16];

	for (uint32_t i = 0; i < config->br_count && i < MAPE_BR_MAX; i++) {
		mape_ip6_store(address, line->br[i]);
		if (i < line->br_count && memcmp(address, config->br[i], 16))
			return false;
	}
	mape_ip6_store(address, line->ce);
	return line->br_count == config->br_count && !memcmp(address, config->ce, 16) &&
	       line->ports.count == config->ports.count && line->ports.psid == config->ports.psid &&
	       line->ports.offset == config->ports.offset &&
	       line->ports.psid_len == config->ports.psid_len &&
	       config->ip4[0] == (uint8_t)(line->ip4 >> 24) &&
	       config->ip4[1] == (uint8_t)(line->ip4 >> 16) &&
	       config->ip4[2] == (uint8_t)(line->ip4 >> 8) && config->ip4[3] == (uint8_t)line->ip4;
}

static void line_out(const struct status *s)
{
	struct mape_line line;

	if (fact_line(s->instance, &line)) {
		warn("the rule of the attach is not known any more (%s); the datapath goes on with it",
		     err_text());
		err_clear();
		out_null("rule", "rule");
		return;
	}
	if (!line_agrees(&line, config_of(s)))
		warn("the rule for this prefix has changed since the attach: attach again with "
		     "--replace");
	out_object("rule", "line");
	rule_out(&line, config_of(s)->mtu);
	out_object_end();
}

static void mesh_out(const struct mape_config *config)
{
	enum mesh_mode mode = config->flags & MAPE_MESH ? MESH_ON :
			      config->fmr_count		? MESH_RECEIVE :
							  MESH_OFF;

	if (out_is_json()) {
		out_object("mesh", NULL);
		out_str("mode", NULL, mesh_words[mode]);
		out_u64("rules", NULL, config->fmr_count);
		out_object_end();
	} else if (mode == MESH_OFF) {
		out_str(NULL, "mesh", mesh_words[mode]);
	} else {
		out_fmt(NULL, "mesh", "%s, %u forwarding rules", mesh_words[mode],
			config->fmr_count);
	}
}

/* What the path takes, if that is less and still believed. */
static void path_mtu_out(const struct status *s)
{
	uint64_t left = mape_path_mtu_left(&s->path, instance_now(config_of(s)));

	if (!left)
		out_null("path_mtu", NULL);
	else if (out_is_json())
		out_u64("path_mtu", NULL, s->path.mtu);
	else
		out_fmt(NULL, "path MTU", "%u, told by a router on the path; believed for %" PRIu64
			" s more", s->path.mtu, left / 1000000000);
}

static void describe(const struct status *s)
{
	const struct mape_config *config = config_of(s);

	out_bool("attached", NULL, true);
	out_str("name", "name", s->tunnel);
	out_str("tunnel", "tunnel", instance_setting(s->instance, "tunnel"));
	out_bool("napt", "NAPT", !(config->flags & MAPE_NO_NAPT));
	wan_out(s);
	if (out_is_json())
		lan_json(s);
	else
		lan_text(s);
	line_out(s);
	out_u64("mtu", NULL, config->mtu);
	path_mtu_out(s);
	out_str("filtering", "filtering", instance_setting(s->instance, "filtering"));
	mesh_out(config);
	out_bool("fast_path", "fast path", config->flags & MAPE_FAST_PATH);
	out_str("route", "route", s->route[0] ? s->route : NULL);
	out_u64("sessions", "sessions", s->sessions);
	if (!(config->flags & MAPE_NO_NAPT) || out_is_json())
		port_counts_out(s->ports);
	host_use_out(s->hosts, s->n_hosts);
}

static int find_route(struct status *s)
{
	uint32_t table = json_object_get_int64(fact_setting(s->instance, "table"));
	struct route4 *routes;
	size_t n;
	int len;

	if (route4_defaults(table, &routes, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (routes[i].ifindex != (int)config_of(s)->tun_ifindex)
			continue;
		len = snprintf(s->route, sizeof(s->route),
			       "default via " TUNNEL_GATEWAY_TEXT " dev %s metric %u", s->tunnel,
			       routes[i].metric);
		if (table != RT_TABLE_MAIN)
			snprintf(s->route + len, sizeof(s->route) - len, " table %u", table);
		break;
	}
	free(routes);
	return 0;
}

static int count_hosts(struct status *s)
{
	struct table sessions = SESSIONS_TABLE;

	if (!table_read(s->instance, "sessions", &sessions))
		s->hosts = host_use_count(&sessions, &s->n_hosts);
	free(sessions.records);
	return s->hosts ? 0 : -1;
}

static int collect(struct status *s)
{
	struct link_info tunnel;

	if (config_read(s->instance, &s->health.config) ||
	    link_find_index(config_of(s)->tun_ifindex, &tunnel))
		return -1;
	memcpy(s->tunnel, tunnel.name, sizeof(s->tunnel));
	return find_route(s) || port_counts_read(s->instance, s->ports) ||
			       live_read(s->instance, &s->sessions) ||
			       path_mtu_read(s->instance, &s->path) || count_hosts(s) ?
		       -1 :
		       0;
}

static void warn_of_health(struct status *s)
{
	for (const struct health_check *check = health_checks; check->name; check++)
		if (check->run(&s->health) == HEALTH_BAD)
			warn("%s", s->health.text);
}

/* That nothing is attached is an answer, not an error; a broken attach is told with it. */
static int describe_none(const struct instance *instance)
{
	int rc = instance_need(instance);

	out_bool("attached", NULL, false);
	out_text("%s. %s", err_text(), err_hint());
	if (out_is_json() && journal_phase(instance->journal) != JOURNAL_NONE)
		warn("%s. %s", err_text(), err_hint());
	err_clear();
	return rc;
}

static int run(const struct cmd_call *call)
{
	struct instance instance = {};
	struct status s = { .instance = &instance, .health.instance = &instance };
	int rc = CMD_FAILED;

	if (instance_find(&instance, call, false))
		goto out;
	if (!instance_attached(&instance)) {
		rc = describe_none(&instance);
		goto out;
	}
	if (collect(&s))
		goto out;
	describe(&s);
	warn_of_health(&s);
	out_warnings();
	rc = CMD_OK;
out:
	free(s.hosts);
	instance_close(&instance);
	return rc;
}

const struct command cmd_status = {
	.name = "status",
	.synopsis = "[WAN]",
	.summary = "show what is attached, and how it is doing",
	.details = "Warns of what keeps it from working. Not attached: exit status 3.\n",
	.max_args = 1,
	.run = run,
};
