/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments of the tunnel itself (RFC 2473 section 7, RFC 8200 section 4.5). TC only.
 *
 * A BR that cannot fragment the inner packet fragments the outer one. The stack must not see it:
 * it would reassemble the packet, find next header 4 without a tunnel device, and complain to the
 * BR. So all fragments wait (fragment_wait.h), and with the last of them the packet is put together
 * in its place and treated as if it had come in one piece.
 */
#ifndef MAPE_BPF_FRAGMENT_OUTER_H
#define MAPE_BPF_FRAGMENT_OUTER_H

#include "fragment.h"

struct frag6_hdr {
	__u8 next_header;
	__u8 reserved;
	__be16 offset; /* in units of eight bytes, shifted by three; lowest bit: more follow */
	__be32 id;
};

#define FRAG6_LEN sizeof(struct frag6_hdr)
#define OUTER_HEADERS (IP6_LEN + FRAG6_LEN)

struct outer_headers {
	struct ip6_hdr ip6;
	struct frag6_hdr frag;
};

struct outer_search {
	const struct mape_fragment_key *key;
	const struct mape_waiting *own; /* the one that has come now */
	__u32 sum;   /* bytes of all parts */
	__u32 end;   /* of the part that reaches farthest */
	__u32 total; /* bytes of the packet, 0 while the last part is missing */
	__u32 parts;
	__u32 part[MAPE_OUTER_PARTS]; /* where they wait */
	__u32 first; /* where the first part waits */
	__u8 refused; /* the packet's, enum mape_outcome */
	bool marked;  /* congestion was met by one of the parts */
	bool overlap;
	bool repeated;
	bool surplus; /* more parts than there may be */
};

/*
 * Is this frame an outer fragment for our CE address? Destination options that come from a BR are
 * most likely a tunnel encapsulation limit, which belongs to the fragmented part.
 */
static __always_inline bool outer_is_fragment(struct __sk_buff *skb, const struct mape_config *cfg)
{
	const struct eth_hdr *eth = ctx_data(skb);
	const struct outer_headers *h = (void *)(eth + 1);

	if ((void *)(h + 1) > ctx_end(skb) || eth->proto != bpf_htons(ETH_P_IPV6) ||
	    ctx_has_vlan(skb) || h->ip6.next_header != IPPROTO_FRAGMENT ||
	    !addr6_equal(h->ip6.dst, cfg->ce))
		return false;
	return h->frag.next_header == IPPROTO_IPIP ||
	       (h->frag.next_header == IPPROTO_DSTOPTS && outer_from_br(&h->ip6, cfg));
}

/* Store the outer header of a packet with a payload of this type and length. */
static __always_inline long outer_store(struct __sk_buff *skb, struct ip6_hdr *ip6, __u8 type,
					__u32 len)
{
	ip6->next_header = type;
	ip6->payload_len = bpf_htons(len);
	return bpf_skb_store_bytes(skb, ETH_LEN, ip6, sizeof(*ip6), BPF_F_RECOMPUTE_CSUM);
}

/* The first part must hold the inner headers down to the ports (RFC 7112). */
static __always_inline bool outer_first_is_whole(struct __sk_buff *skb, __u32 size)
{
	struct ip4_hdr ip;
	__u32 need;

	if (size < sizeof(ip) ||
	    bpf_skb_load_bytes(skb, ETH_LEN + OUTER_HEADERS, &ip, sizeof(ip)))
		return false;
	need = (ip.version_ihl & 0xf) * 4;
	if (!(bpf_ntohs(ip.frag) & IP4_OFFSET))
		need += ip.proto == MAPE_PROTO_TCP ? sizeof(struct tcp_hdr) :
						     sizeof(struct udp_hdr);
	return size >= need;
}

