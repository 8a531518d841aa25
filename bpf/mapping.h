/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Endpoint-independent mapping (RFC 4787 REQ-1, RFC 5382 REQ-1, RFC 5508 REQ-1a): as long as an
 * internal endpoint has any session, all of them use the port that its mapping names.
 */
#ifndef MAPE_BPF_MAPPING_H
#define MAPE_BPF_MAPPING_H

#include "host.h"
#include "wire.h"

/* The external side that a session is going to use, and on what it holds. */
struct mape_binding {
	__u32 index;
	__u16 generation;
	__u16 ext_port;
	__u8 flags; /* MAPE_SESSION_* */
};

static __always_inline void flow_endpoint(const struct mape_flow *flow, struct mape_endpoint *e)
{
	__builtin_memset(e, 0, sizeof(*e));
	__builtin_memcpy(e->addr, flow->int_addr, 4);
	e->port = flow->int_port;
	e->proto = flow->proto;
}

static __always_inline bool same_endpoint(const struct mape_endpoint *e,
					  const struct mape_flow *flow)
{
	return addr4_equal(e->addr, flow->int_addr) && e->port == flow->int_port;
}

static __always_inline void flow_set_endpoint(struct mape_flow *flow,
					      const struct mape_endpoint *e)
{
	__builtin_memcpy(flow->int_addr, e->addr, 4);
	flow->int_port = e->port;
}

/*
 * Take one more hold on the endpoint's mapping; an enum mape_bound. Not static, as session_open(),
 * and so are the others that hold a record.
 */
__noinline int mapping_get(const struct mape_endpoint *endpoint, struct mape_binding *b)
{
	const struct mape_mapping *m;
	struct mape_endpoint key;
	enum mape_bound bound;
	void *record;

	if (!endpoint || !b)
		return MAPE_UNBOUND;
	key = *endpoint;
	bound = record_hold(&mappings, &key, &record);
	if (bound != MAPE_BOUND)
		return bound;
	m = record;
	b->index = m->index;
	b->generation = m->generation;
	b->ext_port = m->ext_port;
	return MAPE_BOUND;
}

/*
 * Make the endpoint's mapping from a port that the caller holds; the hold passes to the mapping.
 * -EEXIST: it has one by now. 0 or a negative errno.
 */
static __always_inline long mapping_insert(const struct mape_endpoint *key,
					   const struct mape_binding *b)
{
	struct mape_mapping m = {
		.refs = 1,
		.serial = bpf_get_prandom_u32(),
		.index = b->index,
		.ext_port = b->ext_port,
		.generation = b->generation,
	};

	return bpf_map_update_elem(&mappings, key, &m, BPF_NOEXIST);
}

/* Give back one hold. The last one removes the mapping and gives back the port, also for its host. */
static __noinline int mapping_put(const struct mape_config *cfg, const struct mape_endpoint *key)
{
	struct mape_mapping *m = bpf_map_lookup_elem(&mappings, key);
	__u32 index;

	if (!m)
		return 0;
	index = m->index;
	if (__sync_fetch_and_sub(&m->refs, 1) != 1)
		return 0;
	bpf_map_delete_elem(&mappings, key);
	host_put(addr4_word(key->addr), port_slot(key->proto));
	return port_put(cfg, port_slot(key->proto), index);
}

#endif
