/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Protocols without ports (GRE, ESP, SCTP ...). Where the address is ours alone they pass, and only
 * the address is translated: their sessions are keyed with port 0. What comes in is for the host
 * that has sent to that remote with that protocol most recently; `overlaps` remembers it.
 */
#ifndef MAPE_BPF_PORTLESS_H
#define MAPE_BPF_PORTLESS_H

#include "overlap.h"
#include "parse.h"

/* May the packet pass although the parser found no ports? Not ICMP of an unknown type. */
static __always_inline bool portless_passes(const struct mape_config *cfg,
					    const struct mape_pkt *p, enum mape_parsed parsed)
{
	return parsed == MAPE_BAD_PROTOCOL && !cfg->ports.psid_len && !has_ports(p->flow.proto);
}

/* This host has sent to that remote, so answers are for it from now on. False: no memory. */
static __always_inline bool portless_claim(const struct mape_flow *flow)
{
	struct mape_endpoint endpoint, *now;
	struct mape_overlap key;

	overlap_key(flow, 0, &key);
	flow_endpoint(flow, &endpoint);
	now = bpf_map_lookup_elem(&overlaps, &key);
	if (!now)
		return !bpf_map_update_elem(&overlaps, &key, &endpoint, BPF_ANY);
	if (!same_endpoint(now, flow))
		*(volatile mape_word *)now = *(const mape_word *)&endpoint;
	return true;
}

/* The session of an inbound packet; sets the flow's internal half. NULL if nobody has asked. */
static __always_inline struct mape_session *portless_find(struct mape_flow *flow)
{
	const struct mape_endpoint *endpoint;
	struct mape_overlap key;

	overlap_key(flow, 0, &key);
	endpoint = bpf_map_lookup_elem(&overlaps, &key);
	if (!endpoint)
		return 0;
	flow_set_endpoint(flow, endpoint);
	return bpf_map_lookup_elem(&sessions, flow);
}

/* The session ends: so does its claim, unless another host has a newer one. */
static __noinline int portless_put(const struct mape_flow *flow)
{
	const struct mape_endpoint *endpoint;
	struct mape_overlap key;

	overlap_key(flow, 0, &key);
	endpoint = bpf_map_lookup_elem(&overlaps, &key);
	if (endpoint && same_endpoint(endpoint, flow))
		bpf_map_delete_elem(&overlaps, &key);
	return 0;
}

#endif
