// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each session by itself: its port, the way its answers take, its records. */
#include <string.h>

#include "audit_parts.h"
#include "ports_out.h"

/* Whether it keeps the filter open for its remote, and whose that remote is then. */
static void check_peer(struct audit *a, const char *who, const struct session_record *r)
{
	bool wanted = a->tables->config.filtering == MAPE_FILTER_ADDRESS;
	const struct table *peers = &a->tables->peers;
	const struct peer_record *p;
	struct mape_endpoint endpoint;
	struct mape_peer_key key = {};

	if (wanted != !!(r->session.flags & MAPE_SESSION_PEER))
		audit_finding(a, "%s: %s a peer record in this filter mode", who,
			      wanted ? "must have" : "must not have");
	if (!(r->session.flags & MAPE_SESSION_PEER))
		return;
	memcpy(key.rem_addr, r->flow.rem_addr, 4);
	key.ext_port = r->session.ext_port;
	key.proto = r->flow.proto;
	p = table_find(peers, &key);
	if (!p) {
		audit_finding(a, "%s: no peer record for it on port %u", who, key.ext_port);
		return;
	}
	a->peer_refs[p - (const struct peer_record *)peers->records]++;
	audit_endpoint(&r->flow, &endpoint);
	if (p->peer.endpoint.proto && memcmp(&p->peer.endpoint, &endpoint, sizeof(endpoint)))
		audit_finding(a, "%s: another endpoint has the peer record for it on port %u", who,
			      key.ext_port);
}

void audit_peer(struct audit *a, const struct peer_record *r, uint32_t sessions)
{
	int slot = audit_slot(r->key.proto);
	const uint8_t *ip = r->key.rem_addr;

	if (r->peer.refs != sessions)
		audit_finding(a,
			      "peer record of %u.%u.%u.%u on %s port %u: counts %u sessions, "
			      "there are %u",
			      ip[0], ip[1], ip[2], ip[3], slot < 0 ? "?" : slot_names[slot],
			      r->key.ext_port, r->peer.refs, sessions);
}

static void overlap_of(const struct session_record *r, struct mape_overlap *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->rem_addr, r->flow.rem_addr, 4);
	key->rem_port = r->flow.rem_port;
	key->ext_port = r->session.ext_port;
	key->proto = r->flow.proto;
}

/* Can the answers find it? By the owner of the port, or by a record in `overlaps`. */
static void check_inbound(struct audit *a, const char *who, const struct session_record *r,
			  const struct mape_port *port)
{
	const struct session_record *other;
	const struct overlap_record *overlap;
	struct mape_endpoint endpoint;
	struct mape_overlap key;
	struct mape_flow flow = r->flow;

	audit_endpoint(&r->flow, &endpoint);
	if (!(r->session.flags & MAPE_SESSION_OVERLAP)) {
		if (memcmp(&port->owner, &endpoint, sizeof(endpoint)))
			audit_finding(
				a,
				"%s: port %u belongs to another endpoint and no overlap record "
				"tells them apart",
				who, r->session.ext_port);
		return;
	}
	overlap_of(r, &key);
	overlap = table_find(&a->tables->overlaps, &key);
	if (!overlap || memcmp(&overlap->endpoint, &endpoint, sizeof(endpoint)))
		audit_finding(a, "%s: %s for it on port %u", who,
			      overlap ? "another endpoint has the overlap record"
				      : "no overlap record",
			      r->session.ext_port);
	memcpy(flow.int_addr, port->owner.addr, 4);
	flow.int_port = port->owner.port;
	other = table_find(&a->tables->sessions, &flow);
	if (other && other != r && other->session.index == r->session.index &&
	    other->session.generation == r->session.generation)
		audit_finding(a, "%s: the owner of port %u has a session with the same remote", who,
			      r->session.ext_port);
}

/*
 * Of a protocol without ports: possible only where the address is not shared, holds nothing, and its
 * answers go to it or to another host with a session like it.
 */
static void check_portless(struct audit *a, const char *who, const struct session_record *r)
{
	const struct overlap_record *overlap;
	struct mape_overlap key;

	if (a->tables->config.ports.psid_len)
		audit_finding(a, "%s: has no ports, and the address is shared", who);
	if (r->flow.int_port || r->flow.rem_port || r->session.ext_port || r->session.flags)
		audit_finding(a, "%s: has no ports, yet holds some", who);
	overlap_of(r, &key);
	overlap = table_find(&a->tables->overlaps, &key);
	if (!overlap)
		audit_finding(a, "%s: nobody gets its answers", who);
}

void audit_session(struct audit *a, const struct session_record *r)
{
	const struct mape_session *s = &r->session;
	const struct mape_port *port;
	int slot = audit_slot(r->flow.proto);
	struct mape_endpoint endpoint;
	char who[FLOW_TEXT];

	audit_flow_str(&r->flow, who);
	if (s->dead)
		audit_finding(a, "%s: removed, yet still in the table", who);
	if (s->state >= MAPE_STATE_COUNT ||
	    (s->state == MAPE_OPEN) != (r->flow.proto != MAPE_PROTO_TCP))
		audit_finding(a, "%s: impossible state %u", who, s->state);
	if (slot < 0) {
		check_portless(a, who, r);
		return;
	}
	port = audit_claimed_port(a, who, slot, s->index, s->ext_port, s->generation);
	if (!port)
		return;
	if (s->flags & MAPE_SESSION_OWN_PORT) {
		audit_endpoint(&r->flow, &endpoint);
		audit_hold_port(a, slot, s->index, &endpoint);
		audit_hold_host(a, who, r->flow.int_addr, slot);
	} else {
		audit_hold_mapping(a, who, r);
	}
	check_peer(a, who, r);
	check_inbound(a, who, r, port);
}

void audit_overlap(struct audit *a, const struct overlap_record *r)
{
	const struct session_record *s;
	struct mape_flow flow = {};
	char who[FLOW_TEXT];

	memcpy(flow.int_addr, r->endpoint.addr, 4);
	memcpy(flow.rem_addr, r->overlap.rem_addr, 4);
	flow.int_port = r->endpoint.port;
	flow.rem_port = r->overlap.rem_port;
	flow.proto = r->overlap.proto;
	s = table_find(&a->tables->sessions, &flow);
	if (!s || (audit_slot(flow.proto) >= 0 && !(s->session.flags & MAPE_SESSION_OVERLAP)) ||
	    s->session.ext_port != r->overlap.ext_port)
		audit_finding(a, "overlap record of %s on port %u: belongs to no session",
			      audit_flow_str(&flow, who), r->overlap.ext_port);
}
