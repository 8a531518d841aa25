// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who holds the ports and mappings; the audit compares that with what they count themselves. */
#include <stdio.h>
#include <string.h>

#include "audit_parts.h"
#include "ports_out.h"

/* The port that a session or mapping says it has, or NULL with a finding. */
const struct mape_port *audit_claimed_port(struct audit *a, const char *who, int slot,
					   uint16_t index, uint16_t ext_port, uint16_t generation)
{
	const struct mape_portset *set = &a->tables->config.ports;
	const struct mape_port *port;

	if (slot < 0 || index >= set->count || mape_portset_port(set, index) != ext_port) {
		audit_finding(a, "%s: port %u, index %u is not of the set", who, ext_port, index);
		return NULL;
	}
	port = &a->tables->ports[slot * set->count + index];
	if (!port->refs)
		audit_finding(a, "%s: its port %u is free", who, ext_port);
	else if (port->generation != generation)
		audit_finding(a,
			      "%s: its port %u was given to somebody else (generation %u, now %u)",
			      who, ext_port, generation, port->generation);
	return port;
}

void audit_hold_port(struct audit *a, int slot, uint16_t index,
		     const struct mape_endpoint *endpoint)
{
	uint32_t at = slot * a->tables->config.ports.count + index;

	a->port_refs[at]++;
	if (memcmp(&a->tables->ports[at].owner, endpoint, sizeof(*endpoint)))
		a->foreign[at] = true;
}

/* The mapping of an endpoint, one more hold on it counted; NULL if there is none. */
static const struct mape_mapping *count_mapping(struct audit *a,
						const struct mape_endpoint *endpoint)
{
	const struct table *mappings = &a->tables->mappings;
	const struct mapping_record *m = table_find(mappings, endpoint);

	if (!m)
		return NULL;
	a->mapping_refs[m - (const struct mapping_record *)mappings->records]++;
	return &m->mapping;
}

/* A session without a port of its own holds the mapping of its endpoint. */
void audit_hold_mapping(struct audit *a, const char *who, const struct session_record *r)
{
	const struct mape_mapping *m;
	struct mape_endpoint endpoint;

	audit_endpoint(&r->flow, &endpoint);
	m = count_mapping(a, &endpoint);
	if (!m)
		audit_finding(a, "%s: its endpoint has no mapping", who);
	else if (m->index != r->session.index || m->generation != r->session.generation)
		audit_finding(a, "%s: has port %u, its mapping has %u", who, r->session.ext_port,
			      m->ext_port);
}

/* A forward holds its port: through the mapping of the endpoint, if that had none before. */
void audit_hold_forward(struct audit *a, int slot, uint32_t index)
{
	const struct mape_portset *set = &a->tables->config.ports;
	const struct mape_port *port = &a->tables->ports[slot * set->count + index];
	const struct mape_mapping *m;
	char who[32];

	if (!(port->flags & MAPE_PORT_FORWARD)) {
		if (port->flags & MAPE_PORT_MAPPED)
			audit_finding(a, "%s port %u: has the mapping of a forward, but is none",
				      slot_names[slot], mape_portset_port(set, index));
		return;
	}
	snprintf(who, sizeof(who), "%s port %u", slot_names[slot], mape_portset_port(set, index));
	if (audit_slot(port->owner.proto) != slot)
		audit_finding(a, "%s: forwarded, but its owner is of another protocol", who);
	if (!(port->flags & MAPE_PORT_MAPPED)) {
		audit_hold_port(a, slot, index, &port->owner);
		return;
	}
	m = count_mapping(a, &port->owner);
	if (!m || m->index != index || m->generation != port->generation)
		audit_finding(a, "%s: forwarded, but its owner's mapping is %s", who,
			      m ? "of another port" : "gone");
}

void audit_mapping(struct audit *a, const struct mapping_record *r, uint32_t holds)
{
	int slot = audit_slot(r->endpoint.proto);
	char endpoint[ENDPOINT_TEXT], who[ENDPOINT_TEXT + 16];

	snprintf(who, sizeof(who), "mapping of %s", audit_endpoint_str(&r->endpoint, endpoint));
	if (r->mapping.refs != holds)
		audit_finding(a, "%s: counts %u holds, there are %u", who, r->mapping.refs, holds);
	if (audit_claimed_port(a, who, slot, r->mapping.index, r->mapping.ext_port,
			       r->mapping.generation))
		audit_hold_port(a, slot, r->mapping.index, &r->endpoint);
	audit_hold_host(a, who, r->endpoint.addr, slot);
}
