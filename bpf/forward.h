/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Static forwards. A forward is a port that is taken for good: its owner is the internal endpoint,
 * and the flag lets anybody send to it. Where the endpoint has no mapping yet the forward holds
 * one, so that what the endpoint sends by itself leaves from the forwarded port too.
 */
#ifndef MAPE_BPF_FORWARD_H
#define MAPE_BPF_FORWARD_H

#include "session.h"

static __always_inline struct mape_port *forward_port(const struct mape_config *cfg, __u8 proto,
						      __u32 ext_port, __u32 *index)
{
	__s32 i = ext_port > 0xffff ? -1 : mape_portset_index(&cfg->ports, ext_port);

	if (i < 0)
		return 0;
	*index = i;
	return port_get(cfg, port_slot(proto), i);
}

/* 0, -EINVAL: not a port of the set, -EBUSY: in use. */
static __always_inline long forward_add(const struct mape_config *cfg,
					const struct mape_flow *flow, __u32 ext_port)
{
	struct mape_endpoint endpoint;
	struct port_word old, new;
	struct mape_binding b = {};
	struct mape_port *port;

	flow_endpoint(flow, &endpoint);
	port = forward_port(cfg, flow->proto, ext_port, &b.index);
	if (!port)
		return -EINVAL;
	port_read(port, &old);
	if (old.refs)
		return -EBUSY;
	b.generation = old.generation + 1;
	b.ext_port = ext_port;
	new.refs = 1;
	/* A queued index is thrown away when its turn comes, since the port is not free then. */
	new.flags = MAPE_PORT_FORWARD | (old.flags & MAPE_PORT_RESERVED);
	new.generation = b.generation;
	if (!word_swap(port, &old, &new))
		return -EBUSY;
	port->owner = endpoint;
	if (mapping_insert(&endpoint, &b))
		return 0; /* it sends from another port already */
	old = new;
	new.flags |= MAPE_PORT_MAPPED;
	/* Sessions may have joined meanwhile: only the flags change. */
	for (int i = 0; i < MAPE_CAS_TRIES && !word_swap(port, &old, &new); i++) {
		port_read(port, &old);
		new.refs = old.refs;
		new.flags = old.flags | MAPE_PORT_MAPPED;
		new.generation = old.generation;
	}
	return 0;
}

/* 0, or -ENOENT. The port is free, or reserved, again when the last session has ended. */
static __always_inline long forward_del(const struct mape_config *cfg,
					const struct mape_flow *flow, __u32 ext_port)
{
	struct mape_endpoint endpoint;
	struct port_word old, new;
	struct mape_port *port;
	__u32 index;

	port = forward_port(cfg, flow->proto, ext_port, &index);
	if (!port)
		return -ENOENT;
	for (int i = 0; i < MAPE_CAS_TRIES; i++) {
		port_read(port, &old);
		if (!(old.flags & MAPE_PORT_FORWARD))
			return -ENOENT;
		new.refs = old.refs;
		new.flags = old.flags & ~(MAPE_PORT_FORWARD | MAPE_PORT_MAPPED);
		new.generation = old.generation;
		endpoint = port->owner;
		if (!word_swap(port, &old, &new))
			continue;
		/* The hold is the mapping's where there is one. */
		if (old.flags & MAPE_PORT_MAPPED)
			mapping_put(cfg, &endpoint);
		else
			port_put(cfg, port_slot(flow->proto), index);
		return 0;
	}
	return -EBUSY;
}

#endif
