/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMPv6 errors about our tunnel packets (RFC 2473 section 8): told to the LAN host whose packet it
 * was, as the ICMPv4 error of a router on its way. TC only; wan_xdp passes them on like everything
 * that it does not know.
 *
 * Nobody signs such errors, so this one has to quote what only the path can know: a packet from our
 * CE address to the BR (or CE) that it goes to, and in it a live session of ours; without NAPT, a
 * source in the LAN. What is not about our tunnel at all, and what is not believed, goes on to the
 * kernel untouched. That would not do anything with it: no protocol handler is responsible for next
 * header 4.
 *
 * The work is done on a copy, which holds the IPv6 packet from its first byte.
 */
#ifndef MAPE_BPF_ICMP6_ERROR_H
#define MAPE_BPF_ICMP6_ERROR_H

#include "budget.h"
#include "finish.h"
#include "handoff.h"
#include "icmp_sum.h"
#include "pmtu.h"
#include "portless.h"
#include "session.h"
#include "source.h"
#include "translate.h"
#include "tunnel.h"
#include "unreachable.h"

enum {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
};

struct icmp6_error {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 mtu; /* of a Packet Too Big */
};

/* In the copy. The ICMPv4 error is built right in front of what it is going to quote. */
struct error_packet {
	struct ip6_hdr ip6;
	struct icmp6_error icmp6;
	struct ip6_hdr outer; /* quoted: our tunnel packet */
	struct ip4_hdr inner; /* quoted: the packet in it, no options */
	union {
		struct l4_ports ports;
		struct icmp_hdr icmp;
		struct udp_hdr udp;
		struct tcp_hdr tcp;
	};
};

#define ERROR_OUTER __builtin_offsetof(struct error_packet, outer)
#define ERROR_INNER __builtin_offsetof(struct error_packet, inner)
#define ERROR_L4 __builtin_offsetof(struct error_packet, ports)
/* Where the ICMPv4 error starts. */
#define ERROR_MADE (ERROR_INNER - sizeof(struct icmp_hdr) - IP4_LEN)
#define ERROR_MAX 576 /* RFC 1812 section 4.3.2.3 */
#define ERROR_QUOTE (ERROR_MAX - sizeof(struct icmp_hdr) - IP4_LEN)

/* The ICMPv4 error in place of the copied one, for the internal endpoint of this flow. */
static __always_inline void error_make(struct mape_error_copy *copy, const struct mape_flow *flow,
				       __u32 quote, __u8 code, __u16 mtu)
{
	struct ip4_hdr *ip = (void *)(copy->bytes + ERROR_MADE);
	struct icmp_hdr *icmp = (void *)(ip + 1);

	__builtin_memset(ip, 0, sizeof(*ip) + sizeof(*icmp));
	ip->version_ihl = 0x45;
	ip->tot_len = bpf_htons(IP4_LEN + sizeof(*icmp) + quote);
	ip->ttl = 64;
	ip->proto = MAPE_PROTO_ICMP;
	__builtin_memcpy(ip->src, far_end, 4);
	__builtin_memcpy(ip->dst, flow->int_addr, 4);
	ip->check = ~copy_sum(ERROR_MADE / 4, (ERROR_MADE + IP4_LEN) / 4);
	icmp->type = ICMP_UNREACHABLE;
	icmp->code = code;
	icmp->seq = bpf_htons(mtu);
	icmp->check = ~copy_sum((ERROR_MADE + IP4_LEN) / 4, (ERROR_INNER + quote + 3) / 4);
}

/* Undo the NAPT in the quoted packet, of which there are so many bytes. */
static __always_inline void error_translate(struct error_packet *e, const struct mape_flow *flow,
					    __u32 quote)
{
	__u32 addr_delta = csum_delta_addr(e->inner.src, flow->int_addr);
	bool udp = flow->proto == MAPE_PROTO_UDP;
	__be16 port = bpf_htons(flow->int_port);
	__u64 delta;

	__builtin_memcpy(e->inner.src, flow->int_addr, 4);
	e->inner.check = csum_apply(e->inner.check, addr_delta);
	if (flow->proto == MAPE_PROTO_ICMP) {
		e->icmp.check = csum_apply(e->icmp.check, csum_delta16(e->icmp.id, port));
		e->icmp.id = port;
		return;
	}
	if (!has_ports(flow->proto))
		return;
	delta = (__u64)addr_delta + csum_delta16(e->ports.src, port);
	e->ports.src = port;
	if (udp && e->udp.check) {
		e->udp.check = csum_apply(e->udp.check, delta);
		if (!e->udp.check)
			e->udp.check = 0xffff;
	}
	/* Of TCP the quote may end before the checksum. */
	if (flow->proto == MAPE_PROTO_TCP &&
	    quote >= IP4_LEN + __builtin_offsetof(struct tcp_hdr, check) + 2)
		e->tcp.check = csum_apply(e->tcp.check, delta);
}

