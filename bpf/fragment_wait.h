/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The waiting room of fragments, for those that come before what they need: a later IPv4 fragment
 * before its first, an outer fragment before the rest of its packet.
 *
 * A ring for each kind: bounded, the oldest gives way, so a flood of orphans shortens the time that
 * others can wait and nothing else. An entry is looked for by going through the ring, which costs
 * nothing while it is empty and a microsecond or two while it is not.
 */
#ifndef MAPE_BPF_FRAGMENT_WAIT_H
#define MAPE_BPF_FRAGMENT_WAIT_H

#include "clock.h"
#include "finish.h"

#define FRAGMENT_LIFE (MAPE_FRAGMENT_LIFE_S * MAPE_SECOND)

static __always_inline bool fragment_same(const struct mape_fragment_key *a,
					  const struct mape_fragment_key *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static __always_inline bool fragment_expired(__u64 since, __u64 now)
{
	return now > since && now - since > FRAGMENT_LIFE;
}

static __always_inline struct mape_fragment_count *fragment_count(__u32 kind)
{
	return bpf_map_lookup_elem(&frag_count, &kind);
}

/* The nth entry of a kind. */
static __always_inline struct mape_waiting *waiting_get(__u32 kind, __u32 n)
{
	__u32 index = kind * MAPE_WAITING_MAX + n % MAPE_WAITING_MAX;

	return bpf_map_lookup_elem(&frag_waiting, &index);
}

static __always_inline bool waiting_take(struct mape_waiting *w, __u32 from)
{
	return __sync_val_compare_and_swap(&w->state, from, MAPE_WAITING_BUSY) == from;
}

/* Leave an entry that we own in this state. */
static __always_inline void waiting_leave(struct mape_waiting *w, __u32 state)
{
	__sync_lock_test_and_set(&w->state, state);
}

/* Free an entry that we own. */
static __always_inline void waiting_free(struct mape_waiting *w, __u32 kind)
{
	struct mape_fragment_count *count = fragment_count(kind);

	waiting_leave(w, MAPE_WAITING_FREE);
	if (count)
		__sync_fetch_and_sub(&count->held, 1);
}

/* Own an entry if it belongs to this datagram. */
static __always_inline bool waiting_claim(struct mape_waiting *w,
					  const struct mape_fragment_key *key, __u32 state)
{
	if (!fragment_same(&w->key, key) || !waiting_take(w, state))
		return false;
	if (fragment_same(&w->key, key))
		return true;
	waiting_leave(w, state); /* somebody else's since we looked */
	return false;
}

/* What becomes of a fragment that has waited in vain. */
static __always_inline __u32 waiting_lost(__u32 kind)
{
	if (kind == MAPE_FRAGMENT_OUT)
		return MAPE_OUT_FRAGMENT;
	return kind == MAPE_FRAGMENT_IN ? MAPE_IN_FRAGMENT : MAPE_IN_OUTER_FRAGMENT;
}

/* Free an entry that we own and that was in this state, and count what is lost with it. */
static __always_inline void waiting_drop(struct mape_waiting *w, __u32 kind, __u32 state)
{
	if (state == MAPE_WAITING_HELD)
		count_outcome(waiting_lost(kind), 1, w->len);
	waiting_free(w, kind);
}

static long waiting_expire_one(__u32 i, __u64 *now)
{
	struct mape_waiting *w = bpf_map_lookup_elem(&frag_waiting, &i);
	__u32 state;

	if (!w)
		return 1;
	state = w->state;
	if (state < MAPE_WAITING_HELD || !fragment_expired(w->since, *now) ||
	    !waiting_take(w, state))
		return 0;
	if (fragment_expired(w->since, *now))
		waiting_drop(w, i / MAPE_WAITING_MAX, state);
	else
		waiting_leave(w, state);
	return 0;
}

/* For the sweep: drop and count what has waited too long. */
static __always_inline void waiting_expire(__u64 now)
{
	__u32 held = 0;

	for (__u32 kind = 0; kind < MAPE_FRAGMENT_KINDS; kind++) {
		struct mape_fragment_count *count = fragment_count(kind);

		held |= count ? count->held : 0;
	}
	if (held)
		bpf_loop(MAPE_FRAGMENT_KINDS * MAPE_WAITING_MAX, waiting_expire_one, &now, 0);
}

#endif
