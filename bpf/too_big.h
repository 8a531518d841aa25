/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Outbound packets without DF that the stack has let pass, but the path does not take, since it is
 * narrower than the tunnel interface for a while. TC only.
 *
 * The inner packet is fragmented after the NAPT, and each piece gets all of the outer header. No
 * helper makes two packets of one, but a clone can be sent: for each piece one with the headers of
 * that piece goes round to the tunnel's exit again, where it loses its tail, and the packet in
 * front of us loses the same bytes at its head. All go round, so they stay in order; and so does a
 * fragment that fits, because it must not overtake the pieces of the one before it.
 *
 * Segments of a TCP super-packet are not cut, they are made shorter.
 */
#ifndef MAPE_BPF_TOO_BIG_H
#define MAPE_BPF_TOO_BIG_H

#include "finish.h"
#include "icmp_sum.h"
#include "parse.h"
#include "pmtu.h"
#include "tunnel.h"

/* On a frame at the tunnel's exit: a piece of one that was cut, with all its headers. */
#define TC_INDEX_PIECE 0x6d71

#define PIECES_MAX 8 /* of the packets of 9000 bytes on a path of 1280 */

struct tunnel_headers {
	struct ip6_hdr ip6;
	struct ip4_hdr ip;
};

static __always_inline void ip4_set_part(struct ip4_hdr *ip, __u32 len, __be16 frag)
{
	__u64 delta = csum_delta16(ip->tot_len, bpf_htons(len));

	delta += csum_delta16(ip->frag, frag);
	ip->check = csum_apply(ip->check, delta);
	ip->tot_len = bpf_htons(len);
	ip->frag = frag;
}

/* The sum of the frame's bytes from an even offset to its end; false if it is too long. */
static __noinline bool sum_to_end(struct __sk_buff *skb, __u32 offset, __u16 *folded)
{
	struct mape_error_copy *copy;
	__u32 zero = 0, left, len;
	__u64 sum = 0;

	copy = bpf_map_lookup_elem(&error_copy, &zero);
	if (!copy)
		return false;
	for (int i = 0; i < 8 && offset < skb->len; i++) {
		left = skb->len - offset - 1;
		len = (left < MAPE_ERROR_MAX ? left : MAPE_ERROR_MAX - 1) & 0x7ff;
		asm volatile("" : "+r"(len)); /* as in error_sums_right() */
		if (len >= MAPE_ERROR_MAX)
			return false;
		len++;
		if (bpf_skb_load_bytes(skb, offset, copy->bytes, len))
			return false;
		for (__u32 k = 0; k < 4; k++)
			copy->bytes[len + k] = 0;
		sum += copy_sum(0, (len + 3) / 4);
		offset += len;
	}
	*folded = csum_fold(sum);
	return offset >= skb->len;
}

/*
 * A transport checksum that is left to the device (the field holds the sum of the pseudo header)
 * would be computed over the first piece only: the sum of the others is put there in advance. That
 * the field holds just this sum in a complete checksum is as improbable as any other damage that
 * the checksum does not show.
 */
static __noinline bool complete_checksum(struct __sk_buff *skb, const struct ip4_hdr *ip, __u32 cut)
{
	__u32 at = L3_TUNNEL + IP4_LEN;
	__u16 field, rest = 0;
	__u64 pseudo;

	if (ip->proto == MAPE_PROTO_UDP)
		at += __builtin_offsetof(struct udp_hdr, check);
	else if (ip->proto == MAPE_PROTO_TCP)
		at += __builtin_offsetof(struct tcp_hdr, check);
	else
		return true;
	if (bpf_skb_load_bytes(skb, at, &field, sizeof(field)))
		return false;
	pseudo = (__u64)bpf_htons(ip->proto) + bpf_htons(bpf_ntohs(ip->tot_len) - IP4_LEN);
	for (int i = 0; i < 4; i += 2) {
		__u16 src, dst;

		__builtin_memcpy(&src, ip->src + i, 2);
		__builtin_memcpy(&dst, ip->dst + i, 2);
		pseudo += (__u32)src + dst;
	}
	if (field != csum_fold(pseudo))
		return true;
	if (!sum_to_end(skb, L3_TUNNEL + IP4_LEN + cut, &rest))
		return false;
	field = csum_fold((__u64)field + rest);
	return !bpf_skb_store_bytes(skb, at, &field, sizeof(field), 0);
}

static __always_inline __u32 piece_payload(__u32 mtu)
{
	return (mtu - IP4_LEN) & ~7U;
}

