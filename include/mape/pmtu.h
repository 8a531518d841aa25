/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the path to the tunnel's other end lets through: learnt from ICMPv6 Packet Too Big and
 * forgotten by age (RFC 8201 sections 4 and 5.3).
 */
#ifndef MAPE_PMTU_H
#define MAPE_PMTU_H

#include <mape/types.h>

/* Bytes of the outer IPv6 header. */
#define MAPE_TUNNEL_HEADER 40

/* Every IPv6 path has 1280 (RFC 8200 section 5), so the tunnel always has 1240. */
#define MAPE_IP6_MTU_MIN 1280
#define MAPE_PATH_MTU_MIN (MAPE_IP6_MTU_MIN - MAPE_TUNNEL_HEADER)

#define MAPE_PATH_MTU_AGE 600000000000ULL /* nanoseconds: ten minutes */

/* The one record of `path_mtu`. One for all other ends: what is narrow is the line itself. */
struct mape_path_mtu {
	__u64 since; /* by the instance's clock: when it was last heard */
	__u32 mtu;   /* largest inner packet; 0: nothing has been learnt yet */
	__u32 pad;
} __attribute__((aligned(8)));

MAPE_ASSERT_SIZE(struct mape_path_mtu, 16);

/* Nanoseconds until what was learnt is forgotten, 0 if it counts no more. */
MAPE_INLINE __u64 mape_path_mtu_left(const struct mape_path_mtu *path, __u64 now)
{
	__u64 age = now > path->since ? now - path->since : 0;

	return path->mtu && age < MAPE_PATH_MTU_AGE ? MAPE_PATH_MTU_AGE - age : 0;
}

#endif
