/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One pass over the inner packet fills one struct mape_pkt; nothing after it parses again.
 *
 * The flow in it is always told from the LAN's side. Of a packet from the LAN that is simply its
 * 5-tuple. Of a packet from the internet the internal half still holds what the packet says: our
 * shared address and the external port, which session_find_in() replaces by the real endpoint.
 * Of an ICMP error the flow is that of the quoted packet.
 */
#ifndef MAPE_BPF_PARSE_H
#define MAPE_BPF_PARSE_H

#include "wire.h"
#include <mape/napt.h>

enum mape_dir { MAPE_OUT, MAPE_IN };

enum mape_kind {
	MAPE_PKT_FLOW,	     /* TCP, UDP, ICMP query or reply */
	MAPE_PKT_ICMP_ERROR, /* quotes a packet of the flow */
};

enum mape_parsed {
	MAPE_PARSED,
	MAPE_BAD_PACKET,
	MAPE_LATER_FRAGMENT, /* a good packet without ports */
	MAPE_BAD_FRAGMENT,
	MAPE_BAD_QUOTE, /* of a later fragment */
	MAPE_BAD_PROTOCOL
};

struct mape_pkt {
	struct mape_flow flow;
	__u8 own[4]; /* address of the packet's own header on our side of it: ... */
	__u8 far[4]; /* ... outbound the source is ours, inbound the destination */
	__u32 l4;    /* offset of the transport header, ... */
	__u32 end;   /* ... and behind the last byte; padding may follow */
	__u32 quote; /* ICMP error: offset of the quoted IPv4 header */
	__u32 quote_l4;
	__u16 len;   /* inner IPv4 total length */
	__u16 l3;    /* offset of the IPv4 header */
	__u16 quote_end;
	__u16 headers; /* bytes from the IPv4 header to the transport's payload */
	__u8 kind;
	__u8 dir;
	__u8 proto;
	__u8 tos;
	__u8 ttl;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 options; /* IPv4 options present */
	__u8 atomic;  /* never fragmented: DF is set, and it is none (RFC 6864 section 4) */
	__u8 rebuilt; /* put together from outer fragments */
	__u16 frag;   /* IP4_MF and IP4_OFFSET, host order; 0: not a fragment */
	__be16 id;
};

/* Large enough for every header we read: frame, IPv6, IPv4 and TCP with all their options. */
#define MAPE_PULL (L3_TUNNEL + 60 + 60)
/* ... and for an ICMP error: 8 bytes, quoted IPv4 header with options, 20 of its transport. */
#define MAPE_PULL_ERROR (L3_TUNNEL + 60 + 8 + 60 + 20)

static __always_inline void set_flow(struct mape_pkt *p, enum mape_dir dir, const struct ip4_hdr *ip,
				     __u16 src_port, __u16 dst_port)
{
	bool out = dir == MAPE_OUT;

	__builtin_memcpy(p->flow.int_addr, out ? ip->src : ip->dst, 4);
	__builtin_memcpy(p->flow.rem_addr, out ? ip->dst : ip->src, 4);
	p->flow.int_port = out ? src_port : dst_port;
	p->flow.rem_port = out ? dst_port : src_port;
}

/* ... or, of ICMP, a query id: something that tells the sessions of two hosts apart. */
static __always_inline bool has_ports(__u8 proto)
{
	return proto == MAPE_PROTO_TCP || proto == MAPE_PROTO_UDP || proto == MAPE_PROTO_ICMP;
}

static __always_inline bool icmp_is_query(__u8 type)
{
	return type == ICMP_ECHO || type == ICMP_TIMESTAMP;
}

static __always_inline bool icmp_is_reply(__u8 type)
{
	return type == ICMP_ECHO_REPLY || type == ICMP_TIMESTAMP_REPLY;
}

static __always_inline bool icmp_is_error(__u8 type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER;
}

/*
 * The packet quoted by an ICMP error travelled the other way: an error that comes in is about a
 * packet that went out.
 */
