/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPv4 fragments in any order (RFC 4787 REQ-14, RFC 7597 section 8.3.2). TC only.
 *
 * Only the first fragment has ports: it finds or opens its session as any packet does, and leaves
 * a record of what became of its header. Later ones are changed likewise, by the record alone: a
 * new mapping concerns the next datagram.
 *
 * Later ones that are earlier wait (fragment_wait.h). When their first one has left its record,
 * they go back to the beginning of the device that they came in by.
 */
#ifndef MAPE_BPF_FRAGMENT_H
#define MAPE_BPF_FRAGMENT_H

#include "fragment_room.h"
#include "parse.h"
#include "tunnel.h"

#define FRAGMENT_PARTS 64 /* bits in struct mape_fragment's parts */

/*
 * Which datagram the fragment belongs to. What came directly from another CE belongs together only
 * with what came from there too: only of the first fragment it can be checked whether it may.
 */
static __always_inline void fragment_key(struct __sk_buff *skb, const struct mape_config *cfg,
					 const struct mape_pkt *p, __u32 kind,
					 struct mape_fragment_key *key)
{
	const struct ip6_hdr *ip6 = ctx_data(skb) + ETH_LEN;

	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->ends, p->own, 4);
	__builtin_memcpy(key->ends + 4, p->far, 4);
	key->id = p->id;
	key->proto = p->proto;
	key->kind = kind;
	if (kind == MAPE_FRAGMENT_IN && cfg->fmr_count && (void *)(ip6 + 1) <= ctx_end(skb) &&
	    !outer_from_br(ip6, cfg))
		__builtin_memcpy(key->ends + 8, ip6->src, 8);
}

/* The record of a datagram as it is now; false if there is none. */
static __always_inline bool fragment_find(const struct mape_fragment_key *key, __u64 now,
					  struct mape_fragment *copy)
{
	struct mape_fragment *f = bpf_map_lookup_elem(&fragments, key);

	if (!f)
		return false;
	*copy = *f;
	/* The memory may have become another datagram's while we read. */
	return bpf_map_lookup_elem(&fragments, key) == f && f->serial == copy->serial &&
	       !fragment_expired(copy->since, now);
}

/* Enter a new record into the ring, where the oldest one gives way. */
static __always_inline void fragment_queue(const struct mape_fragment_key *key, __u32 serial)
{
	struct mape_fragment_count *count = fragment_count(MAPE_FRAGMENT_KINDS);
	struct mape_fragment_turn *turn;
	struct mape_fragment_key old;
	struct mape_fragment *f;
	__u32 index;

	if (!count)
		return;
	index = __sync_fetch_and_add(&count->next, 1) % MAPE_FRAGMENTS_MAX;
	turn = bpf_map_lookup_elem(&frag_order, &index);
	if (!turn)
		return;
	old = turn->key;
	f = bpf_map_lookup_elem(&fragments, &old);
	if (f && f->serial == turn->serial)
		bpf_map_delete_elem(&fragments, &old);
	turn->key = *key;
	turn->serial = serial;
}

/*
 * Which bit of `parts` stands for a fragment. No two of a datagram share one if it was cut evenly
 * into at most 64; if two do, it is forgotten by age alone.
 */
static __always_inline __u32 fragment_part(__u32 offset, __u32 step)
{
	return offset % step ? offset * 0x9e3779b1U >> 26 : offset / step;
}

/*
 * Note that a fragment went by, and forget the datagram when all have: its id may come back soon.
 */
static __always_inline void fragment_passed(const struct mape_fragment_key *key,
					    const struct mape_pkt *p, __u32 serial)
{
	struct mape_fragment *f = bpf_map_lookup_elem(&fragments, key);
	__u32 offset = p->frag & IP4_OFFSET, size = p->end - p->l4, part;
	__u64 bit;

	if (!f || f->serial != serial || !f->step)
		return;
	part = fragment_part(offset, f->step);
	if (part >= FRAGMENT_PARTS)
		return;
	bit = 1ULL << part;
	if (__sync_fetch_and_or(&f->parts, bit) & bit)
		return;
	if (!(p->frag & IP4_MF))
		f->total = offset * 8 + size;
	if (__sync_fetch_and_add(&f->sum, size) + size == f->total)
		bpf_map_delete_elem(&fragments, key);
}

/* A first fragment has been translated: let the later ones go the same way, with the same mark. */
static __noinline int fragment_remember(struct __sk_buff *skb, const struct mape_config *cfg,
					const struct mape_pkt *p, int way, __u32 mark)
{
	const struct ip4_hdr *ip = ctx_data(skb) + (p->l3 & 0xff);
	struct mape_fragment f = {
		.parts = 1,
		.serial = bpf_get_prandom_u32(),
		.since = mape_now(cfg),
		.flow = p->flow,
		.mark = mark,
		.sum = p->end - p->l4,
		.step = (p->end - p->l4) / 8,
		.way = way,
	};
	bool in = way == MAPE_KERNEL_IN;
	struct mape_fragment_key key;

	if ((void *)(ip + 1) > ctx_end(skb))
		return in ? MAPE_IN_MALFORMED : MAPE_OUT_MALFORMED;
	__builtin_memcpy(f.src, ip->src, 4);
	__builtin_memcpy(f.dst, ip->dst, 4);
	f.id = ip->id;
	/* A hairpinned packet's direction has changed; the rest of it still comes from the LAN. */
	fragment_key(skb, cfg, p, in ? MAPE_FRAGMENT_IN : MAPE_FRAGMENT_OUT, &key);
	if (bpf_map_update_elem(&fragments, &key, &f, BPF_ANY))
		return in ? MAPE_IN_FRAGMENT : MAPE_OUT_FRAGMENT;
	fragment_queue(&key, f.serial);
	/* Who comes from now on finds the record. */
	return waiting_release(skb, &key, p->end - ETH_LEN, f.since) ? way : MAPE_IN_FAILED;
}

