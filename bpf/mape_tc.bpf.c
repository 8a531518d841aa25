// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TC programs, in the order in which an outbound and then an inbound packet meets them:
 *
 *   lan_tc       ingress of a LAN device    fast path out, or on to the stack
 *   mape_out     ingress of the tunnel      what the stack sent out of the tunnel interface
 *                interface's other end
 *   wan_tc       ingress of the WAN         fast path in, or into the tunnel interface
 *   wan_handoff  ingress of the WAN         second half of wan_xdp, fragments, errors
 *   lan_seen     egress of a LAN device     what the stack let through
 *
 * Packets that are not ours get TC_ACT_UNSPEC, so that other filters on the same hook see them.
 */
#include "ctx_skb.h"
#include "event.h"
#include "fragment_outer.h"
#include "handoff.h"
#include "icmp6_error.h"
#include "next_hop.h"
#include "path.h"
#include "too_big.h"
#include "unreachable.h"

/* On a frame that the fast path sends: tells lan_seen that the stack has no part in it. */
#define TC_INDEX_FAST 0x6d70

/* The only place where an outcome becomes a counter and, if it is a drop, a verdict. */
static __always_inline int finish(struct __sk_buff *skb, int outcome, const struct mape_pkt *p,
				  __u32 segments, int verdict)
{
	if (outcome == MAPE_PASS)
		return TC_ACT_UNSPEC;
	count_outcome(outcome, segments, p->len);
	if (mape_outcome_drops(outcome))
		return TC_ACT_SHOT;
	return verdict;
}

/*
 * Put the IPv6 header in front of the translated packet and send it to the tunnel's other end: to
 * the next hop if it is known, else to whom the kernel finds, or waits for.
 */
static __always_inline int send_out(struct __sk_buff *skb, const struct mape_config *cfg,
				    const struct mape_session *s, const struct mape_pkt *p,
				    const struct mape_next_hop *hop, int *outcome)
{
	struct ip6_hdr *ip6;
	struct eth_hdr *eth;

	/* A super-packet's segments keep their size: they were built to fit the tunnel. */
	if (bpf_skb_adjust_room(skb, IP6_LEN, BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_FIXED_GSO))
		goto failed;
	eth = ctx_data(skb);
	ip6 = (void *)(eth + 1);
	if ((void *)(ip6 + 1) > ctx_end(skb))
		goto failed;
	eth->proto = bpf_htons(ETH_P_IPV6);
	outer_fill(ip6, cfg, s, p->len, p->tos);
	if (!hop)
		return bpf_redirect_neigh(cfg->wan_ifindex, 0, 0, 0);
	next_hop_fill(eth, hop);
	return bpf_redirect(cfg->wan_ifindex, 0);

failed:
	*outcome = MAPE_OUT_TOO_BIG;
	return TC_ACT_SHOT;
}

/*
 * Is there a way to the other end at all? Otherwise bpf_redirect_neigh() would lose the packet
 * unseen. Not inlined: its stack would count in the chain of calls that opens a session.
 */
static __noinline bool far_unreachable(struct __sk_buff *skb, const struct mape_config *cfg,
				       const struct mape_session *s)
{
	struct bpf_fib_lookup fib;
	long ret = next_hop(skb, cfg, outer_far(cfg, s), &fib);

	return ret >= BPF_FIB_LKUP_RET_BLACKHOLE && ret <= BPF_FIB_LKUP_RET_NOT_FWDED;
}

static __always_inline void set_mark(struct __sk_buff *skb, const struct mape_config *cfg,
				     __u32 mark)
{
	if (mark)
		skb->mark = (skb->mark & ~cfg->mark_mask) |
			    (mark << (cfg->mark_shift & 31) & cfg->mark_mask);
}

/* A hairpinned packet goes back in by the tunnel interface, whose MAC it carries already. */
static __always_inline int send_back(struct __sk_buff *skb, const struct mape_config *cfg,
				     __u32 mark)
{
	set_mark(skb, cfg, mark);
	return bpf_redirect(cfg->exit_ifindex, 0);
}

/*
 * Does the sender need to know? For want of a port or by a limit, as a protocol without ports, or
 * as too big.
 */
