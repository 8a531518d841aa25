/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_NET_ROUTE_H
#define MAPE_LOADER_NET_ROUTE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* Routes. Functions that return int give 0, or -1 with err(). */

/* An IPv4 default route. */
struct route4 {
	uint32_t table;
	int ifindex;		/* 0: several next hops, or none (unreachable, blackhole) */
	uint32_t metric;	/* smaller is preferred */
	uint8_t proto;		/* NL_PROTO_MAPE: made by us */
	uint8_t type;		/* RTN_UNICAST, ... */
	struct in_addr gateway;	/* 0.0.0.0: on link */
};

/* Default routes of a table, the preferred one first. *routes is for free(). */
int route4_defaults(uint32_t table, struct route4 **routes, size_t *n);

/*
 * RFC 7335 reserves 192.0.0.0/29 for the inside of such tunnels; .1 is the far end. As a gateway it
 * spares the kernel a neighbour entry for every address on the internet, of which it has room for
 * a thousand.
 */
#define TUNNEL_GATEWAY 0xc0000001
#define TUNNEL_GATEWAY_TEXT "192.0.0.1"

/* default via TUNNEL_GATEWAY dev IFINDEX onlink metric METRIC table TABLE proto NL_PROTO_MAPE;
 * src is what the machine itself sends with, 0.0.0.0: as the device says. An equal route that is there
 * already is an error. Deletion removes exactly such a route; gone already is 0. */
int route4_add_default(int ifindex, uint32_t metric, uint32_t table, struct in_addr src);
int route4_del_default(int ifindex, uint32_t metric, uint32_t table);

/* An IPv6 route. */
struct route6 {
	struct in6_addr dst;
	uint8_t prefix_len;
	uint32_t table;
	int ifindex;		/* 0: none */
	uint32_t metric;
	uint8_t proto;
	uint8_t type;		/* RTN_* */
};

/* Routes of the main table; no cached or local ones. *routes is for free(). */
int route6_list(struct route6 **routes, size_t *n);

/*
 * Prefixes that DHCPv6 clients have had delegated: they keep the unused part of a delegated prefix
 * from looping with an unreachable, blackhole or prohibit route for the whole of it. Only global
 * unicast (2000::/3) of /48 to /64, each prefix once. *routes is for free().
 */
int route6_delegated(struct route6 **routes, size_t *n);

#endif
