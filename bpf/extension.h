/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extension headers between the outer header and the inner packet (RFC 2473 section 3.3): cut out
 * before anything else looks at the packet, so that the inner header is always in the same place.
 *
 * Walked from left to right. What a host may skip is skipped: hop-by-hop options, destination
 * options (among them the tunnel encapsulation limit) and a routing header that has come to its
 * end. Anything else, an option that may not be skipped, or more than the bounds: the kernel's
 * business, untouched.
 */
#ifndef MAPE_BPF_EXTENSION_H
#define MAPE_BPF_EXTENSION_H

#include "maps.h"
#include "wire.h"

#define EXT_HEADERS 4
#define EXT_BYTES 128 /* of all of them; RFC 8504 section 5.3 lets a host limit them */
#define EXT_END (L3_TUNNEL + EXT_BYTES)

#define OPT_PAD1 0
#define OPT_ACTION 0xc0 /* what to do with it if unknown, 0: skip (RFC 8200 section 4.2) */

struct ext_options {
	mape_ctx *ctx;
	__u32 offset; /* of the option being looked at, from the start of the frame */
	__u32 end;    /* of the options */
	__u32 bad;
};

static long ext_option(__u32 i, struct ext_options *o)
{
	__u8 option[2];

	if (o->offset >= o->end)
		return 1;
	o->bad = 1;
	if (ctx_load(o->ctx, o->offset, option, sizeof(option)) || option[0] & OPT_ACTION)
		return 1;
	o->offset += option[0] == OPT_PAD1 ? 1 : option[1] + 2;
	o->bad = o->offset > o->end;
	return o->bad;
}

/* May the header at this offset be skipped? */
static __always_inline bool ext_skippable(mape_ctx *ctx, const struct ip6_ext *ext, __u8 type,
					  __u32 offset, __u32 len)
{
	struct ext_options options = { .ctx = ctx, .offset = offset + 2, .end = offset + len };

	if (type == IPPROTO_ROUTING)
		return !ext->left;
	bpf_loop(EXT_BYTES, ext_option, &options, 0);
	return !options.bad;
}

static __always_inline bool ext_type(__u8 next_header)
{
	return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING ||
	       next_header == IPPROTO_DSTOPTS;
}

/* Bytes of extension headers, the first of this type, in front of an inner packet; or 0. */
static __noinline int ext_length(mape_ctx *ctx, __u32 next)
{
	__u32 offset = L3_TUNNEL, len;
	struct ip6_ext ext;

	for (int i = 0; i < EXT_HEADERS && next != IPPROTO_IPIP; i++) {
		/* Hop-by-hop options come first or not at all. */
		if (!ext_type(next) || (i && next == IPPROTO_HOPOPTS) ||
		    ctx_load(ctx, offset, &ext, sizeof(ext)))
			return 0;
		len = (ext.len + 1) * 8;
		if (offset + len > EXT_END || !ext_skippable(ctx, &ext, next, offset, len))
			return 0;
		next = ext.next_header;
		offset += len;
	}
	return next == IPPROTO_IPIP ? offset - L3_TUNNEL : 0;
}

/*
 * Cut out the extension headers of a frame that is a tunnel packet for us, and leave any other
 * alone. 0, or negative when that failed and the packet is spoilt. Not inlined: the pointers into
 * the packet are looked up anew behind it.
 */
static __noinline int outer_straighten(mape_ctx *ctx, const struct mape_config *cfg)
{
	struct eth_hdr *eth = ctx_data(ctx);
	struct ip6_hdr *ip6 = (void *)(eth + 1);
	__u32 len, payload_len;
	struct {
		__be16 payload_len;
		__u8 next_header;
	} __attribute__((packed)) new;

	if ((void *)(ip6 + 1) > ctx_end(ctx) || eth->proto != bpf_htons(ETH_P_IPV6) ||
	    ctx_has_vlan(ctx) || !ext_type(ip6->next_header) || !addr6_equal(ip6->dst, cfg->ce))
		return 0;
	payload_len = bpf_ntohs(ip6->payload_len);
	len = ext_length(ctx, ip6->next_header);
	if (!len || len > EXT_BYTES || len > payload_len || L3_TUNNEL + len > ctx_len(ctx))
		return 0;
	new.payload_len = bpf_htons(payload_len - len);
	new.next_header = IPPROTO_IPIP;
	if (ctx_store(ctx, ETH_LEN + __builtin_offsetof(struct ip6_hdr, payload_len), &new,
		      sizeof(new)))
		return -1;
	return ctx_cut(ctx, len) ? 0 : -1;
}

#endif
