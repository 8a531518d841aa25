// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp rule PREFIX: what a line's prefix means, by arithmetic alone. */
#include "cmd.h"
#include "out.h"
#include "rule_opts.h"
#include "rule_out.h"

static const struct rule_opts defaults = RULE_OPTS_DEFAULT;

struct rule_cmd_opts {
	struct rule_opts rule;
};

static const struct opt options[] = {
	RULE_OPTS_ROWS(struct rule_cmd_opts, rule),
	{ .type = OPT_END },
};

static int run(const struct cmd_call *call)
{
	const struct rule_cmd_opts *opts = call->opts;
	struct mape_line line;

	if (line_from_options(&opts->rule, call->args[0], &line))
		return CMD_FAILED;
	if (line.prefix_assumed)
		out_text("%s has no length and is taken to be in its /64.", call->args[0]);
	rule_out(&line, opts->rule.mtu ? opts->rule.mtu : TUNNEL_MTU_DEFAULT);
	return CMD_OK;
}

const struct command cmd_rule = {
	.name = "rule",
	.synopsis = "PREFIX",
	.summary = "show address, ports and border relay of a line",
	.details = "PREFIX is the line's IPv6 prefix, or any address in its /64. Nothing is changed or\n"
		   "looked up: known rules are built in, --rule gives one by hand. Several --rule are\n"
		   "several rules of one domain, the longest match is used. Defaults of a given rule:\n"
		   "offset=6 (0 if the address is not shared), iid=rfc7597.\n",
	.min_args = 1,
	.max_args = 1,
	.options = options,
	.opts_size = sizeof(struct rule_cmd_opts),
	.defaults = &defaults,
	.run = run,
};