static __always_inline bool is_refusal(const struct mape_config *cfg, const struct mape_pkt *p,
				       int outcome)
{
	if (outcome == MAPE_OUT_PROTOCOL)
		return !has_ports(p->proto) && is_unicast(p->far) && source_is_ours(cfg, &p->flow);
	return outcome == MAPE_OUT_NO_PORT || outcome == MAPE_OUT_HOST_PORTS ||
	       outcome == MAPE_OUT_HOST_RATE || outcome == MAPE_OUT_DF;
}

/* Counted as the drop that it is, noted, and the sender is told. */
static __always_inline int refuse(struct __sk_buff *skb, const struct mape_config *cfg,
				  const struct mape_pkt *p, int outcome, __u32 segments)
{
	__u8 code = has_ports(p->proto) ? ICMP_PROHIBITED : ICMP_NO_PROTOCOL;
	__u16 mtu = 0;

	count_outcome(outcome, segments, p->len);
	if (outcome == MAPE_OUT_DF) {
		code = ICMP_FRAGMENTATION_NEEDED;
		mtu = tunnel_mtu(cfg);
	} else if (outcome != MAPE_OUT_PROTOCOL) {
		event_note(cfg, &p->flow, outcome);
	}
	if (p->kind == MAPE_PKT_ICMP_ERROR) /* RFC 1122 section 3.2.2 */
		return TC_ACT_SHOT;
	return make_unreachable(skb, cfg, p, code, mtu) ? send_back(skb, cfg, 0) : TC_ACT_SHOT;
}

/* A piece of a packet that was cut, and counted then. */
static __always_inline int send_piece(struct __sk_buff *skb, const struct mape_config *cfg)
{
	if (piece_finish(skb))
		return bpf_redirect_neigh(cfg->wan_ifindex, 0, 0, 0);
	count_event(MAPE_OUT_TOO_BIG);
	return TC_ACT_SHOT;
}

/* Send the translated packet, whose largest one on a wire is so long, the way that it fits. */
static __always_inline int send_fitting(struct __sk_buff *skb, const struct mape_config *cfg,
					const struct mape_session *s, const struct mape_pkt *p,
					__u32 wire_len, int *outcome)
{
	__u32 mtu = tunnel_mtu(cfg);
	int verdict = TC_ACT_SHOT;

	if (!skb->gso_size && (wire_len > mtu || (p->frag && mtu < cfg->mtu)))
		verdict = send_pieces(skb, cfg, s, p);
	else if (wire_len <= mtu || shorten_segments(skb, wire_len - mtu))
		return send_out(skb, cfg, s, p, 0, outcome);
	if (verdict == TC_ACT_SHOT)
		*outcome = MAPE_OUT_TOO_BIG;
	return verdict;
}

SEC("tc")
int mape_out(struct __sk_buff *skb)
{
	const struct mape_config *cfg = mape_config();
	const struct eth_hdr *eth = ctx_data(skb);
	int outcome, verdict = TC_ACT_SHOT;
	__u32 segments = 1, mark = 0;
	struct mape_session *s = 0;
	struct mape_pkt p = {};

	if (!cfg)
		return TC_ACT_SHOT;
	if (skb->tc_index == TC_INDEX_PIECE)
		return send_piece(skb, cfg);
	if (skb->protocol != bpf_htons(ETH_P_IP) || (void *)(eth + 1) > ctx_end(skb)) {
		outcome = MAPE_OUT_NOT_IPV4;
		goto out;
	}
	outcome = path_exit(skb, cfg, &p, &s, &mark);
	if (p.frag)
		outcome = fragment_follow(skb, cfg, &p, outcome, &mark);
	if (!s) /* of a later fragment */
		s = bpf_map_lookup_elem(&sessions, &p.flow);
	segments = ctx_segments(skb, ETH_LEN + p.headers);
	if (outcome == MAPE_HAIRPIN)
		verdict = send_back(skb, cfg, mark);
	if (is_refusal(cfg, &p, outcome))
		return refuse(skb, cfg, &p, outcome, segments);
	if (outcome != MAPE_KERNEL_OUT)
		goto out;
	if (far_unreachable(skb, cfg, s)) {
		outcome = MAPE_OUT_NO_ROUTE;
		goto out;
	}
	verdict = send_fitting(skb, cfg, s, &p, ctx_wire_len(skb, p.len, p.headers), &outcome);
out:
	return finish(skb, outcome, &p, segments, verdict);
}

