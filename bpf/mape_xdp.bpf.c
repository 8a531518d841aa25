// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP programs: the fast path for single frames, before the kernel has made an skb of them.
 *
 *   lan_xdp  ingress of a LAN device or of a bridge's port
 *   wan_xdp  ingress of the WAN
 *
 * A frame's checksum has to be complete here: right for frames from a wire.
 */
#include "ctx_xdp.h"
#include "handoff.h"
#include "next_hop.h"
#include "path.h"

/* The only place where an outcome becomes a counter and, if it is a drop, a verdict. */
static __always_inline int finish(int outcome, const struct mape_pkt *p, int verdict)
{
	if (outcome == MAPE_PASS)
		return XDP_PASS;
	count_outcome(outcome, 1, p->len);
	if (mape_outcome_drops(outcome))
		return XDP_DROP;
	return verdict;
}

SEC("xdp")
int lan_xdp(struct xdp_md *ctx)
{
	const struct mape_config *cfg = mape_config();
	const struct mape_next_hop *hop;
	__u64 now = 0;
	struct mape_session *s = 0;
	struct mape_pkt p = {};
	struct ip6_hdr *ip6;
	struct eth_hdr *eth;
	int outcome, verdict;

	if (!cfg)
		return XDP_PASS;
	outcome = path_lan(ctx, cfg, &p, &s, &now);
	if (outcome != MAPE_FAST_OUT || !s)
		return XDP_PASS;
	/* Without a resolved next hop the stack has to find it, still with the packet as it came. */
	hop = next_hop_get(ctx, cfg, outer_far(cfg, s), now);
	if (!hop || p.len + IP6_LEN > hop->mtu)
		return XDP_PASS;
	outcome = path_fast_out(ctx, cfg, s, &p, now);
	if (outcome != MAPE_FAST_OUT)
		return finish(outcome, &p, XDP_DROP);
	if (bpf_xdp_adjust_head(ctx, -(int)IP6_LEN))
		return finish(MAPE_OUT_TOO_BIG, &p, XDP_DROP);
	eth = ctx_data(ctx);
	ip6 = (void *)(eth + 1);
	if ((void *)(ip6 + 1) > ctx_end(ctx))
		return finish(MAPE_OUT_TOO_BIG, &p, XDP_DROP);
	next_hop_fill(eth, hop);
	eth->proto = bpf_htons(ETH_P_IPV6);
	outer_fill(ip6, cfg, s, p.len, p.tos);
	verdict = bpf_redirect_map(&tx_devices, cfg->wan_ifindex, XDP_DROP);
	return finish(verdict == XDP_REDIRECT ? outcome : MAPE_OUT_NO_ROUTE, &p, verdict);
}

/* Leave the note for wan_handoff. */
static __always_inline int hand_off(struct xdp_md *ctx, const struct mape_config *cfg,
				    const struct mape_session *s, int outcome)
{
	struct mape_handoff *note;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*note)))
		return XDP_DROP;
	note = (void *)(long)ctx->data_meta;
	if ((void *)(note + 1) > ctx_data(ctx))
		return XDP_DROP;
	note->magic = MAPE_MAGIC;
	note->exit_ifindex = cfg->exit_ifindex;
	note->ifindex = next_device(cfg, s, outcome);
	note->fast = outcome == MAPE_FAST_IN;
	note->mark = note->fast ? 0 : session_mark(s);
	return XDP_PASS;
}

SEC("xdp")
int wan_xdp(struct xdp_md *ctx)
{
	const struct mape_config *cfg = mape_config();
	struct mape_session *s = 0;
	struct mape_pkt p = {};
	struct eth_hdr *eth;
	int outcome, verdict;

	if (!cfg)
		return XDP_PASS;
	outcome = path_wan(ctx, cfg, &p, &s);
	if (outcome == MAPE_IN_FRAGMENT)
		return XDP_PASS; /* for wan_handoff */
	if (outcome != MAPE_KERNEL_IN && (outcome != MAPE_FAST_IN || !s))
		return finish(outcome, &p, XDP_DROP);
	if (bpf_xdp_adjust_head(ctx, IP6_LEN))
		return finish(MAPE_IN_FAILED, &p, XDP_DROP);
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_end(ctx))
		return finish(MAPE_IN_FAILED, &p, XDP_DROP);
	frame_for(eth, cfg, s, outcome);
	if (outcome == MAPE_FAST_IN && s && s->port_ifindex)
		verdict = bpf_redirect_map(&tx_devices, s->port_ifindex, XDP_DROP);
	else
		verdict = hand_off(ctx, cfg, s, outcome);
	return finish(verdict == XDP_DROP ? MAPE_IN_FAILED : outcome, &p, verdict);
}

char LICENSE[] SEC("license") = "GPL";
