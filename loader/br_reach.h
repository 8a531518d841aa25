/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_BR_REACH_H
#define MAPE_LOADER_BR_REACH_H

#include <netinet/in.h>
#include <stdint.h>

/* The way to a border relay as the kernel would go. Functions give 0, or -1 with err(). */

struct br_route {
	int ifindex;		/* 0: there is no route */
	struct in6_addr next;	/* gateway, or the relay itself if it is on link */
};

int br_route_get(const struct in6_addr *br, struct br_route *route);

/* NUD_* state of a neighbour, NUD_NONE if nobody has asked for it yet. */
int br_neighbour_state(int ifindex, const struct in6_addr *addr, uint16_t *state);

#endif
