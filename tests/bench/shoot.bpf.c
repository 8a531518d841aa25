// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet rate: a generator (BPF_F_TEST_XDP_LIVE_FRAMES) at both ends of the router under test, a
 * sink at both ends, and the router that does the least: a FIB lookup and a redirect.
 */
#include "fib.h"
#include "make.h"

struct port {
	__u32 ifindex; /* the generator's device */
	__u32 len;     /* of frames that the sink counts as arrived */
};

/* 0: LAN, 1: WAN */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct port);
} ends SEC(".maps");

/* 0: arrived, 1: anything else */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} sunk SEC(".maps");

static __always_inline int shoot(struct xdp_md *ctx, __u32 side, const __u32 head)
{
	struct drive *d = bpf_map_lookup_elem(&drives, &side);
	struct port *port = bpf_map_lookup_elem(&ends, &side);

	if (!d || !port || bpf_xdp_adjust_head(ctx, SPARE_ROOM) || write_head(ctx, d, head))
		return XDP_ABORTED;
	return bpf_redirect(port->ifindex, 0);
}

SEC("xdp")
int shoot_plain_lan(struct xdp_md *ctx)
{
	return shoot(ctx, 0, PLAIN_HEAD);
}

SEC("xdp")
int shoot_plain_wan(struct xdp_md *ctx)
{
	return shoot(ctx, 1, PLAIN_HEAD);
}

SEC("xdp")
int shoot_tunnel_wan(struct xdp_md *ctx)
{
	return shoot(ctx, 1, TUNNEL_HEAD);
}

static __always_inline int sink(struct xdp_md *ctx, __u32 side)
{
	struct port *port = bpf_map_lookup_elem(&ends, &side);
	long len = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	__u32 other = !port || len != port->len;
	__u64 *count = bpf_map_lookup_elem(&sunk, &other);

	if (count)
		++*count;
	return XDP_DROP;
}

SEC("xdp")
int sink_lan(struct xdp_md *ctx)
{
	return sink(ctx, 0);
}

SEC("xdp")
int sink_wan(struct xdp_md *ctx)
{
	return sink(ctx, 1);
}

/* Plain IPv4 forwarding as an XDP program does it at least; devices are those of `tx`. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} tx SEC(".maps");

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	return fib_forward(ctx, &tx);
}

/* No work at all: what comes from one device goes out of the other. 0: LAN, 1: WAN */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} opposite SEC(".maps");

SEC("xdp")
int wire_lan(struct xdp_md *ctx)
{
	return bpf_redirect_map(&opposite, 1, XDP_DROP);
}

SEC("xdp")
int wire_wan(struct xdp_md *ctx)
{
	return bpf_redirect_map(&opposite, 0, XDP_DROP);
}

char LICENSE[] SEC("license") = "GPL";
