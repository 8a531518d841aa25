/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rewriting the inner packet: NAPT out of or into the LAN, TTL, ECN, and the checksums that follow
 * from it. l3 is the constant offset of the inner IPv4 header.
 *
 * Changes inside the IPv4 header and its checksum cancel out, so a checksum that a device has
 * computed over the whole packet (CHECKSUM_COMPLETE) stays right without being told.
 */
#ifndef MAPE_BPF_TRANSLATE_H
#define MAPE_BPF_TRANSLATE_H

#include "csum.h"
#include "parse.h"

struct mape_change {
	__u8 addr[4];  /* that replaces the internal or external one */
	__u16 port;    /* likewise, host order */
	__u16 ttl_dec; /* 1 on the fast path, which forwards in the kernel's place */
	__u8 tos;      /* of the result: changes only when ECN was marked on the way */
	__u8 new_id;   /* the IPv4 identification becomes ... */
	__u16 id;      /* ... this, host order */
};

/* Outbound our side is the source, inbound it is the destination. */
static __always_inline __u8 *own_addr(struct ip4_hdr *ip, __u8 dir)
{
	return dir == MAPE_OUT ? ip->src : ip->dst;
}

static __always_inline __be16 *own_port(struct l4_ports *ports, __u8 dir)
{
	return dir == MAPE_OUT ? &ports->src : &ports->dst;
}

/* Address, TTL, TOS and identification of the inner header; returns the address delta for the pseudo header. */
static __always_inline __u32 translate_ip(struct ip4_hdr *ip, __u8 dir, const struct mape_change *c)
{
	__u8 *addr = own_addr(ip, dir);
	__u32 addr_delta = csum_delta_addr(addr, c->addr);
	__u64 delta = addr_delta;

	__builtin_memcpy(addr, c->addr, 4);
	if (c->ttl_dec) {
		delta += csum_delta16(bpf_htons((__u16)ip->ttl << 8), bpf_htons((ip->ttl - 1) << 8));
		ip->ttl--;
	}
	if (ip->tos != c->tos) {
		delta += csum_delta16(bpf_htons(ip->tos), bpf_htons(c->tos));
		ip->tos = c->tos;
	}
	if (c->new_id) {
		delta += csum_delta16(ip->id, bpf_htons(c->id));
		ip->id = bpf_htons(c->id);
	}
	ip->check = csum_apply(ip->check, delta);
	return addr_delta;
}

/*
 * A protocol without ports. Of those whose checksum covers the addresses we know these two, which
 * have it in the same place.
 */
static __always_inline bool translate_portless(mape_ctx *ctx, const __u32 l3,
					       const struct mape_pkt *p,
					       const struct mape_change *c)
{
	struct ip4_hdr *ip = ctx_data(ctx) + l3;
	__u32 addr_delta;
	bool later;

	if ((void *)(ip + 1) > ctx_end(ctx))
		return false;
	later = bpf_ntohs(ip->frag) & IP4_OFFSET;
	addr_delta = translate_ip(ip, p->dir, c);
	if ((p->proto == IPPROTO_UDPLITE || p->proto == IPPROTO_DCCP) && !later)
		ctx_csum_l4(ctx, (p->l4 & 0xff) + __builtin_offsetof(struct udp_hdr, check),
			    addr_delta, 0, false);
	return true;
}

/* TCP, UDP, ICMP query or reply. False: the packet is not as it was parsed. */
static __always_inline bool translate_flow(mape_ctx *ctx, const __u32 l3, const struct mape_pkt *p,
					   const struct mape_change *c)
{
	struct ip4_hdr *ip = ctx_data(ctx) + l3;
	__u32 l4 = p->l4 & 0xff;
	void *transport = ctx_data(ctx) + l4;
	__be16 new = bpf_htons(c->port), *port;
	__u32 addr_delta, port_delta;

	if ((void *)(ip + 1) > ctx_end(ctx) || transport + 8 > ctx_end(ctx))
		return false;
	addr_delta = translate_ip(ip, p->dir, c);
	if (p->proto == MAPE_PROTO_ICMP) {
		struct icmp_hdr *icmp = transport;

		port_delta = csum_delta16(icmp->id, new);
		icmp->id = new;
		ctx_csum_l4(ctx, l4 + __builtin_offsetof(struct icmp_hdr, check), 0, port_delta,
			    false);
		return true;
	}
	port = own_port(transport, p->dir);
	port_delta = csum_delta16(*port, new);
	*port = new;
	if (p->proto == MAPE_PROTO_TCP)
		ctx_csum_l4(ctx, l4 + __builtin_offsetof(struct tcp_hdr, check), addr_delta,
			    port_delta, false);
	else
		ctx_csum_l4(ctx, l4 + __builtin_offsetof(struct udp_hdr, check), addr_delta,
			    port_delta, true);
	return true;
}