static long outer_look(__u32 i, struct outer_search *search)
{
	const struct mape_waiting *w = waiting_get(MAPE_FRAGMENT_OUTER, i), *own = search->own;
	__u32 end, n;

	if (!w || w->state < MAPE_WAITING_HELD || !fragment_same(&w->key, search->key))
		return 0;
	if (w->state == MAPE_WAITING_REFUSED) {
		search->refused = w->why;
		return 1;
	}
	end = w->offset + w->size;
	if (w != own && w->offset < own->offset + own->size && own->offset < end) {
		search->overlap = true;
		search->repeated |= w->offset == own->offset && w->size == own->size &&
				    w->more == own->more;
	}
	if (!w->more) {
		search->overlap |= search->total && search->total != end;
		search->total = end;
	}
	if (!w->offset)
		search->first = i;
	n = search->parts;
	if (n >= MAPE_OUTER_PARTS) {
		search->surplus = true;
		return 1;
	}
	search->part[n] = i;
	search->parts = n + 1;
	search->sum += w->size;
	search->end = end > search->end ? end : search->end;
	search->marked |= w->ecn == ECN_CE;
	return 0;
}

static long outer_forget_one(__u32 i, struct outer_search *search)
{
	struct mape_waiting *w = waiting_get(MAPE_FRAGMENT_OUTER, i);

	if (w && w != search->own && waiting_claim(w, search->key, MAPE_WAITING_HELD)) {
		count_outcome(search->refused, 1, w->size);
		waiting_free(w, MAPE_FRAGMENT_OUTER);
	}
	return 0;
}

/*
 * Drop the whole packet: what is there of it now and, by leaving our own entry to stand for it,
 * what is still to come (RFC 5722 section 4).
 */
static __always_inline int outer_refuse(struct outer_search *search, struct mape_waiting *own,
					int why)
{
	search->refused = why;
	bpf_loop(MAPE_WAITING_MAX, outer_forget_one, search, 0);
	own->why = why;
	waiting_leave(own, MAPE_WAITING_REFUSED);
	return why;
}

/* Copy the waiting part, which becomes free, to its place in the frame. */
static __always_inline bool outer_place(struct __sk_buff *skb, const struct outer_search *search,
					__u32 i, bool claimed)
{
	struct mape_waiting *w = waiting_get(MAPE_FRAGMENT_OUTER, i);
	__u32 size;
	long err;

	if (!w || (!claimed && !waiting_claim(w, search->key, MAPE_WAITING_HELD)))
		return false;
	size = w->size;
	err = !bounded(&size, MAPE_WAITING_BYTES - OUTER_HEADERS) ||
	      bpf_skb_store_bytes(skb, ETH_LEN + IP6_LEN + w->offset, w->bytes + OUTER_HEADERS,
				  size, BPF_F_RECOMPUTE_CSUM);
	waiting_free(w, MAPE_FRAGMENT_OUTER);
	return !err;
}

/* All parts are there: turn the frame in front of us into the packet. */
static __noinline int outer_rebuild(struct __sk_buff *skb, const struct outer_search *search)
{
	struct mape_waiting *w = waiting_get(MAPE_FRAGMENT_OUTER, search->first);
	struct ip6_hdr ip6;
	bool whole;

	/* Of two processors that see the packet complete, the one that gets the first part does it. */
	if (!w || !waiting_claim(w, search->key, MAPE_WAITING_HELD))
		return MAPE_FRAGMENT_HELD;
	__builtin_memcpy(&ip6, w->bytes, sizeof(ip6));
	if (search->marked)
		ip6.vtf |= bpf_htonl(ECN_CE << 20);
	whole = !frame_resize(skb, IP6_LEN + search->total);
	for (__u32 i = 0; i < MAPE_OUTER_PARTS; i++) {
		__u32 part = search->part[i];

		if (i < search->parts)
			whole &= outer_place(skb, search, part, part == search->first);
	}
	return whole && !outer_store(skb, &ip6, search->key->proto, search->total) ? MAPE_REASSEMBLED :
								 MAPE_IN_OUTER_FRAGMENT;
}