/* Send a copy of the packet round, with these headers. */
static __always_inline bool send_copy(struct __sk_buff *skb, const struct mape_config *cfg,
				      const struct tunnel_headers *h)
{
	return !bpf_skb_store_bytes(skb, ETH_LEN, h, sizeof(*h), 0) &&
	       !bpf_clone_redirect(skb, cfg->exit_ifindex, BPF_F_INGRESS);
}

/* Cut off pieces until the rest, whose header h gets, fits too. */
static __always_inline bool cut_pieces(struct __sk_buff *skb, const struct mape_config *cfg,
				       struct tunnel_headers *h, __u32 mtu)
{
	__u32 cut = piece_payload(mtu), len;
	struct tunnel_headers piece;

	for (int i = 0; i < PIECES_MAX; i++) {
		len = bpf_ntohs(h->ip.tot_len);
		h->ip6.payload_len = h->ip.tot_len;
		if (len <= mtu)
			return true;
		piece = *h;
		ip4_set_part(&piece.ip, IP4_LEN + cut, h->ip.frag | bpf_htons(IP4_MF));
		piece.ip6.payload_len = piece.ip.tot_len;
		/* A checksum that is left to the device goes with the first: the helper notes it. */
		if (!send_copy(skb, cfg, &piece) ||
		    bpf_skb_adjust_room(skb, -(__s32)cut, BPF_ADJ_ROOM_MAC, 0))
			return false;
		ip4_set_part(&h->ip, len - cut, bpf_htons(bpf_ntohs(h->ip.frag) + cut / 8));
	}
	return false;
}

/* Send the translated packet in pieces that fit, or as one if it does. A verdict. */
static __noinline int send_pieces(struct __sk_buff *skb, const struct mape_config *cfg,
				  const struct mape_session *s, const struct mape_pkt *p)
{
	__u32 mtu = tunnel_mtu(cfg);
	__be16 proto = bpf_htons(ETH_P_IPV6);
	struct tunnel_headers h;

	/* Not yet marked as encapsulated: such packets cannot be shortened. */
	if (bpf_skb_adjust_room(skb, IP6_LEN, BPF_ADJ_ROOM_MAC, 0) ||
	    bpf_skb_store_bytes(skb, ETH_LEN - sizeof(proto), &proto, sizeof(proto), 0) ||
	    bpf_skb_load_bytes(skb, L3_TUNNEL, &h.ip, sizeof(h.ip)))
		return TC_ACT_SHOT;
	if (p->len > mtu) {
		if (h.ip.version_ihl != 0x45 || h.ip.frag & IP4_DF || mtu < MAPE_PATH_MTU_MIN)
			return TC_ACT_SHOT;
		count_event(MAPE_OUT_SPLIT);
	}
	outer_fill(&h.ip6, cfg, s, p->len, p->tos);
	if (!(h.ip.frag & IP4_MF_OR_OFFSET) && !complete_checksum(skb, &h.ip, piece_payload(mtu)))
		return TC_ACT_SHOT;
	skb->tc_index = TC_INDEX_PIECE;
	if (!cut_pieces(skb, cfg, &h, mtu) || bpf_skb_store_bytes(skb, ETH_LEN, &h, sizeof(h), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(cfg->exit_ifindex, BPF_F_INGRESS);
}

/*
 * A piece has come round: encapsulate it properly, for devices that complete checksums. A short one
 * has none to complete, and no helper takes its header away. False if the piece is lost.
 */
static __noinline bool piece_finish(struct __sk_buff *skb)
{
	struct ip6_hdr ip6;
	__u32 len;

	skb->tc_index = 0;
	if (bpf_skb_load_bytes(skb, ETH_LEN, &ip6, sizeof(ip6)))
		return false;
	len = bpf_ntohs(ip6.payload_len);
	if (bpf_skb_change_tail(skb, L3_TUNNEL + len, 0))
		return false;
	return len < IP6_LEN ||
	       (!bpf_skb_adjust_room(skb, -(__s32)IP6_LEN, BPF_ADJ_ROOM_MAC, 0) &&
		!bpf_skb_adjust_room(skb, IP6_LEN, BPF_ADJ_ROOM_MAC,
				     BPF_F_ADJ_ROOM_ENCAP_L3_IPV6) &&
		!bpf_skb_store_bytes(skb, ETH_LEN, &ip6, sizeof(ip6), 0));
}

/* Make the segments of a super-packet shorter by so many bytes: making room for headers does. */
static __noinline bool shorten_segments(struct __sk_buff *skb, __u32 by)
{
	count_event(MAPE_OUT_SPLIT);
	return !bpf_skb_adjust_room(skb, by, BPF_ADJ_ROOM_MAC, 0) &&
	       !bpf_skb_adjust_room(skb, -(__s32)by, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

#endif
