/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_CHANGE_CHANGE_H
#define MAPE_LOADER_CHANGE_CHANGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/objects.h"
#include "journal.h"
#include "net/link.h"

/*
 * The kinds of change that an attach makes to the machine. Each file here has one kind: the
 * function that records and makes it, and beside it the one that undoes it.
 *
 * Functions give 0, or -1 with err(). What belongs to the tunnel interface (its addresses, routes
 * and settings) goes away with it and needs no record of its own.
 */

/* The veth pair: the tunnel interface and its exit. Fills tun and exit_end. */
int change_tunnel(struct journal *j, const char *name, const char *exit_name, uint32_t mtu,
		  struct link_info *tun, struct link_info *exit_end);

/* A sysctl that does not belong to the tunnel interface. No record if it has the value already. */
int change_sysctl(struct journal *j, const char *key, const char *value);

/* The CE address on the WAN. Left alone, without a record, if somebody else has put it there. */
int change_ce_address(struct journal *j, int ifindex, const struct in6_addr *addr);

/* GRO of a device switched off. */
int change_gro_off(struct journal *j, const char *dev);

/* The pin directory, with all that is pinned in it. */
int change_pins(struct journal *j, const char *root, const char *id, const struct objects *objects);

/* A TC program on a device's ingress or egress; adds the clsact qdisc if there is none. handle
 * tells the filters of several instances on one device apart. */
int change_tc(struct journal *j, int ifindex, bool egress, uint32_t handle,
	      const struct objects *objects, const char *prog);

/* An XDP program on a device by libxdp, beside those that are there already. */
int change_xdp(struct journal *j, int ifindex, bool generic, const struct objects *objects,
	       const char *prog);

/* For journal_undo_all(): undoes all of these. */
extern const struct undo_op change_undo[];

/* The halves of that table. */
int undo_tunnel(struct json_object *detail, struct undo *undo);
int undo_sysctl(struct json_object *detail, struct undo *undo);
int undo_ce_address(struct json_object *detail, struct undo *undo);
int undo_gro(struct json_object *detail, struct undo *undo);
int undo_pins(struct json_object *detail, struct undo *undo);
int undo_clsact(struct json_object *detail, struct undo *undo);
int undo_tc(struct json_object *detail, struct undo *undo);
int undo_xdp(struct json_object *detail, struct undo *undo);

/* Reading a record: "" or 0 where the key is missing. */
const char *detail_str(struct json_object *detail, const char *key);
int detail_int(struct json_object *detail, const char *key);

/* Does the program with this id use the map with that id? The only proof that it is ours: names
 * are anybody's. */
bool prog_uses_map(uint32_t prog_id, uint32_t map_id);

#endif
