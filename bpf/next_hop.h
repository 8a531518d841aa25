/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way to the tunnel's other end, as the kernel's IPv6 routing and neighbour tables know it.
 *
 * The fast path asks them once per tick of the coarse clock (1 to 10 ms) and processor: almost all
 * packets go to the same place, and a lookup costs more than all the rest of our work.
 */
#ifndef MAPE_BPF_NEXT_HOP_H
#define MAPE_BPF_NEXT_HOP_H

#include "maps.h"
#include "wire.h"

#define AF_INET6 10

/*
 * One of BPF_FIB_LKUP_RET_*, or negative. Asked as if the packet had come in on the tunnel's exit:
 * that device is ours and set to forward, while the WAN of a router without an IPv6 LAN often is
 * not.
 */
static __always_inline long next_hop(mape_ctx *ctx, const struct mape_config *cfg, const __u8 *far,
				     struct bpf_fib_lookup *fib)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = AF_INET6;
	fib->ifindex = cfg->exit_ifindex;
	fib->tot_len = 1; /* so that the answer has the route's MTU */
	__builtin_memcpy(fib->ipv6_src, cfg->ce, 16);
	__builtin_memcpy(fib->ipv6_dst, far, 16);
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

/* Ask the kernel; false, and nothing known, if the way is not by the WAN or not resolved. */
static __noinline bool next_hop_ask(mape_ctx *ctx, const struct mape_config *cfg, const __u8 *far,
				    __u64 now, struct mape_next_hop *hop)
{
	struct bpf_fib_lookup fib;

	hop->time = 0;
	if (next_hop(ctx, cfg, far, &fib) != BPF_FIB_LKUP_RET_SUCCESS ||
	    fib.ifindex != cfg->wan_ifindex)
		return false;
	hop->mtu = fib.tot_len;
	__builtin_memcpy(hop->far, far, 16);
	__builtin_memcpy(hop->dmac, fib.dmac, 6);
	__builtin_memcpy(hop->smac, fib.smac, 6);
	hop->time = now;
	return true;
}

/* The next hop by the WAN; NULL: the stack has to find it. */
static __always_inline const struct mape_next_hop *
next_hop_get(mape_ctx *ctx, const struct mape_config *cfg, const __u8 *far, __u64 now)
{
	struct mape_next_hop *hop;
	__u32 zero = 0;

	hop = bpf_map_lookup_elem(&next_hops, &zero);
	if (!hop)
		return 0;
	if ((hop->time != now || !addr6_equal(hop->far, far)) &&
	    !next_hop_ask(ctx, cfg, far, now, hop))
		return 0;
	return hop;
}

static __always_inline void next_hop_fill(struct eth_hdr *eth, const struct mape_next_hop *hop)
{
	__builtin_memcpy(eth->dst, hop->dmac, 6);
	__builtin_memcpy(eth->src, hop->smac, 6);
}

#endif
