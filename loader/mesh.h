/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_MESH_H
#define MAPE_LOADER_MESH_H

#include <stdint.h>

#include <mape/arith.h>
#include <mape/prefix.h>

#include "opt.h"
#include "rule_opts.h"

struct json_object;

enum mesh_mode {
	MESH_AUTO,
	MESH_OFF,     /* only the BR */
	MESH_RECEIVE, /* other CEs may send to us directly, we send to the BR */
	MESH_ON,      /* directly in both directions */
};

extern const char *const mesh_words[];

/* The options of attach about traffic between CEs of the domain without the BR. */
struct mesh_opts {
	int mode;
	struct opt_list fmrs;
};

#define MESH_OPTS_ROWS(S, M) \
	{ OPT_ROW(OPT_ENUM, "mesh", S, M.mode), .words = mesh_words, \
	  .help = "other customers without the border relay (default: as the provider does)" }, \
	{ OPT_ROW(OPT_LIST, "fmr", S, M.fmrs), .metavar = "RULE", \
	  .help = "forwarding rule of the mesh, instead of all known ones; may be repeated" }

struct mesh {
	enum mesh_mode mode; /* never MESH_AUTO */
	struct mape_fmr rules[MAPE_FMR_MAX]; /* no two with the same IPv4 prefix */
	uint32_t n;
};

/* Finds the mode and the forwarding rules for a line. 0, or -1 with err(). */
int mesh_plan(struct mesh *mesh, const struct mesh_opts *opts, const struct rule_opts *rule,
	      const struct mape_line *line);

/* Writes the rules into the map `fmrs`. 0, or -1 with err(). */
int mesh_fill(const struct mesh *mesh, int map);

#endif