/* Change the quoted packet's transport; returns the change of the quoted bytes' sum. */
static __always_inline __u64 translate_quoted_l4(mape_ctx *ctx, const struct mape_pkt *p, __u8 dir,
						 const struct mape_change *c, __u32 addr_delta)
{
	void *transport = ctx_data(ctx) + (p->quote_l4 & 0xff);
	__u16 new = bpf_htons(c->port), old, *check;
	__u64 delta;
	bool udp = p->flow.proto == MAPE_PROTO_UDP;

	if (!has_ports(p->flow.proto))
		return 0;
	if (transport + 8 > ctx_end(ctx))
		return 0;
	if (p->flow.proto == MAPE_PROTO_ICMP) {
		struct icmp_hdr *icmp = transport;

		old = icmp->id;
		icmp->id = new;
		check = &icmp->check;
		addr_delta = 0; /* no pseudo header */
	} else {
		__be16 *port = own_port(transport, dir);

		old = *port;
		*port = new;
		check = transport + (udp ? __builtin_offsetof(struct udp_hdr, check) :
					   __builtin_offsetof(struct tcp_hdr, check));
	}
	delta = csum_delta16(old, new);
	/* Of TCP the quote may end before the checksum, and something else follow. */
	if ((void *)(check + 1) > ctx_end(ctx) ||
	    (__u32)((void *)(check + 1) - transport) > p->quote_end - p->quote_l4 || (udp && !*check))
		return delta;
	old = *check;
	*check = csum_apply(old, (__u64)addr_delta + delta);
	if (udp && !*check)
		*check = 0xffff;
	return delta + csum_delta16(old, *check);
}

/*
 * An ICMP error: its own address, and our side of the packet it quotes, which went the other way.
 * Type, code and everything else stay (RFC 5508 REQ-4, REQ-5).
 */
static __always_inline bool translate_error(mape_ctx *ctx, const __u32 l3, const struct mape_pkt *p,
					    const struct mape_change *c)
{
	__u8 quoted_dir = p->dir == MAPE_OUT ? MAPE_IN : MAPE_OUT;
	struct ip4_hdr *ip = ctx_data(ctx) + l3;
	struct ip4_hdr *quoted = ctx_data(ctx) + (p->quote & 0xff);
	__u8 *addr;
	__u32 addr_delta;
	__u64 delta;

	if ((void *)(ip + 1) > ctx_end(ctx) || (void *)(quoted + 1) > ctx_end(ctx))
		return false;
	translate_ip(ip, p->dir, c);
	addr = own_addr(quoted, quoted_dir);
	addr_delta = csum_delta_addr(addr, c->addr);
	__builtin_memcpy(addr, c->addr, 4);
	/* Address and header checksum change by opposite amounts: nothing left for the sum. */
	quoted->check = csum_apply(quoted->check, addr_delta);
	delta = translate_quoted_l4(ctx, p, quoted_dir, c, addr_delta);
	ctx_csum_l4(ctx, (p->l4 & 0xff) + __builtin_offsetof(struct icmp_hdr, check), 0,
		    csum_fold(delta), false);
	return true;
}

static __always_inline bool translate(mape_ctx *ctx, const __u32 l3, const struct mape_pkt *p,
				      const struct mape_change *c)
{
	if (p->kind == MAPE_PKT_ICMP_ERROR)
		return translate_error(ctx, l3, p, c);
	if (!has_ports(p->proto))
		return translate_portless(ctx, l3, p, c);
	return translate_flow(ctx, l3, p, c);
}

#endif
