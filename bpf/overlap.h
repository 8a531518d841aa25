/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens when a protocol has run out of free ports (RFC 7857 section 3): a port that is in
 * use may serve another session as long as no two of its sessions have the same remote address
 * and port. `overlaps` then tells by the remote who is meant.
 *
 * Only sessions on a port that was already shared when they were made have a record in
 * `overlaps`; the older ones are found by the port's owner. Two sessions can therefore collide
 * where the owner opens one to the same remote at the same moment. Both sides first publish and
 * then look for the other (share.h: mark the port, add the record, look for the owner's session; in
 * session_place(): add the session, look at the mark, add the record), so at least one of them
 * sees it and steps back.
 */
#ifndef MAPE_BPF_OVERLAP_H
#define MAPE_BPF_OVERLAP_H

#include "mapping.h"

static __always_inline void overlap_key(const struct mape_flow *flow, __u16 ext_port,
					struct mape_overlap *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->rem_addr, flow->rem_addr, 4);
	key->rem_port = flow->rem_port;
	key->ext_port = ext_port;
	key->proto = flow->proto;
}

/* Record that this remote on this port means this endpoint. False when it means another one. */
static __always_inline bool overlap_insert(const struct mape_flow *flow, __u16 ext_port)
{
	struct mape_endpoint endpoint;
	struct mape_overlap key;

	overlap_key(flow, ext_port, &key);
	flow_endpoint(flow, &endpoint);
	return !bpf_map_update_elem(&overlaps, &key, &endpoint, BPF_NOEXIST);
}

static __always_inline void overlap_delete(const struct mape_flow *flow, __u16 ext_port)
{
	struct mape_overlap key;

	overlap_key(flow, ext_port, &key);
	bpf_map_delete_elem(&overlaps, &key);
}

/* Does the port's owner have a session with this remote on this very port? */
static __always_inline bool owner_talks_to(const struct mape_port *port, __u32 index,
					   const struct mape_flow *flow)
{
	struct mape_flow key = *flow;
	const struct mape_session *s;

	flow_set_endpoint(&key, &port->owner);
	s = bpf_map_lookup_elem(&sessions, &key);
	return s && s->index == index;
}

/*
 * Make this remote on this shared port mean this flow's endpoint. False, and nothing changed, when
 * it means another one: by a record, or by an older session of the port's owner.
 */
static __always_inline bool overlap_take(const struct mape_port *port, __u32 index,
					 const struct mape_flow *flow, __u16 ext_port)
{
	if (!overlap_insert(flow, ext_port))
		return false;
	if (same_endpoint(&port->owner, flow) || !owner_talks_to(port, index, flow))
		return true;
	overlap_delete(flow, ext_port);
	return false;
}

#endif