/* Give a later fragment the header of its datagram. */
static __always_inline bool fragment_translate(struct __sk_buff *skb, const struct mape_pkt *p,
					       const struct mape_fragment *f, __u8 tos)
{
	struct ip4_hdr *ip = ctx_data(skb) + (p->l3 & 0xff);
	__u64 delta;

	if ((void *)(ip + 1) > ctx_end(skb))
		return false;
	delta = (__u64)csum_delta_addr(ip->src, f->src) + csum_delta_addr(ip->dst, f->dst) +
		csum_delta16(ip->id, f->id) + csum_delta16(bpf_htons(ip->tos), bpf_htons(tos));
	__builtin_memcpy(ip->src, f->src, 4);
	__builtin_memcpy(ip->dst, f->dst, 4);
	ip->id = f->id;
	ip->tos = tos;
	ip->check = csum_apply(ip->check, delta);
	return true;
}

/* Later fragments count in the session if it still is there. */
static __always_inline void fragment_account(const struct mape_pkt *p)
{
	struct mape_session *s = bpf_map_lookup_elem(&sessions, &p->flow);

	if (!s)
		return;
	if (p->dir == MAPE_OUT) {
		s->packets_out++;
		s->bytes_out += p->len;
	} else {
		s->packets_in++;
		s->bytes_in += p->len;
	}
}

/* The inner TOS of what is in front of us: changed by the outer header, if there is one. */
static __always_inline int fragment_tos(struct __sk_buff *skb, const struct mape_pkt *p)
{
	const struct ip6_hdr *ip6 = ctx_data(skb) + ETH_LEN;

	if (p->dir == MAPE_OUT)
		return p->tos;
	return (void *)(ip6 + 1) > ctx_end(skb) ? -1 : decap_tos(p->tos, outer_ecn(ip6));
}

/*
 * Let a fragment wait for its first one; *outcome says whether it does. True if the first one has
 * come this very moment and *f is the record after all.
 */
static __always_inline bool fragment_await(struct __sk_buff *skb,
					   const struct mape_fragment_key *key,
					   const struct mape_pkt *p, __u64 now,
					   struct mape_fragment *f, int *outcome)
{
	struct mape_waiting *w = waiting_enter(skb, key, p->end - ETH_LEN, now);

	*outcome = MAPE_FRAGMENT_HELD;
	if (!w) {
		*outcome = p->dir == MAPE_OUT ? MAPE_OUT_FRAGMENT_LONG : MAPE_IN_FRAGMENT_LONG;
		return false;
	}
	/* Whoever makes a record looks here afterwards: one of us two sees the other. */
	waiting_leave(w, MAPE_WAITING_HELD);
	if (!fragment_find(key, now, f) || !waiting_claim(w, key, MAPE_WAITING_HELD))
		return false;
	waiting_free(w, key->kind);
	return true;
}

/* A later fragment: the way of its datagram, MAPE_FRAGMENT_HELD, or why it is dropped. */
static __noinline int fragment_later(struct __sk_buff *skb, const struct mape_config *cfg,
				     struct mape_pkt *p, __u32 *mark)
{
	int tos = fragment_tos(skb, p), outcome;
	struct mape_fragment_key key;
	__u64 now = mape_now(cfg);
	struct mape_fragment f;

	if (tos < 0)
		return MAPE_IN_ECN;
	fragment_key(skb, cfg, p, p->dir == MAPE_OUT ? MAPE_FRAGMENT_OUT : MAPE_FRAGMENT_IN, &key);
	if (!fragment_find(&key, now, &f) && !fragment_await(skb, &key, p, now, &f, &outcome))
		return outcome;
	if ((p->frag & IP4_OFFSET) < f.step) /* overlaps the first one */
		return p->dir == MAPE_OUT ? MAPE_OUT_FRAGMENT_BAD : MAPE_IN_FRAGMENT_BAD;
	fragment_passed(&key, p, f.serial);
	p->flow = f.flow;
	fragment_account(p);
	*mark = f.mark;
	if (!fragment_translate(skb, p, &f, tos))
		return p->dir == MAPE_OUT ? MAPE_OUT_MALFORMED : MAPE_IN_MALFORMED;
	return f.way;
}

/*
 * What path_exit() or path_wan() has returned for a fragment becomes what is to be done with it. A
 * later one, which they have checked as far as is possible without ports, is translated now and
 * takes its datagram's way with its flow and *mark; or it waits (MAPE_FRAGMENT_HELD) and will come by again.
 */
static __always_inline int fragment_follow(struct __sk_buff *skb, const struct mape_config *cfg,
					   struct mape_pkt *p, int outcome, __u32 *mark)
{
	switch (outcome) {
	case MAPE_OUT_FRAGMENT:
	case MAPE_IN_FRAGMENT:
		return fragment_later(skb, cfg, p, mark);
	case MAPE_KERNEL_OUT:
	case MAPE_KERNEL_IN:
	case MAPE_HAIRPIN:
		return fragment_remember(skb, cfg, p, outcome, *mark);
	default:
		return outcome;
	}
}

/* Is the packet at l3 a fragment? */
static __always_inline bool fragment_at(struct __sk_buff *skb, __u32 l3)
{
	const struct ip4_hdr *ip = ctx_data(skb) + l3;

	return (void *)(ip + 1) <= ctx_end(skb) && ip->frag & IP4_MF_OR_OFFSET;
}

#endif
