// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <json-c/json.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "err.h"
#include "instance.h"
#include "net/sysctl.h"
#include "out.h"
#include "timeouts.h"

static const struct attach_opts defaults = {
	.rule = RULE_OPTS_DEFAULT,
	.from = PROV_OPTS_DEFAULT,
	.outer = OUTER_OPTS_DEFAULT,
	.metric = 512,
	.mark_mask = 0x00ff0000,
	.rest = 120, /* RFC 6888 REQ-8 */
	.table = RT_TABLE_MAIN,
};

#define ROW(T, NAME, FIELD) OPT_ROW(T, NAME, struct attach_opts, FIELD)

static const struct opt options[] = {
	{ ROW(OPT_STRING, "prefix", prefix), .metavar = "PREFIX",
	  .help = "IPv6 prefix of the line (default: found on the machine)" },
	RULE_OPTS_ROWS(struct attach_opts, rule),
	SHAPE_OPTS_ROWS(struct attach_opts, shape),
	PROV_OPTS_ROWS(struct attach_opts, from),
	MESH_OPTS_ROWS(struct attach_opts, mesh),
	OUTER_OPTS_ROWS(struct attach_opts, outer),
	{ ROW(OPT_LIST, "lan-source", lan_sources), .metavar = "NETWORK",
	  .check = lan_source_check,
	  .help = "network of the LAN that is neither private nor on a LAN device" },
	{ ROW(OPT_ENUM, "filtering", filtering), .words = filtering_words,
	  .help = "who may answer a LAN host" },
	{ ROW(OPT_U32, "reserve-ranges", reserve_ranges), .metavar = "N", .max = 32767,
	  .help = "keep the first N port ranges free for servers" },
	{ ROW(OPT_U32, "host-ports", host_ports), .metavar = "N", .max = 65535,
	  .help = "ports of each protocol that one LAN host may hold (default: any number)" },
	{ ROW(OPT_U32, "host-rate", host_rate), .metavar = "N", .max = UINT32_MAX,
	  .help = "sessions that one LAN host may open per second (default: any number)" },
	{ ROW(OPT_LIST, "timeout", timeouts), .metavar = "NAME=SECONDS", .check = timeout_check,
	  .help = "idle time of " TIMEOUT_NAMES },
	{ ROW(OPT_U32, "rest", rest), .metavar = "SECONDS", .max = 86400,
	  .help = "with filtering endpoint: rest of a freed UDP port or query id (default: 120)" },
	{ ROW(OPT_ENUM, "wan-hook", wan_hook), .words = hook_words,
	  .help = "where packets from the WAN are taken" },
	{ ROW(OPT_ENUM, "lan-hook", lan_hook), .words = hook_words,
	  .help = "where packets from the LAN are taken" },
	{ ROW(OPT_U32, "metric", metric), .metavar = "N", .max = UINT32_MAX,
	  .help = "metric of the default route (default: 512)" },
	{ ROW(OPT_U32, "table", table), .metavar = "N", .min = 1, .max = UINT32_MAX,
	  .help = "routing table of the default route (default: 254, main)" },
	{ ROW(OPT_U32, "mark-mask", mark_mask), .metavar = "MASK", .max = UINT32_MAX,
	  .help = "bits of the packet mark for what arrives unasked (default: 0x00ff0000)" },
	{ ROW(OPT_STRING, "config", config), .metavar = "FILE",
	  .help = "config file with forwards (default: /etc/mape-xdp.conf, if there)" },
	{ ROW(OPT_FLAG, "no-route", no_route), .help = "add no default route" },
	{ ROW(OPT_FLAG, "no-sysctl", no_sysctl),
	  .help = "leave conntrack's window check on; TCP then stays on the kernel path" },
	{ ROW(OPT_FLAG, "no-fast-path", no_fast_path),
	  .help = "let the kernel forward every packet" },
	{ ROW(OPT_FLAG, "replace", replace), .help = "detach first what is attached differently" },
	{ .type = OPT_END },
};

/* Forwarding is the router owner's decision: said, not changed. */
static void check_forwarding(const struct plan *plan)
{
	long on = 0;

	if (!plan->n_lan || (!sysctl_read_int("net/ipv4/ip_forward", &on) && on))
		return;
	err_clear();
	warn("IPv4 forwarding is off, so LAN hosts get nowhere: sysctl -w net.ipv4.ip_forward=1");
}

static struct json_object *make_facts(const struct plan *plan)
{
	struct json_object *facts = json_object_new_object();

	json_object_object_add(facts, "settings", plan_settings(plan));
	json_object_object_add(facts, "wan_hook",
			       json_object_new_string(hook_words[plan->wan_hook.kind]));
	json_object_object_add(facts, "wan_reason", json_object_new_string(plan->wan_hook.reason));
	json_object_object_add(facts, "lan_hook",
			       json_object_new_string(hook_words[plan->lan_hook.kind]));
	json_object_object_add(facts, "lan_reason", json_object_new_string(plan->lan_hook.reason));
	json_object_object_add(facts, "fast_path", json_object_new_boolean(plan->fast_path));
	json_object_object_add(facts, "tcp_offload", json_object_new_boolean(plan->tcp_offload));
	return facts;
}

