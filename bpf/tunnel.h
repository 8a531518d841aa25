/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IPv6 around it (RFC 2473): what is ours, the outer header, ECN (RFC 6040).
 */
#ifndef MAPE_BPF_TUNNEL_H
#define MAPE_BPF_TUNNEL_H

#include "maps.h"
#include "wire.h"

#define ECN_MASK 3
enum { ECN_NOT_ECT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

#define FLOW_LABEL_MASK 0xfffff

/* The tunnel's other end for a session, NULL for a packet that cannot be told from which it is. */
static __always_inline const __u8 *outer_far(const struct mape_config *cfg,
					     const struct mape_session *s)
{
	return s && cfg->flags & MAPE_MESH ? s->far : cfg->br[0];
}

/*
 * Fill the outer header of an inner packet of this length. No encapsulation limit option: BRs do
 * not want it. The ECN field is always the inner one (RFC 6040 section 4.1, normal mode). The flow
 * label is one per session (RFC 6437 section 3): its serial number is random, stays with it and
 * tells nothing about the LAN. s as for outer_far().
 */
static __always_inline void outer_fill(struct ip6_hdr *ip6, const struct mape_config *cfg,
				       const struct mape_session *s, __u32 inner_len,
				       __u8 inner_tos)
{
	__u32 vtf = cfg->outer_vtf | (__u32)(inner_tos & cfg->tos_copied) << 20;

	if (s && cfg->flags & MAPE_FLOW_LABEL)
		vtf |= s->serial & FLOW_LABEL_MASK;
	ip6->vtf = bpf_htonl(vtf);
	ip6->payload_len = bpf_htons(inner_len);
	ip6->next_header = IPPROTO_IPIP;
	ip6->hop_limit = cfg->hop_limit;
	__builtin_memcpy(ip6->src, cfg->ce, 16);
	__builtin_memcpy(ip6->dst, outer_far(cfg, s), 16);
}

/* Is this frame IPv4-in-IPv6 for our CE address? Everything else is none of our business. */
static __always_inline struct ip6_hdr *outer_find(mape_ctx *ctx, const struct mape_config *cfg)
{
	struct eth_hdr *eth = ctx_data(ctx);
	struct ip6_hdr *ip6 = (void *)(eth + 1);

	if ((void *)(ip6 + 1) > ctx_end(ctx) || eth->proto != bpf_htons(ETH_P_IPV6) ||
	    ctx_has_vlan(ctx) || bpf_ntohl(ip6->vtf) >> 28 != 6 || !addr6_equal(ip6->dst, cfg->ce))
		return 0;
	return ip6->next_header == IPPROTO_IPIP ? ip6 : 0;
}

static __always_inline bool is_br(const __u8 *addr, const struct mape_config *cfg)
{
	for (__u32 i = 0; i < MAPE_BR_MAX; i++)
		if (i < cfg->br_count && addr6_equal(addr, cfg->br[i]))
			return true;
	return false;
}

static __always_inline bool outer_from_br(const struct ip6_hdr *ip6, const struct mape_config *cfg)
{
	return is_br(ip6->src, cfg);
}

static __always_inline __u8 outer_ecn(const struct ip6_hdr *ip6)
{
	return bpf_ntohl(ip6->vtf) >> 20 & ECN_MASK;
}

/*
 * The inner TOS after decapsulation (RFC 6040 section 4.2), or -1 where the packet has to be
 * dropped: congestion was signalled to somebody who does not understand it.
 */
static __always_inline int decap_tos(__u8 inner_tos, __u8 outer)
{
	__u8 inner = inner_tos & ECN_MASK;

	if (outer == ECN_CE)
		return inner == ECN_NOT_ECT ? -1 : inner_tos | ECN_CE;
	if (outer == ECN_ECT1 && inner == ECN_ECT0)
		return (inner_tos & ~ECN_MASK) | ECN_ECT1;
	return inner_tos;
}

#endif
