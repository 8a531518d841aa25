/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP as a NAT sees it: the states of RFC 6146 section 3.5.2, and the MSS clamp.
 */
#ifndef MAPE_BPF_TCP_H
#define MAPE_BPF_TCP_H

#include "parse.h"

/* The state after this packet. */
static __always_inline __u8 tcp_next_state(__u8 state, enum mape_dir dir, __u8 flags)
{
	bool out = dir == MAPE_OUT;

	if (flags & TCP_RST)
		return MAPE_TCP_TRANS;
	if (flags & TCP_SYN) {
		if (!(flags & TCP_ACK) && (state == MAPE_TCP_FIN || state == MAPE_TCP_TRANS))
			return out ? MAPE_TCP_INIT : state; /* the same ports, a new connection */
		/* A SYN from the other side too, with or without ACK (simultaneous open). */
		return state == (out ? MAPE_TCP_INIT_IN : MAPE_TCP_INIT) ? MAPE_TCP_EST : state;
	}
	if (flags & TCP_FIN) {
		__u8 own = out ? MAPE_TCP_FIN_OUT : MAPE_TCP_FIN_IN;

		if (state == MAPE_TCP_EST || state == MAPE_TCP_INIT || state == MAPE_TCP_INIT_IN)
			return own;
		return state == own || state == MAPE_TCP_TRANS ? state : MAPE_TCP_FIN;
	}
	if (state == MAPE_TCP_TRANS || (state == MAPE_TCP_INIT && !out))
		return MAPE_TCP_EST;
	return state;
}

#define TCP_OPT_END 0
#define TCP_OPT_NOP 1
#define TCP_OPT_MSS 2
#define TCP_OPTIONS_MAX 40

struct mss_search {
	__u32 offset; /* of the option being looked at, from the TCP header */
	__u32 end;    /* of the header */
	__u32 found;
	mape_ctx *ctx;
	__u32 l4;
};

static long mss_option(__u32 i, struct mss_search *search)
{
	__u8 *option;

	if (search->offset >= search->end || search->offset > 60)
		return 1;
	option = ctx_data(search->ctx) + search->l4 + search->offset;
	if ((void *)(option + 2) > ctx_end(search->ctx) || option[0] == TCP_OPT_END)
		return 1;
	if (option[0] == TCP_OPT_NOP) {
		search->offset++;
		return 0;
	}
	if (search->offset + option[1] > search->end)
		return 1; /* cut off: what stands there is payload */
	if (option[0] == TCP_OPT_MSS && option[1] == 4) {
		search->found = search->offset + 2;
		return 1;
	}
	if (option[1] < 2)
		return 1;
	search->offset += option[1];
	return 0;
}

/*
 * Lower the MSS of a SYN so that full segments fit the tunnel: 20 bytes of IPv4 and 20 of TCP
 * header below its MTU (RFC 879). Both directions pass here. Invalidates packet pointers.
 */
static __noinline int clamp_mss(mape_ctx *ctx, struct mape_pkt *p, __u32 mtu)
{
	struct mss_search search = { .ctx = ctx, .l4 = p->l4 & 0xff, .offset = sizeof(struct tcp_hdr) };
	__u16 limit = mtu - 40, old;
	struct tcp_hdr *tcp;
	__u32 at;
	__u8 *mss;

	tcp = ctx_data(ctx) + search.l4;
	if ((void *)(tcp + 1) > ctx_end(ctx))
		return 0;
	search.end = (tcp->doff >> 4) * 4;
	bpf_loop(TCP_OPTIONS_MAX, mss_option, &search, 0);
	if (!search.found)
		return 0;
	at = search.l4 + (search.found & 0x3f);
	mss = ctx_data(ctx) + at;
	if ((void *)(mss + 2) > ctx_end(ctx))
		return 0;
	old = (__u16)mss[0] << 8 | mss[1];
	if (old <= limit)
		return 0;
	mss[0] = limit >> 8;
	mss[1] = limit & 0xff;
	/* At an odd offset the two bytes are halves of two checksummed words: swapped, they add
	 * up the same. */
	old = bpf_htons(old);
	limit = bpf_htons(limit);
	if (search.found & 1) {
		old = __builtin_bswap16(old);
		limit = __builtin_bswap16(limit);
	}
	ctx_csum_l4(ctx, search.l4 + __builtin_offsetof(struct tcp_hdr, check), 0,
		    csum_delta16(old, limit), false);
	return 0;
}

#endif
