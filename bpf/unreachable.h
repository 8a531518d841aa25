/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling a LAN host why its packet goes no farther, by ICMP destination unreachable: a new session
 * is refused for want of a port or by a limit (administratively prohibited, RFC 5508 REQ-8, which
 * ends a connect() at once), a protocol cannot share an address (which SCTP understands at once,
 * RFC 9260 section 10), or the packet is too big and must not be fragmented (RFC 2473 section 7.2).
 * The packet becomes the error about itself. TC only.
 */
#ifndef MAPE_BPF_UNREACHABLE_H
#define MAPE_BPF_UNREACHABLE_H

#include "budget.h"
#include "parse.h"

#define ICMP_HOST_UNREACHABLE 1
#define ICMP_NO_PROTOCOL 2
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_PROHIBITED 13
#define ERRORS_PER_S 100 /* RFC 1812 section 4.3.2.8 */
#define QUOTE_MAX (60 + 20) /* IPv4 header with all options, and a transport header */

/*
 * The far end of the tunnel (RFC 7335: 192.0.0.1). Not our own address: the stack, through which
 * the error goes to the host, would refuse a packet that claims to come from itself.
 */
static const __u8 far_end[4] = { 192, 0, 0, 1 };

/* The Internet checksum of len bytes at the offset, a multiple of two and at most QUOTE_MAX + 8. */
static __always_inline __u16 sum_bytes(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < (QUOTE_MAX + 8) / 2; i++) {
		__u16 *word = ctx_data(skb) + offset + 2 * i;

		if (2 * i >= len || (void *)(word + 1) > ctx_end(skb))
			break;
		sum += *word;
	}
	return ~csum_fold(sum);
}

/*
 * mtu goes with ICMP_FRAGMENTATION_NEEDED. False when it could not be made, may not be (RFC 1812
 * section 4.3.2.7: about a later fragment), or the budget is spent: the packet is just dropped.
 */
static __noinline bool make_unreachable(struct __sk_buff *skb, const struct mape_config *cfg,
					const struct mape_pkt *p, __u8 code, __u16 mtu)
{
	__u32 quote = p->l4 - p->l3 + 20;
	struct icmp_hdr *icmp;
	struct ip4_hdr *ip;

	ip = ctx_data(skb) + ETH_LEN;
	if ((void *)(ip + 1) > ctx_end(skb) || bpf_ntohs(ip->frag) & IP4_OFFSET)
		return false;
	if (quote > p->len)
		quote = p->len & ~1U;
	if (quote > QUOTE_MAX || !budget_take(MAPE_BUDGET_ERRORS, mape_now(cfg), ERRORS_PER_S))
		return false;
	if (bpf_skb_change_tail(skb, ETH_LEN + quote, 0) ||
	    bpf_skb_adjust_room(skb, IP4_LEN + sizeof(*icmp), BPF_ADJ_ROOM_MAC, 0))
		return false;
	ip = ctx_data(skb) + ETH_LEN;
	icmp = (void *)(ip + 1);
	if ((void *)(icmp + 1) > ctx_end(skb))
		return false;
	__builtin_memset(ip, 0, sizeof(*ip) + sizeof(*icmp));
	ip->version_ihl = 0x45;
	ip->tot_len = bpf_htons(IP4_LEN + sizeof(*icmp) + quote);
	ip->ttl = 64;
	ip->proto = MAPE_PROTO_ICMP;
	__builtin_memcpy(ip->src, far_end, 4);
	__builtin_memcpy(ip->dst, p->own, 4);
	ip->check = sum_bytes(skb, ETH_LEN, IP4_LEN);
	icmp->type = ICMP_UNREACHABLE;
	icmp->code = code;
	icmp->seq = bpf_htons(mtu); /* where RFC 1191 has it */
	icmp->check = sum_bytes(skb, ETH_LEN + IP4_LEN, sizeof(*icmp) + quote);
	return true;
}

#endif
