/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_SHAPE_H
#define MAPE_LOADER_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/link.h"
#include "opt.h"
#include "rule/rule.h"
#include "rule/text.h"
#include "rule_opts.h"

/*
 * Other tunnels of IPv4 in IPv6 than MAP-E: the same packets, but nothing follows from the line's
 * prefix. Each is written as a MAP-E rule without EA bits; one whose IPv6 prefix is a whole address
 * has that as its CE address.
 */
enum tunnel {
	TUNNEL_MAP_E,
	TUNNEL_LW4O6,	/* RFC 7596: address and PSID are told */
	TUNNEL_IPIP,	/* RFC 2473: an address or a prefix is told */
	TUNNEL_DS_LITE, /* RFC 6333: the NAPT is the provider's */
};

extern const char *const tunnel_words[];

struct shape_opts {
	int tunnel; /* enum tunnel */
	const char *local, *ip4;
	uint32_t psid, psid_len, psid_offset;
};

#define SHAPE_OPTS_ROWS(S, M) \
	{ OPT_ROW(OPT_ENUM, "tunnel", S, M.tunnel), .words = tunnel_words, \
	  .help = "kind of tunnel; --br names its other end, lwAFTR and AFTR too" }, \
	{ OPT_ROW(OPT_STRING, "local", S, M.local), .metavar = "ADDRESS", \
	  .check = shape_check_local, \
	  .help = "our IPv6 address in the tunnel, where no MAP-E rule tells it" }, \
	{ OPT_ROW(OPT_STRING, "ip4", S, M.ip4), .metavar = "ADDRESS[/LEN]", \
	  .check = shape_check_ip4, \
	  .help = "with lw4o6 our IPv4 address, with ipip that or our IPv4 prefix" }, \
	{ OPT_ROW(OPT_U32, "psid", S, M.psid), .metavar = "N", .max = 65535, \
	  .help = "with lw4o6: PSID of our port set" }, \
	{ OPT_ROW(OPT_U32, "psid-len", S, M.psid_len), .metavar = "BITS", .max = 16, \
	  .help = "with lw4o6: length of the PSID (default: 0, the address is not shared)" }, \
	{ OPT_ROW(OPT_U32, "psid-offset", S, M.psid_offset), .metavar = "BITS", .max = 15, \
	  .help = "with lw4o6: bits in front of the PSID (default: 0)" }

int shape_check_local(const char *text);
int shape_check_ip4(const char *text);

/* A line as rule and prefix, for line_from_options(). */
struct shape_line {
	struct rule_opts rule; /* points into `text` */
	char text[160];
	char prefix[MAPE_PREFIX_STRLEN];
};

/*
 * For any tunnel but MAP-E; `rule` and `prefix` (NULL: not given) are the options about MAP-E. Without
 * --local the WAN's own address serves. 0, or -1 with err().
 */
int shape_plan(const struct shape_opts *opts, const struct rule_opts *rule, const char *prefix,
	       const struct link_info *wan, struct shape_line *line);

/* For MAP-E: -1 with err() if an option was given that means nothing there. */
int shape_check_map_e(const struct shape_opts *opts);

/* Does the LAN use its own addresses in the tunnel? */
bool shape_has_napt(enum tunnel tunnel, const struct mape_line *line);

#endif
