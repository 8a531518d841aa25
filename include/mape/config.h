/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one record of the `config` map: all that the datapath knows about its instance. Written by
 * the loader before the programs are attached.
 */
#ifndef MAPE_CONFIG_H
#define MAPE_CONFIG_H

#include <mape/abi.h>
#include <mape/napt.h>
#include <mape/portset.h>
#include <mape/types.h>

enum {
	MAPE_FAST_PATH = 1,   /* sessions may be offloaded */
	MAPE_TCP_OFFLOAD = 2, /* TCP ones too: conntrack is liberal about windows, or absent */
};

struct mape_config {
	__u32 magic; /* MAPE_MAGIC */
	__u32 abi;   /* MAPE_ABI */
	__u64 now_offset; /* nanoseconds added to the kernel's clock; tests move time with it */
	__u32 flags;
	__u32 mtu; /* of the tunnel: largest inner packet */
	__u8 ip4[4]; /* the shared address, network order */
	__u32 wan_ifindex;
	__u32 tun_ifindex;  /* the tunnel interface (mape0) */
	__u32 exit_ifindex; /* the other end of its veth pair */
	struct mape_portset ports;
	__u8 ce[16]; /* our address in the tunnel, network order */
	__u32 br_count;
	__u8 br[MAPE_BR_MAX][16]; /* accepted on receive; the first is sent to */
	__u8 tun_mac[6];
	__u8 pad[2];
	__u32 timeout_s[MAPE_STATE_COUNT]; /* idle time until a session of that state ends, TCP ... */
	__u32 timeout_udp_s;		   /* ... and in MAPE_OPEN */
	__u32 timeout_icmp_s;
	__u32 pad2;
} __attribute__((aligned(8)));

#endif
