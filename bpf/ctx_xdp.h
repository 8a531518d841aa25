/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet as an XDP program has it: one frame, contiguous, with a complete checksum. The same
 * functions as ctx_skb.h.
 */
#ifndef MAPE_BPF_CTX_H
#define MAPE_BPF_CTX_H

#include "csum.h"
#include "wire.h"
#include <bpf/bpf_helpers.h>

typedef struct xdp_md mape_ctx;

#define CTX_FRAGMENTS 0 /* they go to the TC program behind this hook */

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
	return ctx->data_end - ctx->data;
}

static __always_inline __u32 ctx_ifindex(mape_ctx *ctx)
{
	return ctx->ingress_ifindex;
}

/* Cut the frame off there. Invalidates packet pointers. */
static __always_inline long ctx_trim(mape_ctx *ctx, __u32 end)
{
	__u32 len = ctx_len(ctx);

	asm volatile("" : "+r"(len)); /* a number from here on, no pointers to do sums with */
	return bpf_xdp_adjust_tail(ctx, (int)(end - len));
}

/* The hook is on the ports of a bridge; a LAN device that is no bridge counts as its own port. */
static __always_inline __u32 ctx_bridge_port(mape_ctx *ctx)
{
	return ctx->ingress_ifindex;
}

static __always_inline void ctx_pull(mape_ctx *ctx, __u32 want)
{
}

static __always_inline long ctx_load_bytes(mape_ctx *ctx, __u32 offset, void *to, __u32 len)
{
	return bpf_xdp_load_bytes(ctx, offset, to, len);
}

/* A tag is still in the frame, so the Ethernet type already tells. */
static __always_inline bool ctx_has_vlan(mape_ctx *ctx)
{
	return false;
}

static __always_inline __u32 ctx_segments(mape_ctx *ctx, __u32 headers)
{
	return 1;
}

static __always_inline __u32 ctx_wire_len(mape_ctx *ctx, __u32 inner_len, __u32 headers)
{
	return inner_len;
}

/* Copy len bytes at the offset; 0, or negative if the frame is shorter. */
static __always_inline long ctx_load(mape_ctx *ctx, __u32 offset, void *to, __u32 len)
{
	return bpf_xdp_load_bytes(ctx, offset, to, len);
}

/* Overwrite len bytes at an even offset. Invalidates packet pointers. */
static __always_inline long ctx_store(mape_ctx *ctx, __u32 offset, const void *from, __u32 len)
{
	return bpf_xdp_store_bytes(ctx, offset, (void *)from, len);
}

/* Take out len bytes behind the IPv6 header. Invalidates packet pointers. */
static __noinline __attribute__((unused)) int ctx_cut(mape_ctx *ctx, __u32 len)
{
	__u8 headers[L3_TUNNEL];
	void *data = ctx_data(ctx);

	if (data + sizeof(headers) > ctx_end(ctx))
		return 0;
	__builtin_memcpy(headers, data, sizeof(headers));
	if (bpf_xdp_adjust_head(ctx, len))
		return 0;
	data = ctx_data(ctx);
	if (data + sizeof(headers) > ctx_end(ctx))
		return 0;
	__builtin_memcpy(data, headers, sizeof(headers));
	return 1;
}

static __always_inline void ctx_csum_l4(mape_ctx *ctx, __u32 offset, __u32 addr_delta,
					__u32 body_delta, bool udp)
{
	__u16 *check = ctx_data(ctx) + (offset & 0xff);

	if ((void *)(check + 1) > ctx_end(ctx) || (udp && !*check))
		return;
	*check = csum_apply(*check, (__u64)addr_delta + body_delta);
	if (udp && !*check)
		*check = 0xffff; /* RFC 768: 0 would say "no checksum" */
}

#endif
