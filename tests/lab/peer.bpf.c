// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab's BR for bulk traffic: two TC programs that move super-packets (GSO) as they are, both
 * ways, so that the CE under test meets IPv4-in-IPv6 super-packets with partial checksums too.
 *
 * It serves one CE and checks only addresses and the port set; br.c checks everything. It shares
 * no header with what it tests. Kernel 6.3 (BPF_F_ADJ_ROOM_DECAP_L3_IPV4).
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef BPF_F_ADJ_ROOM_DECAP_L3_IPV4
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7) /* the inner packet is IPv4 */
#endif

struct v6_header {
	__be32 version_class_flow;
	__be16 payload_len;
	__u8 next_header, hop_limit;
	__be32 src[4], dst[4];
} __attribute__((packed));

struct v4_header {
	__u8 version_ihl, tos;
	__be16 len, id, frag;
	__u8 ttl, proto;
	__be16 check;
	__be32 src, dst;
} __attribute__((packed));

/* Written by the lab before the programs are attached; host byte order unless __be. */
struct peer_config {
	__be32 ce[4], br[4];
	__be32 shared; /* the CE's IPv4 address */
	__u32 wan_ifindex, server_ifindex;
	__u16 psid;
	__u8 psid_len, psid_offset;
};

struct peer_stats {
	__u64 up_packets, up_bytes, up_super; /* CE -> server; super: GSO packets among them */
	__u64 down_packets, down_bytes, down_super;
	__u64 outer_source, inner_source, outside_port_set, no_port; /* refused */
	__u64 error;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct peer_config);
} peer_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct peer_stats);
} peer_stats SEC(".maps");

enum {
	PORT_WORDS = 65536 / 64
};

/* External ports seen: bit per port; first TCP, then UDP, then ICMP echo identifiers. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3 * PORT_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} peer_ports SEC(".maps");

static __always_inline int drop(__u64 *counter)
{
	*counter += 1;
	return TC_ACT_SHOT;
}

static __always_inline int same_address(const __be32 *a, const __be32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline int port_in_set(const struct peer_config *c, __u16 port)
{
	if (!c->psid_len)
		return 1;
	if (c->psid_offset && !(port >> (16 - c->psid_offset)))
		return 0;
	return ((port >> (16 - c->psid_offset - c->psid_len)) & ((1 << c->psid_len) - 1)) ==
	       c->psid;
}

/* Port or ICMP echo identifier of the CE in a packet from it; -1 when it has none. */
static __always_inline int ce_port(struct __sk_buff *skb, const struct v4_header *ip, __u32 l4)
{
	__be16 word[3];

	if ((ip->frag & bpf_htons(0x1fff)) || bpf_skb_load_bytes(skb, l4, word, sizeof(word)))
		return -1;
	if (ip->proto == IPPROTO_ICMP)
		return bpf_ntohs(word[2]);
	if (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP)
		return bpf_ntohs(word[0]);
	return -1;
}

static __always_inline void saw_port(__u8 proto, __u16 port)
{
	__u32 kind = proto == IPPROTO_TCP ? 0 : proto == IPPROTO_UDP ? 1 : 2;
	__u32 key = kind * PORT_WORDS + port / 64;
	__u64 *word = bpf_map_lookup_elem(&peer_ports, &key), bit = 1ULL << port % 64;

	if (word && !(*word & bit))
		__sync_fetch_and_or(word, bit);
}

SEC("tc")
int peer_up(struct __sk_buff *skb)
{
	__u32 zero = 0, at = ETH_HLEN + sizeof(struct v6_header);
	struct peer_config *c = bpf_map_lookup_elem(&peer_config, &zero);
	struct peer_stats *s = bpf_map_lookup_elem(&peer_stats, &zero);
	__be16 ethertype = bpf_htons(ETH_P_IP);
	struct v6_header outer;
	struct v4_header inner;
	int port;

	if (!c || !s || skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &outer, sizeof(outer)) ||
	    outer.next_header != IPPROTO_IPIP || !same_address(outer.dst, c->br) ||
	    bpf_skb_load_bytes(skb, at, &inner, sizeof(inner)))
		return TC_ACT_OK;
	if (!same_address(outer.src, c->ce))
		return drop(&s->outer_source);
	if (inner.src != c->shared)
		return drop(&s->inner_source);
	port = ce_port(skb, &inner, at + (inner.version_ihl & 15) * 4);
	if (port < 0)
		return drop(&s->no_port);
	if (!port_in_set(c, port))
		return drop(&s->outside_port_set);
	saw_port(inner.proto, port);
	s->up_packets += 1;
	s->up_bytes += skb->len - at;
	s->up_super += skb->gso_segs > 1;
	if (bpf_skb_adjust_room(skb, -(int)sizeof(outer), BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_DECAP_L3_IPV4 | BPF_F_ADJ_ROOM_FIXED_GSO) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN - 2, &ethertype, 2, 0))
		return drop(&s->error);
	return bpf_redirect_neigh(c->server_ifindex, NULL, 0, 0);
}

SEC("tc")
int peer_down(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct peer_config *c = bpf_map_lookup_elem(&peer_config, &zero);
	struct peer_stats *s = bpf_map_lookup_elem(&peer_stats, &zero);
	__be16 ethertype = bpf_htons(ETH_P_IPV6);
	struct v6_header outer = {.next_header = IPPROTO_IPIP, .hop_limit = 64};
	struct v4_header inner;

	if (!c || !s || skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &inner, sizeof(inner)) || inner.dst != c->shared)
		return TC_ACT_OK;
	s->down_packets += 1;
	s->down_bytes += skb->len - ETH_HLEN;
	s->down_super += skb->gso_segs > 1;
	outer.version_class_flow = bpf_htonl(6u << 28 | (__u32)inner.tos << 20);
	outer.payload_len = bpf_htons(skb->len - ETH_HLEN);
	__builtin_memcpy(outer.src, c->br, 16);
	__builtin_memcpy(outer.dst, c->ce, 16);
	if (bpf_skb_adjust_room(skb, sizeof(outer), BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_FIXED_GSO) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &outer, sizeof(outer), 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN - 2, &ethertype, 2, 0))
		return drop(&s->error);
	return bpf_redirect_neigh(c->wan_ifindex, NULL, 0, 0);
}

char _license[] SEC("license") = "GPL";
