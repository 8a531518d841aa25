/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding a port to share when a protocol has run out of free ones; see overlap.h for the rules. */
#ifndef MAPE_BPF_SHARE_H
#define MAPE_BPF_SHARE_H

#include "overlap.h"

/*
 * The search runs in a callback, which must not call deep: kernels before 6.4 allow a chain of
 * calls 512 bytes of stack. So the callback only stops at a port that it could take, and
 * overlap_alloc() takes it.
 */
struct overlap_search {
	const struct mape_config *cfg;
	const struct mape_flow *flow;
	__u32 slot;
	__u32 index; /* looked at last */
	bool found;
};

static long overlap_try(__u32 i, struct overlap_search *search)
{
	const struct mape_flow *flow = search->flow;
	struct mape_overlap key;
	struct mape_port *port;

	if (++search->index >= search->cfg->ports.count)
		search->index = 0;
	port = port_get(search->cfg, search->slot, search->index);
	if (!port || !port->refs || port->flags & (MAPE_PORT_RESERVED | MAPE_PORT_FORWARD))
		return 0;
	overlap_key(flow, mape_portset_port(&search->cfg->ports, search->index), &key);
	if (bpf_map_lookup_elem(&overlaps, &key) || owner_talks_to(port, search->index, flow))
		return 0;
	search->found = true;
	return 1;
}

/* Take the port at which the search stopped. False when somebody was faster. */
static __always_inline bool overlap_claim(const struct overlap_search *search,
					  struct mape_binding *b)
{
	struct mape_port *port = port_get(search->cfg, search->slot, search->index);
	__u16 generation;

	if (!port || !port_share(port, &generation))
		return false;
	b->index = search->index;
	b->generation = generation;
	b->ext_port = mape_portset_port(&search->cfg->ports, search->index);
	if (overlap_take(port, b->index, search->flow, b->ext_port)) {
		b->flags |= MAPE_SESSION_OVERLAP;
		return true;
	}
	port_put(search->cfg, search->slot, b->index);
	return false;
}

#define OVERLAP_CLAIMS 4 /* ports lost to other processors before we give up */

/*
 * Find a port in use whose sessions all have another remote; never where anybody may send to a
 * mapped port, since nobody could tell then who is meant. On success the caller holds the port
 * and the record in `overlaps`. Complete: every port of the set is looked at, from a random start.
 */
static __noinline bool overlap_alloc(const struct mape_config *cfg, const struct mape_flow *flow,
				     struct mape_binding *b)
{
	struct overlap_search search = {
		.cfg = cfg,
		.flow = flow,
		.slot = port_slot(flow->proto),
		/* A product's upper half: a number below count without a division. */
		.index = (__u64)bpf_get_prandom_u32() * cfg->ports.count >> 32,
	};

	if (cfg->filtering == MAPE_FILTER_ENDPOINT)
		return false;
	for (int i = 0; i < OVERLAP_CLAIMS; i++) {
		search.found = false;
		bpf_loop(cfg->ports.count, overlap_try, &search, 0);
		if (!search.found)
			return false;
		if (overlap_claim(&search, b)) {
			count_event(MAPE_OVERLAPPED);
			return true;
		}
	}
	return false;
}

#endif
