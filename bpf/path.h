/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decisions for a packet, the same on every hook: which session, may it pass, which way, what
 * changes. Each function here returns an outcome; the programs turn it into a verdict.
 */
#ifndef MAPE_BPF_PATH_H
#define MAPE_BPF_PATH_H

#include "extension.h"
#include "icmp_sum.h"
#include "ip_id.h"
#include "mesh.h"
#include "offload.h"
#include "open.h"
#include "parse.h"
#include "plain.h"
#include "session.h"
#include "source.h"
#include "tcp.h"
#include "translate.h"
#include "tunnel.h"

enum { MAPE_PASS = -1 }; /* not ours: goes on untouched */

static __always_inline int refused(enum mape_parsed parsed, enum mape_dir dir)
{
	bool out = dir == MAPE_OUT;

	switch (parsed) {
	case MAPE_LATER_FRAGMENT:
		return out ? MAPE_OUT_FRAGMENT : MAPE_IN_FRAGMENT;
	case MAPE_BAD_FRAGMENT:
		return out ? MAPE_OUT_FRAGMENT_BAD : MAPE_IN_FRAGMENT_BAD;
	case MAPE_BAD_QUOTE:
		return out ? MAPE_OUT_NO_SESSION : MAPE_IN_ICMP;
	case MAPE_BAD_PROTOCOL:
		return out ? MAPE_OUT_PROTOCOL : MAPE_IN_PROTOCOL;
	default:
		return out ? MAPE_OUT_MALFORMED : MAPE_IN_MALFORMED;
	}
}

/*
 * Account for a packet. Hairpinned ones count outbound in one session and inbound in another. A RST
 * in a session that one has ended already does not keep it (RFC 7857 section 7.1).
 */
static __always_inline void session_touch(mape_ctx *ctx, struct mape_session *s,
					  const struct mape_pkt *p, enum mape_dir dir, __u64 now)
{
	__u32 segments = ctx_segments(ctx, p->l3 + p->headers);
	bool refresh = s->state != MAPE_TCP_TRANS || !(p->tcp_flags & TCP_RST);

	if (dir == MAPE_OUT) {
		if (refresh)
			s->last_out = now;
		s->packets_out += segments;
		s->bytes_out += p->len;
	} else {
		if (refresh)
			s->last_in = now;
		s->packets_in += segments;
		s->bytes_in += p->len;
	}
	if (p->proto == MAPE_PROTO_TCP) {
		__u8 state = tcp_next_state(s->state, dir, p->tcp_flags);

		if (state != s->state) {
			s->state = state;
			if (state != MAPE_TCP_EST)
				offload_end(s);
		}
	}
}

static __always_inline void change_to_external(mape_ctx *ctx, const struct mape_config *cfg,
					       const struct mape_session *s,
					       const struct mape_pkt *p, struct mape_change *c)
{
	__builtin_memcpy(c->addr, cfg->ip4, 4);
	c->port = s->ext_port;
	c->tos = p->tos;
	/* Without ports a fragment is like any packet, and its siblings have to keep the same id. */
	c->new_id = !p->atomic && has_ports(p->proto);
	if (c->new_id)
		c->id = ip_ids_take(addr4_word(p->far), p->proto,
				    ctx_segments(ctx, p->l3 + p->headers));
}

/* Does an outbound packet without a session open one? */
static __always_inline bool may_open(const struct mape_pkt *p)
{
	if (p->kind != MAPE_PKT_FLOW)
		return false;
	if (p->proto == MAPE_PROTO_TCP)
		return !(p->tcp_flags & TCP_RST);
	return p->proto == MAPE_PROTO_ICMP ? icmp_is_query(p->icmp_type) : true;
}

/*
 * The session of a packet for an external port of ours, from the internet or hairpinned. Opened
 * now if the packet may begin one and the filter mode admits its sender. Sets the flow's internal
 * half.
 */
static __always_inline struct mape_session *session_for_port(const struct mape_config *cfg,
							     const struct mape_pkt *p,
							     struct mape_flow *flow, __u32 index)
{
	__u16 ext_port = flow->int_port;
	bool tcp = p->proto == MAPE_PROTO_TCP;
	struct mape_session *s;

