/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets into the waiting room of fragments (fragment_wait.h) and out of it. TC only.
 */
#ifndef MAPE_BPF_FRAGMENT_ROOM_H
#define MAPE_BPF_FRAGMENT_ROOM_H

#include "fragment_wait.h"
#include "wire.h"

/*
 * Make the frame's network part this long; what it holds is of no interest. The first way is right
 * about checksums of devices, but closed to packets that a tunnel on this machine has built.
 */
static __always_inline long frame_resize(struct __sk_buff *skb, __u32 len)
{
	__s32 more = len + ETH_LEN - skb->len;

	return more && bpf_skb_change_tail(skb, len + ETH_LEN, 0) ?
		       bpf_skb_adjust_room(skb, more, BPF_ADJ_ROOM_MAC, 0) :
		       0;
}

/*
 * Is the length from 1 to max? Written so that the compiler leaves both bounds for the verifier to
 * see, which before 6.8 learns nothing from a comparison with 0.
 */
static __always_inline bool bounded(__u32 *len, __u32 max)
{
	__u32 below = *len - 1;

	asm volatile("" : "+r"(below));
	if (below >= max)
		return false;
	*len = below + 1;
	return true;
}

/*
 * Put the packet, len bytes from its IP header on, into the waiting room. The entry, which is ours
 * until waiting_leave(), or null: too long, or no luck.
 */
static __always_inline struct mape_waiting *waiting_enter(struct __sk_buff *skb,
							  const struct mape_fragment_key *key,
							  __u32 len, __u64 now)
{
	__u32 kind = key->kind, state;
	struct mape_fragment_count *count = fragment_count(kind);
	struct mape_waiting *w;

	if (!count || !bounded(&len, MAPE_WAITING_BYTES))
		return 0;
	w = waiting_get(kind, __sync_fetch_and_add(&count->next, 1));
	if (!w)
		return 0;
	state = w->state;
	if (state == MAPE_WAITING_BUSY || !waiting_take(w, state))
		return 0;
	if (state == MAPE_WAITING_FREE)
		__sync_fetch_and_add(&count->held, 1);
	else if (state == MAPE_WAITING_HELD) /* the oldest one */
		count_outcome(waiting_lost(kind), 1, w->len);
	if (bpf_skb_load_bytes(skb, ETH_LEN, w->bytes, len)) {
		waiting_free(w, kind);
		return 0;
	}
	w->key = *key;
	w->len = len;
	w->since = now;
	return w;
}

/* Put the packet away for a moment. Null: it is too long. */
static __always_inline struct mape_waiting *waiting_park(struct __sk_buff *skb, __u32 len)
{
	__u32 zero = 0;
	struct mape_waiting *w = bpf_map_lookup_elem(&frag_parked, &zero);

	if (!w || !bounded(&len, MAPE_WAITING_BYTES) ||
	    bpf_skb_load_bytes(skb, ETH_LEN, w->bytes, len))
		return 0;
	w->len = len;
	return w;
}

/* Make the frame the packet of an entry that is ours. */
static __always_inline bool waiting_restore(struct __sk_buff *skb, const struct mape_waiting *w)
{
	__u32 len = w->len;

	return bounded(&len, MAPE_WAITING_BYTES) && !frame_resize(skb, len) &&
	       !bpf_skb_store_bytes(skb, ETH_LEN, w->bytes, len, BPF_F_RECOMPUTE_CSUM);
}

struct waiting_search {
	struct __sk_buff *skb;
	const struct mape_fragment_key *key;
	__u64 now;
	bool found;
};

static long waiting_find_one(__u32 i, struct waiting_search *search)
{
	const struct mape_waiting *w = waiting_get(search->key->kind, i);

	search->found = w && w->state == MAPE_WAITING_HELD && fragment_same(&w->key, search->key);
	return search->found;
}

static long waiting_release_one(__u32 i, struct waiting_search *search)
{
	struct mape_waiting *w = waiting_get(search->key->kind, i);
	struct __sk_buff *skb = search->skb;

	if (!w || !waiting_claim(w, search->key, MAPE_WAITING_HELD))
		return 0;
	if (fragment_expired(w->since, search->now) || !waiting_restore(skb, w) ||
	    bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		waiting_drop(w, search->key->kind, MAPE_WAITING_HELD);
	else
		waiting_free(w, search->key->kind);
	return 0;
}

/*
 * Send all that waits under this key back to the beginning of the device. The packet in front of
 * us, len bytes from its IP header on, is put away meanwhile; if that is impossible they stay and
 * expire. False when the packet is lost.
 */
static __noinline bool waiting_release(struct __sk_buff *skb, const struct mape_fragment_key *key,
				       __u32 len, __u64 now)
{
	struct waiting_search search = { .skb = skb, .key = key, .now = now };
	struct mape_fragment_count *count = fragment_count(key->kind);
	struct mape_waiting *parked;

	if (!count || !count->held)
		return true;
	bpf_loop(MAPE_WAITING_MAX, waiting_find_one, &search, 0);
	if (!search.found)
		return true;
	parked = waiting_park(skb, len);
	if (!parked)
		return true;
	bpf_loop(MAPE_WAITING_MAX, waiting_release_one, &search, 0);
	return waiting_restore(skb, parked);
}

#endif
