/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening a session: hold on the endpoint's mapping (or a port and a new mapping; each port counts
 * for its host) -> record in `overlaps` if the port is shared -> session, NOEXIST -> key into the expiry queue. A failure
 * undoes exactly the steps before it. Nothing alive is ever evicted.
 */
#ifndef MAPE_BPF_OPEN_H
#define MAPE_BPF_OPEN_H

#include "session.h"
#include "share.h"

/* A port in use that can serve this flow too, unless the host has asked in vain too often. */
static __always_inline bool bind_shared_port(const struct mape_config *cfg,
					     const struct mape_flow *flow, struct mape_binding *b)
{
	struct mape_budget *searches = host_searches(flow);
	__u64 now = mape_now(cfg);

	if (!searches || !budget_left(searches, now, MAPE_SEARCH_LIMIT))
		return false;
	if (overlap_alloc(cfg, flow, b))
		return true;
	budget_spend(searches, now, cfg->ports.count);
	return false;
}

/* A free port. With MAPE_OUT_NO_PORT it is counted for the host all the same. */
static __noinline int bind_free_port(const struct mape_config *cfg, const struct mape_flow *flow,
				     struct mape_binding *b)
{
	struct mape_endpoint endpoint;
	int outcome;

	outcome = host_take(flow, cfg->host_ports);
	if (outcome != MAPE_KERNEL_OUT)
		return outcome;
	flow_endpoint(flow, &endpoint);
	if (!port_alloc(cfg, port_slot(flow->proto), &endpoint, &b->index, &b->generation))
		return MAPE_OUT_NO_PORT;
	b->ext_port = mape_portset_port(&cfg->ports, b->index);
	return MAPE_KERNEL_OUT;
}

/*
 * A port for this flow, a free one or else a shared one. The caller holds it. Two steps rather than
 * one in the other, since the search for a port to share needs all the stack that is left.
 */
static __always_inline int bind_port(const struct mape_config *cfg, const struct mape_flow *flow,
				     struct mape_binding *b)
{
	int outcome = bind_free_port(cfg, flow, b);

	if (outcome != MAPE_OUT_NO_PORT)
		return outcome;
	if (bind_shared_port(cfg, flow, b))
		return MAPE_KERNEL_OUT;
	host_put(addr4_word(flow->int_addr), port_slot(flow->proto));
	return MAPE_OUT_NO_PORT;
}

/* The endpoint's mapping, with a port for it if it has none. The caller holds what it got. */
static __always_inline int bind_endpoint(const struct mape_config *cfg,
					 const struct mape_flow *flow, struct mape_binding *b)
{
	struct mape_endpoint endpoint;
	enum mape_bound bound;
	int outcome;
	long err;

	flow_endpoint(flow, &endpoint);
	bound = mapping_get(&endpoint, b);
	if (bound == MAPE_BOUND)
		return MAPE_KERNEL_OUT;
	if (bound == MAPE_BUSY)
		return MAPE_OUT_CONTENDED;
	outcome = bind_port(cfg, flow, b);
	if (outcome != MAPE_KERNEL_OUT)
		return outcome;
	err = mapping_insert(&endpoint, b);
	if (!err)
		return MAPE_KERNEL_OUT;
	if (b->flags & MAPE_SESSION_OVERLAP)
		overlap_delete(flow, b->ext_port);
	b->flags = 0;
	host_put(addr4_word(flow->int_addr), port_slot(flow->proto));
	port_put(cfg, port_slot(flow->proto), b->index);
	if (err != -EEXIST)
		return MAPE_OUT_NO_MEMORY;
	/* Another processor was faster for the same endpoint: use its mapping. */
	return mapping_get(&endpoint, b) == MAPE_BOUND ? MAPE_KERNEL_OUT : MAPE_OUT_CONTENDED;
}

/* A port for this session alone, because the remote is taken on the port of the mapping. */
static __always_inline int bind_own_port(const struct mape_config *cfg,
					 const struct mape_flow *flow, struct mape_binding *b)
{
	int outcome;

	__builtin_memset(b, 0, sizeof(*b));
	outcome = bind_port(cfg, flow, b);
	b->flags |= MAPE_SESSION_OWN_PORT;
	return outcome;
}

