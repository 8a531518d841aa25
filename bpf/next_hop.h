/* SPDX-License-Identifier: GPL-2.0-only */
/* The way to the tunnel's other end, as the kernel's IPv6 routing and neighbour tables know it right now. */
#ifndef MAPE_BPF_NEXT_HOP_H
#define MAPE_BPF_NEXT_HOP_H

#include "maps.h"

#define AF_INET6 10

/*
 * One of BPF_FIB_LKUP_RET_*, or negative. len is that of the outer packet, checked against the
 * route's MTU, or 0. Asked as if the packet had come in on the tunnel's exit: that device is ours
 * and set to forward, while the WAN of a router without an IPv6 LAN often is not.
 */
static __always_inline long next_hop(mape_ctx *ctx, const struct mape_config *cfg, const __u8 *far,
				     __u32 len, struct bpf_fib_lookup *fib)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = AF_INET6;
	fib->ifindex = cfg->exit_ifindex;
	fib->tot_len = len;
	__builtin_memcpy(fib->ipv6_src, cfg->ce, 16);
	__builtin_memcpy(fib->ipv6_dst, far, 16);
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

#endif
