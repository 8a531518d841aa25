// SPDX-License-Identifier: GPL-2.0-only
/*
 * Program cost: rewriters that make each run of BPF_PROG_TEST_RUN see another packet and then
 * tail-call the program that is measured, and the floors that it is measured against.
 *
 * A test run hands the same frame to every repetition, with what the last one left in it; the
 * rewriter takes a frame that has become longer or shorter back to where it was. Its own cost is
 * measured too: a rewriter that tail-calls floor_empty.
 */
#include "fib.h"
#include "make.h"

#define ETH_IP bpf_htons(0x0800)
#define ETH_IP6 bpf_htons(0x86dd)

struct floor_key { /* as large as struct mape_flow */
	__u8 src[4], dst[4];
	__u16 sport, dport;
	__u8 proto;
	__u8 pad[3];
};

struct floor_value { /* as large as struct mape_session: set before loading */
	__u8 bytes[8];
};

#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif

#define FLOOR_MAP(name)                               \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_HASH);      \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__uint(max_entries, 1);               \
		__type(key, struct floor_key);        \
		__type(value, struct floor_value);    \
	} name SEC(".maps")

FLOOR_MAP(floor_out);
FLOOR_MAP(floor_in);

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} floor_tx SEC(".maps");

static __always_inline int drive(struct xdp_md *ctx, void *target, __u32 side, const __u32 head)
{
	struct drive *d = bpf_map_lookup_elem(&drives, &side);
	void *data = (void *)(long)ctx->data;
	long meta = data - (void *)(long)ctx->data_meta;
	long longer = (void *)(long)ctx->data_end - data;

	barrier_var(longer); /* the verifier knows differences of pointers only as 64 bits */
	barrier_var(meta);
	if (!d)
		return XDP_ABORTED;
	longer -= d->len;
	if (meta)
		bpf_xdp_adjust_meta(ctx, meta);
	if (longer)
		bpf_xdp_adjust_head(ctx, longer);
	if (!write_head(ctx, d, head))
		bpf_tail_call(ctx, target, 0);
	return XDP_ABORTED;
}

/* A rewriter with a target of its own: changing a target takes the kernel milliseconds. */
#define DRIVE(name, side, head)                           \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);    \
		__uint(max_entries, 1);                   \
		__type(key, __u32);                       \
		__type(value, __u32);                     \
	} target_##name SEC(".maps");                     \
                                                          \
	SEC("xdp")                                        \
	int drive_##name(struct xdp_md *ctx)              \
	{                                                 \
		return drive(ctx, &target_##name, side, head); \
	}

DRIVE(out_rewriter, 0, PLAIN_HEAD)
DRIVE(out_lookup, 0, PLAIN_HEAD)
DRIVE(out_fib, 0, PLAIN_HEAD)
DRIVE(out, 0, PLAIN_HEAD)
DRIVE(in_rewriter, 1, TUNNEL_HEAD)
DRIVE(in_lookup, 1, TUNNEL_HEAD)
DRIVE(in, 1, TUNNEL_HEAD)

/* The key of the inner packet at l3, a constant. */
static __always_inline int floor_key(void *data, void *end, const __u32 l3, struct floor_key *key)
{
	__u8 *ip = data + l3;
	__u16 proto;

	if ((void *)(ip + 24) > end || ip[0] != 0x45)
		return -1;
	__builtin_memcpy(&proto, data + 12, 2);
	if (proto != (l3 == ETH_LEN ? ETH_IP : ETH_IP6))
		return -1;
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->src, ip + 12, 8);
	__builtin_memcpy(&key->sport, ip + 20, 4);
	key->proto = ip[9];
	return 0;
}

SEC("xdp")
int floor_empty(struct xdp_md *ctx)
{
	return XDP_TX;
}

static __always_inline int floor_lookup(void *map, struct xdp_md *ctx, const __u32 l3)
{
	struct floor_key key;

	if (floor_key((void *)(long)ctx->data, (void *)(long)ctx->data_end, l3, &key))
		return XDP_ABORTED;
	return bpf_map_lookup_elem(map, &key) ? XDP_TX : XDP_DROP;
}

SEC("xdp")
int floor_lookup_lan(struct xdp_md *ctx)
{
	return floor_lookup(&floor_out, ctx, ETH_LEN);
}

SEC("xdp")
int floor_lookup_wan(struct xdp_md *ctx)
{
	return floor_lookup(&floor_in, ctx, ETH_LEN + IP6_LEN);
}

SEC("xdp")
int floor_fib(struct xdp_md *ctx)
{
	return fib_forward(ctx, &floor_tx);
}

/* TC: one lookup, and room made or taken with nothing put there. */
static __always_inline int floor_room(struct __sk_buff *skb, void *map, const __u32 l3, int room,
				      __u64 flags)
{
	struct floor_key key;

	if (floor_key((void *)(long)skb->data, (void *)(long)skb->data_end, l3, &key) ||
	    !bpf_map_lookup_elem(map, &key) ||
	    bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, flags | BPF_F_ADJ_ROOM_FIXED_GSO))
		return 2; /* TC_ACT_SHOT */
	return 0;
}

SEC("tc")
int floor_tc_empty(struct __sk_buff *skb)
{
	return 0;
}

SEC("tc")
int floor_tc_lan(struct __sk_buff *skb)
{
	return floor_room(skb, &floor_out, ETH_LEN, IP6_LEN, BPF_F_ADJ_ROOM_ENCAP_L3_IPV6);
}

SEC("tc")
int floor_tc_wan(struct __sk_buff *skb)
{
	return floor_room(skb, &floor_in, ETH_LEN + IP6_LEN, -IP6_LEN, 1ULL << 7); /* DECAP_L3_IPV4 */
}

char LICENSE[] SEC("license") = "GPL";