/* An atomic fragment is a packet of its own (RFC 6946): take its header out. */
static __always_inline int outer_unwrap(struct __sk_buff *skb, struct outer_headers *h, __u32 size)
{
	if (bpf_skb_adjust_room(skb, -(__s32)FRAG6_LEN, BPF_ADJ_ROOM_NET, 0) ||
	    outer_store(skb, &h->ip6, h->frag.next_header, size))
		return MAPE_IN_FAILED;
	return MAPE_REASSEMBLED;
}

/* Judge what there is of the packet now that this part, whose entry is our own, has come. */
static __noinline int outer_judge(struct __sk_buff *skb, struct mape_waiting *own)
{
	struct mape_fragment_key key = own->key;
	struct outer_search search = { .key = &key, .own = own };
	int why = 0;

	/* Seen by others before we look: of two processors at least one sees both their parts. */
	waiting_leave(own, MAPE_WAITING_HELD);
	bpf_loop(MAPE_WAITING_MAX, outer_look, &search, 0);
	if (search.refused)
		why = search.refused;
	else if (search.overlap || (search.total && search.end > search.total))
		why = MAPE_IN_OUTER_OVERLAP;
	else if (search.end > MAPE_OUTER_MAX || search.surplus)
		why = MAPE_IN_OUTER_LONG;
	if (!why)
		return search.sum == search.total ? outer_rebuild(skb, &search) :
						    MAPE_FRAGMENT_HELD;
	if (!waiting_claim(own, &key, MAPE_WAITING_HELD))
		return why;
	if (!search.refused && !search.repeated)
		return outer_refuse(&search, own, why);
	waiting_free(own, MAPE_FRAGMENT_OUTER);
	return why;
}

/*
 * Check an outer fragment as such and let it wait. Its entry, which is ours until waiting_leave(),
 * or null and *outcome. *len: bytes of the part.
 */
static __noinline struct mape_waiting *outer_enter(struct __sk_buff *skb,
						   const struct mape_config *cfg, __u32 *len,
						   int *outcome)
{
	struct mape_fragment_key key = { .kind = MAPE_FRAGMENT_OUTER };
	__u32 size, offset, more;
	struct outer_headers h;
	struct mape_waiting *w;

	*outcome = MAPE_IN_OUTER_BAD;
	if (bpf_skb_load_bytes(skb, ETH_LEN, &h, sizeof(h)))
		return 0;
	if (!cfg->fmr_count && !outer_from_br(&h.ip6, cfg)) { /* else path_wan() checks it */
		*outcome = MAPE_IN_NOT_BR;
		return 0;
	}
	size = bpf_ntohs(h.ip6.payload_len) - FRAG6_LEN;
	offset = bpf_ntohs(h.frag.offset) & ~7;
	more = bpf_ntohs(h.frag.offset) & 1;
	if ((__s32)size < 1 || size + OUTER_HEADERS > skb->len - ETH_LEN || (more && size % 8) ||
	    offset + size > 65535)
		return 0;
	*len = size;
	if (!offset && h.frag.next_header == IPPROTO_IPIP && !outer_first_is_whole(skb, size))
		return 0;
	if (!offset && !more) {
		*outcome = outer_unwrap(skb, &h, size);
		return 0;
	}
	__builtin_memcpy(key.ends, h.ip6.src, 16);
	key.id = h.frag.id;
	key.proto = h.frag.next_header;
	*outcome = MAPE_IN_OUTER_LONG;
	w = waiting_enter(skb, &key, size + OUTER_HEADERS, mape_now(cfg));
	if (!w)
		return 0;
	w->offset = offset;
	w->size = size;
	w->more = more;
	w->ecn = outer_ecn(&h.ip6);
	return w;
}

/*
 * An outer fragment. MAPE_REASSEMBLED when the frame has become the whole packet,
 * MAPE_FRAGMENT_HELD while parts are missing, or why it is dropped. *len: bytes of the part.
 */
static __always_inline int outer_fragment(struct __sk_buff *skb, const struct mape_config *cfg,
					  __u32 *len)
{
	int outcome;
	struct mape_waiting *w = outer_enter(skb, cfg, len, &outcome);

	return w ? outer_judge(skb, w) : outcome;
}

#endif
