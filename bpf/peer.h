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

/* Hold the record of this flow's remote on this port, or make it; an enum mape_bound. */
__noinline int peer_get(const struct mape_flow *flow, __u32 ext_port)
{
	struct mape_peer fresh = { .refs = 1, .serial = bpf_get_prandom_u32() }, *peer;
	struct mape_peer_key key;
	enum mape_bound bound;
	void *record;

	if (!flow)
		return MAPE_UNBOUND;
	peer_key(flow, ext_port, &key);
	flow_endpoint(flow, &fresh.endpoint);
	bound = record_hold_or_make(&peers, &key, &fresh, &record);
	if (bound != MAPE_BOUND)
		return bound;
	peer = record;
	if (!same_endpoint(&peer->endpoint, flow))
		peer->endpoint.proto = 0; /* two of a shared port: nobody's from now on */
	return MAPE_BOUND;
}

static __noinline int peer_put(const struct mape_flow *flow, __u16 ext_port)
{
	struct mape_peer_key key;

	peer_key(flow, ext_port, &key);
	record_put(&peers, &key);
	return 0;
}

#endif
