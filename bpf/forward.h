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

static __always_inline bool forward_flags(struct mape_port *port, __u16 set, __u16 clear,
					  struct port_word *was)
{
	struct port_word new;

	for (int i = 0; i < MAPE_CAS_TRIES; i++) {
		port_read(port, was);
		new = *was;
		new.flags = (was->flags & ~clear) | set;
		if (word_swap(port, was, &new))
			return true;
	}
	return false;
}

/* 0, -EINVAL: not a port of the set, -EBUSY: in use. */
static __always_inline long forward_add(const struct mape_config *cfg,
					const struct mape_flow *flow, __u32 ext_port)
{
	struct mape_binding b = { .ext_port = ext_port };
	struct mape_endpoint endpoint;
	struct port_word old, new;
	struct mape_port *port;
	__u16 set = MAPE_PORT_FORWARD;

	flow_endpoint(flow, &endpoint);
	port = forward_port(cfg, flow->proto, ext_port, &b.index);
	if (!port)
		return -EINVAL;
	port_read(port, &old);
	if (old.refs)
		return -EBUSY;
	new = old; /* its index may stay in the free queue, so QUEUED stays true */
	new.refs = 1;
	new.generation = b.generation = old.generation + 1;
	if (!word_swap(port, &old, &new))
		return -EBUSY;
	port->owner = endpoint;
	if (host_take(flow, 0) == MAPE_KERNEL_OUT) {
		if (!mapping_insert(&endpoint, &b))
			set |= MAPE_PORT_MAPPED;
		else /* it sends from another port already */
			host_put(addr4_word(flow->int_addr), port_slot(flow->proto));
	}
	/* Last, so that nobody is let in to an owner who is not set yet. */
	return forward_flags(port, set, 0, &old) ? 0 : -EBUSY;
}

/* 0, or -ENOENT. The port is free, or reserved, again when the last session has ended. */
static __always_inline long forward_del(const struct mape_config *cfg,
					const struct mape_flow *flow, __u32 ext_port)
{
	struct mape_endpoint endpoint;
	struct mape_port *port;
	struct port_word was;
	__u32 index;

	port = forward_port(cfg, flow->proto, ext_port, &index);
	if (!port || !(port->flags & MAPE_PORT_FORWARD))
		return -ENOENT;
	endpoint = port->owner;
	if (!forward_flags(port, 0, MAPE_PORT_FORWARD | MAPE_PORT_MAPPED, &was))
		return -EBUSY;
	/* The hold is the mapping's where there is one. */
	if (was.flags & MAPE_PORT_MAPPED)
		mapping_put(cfg, &endpoint);
	else
		port_put(cfg, port_slot(flow->proto), index);
	return 0;
}

#endif
