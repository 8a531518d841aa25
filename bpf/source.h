/* SPDX-License-Identifier: GPL-2.0-only */
/* Which addresses a packet may come from, on either side. */
#ifndef MAPE_BPF_SOURCE_H
#define MAPE_BPF_SOURCE_H

#include "maps.h"
#include "parse.h"

static __always_inline bool is_unicast(const __u8 *addr)
{
	return addr[0] < 224 && addr[0] != 127 && addr[0] != 0;
}

/* Is it in a network of the LAN? */
static __noinline int is_lan_address(const __u8 *addr)
{
	struct mape_prefix4 key = { .len = 32 };

	__builtin_memcpy(key.addr, addr, 4);
	return bpf_map_lookup_elem(&lan_sources, &key) != 0;
}

/*
 * May this source open a session (RFC 7084 S-2)? What is not of the LAN is forged, or came out of
 * the tunnel and routing has sent it back.
 */
static __always_inline bool source_is_ours(const struct mape_config *cfg,
					   const struct mape_flow *flow)
{
	if (!is_unicast(flow->int_addr) || addr4_equal(flow->int_addr, cfg->ip4))
		return false;
	return !cfg->source_count || is_lan_address(flow->int_addr);
}

/*
 * Is the source of a packet from the tunnel a possible one? Not our own address with a port of
 * ours: what we send to ourselves never leaves. With another port it is who shares the address.
 */
static __always_inline bool far_is_possible(const struct mape_config *cfg,
					    const struct mape_pkt *p)
{
	if (!is_unicast(p->far))
		return false;
	return !addr4_equal(p->far, cfg->ip4) || p->proto == MAPE_PROTO_ICMP ||
	       mape_portset_index(&cfg->ports, p->flow.rem_port) < 0;
}

#endif