/* The flow of the quoted packet, its internal half still external; false if it has none. */
static __always_inline bool error_flow(const struct error_packet *e, struct mape_flow *flow)
{
	__builtin_memset(flow, 0, sizeof(*flow));
	__builtin_memcpy(flow->int_addr, e->inner.src, 4);
	__builtin_memcpy(flow->rem_addr, e->inner.dst, 4);
	flow->proto = e->inner.proto;
	if (flow->proto == MAPE_PROTO_ICMP) {
		flow->int_port = bpf_ntohs(e->icmp.id);
		return icmp_is_query(e->icmp.type); /* nobody is told of errors about errors */
	}
	if (has_ports(flow->proto)) {
		flow->int_port = bpf_ntohs(e->ports.src);
		flow->rem_port = bpf_ntohs(e->ports.dst);
	}
	return true;
}

/* The session of such a flow; sets its internal half. */
static __always_inline const struct mape_session *error_session(const struct mape_config *cfg,
								 struct mape_flow *flow)
{
	__s32 index;

	if (!has_ports(flow->proto))
		return cfg->ports.psid_len ? 0 : portless_find(flow);
	index = mape_portset_index(&cfg->ports, flow->int_port);
	return index < 0 ? 0 : session_find_in(cfg, flow, index);
}

/* Does the copied error, len bytes in all, quote a packet that we have sent? Sets the flow. */
static __always_inline bool error_believed(const struct mape_config *cfg,
					   const struct error_packet *e, __u32 len,
					   struct mape_flow *flow)
{
	__u64 sum = (__u64)e->ip6.payload_len + bpf_htons(IPPROTO_ICMPV6);
	bool to_br = is_br(e->outer.dst, cfg);
	const struct mape_session *s;

	sum += copy_sum(__builtin_offsetof(struct ip6_hdr, src) / 4, (len + 3) / 4);
	if (csum_fold(sum) != 0xffff)
		return false;
	if (!addr6_equal(e->outer.src, cfg->ce) || e->inner.version_ihl != 0x45 ||
	    bpf_ntohs(e->inner.frag) & IP4_OFFSET || !error_flow(e, flow))
		return false;
	if (cfg->flags & MAPE_NO_NAPT)
		return to_br && is_lan_address(e->inner.src);
	if (!addr4_equal(e->inner.src, cfg->ip4))
		return false;
	s = error_session(cfg, flow);
	return s && (to_br || (cfg->flags & MAPE_MESH && addr6_equal(e->outer.dst, s->far)));
}

/*
 * Judge this processor's copy of an ICMPv6 error of len bytes, learn from it, and turn it into an
 * ICMPv4 error. An outcome; if that is MAPE_TUNNEL_ERROR, *made is how long it is. Not static, as
 * session_open().
 */
__noinline int error_turn(__u32 len, __u32 *made)
{
	const struct mape_config *cfg = mape_config();
	__u32 zero = 0, quote, mtu = 0, code = ICMP_HOST_UNREACHABLE;
	struct mape_error_copy *copy;
	struct error_packet *e;
	struct mape_flow flow;

	copy = bpf_map_lookup_elem(&error_copy, &zero);
	if (!cfg || !copy || !made)
		return MAPE_TUNNEL_ERROR_UNKNOWN;
	e = (void *)copy->bytes;
	if (bpf_ntohs(e->ip6.payload_len) + IP6_LEN > len) /* the frame may be padded */
		return MAPE_TUNNEL_ERROR_UNKNOWN;
	len = bpf_ntohs(e->ip6.payload_len) + IP6_LEN;
	if (len > MAPE_ERROR_MAX)
		return MAPE_TUNNEL_ERROR_UNKNOWN;
	asm volatile("" : "+r"(len)); /* as in error_sums_right() */
	if (len < ERROR_L4 + 8)
		return MAPE_TUNNEL_ERROR_UNKNOWN;
	for (__u32 i = 0; i < 4; i++)
		copy->bytes[len + i] = 0;
	if (!error_believed(cfg, e, len, &flow))
		return MAPE_TUNNEL_ERROR_UNKNOWN;
	if (e->icmp6.type == ICMP6_TOO_BIG) {
		if (!path_mtu_learn(cfg, bpf_ntohl(e->icmp6.mtu)))
			return MAPE_TUNNEL_ERROR_UNKNOWN;
		code = ICMP_FRAGMENTATION_NEEDED;
		mtu = tunnel_mtu(cfg);
		if (!(e->inner.frag & IP4_DF))
			return MAPE_PATH_MTU;
		count_event(MAPE_PATH_MTU);
	}
	if (!budget_take(MAPE_BUDGET_ERRORS, mape_now(cfg), ERRORS_PER_S))
		return MAPE_TUNNEL_ERROR_LIMIT;
	quote = len - ERROR_INNER;
	if (quote > ERROR_QUOTE)
		quote = ERROR_QUOTE;
	if (!(cfg->flags & MAPE_NO_NAPT))
		error_translate(e, &flow, quote);
	error_make(copy, &flow, quote, code, mtu);
	*made = IP4_LEN + sizeof(struct icmp_hdr) + quote;
	return MAPE_TUNNEL_ERROR;
}