#define DIFFERENCE_STYLE (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* "wan-hook was auto, now tc; mtu was 1460, now 1400", or "" */
static void list_differences(struct json_object *was, struct json_object *now, char *text,
			     size_t size)
{
	text[0] = '\0';
	json_object_object_foreach(now, key, value) {
		struct json_object *old = json_object_object_get(was, key);
		size_t used = strlen(text);

		if (!json_object_equal(old, value))
			snprintf(text + used, size - used, "%s%s was %s, now %s", used ? "; " : "",
				 key, json_object_to_json_string_ext(old, DIFFERENCE_STYLE),
				 json_object_to_json_string_ext(value, DIFFERENCE_STYLE));
	}
}

/* Something is attached under this name already. 1: the same, nothing to do. */
static int compare(const struct instance *instance, const struct plan *plan)
{
	struct json_object *now = plan_settings(plan), *was;
	char differences[512];

	was = json_object_object_get(journal_facts(instance->journal), "settings");
	list_differences(was, now, differences, sizeof(differences));
	json_object_put(now);
	if (!differences[0])
		return 1;
	if (plan->opts->replace)
		return 0;
	return err("Detach first, or use --replace.", "%s is attached differently: %s", plan->name,
		   differences);
}

/* Another instance on the same WAN would be the same CE twice. */
static int check_wan_free(const struct cmd_call *call, const struct plan *plan)
{
	char *word[] = { (char *)plan->wan.name, NULL };
	struct cmd_call probe = { .globals = call->globals, .args = word, .n_args = 1 };
	struct instance other;
	int ret = instance_find(&other, &probe, false);

	if (!ret && instance_attached(&other) && !strcmp(instance_setting(&other, "wan"), word[0]))
		ret = err("Detach it first: mape-xdp detach WAN",
			  "%s is attached already, as instance %s", word[0],
			  instance_name(&other));
	instance_close(&other);
	return ret;
}

static int roll_back(struct journal *j)
{
	struct err_saved *saved = err_save();

	if (attach_undo(j))
		warn("not everything could be undone: %s (mape-xdp detach tries again)",
		     err_text());
	err_restore(saved);
	return -1;
}

static void report(const struct plan *plan, bool changed)
{
	out_bool("attached", NULL, true);
	out_bool("changed", NULL, changed);
	out_str("name", NULL, plan->name);
	out_text("%s: %s carries IPv4 over %s%s", changed ? "attached" : "attached already, no change",
		 plan->name, plan->wan.name, plan->n_lan ? "" : " (no LAN given, so no fast path)");
	if (changed)
		out_text("see: mape-xdp status");
}

static int attach_locked(struct instance *instance, const struct plan *plan,
			 const struct cmd_call *call)
{
	struct journal *j = instance->journal;
	int same;

	if (instance_attached(instance)) {
		same = compare(instance, plan);
		if (same) {
			if (same > 0)
				report(plan, false);
			return same > 0 ? 0 : -1;
		}
	} else if (check_wan_free(call, plan)) {
		return -1;
	}
	/* To be replaced, or the remains of a command that was killed, or of a lost namespace. */
	if (journal_phase(j) != JOURNAL_NONE && attach_undo(j))
		return err_context("removing what was attached before");
	if (journal_begin(j, make_facts(plan)) ||
	    attach_run(instance, plan, call->globals->pin_root))
		return roll_back(j);
	report(plan, true);
	return 0;
}

static int run(const struct cmd_call *call)
{
	struct cmd_call nameless = *call;
	struct instance instance = {};
	struct plan plan;
	int ret;

	if (geteuid())
		return err("Try: sudo mape-xdp attach ...", "attach needs root"), CMD_FAILED;
	nameless.n_args = 0; /* the words are devices, the instance is that of --name */
	ret = plan_make(&plan, call) || instance_find(&instance, &nameless, true) ||
	      attach_locked(&instance, &plan, call);
	if (!ret)
		check_forwarding(&plan);
	instance_close(&instance);
	plan_free(&plan);
	return ret ? CMD_FAILED : CMD_OK;
}

const struct command cmd_attach = {
	.name = "attach",
	.synopsis = "WAN [LAN...]",
	.summary = "make the tunnel interface and carry IPv4 over the IPv6 line",
	.details = "WAN is the device with the IPv6 line, LAN a bridge or device with hosts. Without\n"
		   "LAN the tunnel works, but every packet takes the kernel path.\n"
		   "The same attach twice changes nothing; a failed one leaves nothing behind.\n",
	.min_args = 1,
	.max_args = -1,
	.options = options,
	.opts_size = sizeof(struct attach_opts),
	.defaults = &defaults,
	.run = run,
};