	if (!has_ports(flow->proto))
		return portless_find(flow);
	s = session_find_in(cfg, flow, index);
	if (s || p->kind != MAPE_PKT_FLOW)
		return s;
	if (tcp ? (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN :
		  p->proto != MAPE_PROTO_UDP)
		return 0;
	flow->int_port = ext_port;
	if (!session_admit(flow, index, tcp ? MAPE_TCP_INIT_IN : MAPE_OPEN))
		return 0;
	s = bpf_map_lookup_elem(&sessions, flow);
	/* The two may talk already, by another port of the host: that session is not this one. */
	return s && s->index == index ? s : 0;
}

/*
 * The mark of a packet that goes to the stack inbound, 0 for none: the session was asked for, or
 * there is no NAPT and so no session.
 */
static __always_inline __u32 session_mark(const struct mape_session *s)
{
	if (!s || !(s->flags & MAPE_SESSION_UNASKED))
		return 0;
	if (s->flags & MAPE_SESSION_HAIRPIN)
		return MAPE_MARK_HAIRPIN;
	return s->flags & MAPE_SESSION_FORWARD ? MAPE_MARK_FORWARD : MAPE_MARK_FILTER;
}

/*
 * A packet to our own address and a port of our set, whose source is translated already: deliver
 * it to the host that the port means, as if it had come from the internet (RFC 4787 REQ-9).
 */
static __always_inline int path_hairpin(mape_ctx *ctx, const struct mape_config *cfg,
					struct mape_pkt *p, const struct mape_session *from,
					__u32 index, __u32 *mark)
{
	struct mape_change change = { .tos = p->tos };
	struct mape_flow flow = p->flow;
	struct mape_session *to;

	__builtin_memcpy(flow.rem_addr, cfg->ip4, 4);
	__builtin_memcpy(flow.int_addr, cfg->ip4, 4);
	flow.int_port = p->flow.rem_port;
	flow.rem_port = from->ext_port;
	to = session_for_port(cfg, p, &flow, index);
	if (!to)
		return MAPE_IN_NO_SESSION;
	if (p->kind == MAPE_PKT_FLOW)
		session_touch(ctx, to, p, MAPE_IN, mape_now(cfg));
	*mark = session_mark(to);
	p->dir = MAPE_IN;
	__builtin_memcpy(change.addr, flow.int_addr, 4);
	change.port = flow.int_port;
	return translate(ctx, L3_PLAIN, p, &change) ? MAPE_HAIRPIN : MAPE_OUT_MALFORMED;
}

/*
 * Exit of the tunnel interface: the stack has decided to send this packet. Finds or opens its
 * session and translates it; MAPE_KERNEL_OUT when it is ready to be encapsulated for *found,
 * MAPE_HAIRPIN when it is to go back to the stack with *mark. MAPE_OUT_FRAGMENT for a later
 * fragment, whose session others know (fragment.h).
 */
static __always_inline int path_exit(mape_ctx *ctx, const struct mape_config *cfg,
				     struct mape_pkt *p, struct mape_session **found, __u32 *mark)
{
	struct mape_change change = {};
	enum mape_parsed parsed;
	struct mape_session *s;
	__s32 index = -1;
	__u64 now;
	int outcome;

