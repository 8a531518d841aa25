/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_OUTER_OPTS_H
#define MAPE_LOADER_OUTER_OPTS_H

#include <stdint.h>

#include <mape/config.h>

#include "opt.h"

struct json_object;

/* The options of attach that say what the IPv6 header of the tunnel carries (RFC 2473 section 6). */
struct outer_opts {
	uint32_t hop_limit;
	const char *tclass;
	int flow_label;
};

/*
 * A flow label for each session, because without one all traffic of a line is a single flow for
 * whoever spreads load over paths, links or queues by the outer header (RFC 6438); Linux' own
 * tunnels send labels too. DSCP 0, because marked packets meet the access network's limits.
 */
#define OUTER_OPTS_DEFAULT { .hop_limit = 64, .tclass = "0" }

extern const char *const outer_label_words[];

int outer_check_tclass(const char *text);

/* Rows for the option table of a command with option struct S that has a struct outer_opts M. */
#define OUTER_OPTS_ROWS(S, M) \
	{ OPT_ROW(OPT_U32, "hop-limit", S, M.hop_limit), .metavar = "N", .min = 1, .max = 255, \
	  .help = "hop limit of tunnel packets (default: 64)" }, \
	{ OPT_ROW(OPT_STRING, "tclass", S, M.tclass), .metavar = "copy|N", \
	  .check = outer_check_tclass, \
	  .help = "traffic class of tunnel packets: the inner one, or N (default: 0)" }, \
	{ OPT_ROW(OPT_ENUM, "flow-label", S, M.flow_label), .words = outer_label_words, \
	  .help = "flow label of tunnel packets: one per session (default), or 0" }

/* Sets the fields of the config record that follow from checked options. */
void outer_config(const struct outer_opts *opts, struct mape_config *config);

void outer_settings(const struct outer_opts *opts, struct json_object *settings);

#endif
