/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_RULE_OPTS_H
#define MAPE_LOADER_RULE_OPTS_H

#include <stdint.h>

#include "opt.h"
#include "rule/rule.h"

/* The options that say by which rule a line works; `rule` and `attach` take the same ones. */
struct rule_opts {
	struct opt_list rules;	/* none: the built-in table */
	struct opt_list br;	/* none: as in the rule */
	int iid;		/* enum mape_iid, or -1: as in the rule */
	uint32_t mtu;		/* of the tunnel, or 0: not given */
	const struct mape_rule *known; /* n_known valid rules that go before all of these */
	size_t n_known;
};

#define RULE_OPTS_DEFAULT { .iid = -1 }

/* An inner packet that every IPv4 host must take (RFC 791) up to the largest IPv6 packet. */
#define TUNNEL_MTU_MIN 576
#define TUNNEL_MTU_MAX (65535 - TUNNEL_OVERHEAD)
#define TUNNEL_OVERHEAD 40	/* one IPv6 header, no extension headers */
#define TUNNEL_MTU_DEFAULT (1500 - TUNNEL_OVERHEAD)

/* --iid, in the order of enum mape_iid */
extern const char *const rule_opts_iids[];

/* Rows for the option table of a command with option struct S that has a struct rule_opts M. */
#define RULE_OPTS_ROWS(S, M) \
	{ OPT_ROW(OPT_LIST, "rule", S, M.rules), .metavar = "RULE", \
	  .help = "'ipv6=P,ipv4=P,ea=N,offset=N[,psidlen=N,psid=N][,br=A][,iid=I]'" }, \
	{ OPT_ROW(OPT_LIST, "br", S, M.br), .metavar = "ADDRESS", \
	  .help = "border relay, instead of the rule's; may be repeated" }, \
	{ OPT_ROW(OPT_ENUM, "iid", S, M.iid), .words = rule_opts_iids, \
	  .help = "layout of the CE address, instead of the rule's" }, \
	{ OPT_ROW(OPT_U32, "mtu", S, M.mtu), .metavar = "BYTES", \
	  .min = TUNNEL_MTU_MIN, .max = TUNNEL_MTU_MAX, \
	  .help = "MTU of the tunnel (default: 40 less than the WAN's, or 1460)" }

/*
 * Finds and applies the rule for a prefix (PREFIX/LEN or an address, see mape_prefix_parse()).
 * warn()s if the rule is of low confidence. 0, or -1 with err().
 */
int line_from_options(const struct rule_opts *opts, const char *prefix, struct mape_line *line);

/* Packets need a border relay to go to (RFC 7597, section 7). 0, or -1 with err() without one. */
int line_need_br(const struct mape_line *line);

#endif