	if (cfg->flags & MAPE_NO_NAPT)
		return plain_exit(ctx, cfg, p);
	parsed = parse_ipv4(ctx, L3_PLAIN, MAPE_OUT, p);
	if (parsed != MAPE_PARSED && !portless_passes(cfg, p, parsed))
		return refused(parsed, MAPE_OUT);
	if (!is_unicast(p->far))
		return MAPE_OUT_NOT_IPV4;
	/* An error goes to the sender of what it quotes, nowhere else. */
	if (!addr4_equal(p->far, p->flow.rem_addr))
		return MAPE_OUT_NO_SESSION;
	if (p->kind == MAPE_PKT_ICMP_ERROR && !error_sums_right(ctx, p))
		return MAPE_OUT_CHECKSUM;
	s = bpf_map_lookup_elem(&sessions, &p->flow);
	if (!s) {
		if (!may_open(p))
			return MAPE_OUT_NO_SESSION;
		if (!source_is_ours(cfg, &p->flow))
			return MAPE_OUT_SOURCE;
		outcome = has_ports(p->proto) ?
				  session_open(&p->flow, p->proto == MAPE_PROTO_TCP ? MAPE_TCP_INIT :
										      MAPE_OPEN) :
				  session_open_portless(&p->flow);
		if (outcome != MAPE_KERNEL_OUT)
			return outcome;
		s = bpf_map_lookup_elem(&sessions, &p->flow);
		if (!s)
			return MAPE_OUT_CONTENDED;
	}
	/* What stays here does not meet the path. */
	if (p->atomic && !(s->flags & MAPE_SESSION_HAIRPIN) &&
	    !fits_path(cfg, ctx_wire_len(ctx, p->len, p->headers)))
		return MAPE_OUT_DF;
	now = mape_now(cfg);
	if (p->kind == MAPE_PKT_FLOW) { /* an error neither refreshes nor ends anything */
		session_touch(ctx, s, p, MAPE_OUT, now);
		if (!p->frag) /* the LAN hook has not seen those */
			offload_exit(s, mape_ticks(now));
		if (!s->queued && !expiry_push(&p->flow, s))
			s->queued = 1; /* the sweep had lost it */
		if (!has_ports(p->proto) && !portless_claim(&p->flow))
			return MAPE_OUT_NO_MEMORY;
	}
	change_to_external(ctx, cfg, s, p, &change);
	if (p->proto == MAPE_PROTO_TCP && p->tcp_flags & TCP_SYN)
		clamp_mss(ctx, p, tunnel_mtu(cfg));
	if (!translate(ctx, L3_PLAIN, p, &change))
		return MAPE_OUT_MALFORMED;
	if (s->flags & MAPE_SESSION_HAIRPIN && p->flow.proto != MAPE_PROTO_ICMP)
		index = mape_portset_index(&cfg->ports, p->flow.rem_port);
	if (cfg->flags & MAPE_MESH)
		mesh_route(&p->flow, s);
	*found = s;
	/* Our address with another customer's port is his, by way of the BR or directly. */
	return index < 0 ? MAPE_KERNEL_OUT : path_hairpin(ctx, cfg, p, s, index, mark);
}

/*
 * LAN hook: MAPE_FAST_OUT when the packet is to skip the stack; it is still unchanged then, and
 * path_fast_out() changes it. MAPE_PASS for everything else.
 */
static __always_inline int path_lan(mape_ctx *ctx, const struct mape_config *cfg,
				    struct mape_pkt *p, struct mape_session **found, __u64 *now)
{
	const struct eth_hdr *eth = ctx_data(ctx);
	struct mape_session *s;

	if ((void *)(eth + 1) > ctx_end(ctx) || eth->proto != bpf_htons(ETH_P_IP) ||
	    ctx_has_vlan(ctx))
		return MAPE_PASS;
	if (parse_ipv4(ctx, L3_PLAIN, MAPE_OUT, p) != MAPE_PARSED || p->kind != MAPE_PKT_FLOW ||
	    p->frag)
		return MAPE_PASS;
	s = bpf_map_lookup_elem(&sessions, &p->flow);
	*now = mape_now(cfg);
	if (!s || !offload_out(ctx, cfg, s, p, mape_ticks(*now)))
		return MAPE_PASS;
	*found = s;
	return MAPE_FAST_OUT;
}

static __always_inline int path_fast_out(mape_ctx *ctx, const struct mape_config *cfg,
					 struct mape_session *s, struct mape_pkt *p, __u64 now)
{
	struct mape_change change = { .ttl_dec = 1 };

	if (p->end != ctx_len(ctx) && ctx_trim(ctx, p->end))
		return MAPE_OUT_MALFORMED;
	session_touch(ctx, s, p, MAPE_OUT, now);
	change_to_external(ctx, cfg, s, p, &change);
	return translate(ctx, L3_PLAIN, p, &change) ? MAPE_FAST_OUT : MAPE_OUT_MALFORMED;
}

/*
 * WAN hook: an encapsulated packet for our CE address. Checks it, finds its session and translates
 * the inner packet in place. MAPE_FAST_IN or MAPE_KERNEL_IN when it is ready to be decapsulated,
 * MAPE_IN_FRAGMENT for a later fragment and, in XDP, any fragment.
 */
static __always_inline int path_wan(mape_ctx *ctx, const struct mape_config *cfg,
				    struct mape_pkt *p, struct mape_session **found)
{
	struct mape_change change = {};
	enum mape_parsed parsed;
	const struct ip6_hdr *ip6;
	struct mape_session *s;
	struct mape_ip6 src;
	__u32 payload_len;
	__s32 index;
	int tos, way;
	bool direct;
	__u64 now;
	__u8 ecn;