SEC("tc")
int lan_tc(struct __sk_buff *skb)
{
	const struct mape_config *cfg = mape_config();
	int outcome, verdict = TC_ACT_SHOT;
	const struct mape_next_hop *hop;
	__u64 now = 0;
	struct mape_session *s = 0;
	struct mape_pkt p = {};
	__u32 segments = 1;

	if (!cfg)
		return TC_ACT_UNSPEC;
	outcome = path_lan(skb, cfg, &p, &s, &now);
	if (outcome != MAPE_FAST_OUT || !s)
		return TC_ACT_UNSPEC;
	/* As in lan_xdp: the stack resolves what is not resolved. */
	hop = next_hop_get(skb, cfg, outer_far(cfg, s), now);
	if (!hop || ctx_wire_len(skb, p.len, p.headers) + IP6_LEN > hop->mtu)
		return TC_ACT_UNSPEC;
	segments = ctx_segments(skb, ETH_LEN + p.headers);
	outcome = path_fast_out(skb, cfg, s, &p, now);
	if (outcome == MAPE_FAST_OUT)
		verdict = send_out(skb, cfg, s, &p, hop, &outcome);
	return finish(skb, outcome, &p, segments, verdict);
}

enum wan_kind {
	WAN_GONE,     /* an outer fragment: waits for others or is wrong, counted */
	WAN_PLAIN,    /* nothing to do with fragments */
	WAN_FRAGMENT, /* carries an IPv4 fragment */
	WAN_REBUILT,  /* from outer fragments, carries a whole packet */
};

/*
 * Before path_wan(): outer fragments. Not inlined, so that the compiler does not carry packet
 * pointers across.
 */
static __noinline enum wan_kind wan_prepare(struct __sk_buff *skb, const struct mape_config *cfg)
{
	enum wan_kind kind = WAN_PLAIN;
	__u32 len = 0;

	ctx_pull(skb, MAPE_PULL);
	if (outer_is_fragment(skb, cfg)) {
		int outcome = outer_fragment(skb, cfg, &len);

		count_outcome(outcome, 1, len);
		if (outcome != MAPE_REASSEMBLED)
			return WAN_GONE;
		kind = WAN_REBUILT;
		ctx_pull(skb, MAPE_PULL);
	}
	return outer_find(skb, cfg) && fragment_at(skb, L3_TUNNEL) ? WAN_FRAGMENT : kind;
}

/* The same number, unknown to the verifier: it need not check all that follows for each value. */
static __always_inline __u32 unknown(const struct mape_config *cfg, __u32 value)
{
	return value + cfg->abi - MAPE_ABI;
}

/*
 * After path_wan(): a fragment, or a packet made of fragments, goes into the tunnel interface, past
 * the limit of its MTU if the BR sends longer packets. Being a single frame, it needs none of the
 * flags by which kernels since 6.3 decapsulate; but before them 40 bytes have to remain.
 */
static __always_inline int wan_deliver(struct __sk_buff *skb, const struct mape_config *cfg,
				       struct mape_pkt *p, const struct mape_session *s,
				       int outcome)
{
	__u32 mark = s ? session_mark(s) : 0;
	struct eth_hdr *eth;

	if (p->frag)
		outcome = fragment_follow(skb, cfg, p, outcome, &mark);
	if (outcome != MAPE_KERNEL_IN)
		return finish(skb, outcome, p, 1, TC_ACT_SHOT);
	if ((p->len < IP6_LEN && bpf_skb_change_tail(skb, L3_TUNNEL + IP6_LEN, 0)) ||
	    bpf_skb_adjust_room(skb, -(__s32)IP6_LEN, BPF_ADJ_ROOM_MAC, 0))
		return finish(skb, MAPE_IN_FAILED, p, 1, TC_ACT_SHOT);
	eth = ctx_data(skb);
	if ((void *)(eth + 1) > ctx_end(skb))
		return finish(skb, MAPE_IN_FAILED, p, 1, TC_ACT_SHOT);
	frame_for_stack(eth, cfg);
	set_mark(skb, cfg, mark);
	return finish(skb, outcome, p, 1,
		      p->len > cfg->mtu ? bpf_redirect(cfg->tun_ifindex, BPF_F_INGRESS) :
					  bpf_redirect(cfg->exit_ifindex, 0));
}

