/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds which port of the set.
 *
 * The state word of a port {refs, flags, generation} is the truth and changes by compare-and-swap
 * or, where only a reference is given back, by an atomic decrement:
 *
 *   free    refs 0; QUEUED while its index waits in the free queue
 *   taken   refs > 0; OVERLAPPED once it serves more than one endpoint
 *   out     RESERVED: never handed out dynamically
 *
 * A port is taken only from refs 0 (generation + 1, flags cleared) and shared only from refs > 0,
 * so nobody can join a port that is being given back. The queue is a hint: an index popped from
 * it whose port is not free any more is thrown away, and a free port that is not queued (a push
 * can fail) is found by the sweep.
 *
 * A freed port can be made to rest before it serves somebody else (RFC 6888 REQ-8), where the filter
 * mode lets strangers in. The queue is in the order in which ports were freed, so while its first
 * one rests, all do.
 */
#ifndef MAPE_BPF_PORTS_H
#define MAPE_BPF_PORTS_H

#include "clock.h"
#include "finish.h"
#include "hold.h"

#define MAPE_POP_TRIES 32 /* outdated hints thrown away per packet */
#define MAPE_PUSH_TRIES 8 /* a queue's lock can be busy */

struct port_word {
	__u32 refs;
	__u16 flags;
	__u16 generation;
} __attribute__((aligned(8)));

static __always_inline void port_read(const struct mape_port *port, struct port_word *word)
{
	*(mape_word *)word = *(volatile mape_word *)port;
}

/* Of the packet's protocol; MAPE_SLOT_COUNT for one without ports. */
static __always_inline __u32 port_slot(__u8 proto)
{
	switch (proto) {
	case MAPE_PROTO_TCP:
		return MAPE_SLOT_TCP;
	case MAPE_PROTO_UDP:
		return MAPE_SLOT_UDP;
	case MAPE_PROTO_ICMP:
		return MAPE_SLOT_ICMP;
	default:
		return MAPE_SLOT_COUNT;
	}
}

static __always_inline struct mape_port *port_get(const struct mape_config *cfg, __u32 slot,
						  __u32 index)
{
	__u32 key = slot * cfg->ports.count + index;

	if (slot >= MAPE_SLOT_COUNT || index >= cfg->ports.count)
		return 0;
	return bpf_map_lookup_elem(&ports, &key);
}

/*
 * The compiler would merge the three calls into one with a variable map. A verifier that tracks
 * what of the stack is alive (seen on 7.3) then no longer knows how much that call writes, and
 * refuses later reads beside it. The empty asm keeps them apart.
 */
#define FREE_QUEUE(helper, map, index)                                \
	({                                                            \
		long __err = helper(&(map), index);                   \
		asm volatile("" : "+r"(__err) : "i"(__COUNTER__));    \
		__err;                                                \
	})

static __always_inline long free_queue_pop(__u32 slot, __u32 *index)
{
	switch (slot) {
	case MAPE_SLOT_TCP:
		return FREE_QUEUE(bpf_map_pop_elem, free_ports_tcp, index);
	case MAPE_SLOT_UDP:
		return FREE_QUEUE(bpf_map_pop_elem, free_ports_udp, index);
	default:
		return FREE_QUEUE(bpf_map_pop_elem, free_ports_icmp, index);
	}
}

/* The one that would be popped. */
static __always_inline long free_queue_peek(__u32 slot, __u32 *index)
{
	if (slot == MAPE_SLOT_UDP)
		return FREE_QUEUE(bpf_map_peek_elem, free_ports_udp, index);
	return FREE_QUEUE(bpf_map_peek_elem, free_ports_icmp, index);
}

static __always_inline long free_queue_push(__u32 slot, const __u32 *index)
{
	switch (slot) {
	case MAPE_SLOT_TCP:
		return bpf_map_push_elem(&free_ports_tcp, index, 0);
	case MAPE_SLOT_UDP:
		return bpf_map_push_elem(&free_ports_udp, index, 0);
	default:
		return bpf_map_push_elem(&free_ports_icmp, index, 0);
	}
}

/* Take a free port. False when it is not free (any more). */
static __always_inline bool port_claim(struct mape_port *port, const struct mape_endpoint *owner,
				       __u16 *generation)
{
	struct port_word old, new;

	port_read(port, &old);
	if (old.refs || old.flags & MAPE_PORT_RESERVED)
		return false;
	new.refs = 1;
	new.flags = 0;
	new.generation = old.generation + 1;
	if (!word_swap(port, &old, &new))
		return false;
	/*
	 * An inbound packet between the exchange and this store still sees the last owner; the
	 * index and generation in that owner's sessions do not fit, so nothing is misdelivered.
	 */
	*(volatile mape_word *)&port->owner = *(const mape_word *)owner;
	*generation = new.generation;
	return true;
}