static __always_inline enum mape_parsed parse_quote(mape_ctx *ctx, struct mape_pkt *p)
{
	enum mape_dir dir = p->dir == MAPE_IN ? MAPE_OUT : MAPE_IN;
	__u32 quote = p->l4 + sizeof(struct icmp_hdr), ihl;
	const struct icmp_hdr *error;
	const struct ip4_hdr *ip;
	__u32 quote_words;
	void *data;

	ctx_pull(ctx, MAPE_PULL_ERROR);
	data = ctx_data(ctx);
	error = data + p->l4;
	if ((void *)(error + 1) > ctx_end(ctx))
		return MAPE_BAD_PACKET;
	quote_words = bpf_ntohs(error->id) & 0xff;
	ip = data + quote;
	if ((void *)(ip + 1) > ctx_end(ctx) || quote + sizeof(*ip) > p->end)
		return MAPE_BAD_PACKET;
	ihl = (ip->version_ihl & 0xf) * 4;
	if (ip->version_ihl >> 4 != 4 || ihl < IP4_LEN)
		return MAPE_BAD_PACKET;
	if (bpf_ntohs(ip->frag) & IP4_OFFSET)
		return MAPE_BAD_QUOTE;
	p->quote = quote;
	p->quote_l4 = quote + ihl;
	/*
	 * Where something follows the quote, the error says how long it is (RFC 4884 section 4). Too
	 * short to be true is no length: the field used to be unused.
	 */
	p->quote_end = quote + quote_words * 4;
	if (p->quote_end < p->quote_l4 + 8 || p->quote_end > p->end)
		p->quote_end = p->end;
	p->flow.proto = ip->proto;
	/* RFC 792: at least eight bytes of the transport header are quoted. */
	if (p->quote_l4 + 8 > p->end)
		return MAPE_BAD_PACKET;

	if (ip->proto == MAPE_PROTO_ICMP) {
		const struct icmp_hdr *icmp = data + p->quote_l4;

		if ((void *)(icmp + 1) > ctx_end(ctx) ||
		    !(dir == MAPE_OUT ? icmp_is_query(icmp->type) : icmp_is_reply(icmp->type)))
			return MAPE_BAD_PACKET;
		set_flow(p, dir, ip, dir == MAPE_OUT ? bpf_ntohs(icmp->id) : 0,
			 dir == MAPE_OUT ? 0 : bpf_ntohs(icmp->id));
	} else if (ip->proto == MAPE_PROTO_TCP || ip->proto == MAPE_PROTO_UDP) {
		const struct l4_ports *ports = data + p->quote_l4;

		if ((void *)ports + 8 > ctx_end(ctx))
			return MAPE_BAD_PACKET;
		set_flow(p, dir, ip, bpf_ntohs(ports->src), bpf_ntohs(ports->dst));
	} else {
		set_flow(p, dir, ip, 0, 0);
		return MAPE_BAD_PROTOCOL;
	}
	return MAPE_PARSED;
}

static __always_inline enum mape_parsed parse_icmp(mape_ctx *ctx, struct mape_pkt *p,
						   const struct ip4_hdr *ip)
{
	const struct icmp_hdr *icmp = ctx_data(ctx) + p->l4;
	bool out = p->dir == MAPE_OUT;
	__u16 id;

	if ((void *)(icmp + 1) > ctx_end(ctx) || p->l4 + sizeof(*icmp) > p->end)
		return MAPE_BAD_PACKET;
	p->headers = p->l4 - p->l3 + sizeof(*icmp);
	p->icmp_type = icmp->type;
	if (icmp_is_error(icmp->type)) {
		if (p->frag) /* always smaller than any MTU */
			return MAPE_BAD_FRAGMENT;
		p->kind = MAPE_PKT_ICMP_ERROR;
		return parse_quote(ctx, p);
	}
	if (!icmp_is_query(icmp->type) && !icmp_is_reply(icmp->type))
		return MAPE_BAD_PROTOCOL;
	/* A query's id is the port of the asking side; the answering side has none. */
	id = bpf_ntohs(icmp->id);
	set_flow(p, p->dir, ip, out ? id : 0, out ? 0 : id);
	return MAPE_PARSED;
}

/*
 * Can the fragment be a part of a correct datagram? Every one but the last is a multiple of eight
 * bytes, none reaches beyond the longest datagram, the first one has the transport header and no
 * later one has a piece of it (RFC 1858, RFC 3128).
 */
