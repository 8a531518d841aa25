/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding a port to share when a protocol has run out of free ones; see overlap.h for the rules. */
#ifndef MAPE_BPF_SHARE_H
#define MAPE_BPF_SHARE_H

#include "overlap.h"

struct overlap_search {
	const struct mape_config *cfg;
	const struct mape_flow *flow;
	__u32 slot;
	__u32 start;
	struct mape_binding binding;
	bool found;
};

static long overlap_try(__u32 i, struct overlap_search *search)
{
	const struct mape_flow *flow = search->flow;
	__u32 count = search->cfg->ports.count;
	__u32 index = search->start + i;
	struct mape_overlap key;
	struct mape_port *port;
	__u16 ext_port, generation;

	if (index >= count)
		index -= count;
	port = port_get(search->cfg, search->slot, index);
	if (!port || !port->refs)
		return 0;
	ext_port = mape_portset_port(&search->cfg->ports, index);
	overlap_key(flow, ext_port, &key);
	if (bpf_map_lookup_elem(&overlaps, &key) || owner_talks_to(port, index, flow))
		return 0; /* a look is cheaper than taking and giving back */
	if (!port_share(port, &generation))
		return 0;
	if (!overlap_take(port, index, flow, ext_port)) {
		port_put(search->cfg, search->slot, index);
		return 0;
	}
	search->binding.index = index;
	search->binding.generation = generation;
	search->binding.ext_port = ext_port;
	search->found = true;
	return 1;
}

/*
 * Find a port in use whose sessions all have another remote. On success the caller holds the port
 * and the record in `overlaps`. Complete: every port of the set is looked at, from a random start.
 */
static __noinline bool overlap_alloc(const struct mape_config *cfg, const struct mape_flow *flow,
				     struct mape_binding *b)
{
	struct overlap_search search = {
		.cfg = cfg,
		.flow = flow,
		.slot = port_slot(flow->proto),
	};

	/* A product's upper half: a number below count without a division. */
	search.start = (__u64)bpf_get_prandom_u32() * cfg->ports.count >> 32;
	bpf_loop(cfg->ports.count, overlap_try, &search, 0);
	if (!search.found)
		return false;
	*b = search.binding;
	b->flags |= MAPE_SESSION_OVERLAP;
	count_event(MAPE_OVERLAPPED);
	return true;
}

#endif
