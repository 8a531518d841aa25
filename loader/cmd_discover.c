// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp discover WAN: by which rule the line works, and who says so. */
#include <inttypes.h>

#include "cmd.h"
#include "err.h"
#include "net/link.h"
#include "out.h"
#include "provision/find.h"
#include "rule/text.h"
#include "rule_out.h"

struct discover_opts {
	const char *prefix;
	struct rule_opts rule;
	struct prov_opts from;
	bool forget;
};

static const struct discover_opts defaults = {
	.rule = RULE_OPTS_DEFAULT,
	.from = PROV_OPTS_DEFAULT,
};

static const struct opt options[] = {
	PROV_OPTS_ROWS(struct discover_opts, from),
	{ OPT_ROW(OPT_FLAG, "forget", struct discover_opts, forget),
	  .help = "delete what is kept, and ask nobody" },
	{ OPT_ROW(OPT_STRING, "prefix", struct discover_opts, prefix), .metavar = "PREFIX",
	  .help = "IPv6 prefix of the line (default: found on the machine)" },
	RULE_OPTS_ROWS(struct discover_opts, rule),
	{ .type = OPT_END },
};

/* The largest unit that makes more than one. */
static void age_out(const char *key, const char *label, uint64_t s)
{
	if (out_is_json())
		out_u64(key, NULL, s);
	else if (s < 120)
		out_fmt(NULL, label, "%" PRIu64 " seconds", s);
	else if (s < 2 * 3600)
		out_fmt(NULL, label, "%" PRIu64 " minutes", s / 60);
	else if (s < 2 * 86400)
		out_fmt(NULL, label, "%" PRIu64 " hours", s / 3600);
	else
		out_fmt(NULL, label, "%" PRIu64 " days", s / 86400);
}

static void ipip_out(const struct prov_answer *answer)
{
	char local[MAPE_IP6_STRLEN], remote[MAPE_IP6_STRLEN], ip4[MAPE_IP4_STRLEN + 4];

	out_table("ipip", "tunnels");
	for (size_t i = 0; i < answer->n_ipip; i++) {
		const struct prov_ipip *ipip = &answer->ipip[i];

		out_row();
		out_str("ipv6_local", "LOCAL", mape_ip6_str(ipip->local, local));
		out_str("ipv6_remote", "REMOTE", mape_ip6_str(ipip->remote, remote));
		out_str("ipv4", "IPV4", mape_prefix4_str(ipip->ip4, ipip->ip4_len, ip4));
		out_row_end();
	}
	out_table_end();
}

/* What this command does not do itself, a plain tunnel of the kernel mostly does. */
static void other_out(const struct prov_found *found, const char *wan)
{
	const struct prov_answer *answer = found->answer;
	char local[MAPE_IP6_STRLEN], remote[MAPE_IP6_STRLEN];

	if (found->method == PROV_DSLITE)
		out_str("aftr", "AFTR", answer->aftr);
	if (found->method == PROV_IPIP)
		ipip_out(answer);
	out_text("%s", "");
	out_text("mape-xdp does not do %s.", prov_method_name(found->method));
	if (found->method == PROV_DSLITE)
		out_text("A tunnel of the kernel does, with the address of the AFTR:\n"
			 "  ip -6 tunnel add dslite0 mode ipip6 remote AFTR dev %s encaplimit none",
			 wan);
	if (found->method == PROV_IPIP)
		out_text("A tunnel of the kernel does:\n"
			 "  ip -6 tunnel add ipip0 mode ipip6 local %s remote %s dev %s "
			 "encaplimit none",
			 mape_ip6_str(answer->ipip[0].local, local),
			 mape_ip6_str(answer->ipip[0].remote, remote), wan);
}

static void attempts_out(const struct prov_found *found)
{
	out_table("tried", "asked");
	for (size_t i = 0; i < found->n_attempts; i++) {
		const struct prov_attempt *a = &found->attempts[i];

		out_row();
		out_str("source", "SOURCE", prov_source_name(a->source));
		out_bool("ok", "OK", a->ok);
		if (out_is_json()) {
			out_bool("cached", NULL, a->cached);
			out_u64("age_s", NULL, a->age_s);
		}
		out_str("why", "WHY NOT", a->why);
		if (out_is_json())
			out_str("hint", NULL, a->hint);
		out_row_end();
	}
	out_table_end();
}

static void found_out(const struct prov_found *found, const struct discover_opts *opts,
		      const struct link_info *wan)
{
	out_str("source", "source", prov_source_name(found->source));
	age_out("age_s", "age", found->age_s);
	out_bool("cached", "kept from then", found->cached);
	if (found->answer) {
		out_str("server", found->server[0] ? "server" : NULL,
			found->server[0] ? found->server : NULL);
		out_bool("verified", found->server[0] ? "server verified" : NULL, found->verified);
	}
	out_str("method", "method", prov_method_name(found->method));
	out_bool("usable", NULL, prov_usable(found->method));
	if (found->answer && found->answer->n_rules) {
		out_u64("rules", "rules known", found->answer->n_rules);
		out_bool("mesh", "CE to CE", found->answer->fmr[0]);
	}
	if (prov_usable(found->method))
		rule_out(&found->line,
			 opts->rule.mtu ? opts->rule.mtu : wan->mtu - TUNNEL_OVERHEAD);
	if (found->n_attempts > 1 || out_is_json())
		attempts_out(found);
	if (!prov_usable(found->method))
		other_out(found, wan->name);
}

static int run(const struct cmd_call *call)
{
	const struct discover_opts *opts = call->opts;
	struct prov_found found = {};
	struct link_info wan;
	int ret;

	if (link_get(call->args[0], &wan))
		return CMD_FAILED;
	if (opts->forget) {
		ret = prov_forget(&opts->from, &wan);
		if (!ret)
			out_bool("forgotten", NULL, true);
		return ret ? CMD_FAILED : CMD_OK;
	}
	ret = prov_find(&opts->from, &opts->rule, &wan, opts->prefix, &found);
	if (!ret)
		found_out(&found, opts, &wan);
	prov_found_free(&found);
	return ret ? CMD_FAILED : CMD_OK;
}

const struct command cmd_discover = {
	.name = "discover",
	.synopsis = "WAN",
	.summary = "find out by which rule a line works",
	.details = "Asks one source after the other, up to the first that knows a rule for the line\n"
		   "on the device WAN: the rule given with --rule, DHCPv6, the rule servers of OCN\n"
		   "and JPNE with the user's own code, the provisioning server that the line's DNS\n"
		   "names (HB46PP), the built-in table. Nothing is changed on the machine; what\n"
		   "servers say is kept: for after a restart, and for while they are silent.\n",
	.min_args = 1,
	.max_args = 1,
	.options = options,
	.opts_size = sizeof(struct discover_opts),
	.defaults = &defaults,
	.run = run,
};
