/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_OPTS_H
#define MAPE_LOADER_PROVISION_OPTS_H

#include "opt.h"

/* The options that say who is asked for the rule; `discover` and `attach` take the same ones. */
struct prov_opts {
	struct opt_list from; /* names of sources, in the order to ask them */
	const char *s46;
	const char *credentials;
	const char *ca_file;
	struct opt_list resolvers;
	const char *state_dir;
	bool refresh;
};

#define PROV_STATE_DIR	 "/var/lib/mape-xdp"
#define PROV_CREDENTIALS "/etc/mape-xdp.credentials"

#define PROV_OPTS_DEFAULT { .state_dir = PROV_STATE_DIR }

/* Known name of a source: 0, or -1 with err(). */
int prov_check_source(const char *name);

/* Rows for the option table of a command with option struct S that has a struct prov_opts M. */
#define PROV_OPTS_ROWS(S, M) \
	{ OPT_ROW(OPT_LIST, "from", S, M.from), .metavar = "SOURCE", .check = prov_check_source, \
	  .help = "by-hand, dhcpv6, ocn, jpne, hb46pp or builtin; repeat it to give an order" }, \
	{ OPT_ROW(OPT_STRING, "s46", S, M.s46), .metavar = "OPTIONS", \
	  .help = "DHCPv6 options in hexadecimal, or odhcp6c's rule words; - reads stdin" }, \
	{ OPT_ROW(OPT_STRING, "credentials", S, M.credentials), .metavar = "FILE", \
	  .help = "codes for rule servers (default: /etc/mape-xdp.credentials, if there)" }, \
	{ OPT_ROW(OPT_STRING, "ca-file", S, M.ca_file), .metavar = "FILE", \
	  .help = "trust these certificate authorities instead of the system's" }, \
	{ OPT_ROW(OPT_LIST, "resolver", S, M.resolvers), .metavar = "ADDRESS", \
	  .help = "DNS server of the line (default: as in /etc/resolv.conf)" }, \
	{ OPT_ROW(OPT_STRING, "state-dir", S, M.state_dir), .metavar = "DIR", \
	  .help = "keeps what servers said (default: /var/lib/mape-xdp)" }, \
	{ OPT_ROW(OPT_FLAG, "refresh", S, M.refresh), \
	  .help = "ask again, even if the last answer still holds" }

#endif
