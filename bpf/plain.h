/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tunnel without NAPT: a line that owns an IPv4 prefix (MAP-E with fewer EA bits than the
 * address has left, IPIP) and DS-Lite, whose NAPT is the provider's (RFC 6333 section 5).
 *
 * Addresses decide alone, so protocols and fragments pass as they are. `lan_sources` holds the
 * networks that may send, and those alone may receive. There are no sessions and so there is no
 * fast path: every packet takes the stack.
 */
#ifndef MAPE_BPF_PLAIN_H
#define MAPE_BPF_PLAIN_H

#include "mesh.h"
#include "pmtu.h"
#include "source.h"
#include "tcp.h"
#include "translate.h"
#include "tunnel.h"

/* Is it in the IPv4 prefix that the line owns? */
static __always_inline bool is_own_prefix(const struct mape_config *cfg, const __u8 *addr)
{
	return mape_ip4_in(addr4_number(addr), addr4_number(cfg->ip4), cfg->ip4_len);
}

/* Parse what there is. False when the IPv4 header is wrong; what it carries is not our business. */
static __always_inline bool plain_parse(mape_ctx *ctx, const __u32 l3, enum mape_dir dir,
					struct mape_pkt *p, bool *syn)
{
	enum mape_parsed parsed = parse_ipv4(ctx, l3, dir, p);

	*syn = parsed == MAPE_PARSED && p->proto == MAPE_PROTO_TCP && p->tcp_flags & TCP_SYN;
	p->frag = 0; /* a fragment is like any packet */
	return p->l4;
}

/* As path_exit(). */
static __always_inline int plain_exit(mape_ctx *ctx, const struct mape_config *cfg,
				      struct mape_pkt *p)
{
	bool syn;

	if (!plain_parse(ctx, L3_PLAIN, MAPE_OUT, p, &syn))
		return MAPE_OUT_MALFORMED;
	if (!is_unicast(p->far))
		return MAPE_OUT_NOT_IPV4;
	if (!is_lan_address(p->own))
		return MAPE_OUT_SOURCE;
	if (is_own_prefix(cfg, p->far))
		return MAPE_OUT_LOOP;
	if (p->atomic && !fits_path(cfg, ctx_wire_len(ctx, p->len, p->headers)))
		return MAPE_OUT_DF;
	if (syn)
		clamp_mss(ctx, p, tunnel_mtu(cfg));
	return MAPE_KERNEL_OUT;
}

/* As path_wan(), behind its checks of the outer header. */
static __always_inline int plain_wan(mape_ctx *ctx, const struct mape_config *cfg,
				     struct mape_pkt *p, __u32 payload_len, __u8 ecn)
{
	struct mape_change change = {};
	struct ip4_hdr *ip;
	bool syn;
	int tos;

	if (!plain_parse(ctx, L3_TUNNEL, MAPE_IN, p, &syn) || p->len > payload_len ||
	    payload_len > ctx_len(ctx) - L3_TUNNEL)
		return MAPE_IN_MALFORMED;
	if (!is_unicast(p->far) || is_own_prefix(cfg, p->far))
		return MAPE_IN_SOURCE;
	if (!is_lan_address(p->own))
		return MAPE_IN_NOT_OURS;
	tos = decap_tos(p->tos, ecn);
	if (tos < 0)
		return MAPE_IN_ECN;
	change.tos = tos;
	__builtin_memcpy(change.addr, p->own, 4);
	ip = ctx_data(ctx) + L3_TUNNEL;
	if ((void *)(ip + 1) > ctx_end(ctx))
		return MAPE_IN_MALFORMED;
	translate_ip(ip, MAPE_IN, &change);
	if (syn)
		clamp_mss(ctx, p, tunnel_mtu(cfg));
	return MAPE_KERNEL_IN;
}

#endif
