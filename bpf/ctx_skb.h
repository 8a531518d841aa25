/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet as a TC program has it. Together with ctx_xdp.h, which offers the same functions for
 * XDP, the only place that knows which hook it is.
 *
 * An skb can be a super-packet (GSO/GRO) of many segments, its bytes can lie outside the linear
 * part, and its transport checksum can be half done (CHECKSUM_PARTIAL: the field holds the pseudo
 * header's sum and the device adds the rest). The helpers used here know about all three.
 */
#ifndef MAPE_BPF_CTX_H
#define MAPE_BPF_CTX_H

#include "csum.h"
#include "wire.h"
#include <bpf/bpf_helpers.h>

typedef struct __sk_buff mape_ctx;

#define CTX_FRAGMENTS 1 /* this hook can handle fragments */

static __always_inline void *ctx_data(mape_ctx *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *ctx_end(mape_ctx *ctx)
{
	return (void *)(long)ctx->data_end;
}

static __always_inline __u32 ctx_len(mape_ctx *ctx)
{
	return ctx->len;
}

static __always_inline __u32 ctx_ifindex(mape_ctx *ctx)
{
	return ctx->ifindex;
}

/* Cut the frame off there. Invalidates packet pointers. */
static __always_inline long ctx_trim(mape_ctx *ctx, __u32 end)
{
	return bpf_skb_change_tail(ctx, end, 0);
}

/* The hook is on the bridge (or whatever the LAN device is) itself. */
static __always_inline __u32 ctx_bridge_port(mape_ctx *ctx)
{
	return 0;
}

/* Make the first bytes, at most want, directly accessible. Invalidates packet pointers. */
static __always_inline void ctx_pull(mape_ctx *ctx, __u32 want)
{
	__u32 len = ctx->len;

	if (ctx_data(ctx) + want > ctx_end(ctx))
		bpf_skb_pull_data(ctx, want < len ? want : len);
	/*
	 * Read the context anew. The compiler would join the old and the new start of the data as
	 * the 32-bit numbers that they seem to be, and for the verifier that is no packet pointer.
	 */
	asm volatile("" ::: "memory");
}

static __always_inline long ctx_load_bytes(mape_ctx *ctx, __u32 offset, void *to, __u32 len)
{
	return bpf_skb_load_bytes(ctx, offset, to, len);
}

static __always_inline bool ctx_has_vlan(mape_ctx *ctx)
{
	return ctx->vlan_present;
}

/* Segments of a super-packet; headers is their length in front of the payload. */
static __always_inline __u32 ctx_segments(mape_ctx *ctx, __u32 headers)
{
	__u32 size = ctx->gso_size, segs = ctx->gso_segs;

	if (!size)
		return 1;
	if (!segs && ctx->len > headers) /* not counted yet: changed since it was built */
		segs = (ctx->len - headers + size - 1) / size;
	return segs ? segs : 1;
}

/* Length of the largest IPv4 packet that this one becomes on a wire. */
static __always_inline __u32 ctx_wire_len(mape_ctx *ctx, __u32 inner_len, __u32 headers)
{
	return ctx->gso_size ? headers + ctx->gso_size : inner_len;
}

/* Copy len bytes at the offset; 0, or negative if the frame is shorter. */
static __always_inline long ctx_load(mape_ctx *ctx, __u32 offset, void *to, __u32 len)
{
	return bpf_skb_load_bytes(ctx, offset, to, len);
}

/* Overwrite len bytes at an even offset. Invalidates packet pointers. */
static __always_inline long ctx_store(mape_ctx *ctx, __u32 offset, const void *from, __u32 len)
{
	return bpf_skb_store_bytes(ctx, offset, from, len, BPF_F_RECOMPUTE_CSUM);
}

/* Take out len bytes behind the IPv6 header. Invalidates packet pointers. */
static __noinline __attribute__((unused)) int ctx_cut(mape_ctx *ctx, __u32 len)
{
	return !bpf_skb_adjust_room(ctx, -(__s32)len, BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_FIXED_GSO);
}

/*
 * Apply to the transport checksum at offset a change of pseudo-header addresses and one of bytes
 * that the checksum covers directly. udp: a zero checksum means none. Invalidates pointers.
 */
static __always_inline void ctx_csum_l4(mape_ctx *ctx, __u32 offset, __u32 addr_delta,
					__u32 body_delta, bool udp)
{
	__u64 flags = udp ? BPF_F_MARK_MANGLED_0 : 0;

	if (addr_delta)
		bpf_l4_csum_replace(ctx, offset, 0, addr_delta, flags | BPF_F_PSEUDO_HDR);
	if (body_delta)
		bpf_l4_csum_replace(ctx, offset, 0, body_delta, flags);
}

#endif