static __always_inline bool fragment_is_sane(const struct mape_pkt *p)
{
	__u32 header = p->proto == MAPE_PROTO_TCP ? sizeof(struct tcp_hdr) : sizeof(struct udp_hdr);
	__u32 offset = (p->frag & IP4_OFFSET) * 8, size = p->end - p->l4;

	if (!size || (p->frag & IP4_MF && size % 8) || offset + p->len > 65535)
		return false;
	return offset ? offset >= header : size >= header;
}

/*
 * Parse the IPv4 packet at l3, a constant: L3_PLAIN or L3_TUNNEL. On MAPE_PARSED all headers
 * named in the packet struct lie in the linear part. On MAPE_BAD_PROTOCOL the flow is filled too,
 * with ports 0; on anything else what the IPv4 header says, unless that is wrong (then l4 is 0).
 */
static __always_inline enum mape_parsed parse_ipv4(mape_ctx *ctx, const __u32 l3, enum mape_dir dir,
						   struct mape_pkt *p)
{
	const struct ip4_hdr *ip;
	void *data, *end;
	__u32 ihl;

	ctx_pull(ctx, MAPE_PULL);
	data = ctx_data(ctx);
	end = ctx_end(ctx);
	ip = data + l3;
	if ((void *)(ip + 1) > end)
		return MAPE_BAD_PACKET;
	ihl = (ip->version_ihl & 0xf) * 4;
	p->len = bpf_ntohs(ip->tot_len);
	if (ip->version_ihl >> 4 != 4 || ihl < IP4_LEN || p->len < ihl ||
	    p->len > ctx_len(ctx) - l3)
		return MAPE_BAD_PACKET;
	p->dir = dir;
	p->kind = MAPE_PKT_FLOW;
	p->proto = ip->proto;
	p->tos = ip->tos;
	p->ttl = ip->ttl;
	p->options = ihl > IP4_LEN;
	p->atomic = (ip->frag & (IP4_DF | IP4_MF_OR_OFFSET)) == IP4_DF;
	p->l3 = l3;
	p->l4 = l3 + ihl;
	p->end = l3 + p->len;
	__builtin_memcpy(p->own, dir == MAPE_OUT ? ip->src : ip->dst, 4);
	__builtin_memcpy(p->far, dir == MAPE_OUT ? ip->dst : ip->src, 4);
	p->flow.proto = ip->proto;
	if (!has_ports(ip->proto)) { /* nor are there any in its fragments */
		p->headers = ihl;
		set_flow(p, dir, ip, 0, 0);
		return MAPE_BAD_PROTOCOL;
	}
	p->id = ip->id;
	p->frag = bpf_ntohs(ip->frag) & (IP4_MF | IP4_OFFSET);
	if (p->frag && !fragment_is_sane(p))
		return MAPE_BAD_FRAGMENT;
	if (p->frag & IP4_OFFSET)
		return MAPE_LATER_FRAGMENT;

	if (ip->proto == MAPE_PROTO_TCP) {
		const struct tcp_hdr *tcp = data + p->l4;

		if ((void *)(tcp + 1) > end || tcp->doff >> 4 < 5 ||
		    p->len < ihl + (tcp->doff >> 4) * 4)
			return p->frag ? MAPE_BAD_FRAGMENT : MAPE_BAD_PACKET;
		p->headers = p->l4 - l3 + (tcp->doff >> 4) * 4;
		p->tcp_flags = tcp->flags;
		set_flow(p, dir, ip, bpf_ntohs(tcp->ports.src), bpf_ntohs(tcp->ports.dst));
		return MAPE_PARSED;
	}
	if (ip->proto == MAPE_PROTO_UDP) {
		const struct udp_hdr *udp = data + p->l4;

		if ((void *)(udp + 1) > end || p->len < ihl + sizeof(*udp))
			return MAPE_BAD_PACKET;
		p->headers = p->l4 - l3 + sizeof(*udp);
		set_flow(p, dir, ip, bpf_ntohs(udp->ports.src), bpf_ntohs(udp->ports.dst));
		return MAPE_PARSED;
	}
	return parse_icmp(ctx, p, ip);
}

#endif