	ctx_pull(ctx, MAPE_PULL);
	if (outer_straighten(ctx, cfg))
		return MAPE_IN_FAILED;
	ip6 = outer_find(ctx, cfg);
	if (!ip6)
		return MAPE_PASS;
	direct = !outer_from_br(ip6, cfg);
	if (direct && !cfg->fmr_count)
		return MAPE_IN_NOT_BR;
	__builtin_memcpy(&src, ip6->src, sizeof(src));
	payload_len = bpf_ntohs(ip6->payload_len);
	ecn = outer_ecn(ip6);
	if (cfg->flags & MAPE_NO_NAPT)
		return plain_wan(ctx, cfg, p, payload_len, ecn);
	parsed = parse_ipv4(ctx, L3_TUNNEL, MAPE_IN, p);
	if (parsed != MAPE_PARSED && parsed != MAPE_LATER_FRAGMENT &&
	    !portless_passes(cfg, p, parsed))
		return refused(parsed, MAPE_IN);
	if (p->len > payload_len || payload_len > ctx_len(ctx) - L3_TUNNEL)
		return MAPE_IN_MALFORMED;
	if (parsed == MAPE_LATER_FRAGMENT || (p->frag && !CTX_FRAGMENTS))
		return addr4_equal(p->own, cfg->ip4) ? MAPE_IN_FRAGMENT : MAPE_IN_NOT_OURS;
	if (direct) {
		way = mesh_check(&src, p);
		if (way != MAPE_KERNEL_IN)
			return way;
	}
	if (!far_is_possible(cfg, p))
		return MAPE_IN_SOURCE;
	if (!addr4_equal(p->own, cfg->ip4) || !addr4_equal(p->flow.int_addr, cfg->ip4))
		return MAPE_IN_NOT_OURS;
	if (p->kind == MAPE_PKT_FLOW && p->proto == MAPE_PROTO_ICMP && !icmp_is_reply(p->icmp_type))
		return MAPE_IN_NO_SESSION; /* a query to us: nobody here asked to be asked */
	index = has_ports(p->flow.proto) ? mape_portset_index(&cfg->ports, p->flow.int_port) : 0;
	if (index < 0)
		return MAPE_IN_FOREIGN_PORT;
	if (p->kind == MAPE_PKT_ICMP_ERROR && !error_sums_right(ctx, p))
		return MAPE_IN_CHECKSUM;
	tos = decap_tos(p->tos, ecn);
	if (tos < 0)
		return MAPE_IN_ECN;
	s = session_for_port(cfg, p, &p->flow, index);
	if (!s)
		return p->kind == MAPE_PKT_FLOW ? MAPE_IN_NO_SESSION : MAPE_IN_ICMP;

	now = mape_now(cfg);
	if (p->kind == MAPE_PKT_FLOW) /* RFC 5508 REQ-6, REQ-10: an error refreshes nothing */
		session_touch(ctx, s, p, MAPE_IN, now);
	way = offload_in(ctx, cfg, s, p, mape_ticks(now)) ? MAPE_FAST_IN : MAPE_KERNEL_IN;
	change.tos = tos;
	change.ttl_dec = way == MAPE_FAST_IN;
	__builtin_memcpy(change.addr, p->flow.int_addr, 4);
	change.port = p->flow.int_port;
	if (p->proto == MAPE_PROTO_TCP && p->tcp_flags & TCP_SYN)
		clamp_mss(ctx, p, tunnel_mtu(cfg));
	*found = s;
	return translate(ctx, L3_TUNNEL, p, &change) ? way : MAPE_IN_MALFORMED;
}

/* Egress of a LAN device: note what the stack lets through to the hosts. */
static __always_inline void path_lan_egress(mape_ctx *ctx, const struct mape_config *cfg)
{
	const struct eth_hdr *eth = ctx_data(ctx);
	struct mape_session *s;
	struct mape_pkt p = {};

	if ((void *)(eth + 1) > ctx_end(ctx) || eth->proto != bpf_htons(ETH_P_IP) ||
	    ctx_has_vlan(ctx))
		return;
	if (parse_ipv4(ctx, L3_PLAIN, MAPE_IN, &p) != MAPE_PARSED || p.kind != MAPE_PKT_FLOW ||
	    p.frag)
		return;
	s = bpf_map_lookup_elem(&sessions, &p.flow);
	if (s)
		offload_seen(ctx, cfg, s, &p, mape_ticks(mape_now(cfg)));
}

#endif
