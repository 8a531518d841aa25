/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a session may take the fast path.
 *
 * The kernel decides every new connection. A session is offloaded once the stack has passed it
 * unchanged in both directions:
 *
 *   inbound   handed to the stack on the tunnel interface (`entered`), then seen at the egress of
 *             a LAN device with the same 5-tuple: in_ok. That packet also tells the device and
 *             the MAC addresses.
 *   outbound  passed to the stack by the LAN hook of that device, from that host (`seen`), then
 *             seen coming out of the tunnel interface with the same 5-tuple: out_ok.
 *
 * What the firewall drops, rewrites, or what enters elsewhere never gets there.
 *
 * Every 15 s one outbound packet of each offloaded session goes through the stack again, which
 * keeps conntrack and neighbour entries fresh and lets a changed firewall take hold: if it does
 * not come out of the tunnel interface within 2 s the session is demoted. SYN, FIN and RST always
 * take the stack, and FIN and RST end the offload.
 */
#ifndef MAPE_BPF_OFFLOAD_H
#define MAPE_BPF_OFFLOAD_H

#include "clock.h"
#include "parse.h"
#include "pmtu.h"

#define MAPE_REVALIDATE (15 * MAPE_TICKS_PER_S) /* a TCP segment without payload from here on */
#define MAPE_REVALIDATE_ANY (16 * MAPE_TICKS_PER_S) /* any packet */
#define MAPE_PASSAGE (2 * MAPE_TICKS_PER_S)	    /* time a packet has to get through the stack */

/* Ticks since the mark. Another processor may have set it a moment ahead of our clock reading. */
static __always_inline __u32 elapsed(__u32 mark, __u32 ticks)
{
	__s32 d = ticks - mark;

	return d > 0 ? d : 0;
}

/* Was the mark set within the time that a passage through the stack may take? */
static __always_inline bool recent(__u32 mark, __u32 ticks)
{
	return mark && elapsed(mark, ticks) <= MAPE_PASSAGE;
}

static __always_inline void offload_end(struct mape_session *s)
{
	s->in_ok = 0;
	s->out_ok = 0;
	s->pending = 0;
}

/* Can there be an offload of this session at all? Hairpinned packets never leave by the WAN. */
static __always_inline bool offload_allowed(const struct mape_config *cfg,
					    const struct mape_session *s, __u8 proto)
{
	if (!(cfg->flags & MAPE_FAST_PATH) || s->flags & MAPE_SESSION_HAIRPIN)
		return false;
	if (proto == MAPE_PROTO_TCP)
		return cfg->flags & MAPE_TCP_OFFLOAD && s->state == MAPE_TCP_EST;
	return true;
}

/* Is what follows the packet only what a wire needs for its shortest frame? */
static __always_inline bool only_padding(mape_ctx *ctx, const struct mape_pkt *p)
{
	return p->dir == MAPE_OUT && ctx_len(ctx) <= ETH_MIN;
}

/*
 * Can this packet be handled without the stack? Not what needs more than its session's treatment;
 * trailing bytes are not forwarded, the stack trims them.
 */
static __always_inline bool fast_capable(mape_ctx *ctx, const struct mape_config *cfg,
					 const struct mape_pkt *p)
{
	__u32 len;

	if (p->options || p->frag || p->rebuilt || p->ttl <= 1 ||
	    (p->end != ctx_len(ctx) && !only_padding(ctx, p)))
		return false;
	if (p->proto == MAPE_PROTO_TCP && p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))
		return false;
	len = ctx_wire_len(ctx, p->len, p->headers);
	return p->dir == MAPE_OUT ? fits_path(cfg, len) : len <= cfg->mtu;
}

/*
 * Is it this packet's turn to prove that the stack still passes the session? If the last one got
 * lost in the stack, the session is demoted.
 */
static __always_inline bool revalidation_due(struct mape_session *s, const struct mape_pkt *p,
					     __u32 ticks)
{
	__u32 age = elapsed(s->confirmed, ticks);

	if (s->pending) {
		if (recent(s->pending, ticks))
			return false; /* one packet is enough */
		offload_end(s);
		return true;
	}
	if (age < MAPE_REVALIDATE)
		return false;
	if (p->proto == MAPE_PROTO_TCP && p->len > p->headers && age < MAPE_REVALIDATE_ANY)
		return false;
	s->pending = ticks;
	return true;
}

/* Did the packet come in on the device on which the stack sends to the host? */
static __always_inline bool from_lan_device(mape_ctx *ctx, const struct mape_session *s,
					    __u32 port)
{
	const __u32 *device;

	if (!port)
		return s->lan_ifindex == ctx_ifindex(ctx);
	if (s->port_ifindex == port)
		return true; /* asked before */
	device = bpf_map_lookup_elem(&lan_ports, &port);
	return device && s->lan_ifindex == *device;
}

/* LAN hook: may this packet skip the stack? */
static __always_inline bool offload_out(mape_ctx *ctx, const struct mape_config *cfg,
					struct mape_session *s, const struct mape_pkt *p,
					__u32 ticks)
{
	const struct eth_hdr *eth = ctx_data(ctx);
	__u32 port = ctx_bridge_port(ctx);

	if (!s->in_ok || !offload_allowed(cfg, s, p->proto))
		return false;
	if (!from_lan_device(ctx, s, port) || (void *)(eth + 1) > ctx_end(ctx) ||
	    !mac_equal(eth->dst, s->lan_mac) || !mac_equal(eth->src, s->host_mac))
		return false; /* not where and from whom the stack would answer it */
	if (s->out_ok && s->port_ifindex == port && fast_capable(ctx, cfg, p) &&
	    !revalidation_due(s, p, ticks))
		return true;
	s->port_ifindex = port;
	s->seen = ticks;
	return false;
}

/* Exit of the tunnel interface: an outbound packet got through the stack. */
static __always_inline void offload_exit(struct mape_session *s, __u32 ticks)
{
	if (!s->in_ok)
		return;
	if (!recent(s->seen, ticks)) {
		/* It came in elsewhere, so the host may have moved: ask the stack again. */
		if (s->out_ok)
			offload_end(s);
		return;
	}
	s->out_ok = 1;
	s->confirmed = ticks;
	s->pending = 0;
}

/* WAN hook: may this packet skip the stack? */
static __always_inline bool offload_in(mape_ctx *ctx, const struct mape_config *cfg,
				       struct mape_session *s, const struct mape_pkt *p,
				       __u32 ticks)
{
	if (s->in_ok && s->out_ok && s->pending && !recent(s->pending, ticks))
		offload_end(s);
	if (s->in_ok && s->out_ok && offload_allowed(cfg, s, p->flow.proto) &&
	    fast_capable(ctx, cfg, p))
		return true;
	s->entered = ticks;
	return false;
}

/* Egress of a LAN device: an inbound packet got through the stack. */
static __always_inline void offload_seen(mape_ctx *ctx, const struct mape_config *cfg,
					 struct mape_session *s, const struct mape_pkt *p,
					 __u32 ticks)
{
	const struct eth_hdr *eth = ctx_data(ctx);

	if (s->in_ok || !offload_allowed(cfg, s, p->proto) || !recent(s->entered, ticks) ||
	    (void *)(eth + 1) > ctx_end(ctx))
		return;
	s->lan_ifindex = ctx_ifindex(ctx);
	s->port_ifindex = 0; /* of the device that it was before */
	__builtin_memcpy(s->lan_mac, eth->src, 6);
	__builtin_memcpy(s->host_mac, eth->dst, 6);
	s->in_ok = 1;
}

#endif