static __always_inline bool port_is_shared(const struct mape_port *port)
{
	struct port_word word;

	port_read(port, &word);
	return word.flags & MAPE_PORT_OVERLAPPED;
}

static __always_inline long session_insert(const struct mape_flow *flow,
					   const struct mape_binding *b, __u8 state, __u64 now)
{
	struct mape_session *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&fresh_session, &zero);
	if (!s)
		return -ENOENT;
	__builtin_memset(s, 0, sizeof(*s));
	s->serial = bpf_get_prandom_u32();
	s->last_out = now;
	s->ext_port = b->ext_port;
	s->index = b->index;
	s->generation = b->generation;
	s->state = state;
	s->flags = b->flags;
	s->queued = 1;
	return bpf_map_update_elem(&sessions, flow, s, BPF_NOEXIST);
}

/*
 * Put a session on the binding that the caller holds. MAPE_OVERLAPPED when the port turned out to
 * be shared and this remote to be taken on it; in every failure the binding has been given back.
 */
static __noinline int session_place(const struct mape_config *cfg, const struct mape_flow *flow,
				    struct mape_binding *b, __u8 state)
{
	struct mape_port *port = port_get(cfg, port_slot(flow->proto), b->index);
	struct mape_session *s;
	long err;

	if (!port)
		return MAPE_OUT_CONTENDED;
	if (!(b->flags & MAPE_SESSION_OVERLAP) && port_is_shared(port)) {
		if (!overlap_take(port, b->index, flow, b->ext_port)) {
			binding_put(cfg, flow, b);
			/* Unless it is the same flow's packet on another processor. */
			return bpf_map_lookup_elem(&sessions, flow) ? MAPE_KERNEL_OUT :
								      MAPE_OVERLAPPED;
		}
		b->flags |= MAPE_SESSION_OVERLAP;
	}
	if (cfg->filtering == MAPE_FILTER_ADDRESS) {
		if (peer_get(flow, b->ext_port) != MAPE_BOUND) {
			binding_put(cfg, flow, b);
			return MAPE_OUT_NO_MEMORY;
		}
		b->flags |= MAPE_SESSION_PEER;
	}
	if (addr4_equal(flow->rem_addr, cfg->ip4))
		b->flags |= MAPE_SESSION_HAIRPIN;
	err = session_insert(flow, b, state, mape_now(cfg));
	if (err) {
		binding_put(cfg, flow, b);
		/* -EEXIST: the winner's record serves this packet as well. */
		return err == -EEXIST ? MAPE_KERNEL_OUT : MAPE_OUT_NO_MEMORY;
	}
	live_add(1);
	s = bpf_map_lookup_elem(&sessions, flow);
	if (!s)
		return MAPE_OUT_CONTENDED;
	if (!(b->flags & MAPE_SESSION_OVERLAP) && port_is_shared(port)) {
		/* Shared since we looked, so we are its owner; our record has to be there before anybody else's. */
		if (!overlap_insert(flow, b->ext_port)) {
			session_close(cfg, flow, s);
			return MAPE_OVERLAPPED;
		}
		b->flags |= MAPE_SESSION_OVERLAP;
		s->flags |= MAPE_SESSION_OVERLAP;
	}
	if (expiry_push(flow, s)) {
		session_close(cfg, flow, s);
		return MAPE_OUT_NO_MEMORY;
	}
	return MAPE_KERNEL_OUT;
}

/*
 * Open the session of an outbound packet. MAPE_KERNEL_OUT, or the reason why not. Not static: the
 * verifier then checks it once for itself instead of once for every state of its caller.
 */
__noinline int session_open(const struct mape_flow *wanted, __u8 state)
{
	const struct mape_config *cfg = mape_config();
	struct mape_binding b = {};
	struct mape_flow flow;
	int outcome;

	if (!cfg || !wanted)
		return MAPE_OUT_CONTENDED;
	flow = *wanted; /* older kernels take map keys from our own stack only */
	if (!host_may_open(cfg, &flow))
		return MAPE_OUT_HOST_RATE;
	outcome = bind_endpoint(cfg, &flow, &b);
	if (outcome == MAPE_KERNEL_OUT)
		outcome = session_place(cfg, &flow, &b, state);
	if (outcome != MAPE_OVERLAPPED)
		return outcome;
	outcome = bind_own_port(cfg, &flow, &b);
	if (outcome == MAPE_KERNEL_OUT)
		outcome = session_place(cfg, &flow, &b, state);
	return outcome == MAPE_OVERLAPPED ? MAPE_OUT_CONTENDED : outcome;
}

