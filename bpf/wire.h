/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Protocol headers as they are on the wire. No bitfields: their order depends on the byte order
 * of the machine, and these sources are compiled for both. Drivers leave room so that the network
 * header lies on a multiple of four, which the alignment of these structs repeats.
 */
#ifndef MAPE_BPF_WIRE_H
#define MAPE_BPF_WIRE_H

#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD

#define IPPROTO_HOPOPTS 0
#define IPPROTO_IPIP 4
#define IPPROTO_DCCP 33
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_UDPLITE 136

struct eth_hdr {
	__u8 dst[6];
	__u8 src[6];
	__be16 proto;
} __attribute__((packed));

struct ip6_hdr {
	__be32 vtf; /* version 4, traffic class 8, flow label 20 bits */
	__be16 payload_len;
	__u8 next_header;
	__u8 hop_limit;
	__u8 src[16];
	__u8 dst[16];
};

struct ip6_ext { /* hop-by-hop options, destination options, routing */
	__u8 next_header;
	__u8 len;  /* in units of eight bytes, without the first */
	__u8 type; /* routing header: its type, ... */
	__u8 left; /* ... and how many hops are left to visit */
};

struct ip4_hdr {
	__u8 version_ihl;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag; /* reserved, DF, MF, 13 bits of offset */
	__u8 ttl;
	__u8 proto;
	__u16 check;
	__u8 src[4];
	__u8 dst[4];
} __attribute__((aligned(4)));

#define IP4_DF bpf_htons(0x4000)
#define IP4_MF_OR_OFFSET bpf_htons(0x3fff)
#define IP4_MF 0x2000 /* of the host-order field */
#define IP4_OFFSET 0x1fff

struct l4_ports { /* TCP and UDP start with these */
	__be16 src;
	__be16 dst;
};

struct tcp_hdr {
	struct l4_ports ports;
	__be32 seq;
	__be32 ack;
	__u8 doff; /* upper four bits, in words */
	__u8 flags;
	__be16 window;
	__u16 check;
	__be16 urgent;
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct udp_hdr {
	struct l4_ports ports;
	__be16 len;
	__u16 check;
};

struct icmp_hdr {
	__u8 type;
	__u8 code;
	__u16 check;
	__be16 id;
	__be16 seq;
};

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMP_TIMESTAMP = 13,
	ICMP_TIMESTAMP_REPLY = 14,
};

#define ETH_MIN 60 /* shorter frames are padded on the wire */
#define ETH_LEN sizeof(struct eth_hdr)
#define IP6_LEN sizeof(struct ip6_hdr)
#define IP4_LEN sizeof(struct ip4_hdr)

/* Offset of the inner IPv4 header in a plain frame, and in an encapsulated one. */
#define L3_PLAIN ETH_LEN
#define L3_TUNNEL (ETH_LEN + IP6_LEN)

/* As it is in memory. */
static __always_inline __u32 addr4_word(const __u8 *addr)
{
	__u32 word;

	__builtin_memcpy(&word, addr, 4);
	return word;
}

static __always_inline bool addr4_equal(const __u8 *a, const __u8 *b)
{
	return addr4_word(a) == addr4_word(b);
}

static __always_inline bool addr6_equal(const __u8 *a, const __u8 *b)
{
	__u32 x[4], y[4];

	__builtin_memcpy(x, a, 16);
	__builtin_memcpy(y, b, 16);
	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	__u16 x[3], y[3];

	__builtin_memcpy(x, a, 6);
	__builtin_memcpy(y, b, 6);
	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

#endif
