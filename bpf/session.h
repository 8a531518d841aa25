/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding, aging and closing sessions. */
#ifndef MAPE_BPF_SESSION_H
#define MAPE_BPF_SESSION_H

#include "clock.h"
#include "overlap.h"
#include "peer.h"
#include "portless.h"

static __always_inline void live_add(__s64 n)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&live, &zero);

	if (count)
		__sync_fetch_and_add(count, n);
}

static __always_inline long expiry_push(const struct mape_flow *flow, const struct mape_session *s)
{
	struct mape_ticket ticket = { .flow = *flow, .serial = s->serial };

	for (int i = 0; i < MAPE_PUSH_TRIES; i++)
		if (!bpf_map_push_elem(&expiry, &ticket, 0))
			return 0;
	return -1;
}

static __always_inline void binding_put(const struct mape_config *cfg, const struct mape_flow *flow,
					const struct mape_binding *b)
{
	struct mape_endpoint endpoint;

	if (b->flags & MAPE_SESSION_PEER)
		peer_put(flow, b->ext_port);
	if (b->flags & MAPE_SESSION_OVERLAP)
		overlap_delete(flow, b->ext_port);
	if (b->flags & MAPE_SESSION_OWN_PORT) {
		host_put(addr4_word(flow->int_addr), port_slot(flow->proto));
		port_put(cfg, port_slot(flow->proto), b->index);
		return;
	}
	flow_endpoint(flow, &endpoint);
	mapping_put(cfg, &endpoint);
}

/*
 * Remove a session, once: of all who try, the one whose exchange sets `dead` does it. Returns
 * whether it was us. The record's memory is not touched after the key is deleted.
 */
static __always_inline bool session_close(const struct mape_config *cfg,
					  const struct mape_flow *flow, struct mape_session *s)
{
	struct count_word old, new;
	struct mape_binding b = {};

	count_read(s, &old);
	b.index = s->index;
	b.ext_port = s->ext_port;
	b.flags = s->flags;
	new.refs = 1;
	new.serial = old.serial;
	if (old.refs || bpf_map_lookup_elem(&sessions, flow) != s || !word_swap(s, &old, &new))
		return false;
	bpf_map_delete_elem(&sessions, flow);
	if (has_ports(flow->proto))
		binding_put(cfg, flow, &b);
	else
		portless_put(flow);
	live_add(-1);
	return true;
}

/*
 * The session of an inbound packet whose flow still names our address and the external port. Sets
 * the flow's internal half, also (to something) when it finds none. index is that of the port in
 * the set.
 */
static __always_inline struct mape_session *session_find_in(const struct mape_config *cfg,
							    struct mape_flow *flow, __u32 index)
{
	const struct mape_endpoint *endpoint;
	struct mape_overlap key;
	struct mape_session *s;
	struct mape_port *port;
	struct port_word word;
	__u16 ext_port = flow->int_port;

	port = port_get(cfg, port_slot(flow->proto), index);
	if (!port)
		return 0;
	port_read(port, &word);
	if (!word.refs)
		return 0;
	flow_set_endpoint(flow, &port->owner);
	s = bpf_map_lookup_elem(&sessions, flow);
	if (s && s->index == index && s->generation == word.generation)
		return s;
	if (!(word.flags & MAPE_PORT_OVERLAPPED))
		return 0;
	overlap_key(flow, ext_port, &key);
	endpoint = bpf_map_lookup_elem(&overlaps, &key);
	if (!endpoint)
		return 0;
	flow_set_endpoint(flow, endpoint);
	s = bpf_map_lookup_elem(&sessions, flow);
	return s && s->index == index && s->generation == word.generation ? s : 0;
}

/* Idle time after which the session ends, in nanoseconds. */
static __always_inline __u64 session_timeout(const struct mape_config *cfg, __u8 proto, __u8 state)
{
	__u32 seconds;

	if (proto == MAPE_PROTO_TCP)
		seconds = cfg->timeout_s[state < MAPE_STATE_COUNT ? state : 0];
	else
		seconds = proto == MAPE_PROTO_ICMP ? cfg->timeout_icmp_s : cfg->timeout_udp_s;
	return seconds * MAPE_SECOND;
}

static __always_inline bool session_expired(const struct mape_config *cfg,
					    const struct mape_flow *flow,
					    const struct mape_session *s, __u64 now)
{
	__u64 last = s->last_out > s->last_in ? s->last_out : s->last_in;

	/* A packet on another processor may be ahead of this clock reading. */
	return now > last && now - last > session_timeout(cfg, flow->proto, s->state);
}

#endif
