/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a decapsulated packet goes, and how wan_xdp tells wan_handoff.
 *
 * An XDP program can redirect only to devices that take bare frames, which a bridge, or a device
 * behind a queueing discipline that must not be bypassed, does not. So wan_xdp leaves a note in
 * the frame's metadata and passes it on; the kernel makes an skb of it (and GRO makes one of many)
 * and wan_handoff, TC on the same device, redirects that.
 */
#ifndef MAPE_BPF_HANDOFF_H
#define MAPE_BPF_HANDOFF_H

#include "maps.h"
#include "wire.h"

struct mape_handoff {
	__u32 magic;	    /* MAPE_MAGIC */
	__u32 exit_ifindex; /* of the instance that wrote it */
	__u32 ifindex;	    /* where to */
	__u16 fast;
	__u16 mark; /* enum mape_mark, 0: none */
};

/* The Ethernet header of a decapsulated packet: for the LAN host, or for the tunnel interface. */
static __always_inline void frame_for(struct eth_hdr *eth, const struct mape_config *cfg,
				      const struct mape_session *s, int outcome)
{
	bool fast = outcome == MAPE_FAST_IN;

	__builtin_memcpy(eth->dst, fast ? s->host_mac : cfg->tun_mac, 6);
	__builtin_memcpy(eth->src, fast ? s->lan_mac : cfg->tun_mac, 6);
	eth->proto = bpf_htons(ETH_P_IP);
}

/* The same for a packet that goes into the tunnel interface in any case. */
static __always_inline void frame_for_stack(struct eth_hdr *eth, const struct mape_config *cfg)
{
	__builtin_memcpy(eth->dst, cfg->tun_mac, 6);
	__builtin_memcpy(eth->src, cfg->tun_mac, 6);
	eth->proto = bpf_htons(ETH_P_IP);
}

/* Into the tunnel interface means: out of the other end of its pair. */
static __always_inline __u32 next_device(const struct mape_config *cfg,
					 const struct mape_session *s, int outcome)
{
	return outcome == MAPE_FAST_IN ? s->lan_ifindex : cfg->exit_ifindex;
}

#endif
