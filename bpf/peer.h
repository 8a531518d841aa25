/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address-dependent filtering (RFC 4787 section 5, MAP-E's default by RFC 7597 section 10): `peers`
 * remembers which remote addresses were contacted from which external port, as long as a session
 * between the two lives. Kept only in that filter mode. Holds work as those on a mapping do.
 */
#ifndef MAPE_BPF_PEER_H
#define MAPE_BPF_PEER_H

#include "mapping.h"
#include "wire.h"

static __always_inline void peer_key(const struct mape_flow *flow, __u16 ext_port,
				     struct mape_peer_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->rem_addr, flow->rem_addr, 4);
	key->ext_port = ext_port;
	key->proto = flow->proto;
}

/* Hold the record of this flow's remote on this port, or make it. */
static __always_inline enum mape_bound peer_get(const struct mape_flow *flow, __u16 ext_port)
{
	struct count_word old, new;
	struct mape_peer_key key;
	struct mape_peer *peer;

	peer_key(flow, ext_port, &key);
	for (int i = 0; i < MAPE_CAS_TRIES; i++) {
		peer = bpf_map_lookup_elem(&peers, &key);
		if (!peer) {
			struct mape_peer fresh = {
				.refs = 1,
				.serial = bpf_get_prandom_u32(),
			};
			long err;

			flow_endpoint(flow, &fresh.endpoint);
			err = bpf_map_update_elem(&peers, &key, &fresh, BPF_NOEXIST);
			if (!err)
				return MAPE_BOUND;
			if (err != -EEXIST)
				return MAPE_UNBOUND;
			continue;
		}
		count_read(peer, &old);
		if (!old.refs || bpf_map_lookup_elem(&peers, &key) != peer)
			continue; /* deleted this very moment */
		new.refs = old.refs + 1;
		new.serial = old.serial;
		if (!word_swap(peer, &old, &new))
			continue;
		if (!same_endpoint(&peer->endpoint, flow))
			peer->endpoint.proto = 0; /* two of a shared port: nobody's from now on */
		return MAPE_BOUND;
	}
	return MAPE_BUSY;
}

static __noinline int peer_put(const struct mape_flow *flow, __u16 ext_port)
{
	struct mape_peer_key key;
	struct mape_peer *peer;

	peer_key(flow, ext_port, &key);
	peer = bpf_map_lookup_elem(&peers, &key);
	if (peer && __sync_fetch_and_sub(&peer->refs, 1) == 1)
		bpf_map_delete_elem(&peers, &key);
	return 0;
}

#endif
