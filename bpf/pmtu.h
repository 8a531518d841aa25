/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tunnel's MTU: that of the WAN, or less while the path is known to be narrower. The device's
 * own MTU stays, so what the stack lets pass may still be too big here (too_big.h).
 */
#ifndef MAPE_BPF_PMTU_H
#define MAPE_BPF_PMTU_H

#include "clock.h"
#include "maps.h"

/* Largest inner packet that the path takes now. */
static __always_inline __u32 tunnel_mtu(const struct mape_config *cfg)
{
	const struct mape_path_mtu *path;
	__u32 zero = 0;

	path = bpf_map_lookup_elem(&path_mtu, &zero);
	if (!path || !path->mtu || path->mtu >= cfg->mtu ||
	    !mape_path_mtu_left(path, mape_now(cfg)))
		return cfg->mtu;
	return path->mtu;
}

/* Does an outbound packet of this length fit? Most do not even ask the map. */
static __always_inline bool fits_path(const struct mape_config *cfg, __u32 len)
{
	if (len > cfg->mtu)
		return false;
	return len <= MAPE_PATH_MTU_MIN || len <= tunnel_mtu(cfg);
}

/*
 * A Packet Too Big about one of our packets has told this MTU of the IPv6 path. False if it is to
 * be ignored: below what every path has, or no news.
 */
static __always_inline bool path_mtu_learn(const struct mape_config *cfg, __u32 ip6_mtu)
{
	struct mape_path_mtu *path;
	__u32 zero = 0;

	if (ip6_mtu < MAPE_IP6_MTU_MIN || ip6_mtu - MAPE_TUNNEL_HEADER > tunnel_mtu(cfg) ||
	    ip6_mtu - MAPE_TUNNEL_HEADER >= cfg->mtu)
		return false;
	path = bpf_map_lookup_elem(&path_mtu, &zero);
	if (!path)
		return false;
	path->since = mape_now(cfg);
	path->mtu = ip6_mtu - MAPE_TUNNEL_HEADER;
	return true;
}

#endif
