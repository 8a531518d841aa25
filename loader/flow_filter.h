/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_FLOW_FILTER_H
#define MAPE_LOADER_FLOW_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "opt.h"
#include "ports_out.h"
#include "tables.h"

/* Which sessions a command is about: those that fit everything that is given. */
struct flow_filter {
	const char *host; /* NULL: any */
	uint32_t port;	  /* 0: any */
	int proto;	  /* enum mape_slot, -1: any */
	int state;	  /* enum mape_state, -1: any */
};

#define FLOW_FILTER_DEFAULT { .proto = -1, .state = -1 }

extern const char *const flow_states[]; /* index: enum mape_state */

/* The name of a session's protocol or state. */
const char *flow_proto(const struct session_record *r);
const char *flow_state(const struct session_record *r);

/* Checks the value of --host. 0, or -1 with err(). */
int flow_filter_check_host(const char *value);

/* Rows for the option table of a command with option struct S that has a struct flow_filter M. */
#define FLOW_FILTER_ROWS(S, M) \
	{ OPT_ROW(OPT_STRING, "host", S, M.host), .metavar = "ADDRESS", \
	  .check = flow_filter_check_host, \
	  .help = "only sessions of this host, in the LAN or on the internet" }, \
	{ OPT_ROW(OPT_U32, "port", S, M.port), .metavar = "N", .min = 1, .max = 65535, \
	  .help = "only sessions with this port: internal, external or remote" }, \
	{ OPT_ROW(OPT_ENUM, "proto", S, M.proto), .words = slot_names, \
	  .help = "only sessions of this protocol" }, \
	{ OPT_ROW(OPT_ENUM, "state", S, M.state), .metavar = "STATE", .words = flow_states, \
	  .help = "only sessions in this state, as the list names it" }

bool flow_filter_match(const struct flow_filter *filter, const struct session_record *r);

/* Drops the records that do not match. */
void flow_filter_apply(const struct flow_filter *filter, struct table *sessions);

#endif