SEC("tc")
int wan_tc(struct __sk_buff *skb)
{
	const struct mape_config *cfg = mape_config();
	struct mape_session *s = 0;
	struct mape_pkt p = {};
	__u32 segments = 1;
	struct eth_hdr *eth;
	enum wan_kind kind;
	int outcome;

	if (!cfg || skb->protocol != bpf_htons(ETH_P_IPV6))
		return TC_ACT_UNSPEC;
	kind = unknown(cfg, wan_prepare(skb, cfg));
	if (kind == WAN_GONE)
		return TC_ACT_SHOT;
	p.rebuilt = kind == WAN_REBUILT;
	outcome = path_wan(skb, cfg, &p, &s);
	if (outcome == MAPE_PASS)
		return tunnel_error(skb, cfg);
	if (kind != WAN_PLAIN)
		return wan_deliver(skb, cfg, &p, s, outcome);
	if (outcome != MAPE_KERNEL_IN && (outcome != MAPE_FAST_IN || !s))
		return finish(skb, outcome, &p, 1, TC_ACT_SHOT);
	segments = ctx_segments(skb, L3_TUNNEL + p.headers);
	if (bpf_skb_adjust_room(skb, -(__s32)IP6_LEN, BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_DECAP_L3_IPV4 | BPF_F_ADJ_ROOM_FIXED_GSO))
		return finish(skb, MAPE_IN_FAILED, &p, 1, TC_ACT_SHOT);
	eth = ctx_data(skb);
	if ((void *)(eth + 1) > ctx_end(skb))
		return finish(skb, MAPE_IN_FAILED, &p, 1, TC_ACT_SHOT);
	frame_for(eth, cfg, s, outcome);
	if (outcome == MAPE_FAST_IN)
		skb->tc_index = TC_INDEX_FAST;
	else
		set_mark(skb, cfg, session_mark(s));
	return finish(skb, outcome, &p, segments,
		      bpf_redirect(next_device(cfg, s, outcome), 0));
}

/* wan_xdp has passed it on without a note: fragments and errors are for TC, the rest is not ours. */
static __always_inline int wan_unnoted(struct __sk_buff *skb, const struct mape_config *cfg)
{
	struct mape_session *s = 0;
	struct mape_pkt p = {};
	enum wan_kind kind;
	int outcome;

	if (skb->protocol != bpf_htons(ETH_P_IPV6))
		return TC_ACT_UNSPEC;
	kind = unknown(cfg, wan_prepare(skb, cfg));
	if (kind == WAN_GONE || kind == WAN_PLAIN)
		return kind == WAN_GONE ? TC_ACT_SHOT : tunnel_error(skb, cfg);
	p.rebuilt = kind == WAN_REBUILT;
	outcome = path_wan(skb, cfg, &p, &s);
	return wan_deliver(skb, cfg, &p, s, outcome);
}

SEC("tc")
int wan_handoff(struct __sk_buff *skb)
{
	const struct mape_handoff *note = (void *)(long)skb->data_meta;
	const struct mape_config *cfg = mape_config();

	if (!cfg)
		return TC_ACT_UNSPEC;
	if ((void *)(note + 1) > ctx_data(skb) || note->magic != MAPE_MAGIC ||
	    note->exit_ifindex != cfg->exit_ifindex)
		return wan_unnoted(skb, cfg);
	if (note->fast)
		skb->tc_index = TC_INDEX_FAST;
	set_mark(skb, cfg, note->mark);
	return bpf_redirect(note->ifindex, 0);
}

SEC("tc")
int lan_seen(struct __sk_buff *skb)
{
	const struct mape_config *cfg = mape_config();

	if (cfg && skb->tc_index != TC_INDEX_FAST && skb->protocol == bpf_htons(ETH_P_IP))
		path_lan_egress(skb, cfg);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