/* The same for a protocol without ports. It holds nothing; see portless.h for its answers. */
__noinline int session_open_portless(const struct mape_flow *wanted)
{
	const struct mape_config *cfg = mape_config();
	struct mape_binding none = {};
	struct mape_session *s;
	struct mape_flow flow;
	long err;

	if (!cfg || !wanted)
		return MAPE_OUT_CONTENDED;
	flow = *wanted;
	if (!host_may_open(cfg, &flow))
		return MAPE_OUT_HOST_RATE;
	if (addr4_equal(flow.rem_addr, cfg->ip4))
		return MAPE_OUT_NO_SESSION; /* to ourselves, and nothing says to which host */
	err = session_insert(&flow, &none, MAPE_OPEN, mape_now(cfg));
	if (err)
		return err == -EEXIST ? MAPE_KERNEL_OUT : MAPE_OUT_NO_MEMORY;
	live_add(1);
	s = bpf_map_lookup_elem(&sessions, &flow);
	if (!s)
		return MAPE_OUT_CONTENDED;
	if (expiry_push(&flow, s)) {
		session_close(cfg, &flow, s);
		return MAPE_OUT_NO_MEMORY;
	}
	return MAPE_KERNEL_OUT;
}

/*
 * Whom does the filter mode let this remote reach on a port in use, without a session so far? Sets
 * the flow's internal half; false for nobody.
 */
static __noinline bool filter_target(const struct mape_config *cfg, struct mape_flow *flow,
				     const struct mape_port *port)
{
	const struct mape_peer *peer;
	struct mape_peer_key key;

	if (port->flags & MAPE_PORT_FORWARD || cfg->filtering == MAPE_FILTER_ENDPOINT) {
		flow_set_endpoint(flow, &port->owner);
		return true;
	}
	if (cfg->filtering != MAPE_FILTER_ADDRESS)
		return false;
	peer_key(flow, flow->int_port, &key);
	peer = bpf_map_lookup_elem(&peers, &key);
	if (!peer || !peer->refs || !peer->endpoint.proto)
		return false;
	flow_set_endpoint(flow, &peer->endpoint);
	return true;
}

/*
 * Open the session of an inbound packet that has none, if the filter mode allows it. The flow
 * names our address and the external port; its internal half is set. Returns whether there is a
 * session now. Not static, as session_open().
 */
__noinline int session_admit(struct mape_flow *wanted, __u32 index, __u8 state)
{
	const struct mape_config *cfg = mape_config();
	struct mape_binding b = {};
	struct mape_endpoint endpoint;
	struct mape_port *port;
	struct mape_flow flow;

	if (!cfg || !wanted)
		return 0;
	flow = *wanted;
	port = port_get(cfg, port_slot(flow.proto), index);
	if (!port || !port->refs || !filter_target(cfg, &flow, port))
		return 0;
	flow_endpoint(&flow, &endpoint);
	if (mapping_get(&endpoint, &b) == MAPE_BOUND && b.index != index) {
		/* It has another port for what it sends itself. */
		binding_put(cfg, &flow, &b);
		b.ext_port = 0;
	}
	if (port->flags & MAPE_PORT_FORWARD) {
		if (!b.ext_port) {
			if (host_take(&flow, 0) != MAPE_KERNEL_OUT)
				return 0;
			if (!port_join(port, &b.generation)) {
				host_put(addr4_word(flow.int_addr), port_slot(flow.proto));
				return 0;
			}
			b.flags = MAPE_SESSION_OWN_PORT;
		}
		b.flags |= MAPE_SESSION_FORWARD;
		b.index = index;
		b.ext_port = mape_portset_port(&cfg->ports, index);
	} else if (!b.ext_port) {
		return 0;
	}
	b.flags |= MAPE_SESSION_UNASKED;
	*wanted = flow;
	return session_place(cfg, &flow, &b, state) == MAPE_KERNEL_OUT;
}

#endif
