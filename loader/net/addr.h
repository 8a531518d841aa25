/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_NET_ADDR_H
#define MAPE_LOADER_NET_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses of interfaces. Functions that return int give 0, or -1 with err(). */

struct addr6_info {
	int ifindex;
	struct in6_addr addr;
	uint8_t prefix_len;
	uint8_t scope;		/* RT_SCOPE_UNIVERSE: global */
	uint32_t flags;		/* IFA_F_* */
	bool tentative;		/* duplicate address detection has not finished, or has failed */
	bool dadfailed;
	bool deprecated;
	bool temporary;		/* RFC 8981 */
	uint32_t preferred_s, valid_s;	/* seconds left, UINT32_MAX: for ever */
	uint8_t proto;		/* IFA_PROTO; NL_PROTO_MAPE: made by us. 0 before Linux 5.18 */
};

/* IPv6 addresses of an interface, 0: of all. *addrs is for free(). */
int addr6_list(int ifindex, struct addr6_info **addrs, size_t *n);

/* 0: found; 1: the interface does not have it (no err()). */
int addr6_find(int ifindex, const struct in6_addr *addr, struct addr6_info *info);

/*
 * Adds addr/128 without a prefix route and deprecated from the start, so that the kernel answers
 * neighbour discovery for it but never chooses it as a source address. Duplicate address detection
 * runs. An address that is there already is an error: find out whose it is first.
 */
int addr6_add(int ifindex, const struct in6_addr *addr);
int addr6_del(int ifindex, const struct in6_addr *addr, uint8_t prefix_len); /* gone: 0 */

enum addr_dad {
	ADDR_DAD_OK,
	ADDR_DAD_DUPLICATE,	/* another node on the link has the address */
	ADDR_DAD_TIMEOUT,	/* still tentative: no carrier? */
	ADDR_DAD_GONE,		/* the address was removed meanwhile */
};

/* Waits for the end of duplicate address detection: enum addr_dad, or -1 with err(). */
int addr6_wait_dad(int ifindex, const struct in6_addr *addr, unsigned int timeout_ms);

struct addr4_info {
	struct in_addr addr;
	uint8_t prefix_len;
};

/* IPv4 addresses of an interface. *addrs is for free(). */
int addr4_list(int ifindex, struct addr4_info **addrs, size_t *n);

/* IPv4 /32, scope global. */
int addr4_add(int ifindex, struct in_addr addr);
int addr4_del(int ifindex, struct in_addr addr);			/* gone: 0 */
int addr4_has(int ifindex, struct in_addr addr, bool *has);

/* The first address of the interface that is in prefix/len (host order); 0.0.0.0 if there is none. */
int addr4_find_in(int ifindex, uint32_t prefix, uint8_t len, struct in_addr *addr);

#endif
