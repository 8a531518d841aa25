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
	MAPE_MESH = 4,	      /* to other CEs directly, by the rules in `fmrs` */
	MAPE_FLOW_LABEL = 8,  /* a flow label for each session in the outer header */
	MAPE_NO_NAPT = 16,    /* the LAN's own addresses go through the tunnel */
};

/* Which remotes may send to a mapped port (RFC 4787 section 5, RFC 7597 section 10). */
enum mape_filtering {
	MAPE_FILTER_ADDRESS,	  /* addresses that were sent to, from any port */
	MAPE_FILTER_ENDPOINT,	  /* anybody; such a port is never shared */
	MAPE_FILTER_ADDRESS_PORT, /* exactly the addresses and ports that were sent to */
};

/*
 * Marks on packets that nobody in the LAN asked for, within mark_mask: the firewall sees them as
 * new connections from the tunnel and can admit them by their kind.
 */
enum mape_mark {
	MAPE_MARK_FILTER = 1,  /* a remote that the filter mode lets in */
	MAPE_MARK_HAIRPIN = 2, /* another host of the LAN, by our external address */
	MAPE_MARK_FORWARD = 3, /* anybody, by a static forward */
};

struct mape_config {
	__u32 magic; /* MAPE_MAGIC */
	__u32 abi;   /* MAPE_ABI */
	__u64 now_offset; /* nanoseconds added to the kernel's clock; tests move time with it */
	__u32 flags;
	__u32 mtu; /* of the tunnel: largest inner packet */
	__u8 ip4[4]; /* the shared address, or the prefix of the line; network order */
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
	__u32 filtering; /* enum mape_filtering */
	__u32 mark_mask; /* contiguous bits of skb->mark that are ours; 0: never mark */
	__u32 mark_shift; /* of its lowest bit */
	__u32 host_ports; /* of each protocol that one LAN host may hold; 0: no limit */
	__u32 host_rate;  /* sessions that it may open per second; 0: no limit */
	__u32 rest_s;	  /* a freed UDP port or query id is not given to anybody for so long */
	__u32 pad2;
	__u32 fmr_count;  /* rules in `fmrs`; 0: only BRs may send to us */
	__u32 source_count; /* networks in `lan_sources`; 0: whatever source the stack forwards */
	__u32 outer_vtf; /* outer header's first word: version, fixed DSCP; host order */
	__u8 hop_limit;	 /* of the outer header */
	__u8 tos_copied; /* bits of the inner TOS that the outer traffic class takes over */
	__u8 ip4_len;	 /* 32, or shorter if the line owns a prefix (MAPE_NO_NAPT) */
	__u8 pad3;
} __attribute__((aligned(8)));

#endif
