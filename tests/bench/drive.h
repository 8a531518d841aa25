/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the bench's BPF programs share with the programs that run them: which packet is made next.
 * Plain fixed-size types, so that both sides of the fence can include it.
 */
#ifndef MAPE_TESTS_BENCH_DRIVE_H
#define MAPE_TESTS_BENCH_DRIVE_H

#include <linux/types.h>

#define HEAD_MAX 82 /* Ethernet, IPv6, IPv4 and 8 bytes of transport */

/*
 * Generated frames begin this far behind where the kernel would put them. A veth pair copies an skb
 * with less than 256 bytes of headroom before its XDP program sees it; without this the sink would
 * copy just those packets that the router has put a header on.
 */
#define SPARE_ROOM 64

/* One packet's own bytes, in network order; the rest is the template's. */
struct shot {
	__u8 src[4];
	__u8 dst[4];
	__u8 sport[2];
	__u8 dport[2];
	__u8 ip_check[2];
	__u8 udp_check[2];
};

/* One per direction. Packets are made from shots[first + at % count]. */
struct drive {
	__u32 first;
	__u32 count;
	__u32 at;
	__u32 len;	      /* of the frame */
	__u8 head[HEAD_MAX];  /* template of the headers */
	__u8 pad[6];	     /* an array map aligns its values to eight bytes */
};

#endif
