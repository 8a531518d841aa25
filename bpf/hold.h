/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holds on the records of a hash map that begin with struct count_word: whoever uses one counts in
 * refs, the last one out removes it.
 *
 * refs 0 means that whoever took it there is about to delete the record. A record's memory can be
 * reused for another key at once, so each carries a random serial, and an exchange is done in this
 * order: look up, read the word, look up again and get the same record (so the word was this
 * key's), exchange (fails if it no longer is).
 */
#ifndef MAPE_BPF_HOLD_H
#define MAPE_BPF_HOLD_H

#include "maps.h"

#define MAPE_CAS_TRIES 16 /* exchanges lost in a row before we give up and count it */

typedef __u64 __attribute__((may_alias)) mape_word;

static __always_inline bool word_swap(void *at, const void *from, const void *to)
{
	mape_word old = *(const mape_word *)from;

	return __sync_val_compare_and_swap((mape_word *)at, old, *(const mape_word *)to) == old;
}

struct count_word {
	__u32 refs; /* of a session: `dead` */
	__u32 serial;
} __attribute__((aligned(8)));

static __always_inline void count_read(const void *at, struct count_word *word)
{
	*(mape_word *)word = *(volatile mape_word *)at;
}

enum mape_bound { MAPE_BOUND, MAPE_UNBOUND, MAPE_BUSY };

/* Take one more hold on the record with this key; MAPE_UNBOUND if there is none. */
static __always_inline enum mape_bound record_hold(void *map, const void *key, void **record)
{
	struct count_word old, new;

	for (int i = 0; i < MAPE_CAS_TRIES; i++) {
		void *found = bpf_map_lookup_elem(map, key);

		if (!found)
			return MAPE_UNBOUND;
		count_read(found, &old);
		if (!old.refs || bpf_map_lookup_elem(map, key) != found)
			continue; /* deleted this very moment */
		new.refs = old.refs + 1;
		new.serial = old.serial;
		if (word_swap(found, &old, &new)) {
			*record = found;
			return MAPE_BOUND;
		}
	}
	return MAPE_BUSY;
}

/* The same; where there is no record, this one is put there, whose refs is 1. */
static __always_inline enum mape_bound record_hold_or_make(void *map, const void *key,
							   const void *fresh, void **record)
{
	enum mape_bound bound = record_hold(map, key, record);

	if (bound != MAPE_UNBOUND)
		return bound;
	switch (bpf_map_update_elem(map, key, fresh, BPF_NOEXIST)) {
	case 0:
		*record = bpf_map_lookup_elem(map, key);
		return *record ? MAPE_BOUND : MAPE_BUSY;
	case -EEXIST: /* another processor was faster */
		return record_hold(map, key, record) == MAPE_BOUND ? MAPE_BOUND : MAPE_BUSY;
	default:
		return MAPE_UNBOUND;
	}
}

/* Give back one hold. */
static __always_inline void record_put(void *map, const void *key)
{
	struct count_word *word = bpf_map_lookup_elem(map, key);

	if (word && __sync_fetch_and_sub(&word->refs, 1) == 1)
		bpf_map_delete_elem(map, key);
}

#endif