/*
 * One more holder for a port that others hold already. set: flags to add; not: flags that it must
 * not have.
 */
static __always_inline bool port_hold(struct mape_port *port, __u16 set, __u16 not,
				      __u16 *generation)
{
	struct port_word old, new;

	for (int i = 0; i < MAPE_CAS_TRIES; i++) {
		port_read(port, &old);
		if (!old.refs || old.flags & not)
			return false;
		new.refs = old.refs + 1;
		new.flags = old.flags | set;
		new.generation = old.generation;
		if (word_swap(port, &old, &new)) {
			*generation = new.generation;
			return true;
		}
	}
	return false;
}

/* Hold a port for another endpoint than its owner. Static forwards are nobody else's. */
static __always_inline bool port_share(struct mape_port *port, __u16 *generation)
{
	return port_hold(port, MAPE_PORT_OVERLAPPED, MAPE_PORT_RESERVED | MAPE_PORT_FORWARD,
			 generation);
}

/* Hold a port for its owner. */
static __always_inline bool port_join(struct mape_port *port, __u16 *generation)
{
	return port_hold(port, 0, 0, generation);
}

/* A free port that is not queued goes into its queue. */
static __noinline int port_enqueue(struct mape_port *port, __u32 slot, __u32 index)
{
	struct port_word old, new;

	port_read(port, &old);
	if (old.refs || old.flags & (MAPE_PORT_QUEUED | MAPE_PORT_RESERVED))
		return 0; /* in use; or waiting already, which a forward can leave behind */
	new.refs = 0;
	new.flags = MAPE_PORT_QUEUED;
	new.generation = old.generation;
	if (!word_swap(port, &old, &new))
		return 0; /* somebody was faster and has it now */
	for (int i = 0; i < MAPE_PUSH_TRIES; i++)
		if (!free_queue_push(slot, &index))
			return 1;
	/* If the port was taken meanwhile, the exchange fails and that is as well. */
	old.flags = 0;
	word_swap(port, &new, &old);
	count_event(MAPE_FREE_LOST);
	return 0;
}

/* Give back one hold on a port. */
static __noinline int port_put(const struct mape_config *cfg, __u32 slot, __u32 index)
{
	struct mape_port *port;

	port = port_get(cfg, slot, index);
	if (port && __sync_fetch_and_sub(&port->refs, 1) == 1) {
		port->freed = mape_now(cfg);
		port_enqueue(port, slot, index);
	}
	return 0;
}

/* Its hint was popped and is thrown away: it is taken (by a static forward). */
static __always_inline void port_unqueued(struct mape_port *port)
{
	struct port_word old, new;

	port_read(port, &old);
	new = old;
	new.flags = old.flags & ~MAPE_PORT_QUEUED;
	word_swap(port, &old, &new);
}

/* Must this free port wait longer? TCP's never: its own states keep it apart long enough. */
static __always_inline bool port_resting(const struct mape_config *cfg,
					 const struct mape_port *port, __u32 slot)
{
	return cfg->rest_s && slot != MAPE_SLOT_TCP && port->freed &&
	       mape_now(cfg) < port->freed + cfg->rest_s * MAPE_SECOND;
}

/* Do the free ports of the protocol rest, the first one included? */
static __always_inline bool ports_rest(const struct mape_config *cfg, __u32 slot)
{
	struct mape_port *port;
	__u32 index;

	if (!cfg->rest_s || slot == MAPE_SLOT_TCP || free_queue_peek(slot, &index))
		return false;
	port = port_get(cfg, slot, index);
	return port && !port->refs && port_resting(cfg, port, slot);
}

/* Take any free port that does not rest. False when there is none. */
static __always_inline bool port_alloc(const struct mape_config *cfg, __u32 slot,
				       const struct mape_endpoint *owner, __u32 *index,
				       __u16 *generation)
{
	struct mape_port *port;

	if (ports_rest(cfg, slot))
		return false;
	for (int i = 0; i < MAPE_POP_TRIES; i++) {
		long err = free_queue_pop(slot, index);

		if (err == -EBUSY)
			continue; /* the queue's lock, not an empty queue */
		if (err)
			return false;
		port = port_get(cfg, slot, *index);
		if (!port)
			continue;
		if (!port->refs && port_resting(cfg, port, slot)) {
			/* Another processor took the one that we looked at. */
			if (free_queue_push(slot, index))
				port_unqueued(port); /* the sweep puts it back */
			return false;
		}
		if (port_claim(port, owner, generation))
			return true;
		port_unqueued(port);
	}
	return false;
}

#endif
