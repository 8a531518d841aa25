/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PLAN_H
#define MAPE_LOADER_PLAN_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <mape/config.h>

#include "cmd.h"
#include "config_file.h"
#include "lan_sources.h"
#include "mesh.h"
#include "net/link.h"
#include "provision/opts.h"
#include "outer_opts.h"
#include "rule/text.h"
#include "rule_opts.h"
#include "shape.h"

struct json_object;

#define PLAN_LANS_MAX 8
#define PLAN_PORTS_MAX 48 /* bridge ports with an XDP hook, over all LANs; fits `lan_ports` */

enum hook_choice { HOOK_AUTO, HOOK_XDP, HOOK_XDP_GENERIC, HOOK_TC };

/* The options of attach. */
struct attach_opts {
	const char *prefix;
	const char *config; /* NULL: the default, which need not exist */
	struct rule_opts rule;
	struct shape_opts shape;
	struct prov_opts from; /* whom to ask; asked if one is named */
	struct mesh_opts mesh;
	struct outer_opts outer;
	struct opt_list lan_sources;
	int wan_hook, lan_hook; /* enum hook_choice */
	int filtering;
	uint32_t reserve_ranges;
	uint32_t metric;
	uint32_t table;
	uint32_t mark_mask;
	uint32_t host_ports, host_rate; /* 0: no limit */
	uint32_t rest;			/* seconds */
	struct opt_list timeouts;	/* NAME=SECONDS */
	bool no_route, no_sysctl, no_fast_path;
	bool replace;
};

struct hook {
	enum hook_choice kind; /* never HOOK_AUTO */
	const char *reason;
};

struct plan_lan {
	struct link_info link;
	bool bare; /* no Ethernet header: without hook, on the kernel path */
	struct link_info *ports; /* where an XDP hook goes: a bridge's ports, or the device itself */
	size_t n_ports;
};

/* Everything an attach is going to do, found out and checked before anything is changed. */
struct plan {
	const struct attach_opts *opts;
	const char *name;
	char exit_name[IFNAMSIZ];
	struct link_info wan;
	struct plan_lan lan[PLAN_LANS_MAX];
	int n_lan;
	struct hook wan_hook, lan_hook;
	bool tc_decap;	 /* what this kernel can do */
	struct shape_line shape; /* of any tunnel but MAP-E */
	struct mape_line line;
	bool napt;	 /* else the LAN's own addresses go through the tunnel */
	char prefix[MAPE_PREFIX_STRLEN]; /* of the line, as text */
	uint32_t mtu;
	uint32_t reserve; /* ports */
	struct mesh mesh;
	struct lan_sources sources;
	struct in_addr route_src; /* our own address in the line's IPv4 prefix, 0.0.0.0: none */
	bool fast_path;	  /* there is a LAN that can have a hook, and it is not switched off */
	bool conntrack;	  /* there is the sysctl that makes conntrack liberal about windows */
	bool tcp_offload;
	struct config_file config;
	char config_path[PATH_MAX]; /* absolute: later commands run elsewhere */
};

/* 0, or -1 with err(); nothing has been changed in either case. Always plan_free() it. */
int plan_make(struct plan *plan, const struct cmd_call *call);
void plan_free(struct plan *plan);

/* The datapath's record for this plan; tun and exit_end are the tunnel interface and its other end. */
void plan_config(const struct plan *plan, const struct link_info *tun,
		 const struct link_info *exit_end, struct mape_config *config);

/* The settings that make two attaches the same, as a JSON object to keep and compare. */
struct json_object *plan_settings(const struct plan *plan);

/* What `status` calls it: "tc", "xdp". */
const char *hook_name(enum hook_choice kind);
/* "native", "generic"; "clsact" for TC. */
const char *hook_mode(enum hook_choice kind);

extern const char *const hook_words[]; /* in the order of enum hook_choice */
extern const char *const filtering_words[];

#define TCP_LIBERAL_KEY "net/netfilter/nf_conntrack_tcp_be_liberal"

#endif