/* Put the ICMPv4 error from the copy, so many bytes, into the frame in place of the ICMPv6 one. */
static __always_inline bool error_replace(struct __sk_buff *skb, const struct mape_config *cfg,
					  __u32 len)
{
	struct mape_error_copy *copy;
	struct eth_hdr *eth;
	__u32 zero = 0;

	copy = bpf_map_lookup_elem(&error_copy, &zero);
	if (!copy || len < IP6_LEN)
		return false;
	asm volatile("" : "+r"(len)); /* as in error_sums_right() */
	if (len > ERROR_MAX || bpf_skb_change_tail(skb, ETH_LEN + ERROR_MADE + len, 0) ||
	    bpf_skb_adjust_room(skb, -(__s32)ERROR_MADE, BPF_ADJ_ROOM_MAC, 0) ||
	    bpf_skb_store_bytes(skb, ETH_LEN, copy->bytes + ERROR_MADE, len, BPF_F_RECOMPUTE_CSUM))
		return false;
	eth = ctx_data(skb);
	if ((void *)(eth + 1) > ctx_end(skb))
		return false;
	frame_for_stack(eth, cfg);
	return true;
}

/* Is this frame an ICMPv6 error for our CE address that quotes a tunnel packet? */
static __always_inline bool is_tunnel_error(struct __sk_buff *skb, const struct mape_config *cfg)
{
	const struct eth_hdr *eth = ctx_data(skb);
	const struct error_packet *e = (void *)(eth + 1);

	if ((void *)&e->icmp6 > ctx_end(skb) || eth->proto != bpf_htons(ETH_P_IPV6) ||
	    ctx_has_vlan(skb) || e->ip6.next_header != IPPROTO_ICMPV6 ||
	    !addr6_equal(e->ip6.dst, cfg->ce))
		return false;
	ctx_pull(skb, ETH_LEN + ERROR_INNER);
	e = ctx_data(skb) + ETH_LEN;
	return (void *)&e->inner <= ctx_end(skb) && e->icmp6.type >= ICMP6_UNREACHABLE &&
	       e->icmp6.type <= ICMP6_PARAMETER && e->outer.next_header == IPPROTO_IPIP;
}

/* A frame from the WAN that is no tunnel packet for us. A verdict. */
static __noinline int tunnel_error(struct __sk_buff *skb, const struct mape_config *cfg)
{
	__u32 zero = 0, made = 0, below = skb->len - ETH_LEN - 1;
	int outcome = MAPE_TUNNEL_ERROR_UNKNOWN;
	struct mape_error_copy *copy;

	if (!is_tunnel_error(skb, cfg))
		return TC_ACT_UNSPEC;
	copy = bpf_map_lookup_elem(&error_copy, &zero);
	if (!copy)
		return TC_ACT_UNSPEC;
	if (below < MAPE_ERROR_MAX) {
		/* Older verifiers need the length as one more than something bounded. */
		asm volatile("" : "+r"(below));
		if (bpf_skb_load_bytes(skb, ETH_LEN, copy->bytes, below + 1))
			return TC_ACT_UNSPEC;
		outcome = error_turn(below + 1, &made);
	}
	count_event(outcome);
	if (outcome != MAPE_TUNNEL_ERROR)
		return TC_ACT_UNSPEC;
	return error_replace(skb, cfg, made) ? bpf_redirect(cfg->exit_ifindex, 0) : TC_ACT_SHOT;
}

#endif
