// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rule/text.h>

#include "err.h"
#include "ports_out.h"

/* One audit under way. */
struct audit {
	const struct audit_tables *tables;
	struct audit_report *report;
	uint32_t *port_refs;	/* holds that were found, as long as tables->ports */
	uint32_t *mapping_refs; /* index: record in tables->mappings */
};

static void __attribute__((format(printf, 2, 3))) finding(struct audit *a, const char *fmt, ...)
{
	struct audit_report *r = a->report;
	va_list ap;

	r->total++;
	if (r->kept == AUDIT_KEPT)
		return;
	va_start(ap, fmt);
	vsnprintf(r->text[r->kept++], AUDIT_TEXT, fmt, ap);
	va_end(ap);
}

static int slot_of(uint8_t proto)
{
	return proto == MAPE_PROTO_TCP	? MAPE_SLOT_TCP :
	       proto == MAPE_PROTO_UDP	? MAPE_SLOT_UDP :
	       proto == MAPE_PROTO_ICMP ? MAPE_SLOT_ICMP :
					  -1;
}

/* "tcp 192.168.1.10:40000" */
#define ENDPOINT_TEXT 40

static const char *endpoint_str(const struct mape_endpoint *e, char buf[ENDPOINT_TEXT])
{
	int slot = slot_of(e->proto);

	snprintf(buf, ENDPOINT_TEXT, "%s %u.%u.%u.%u:%u", slot < 0 ? "?" : slot_names[slot],
		 e->addr[0], e->addr[1], e->addr[2], e->addr[3], e->port);
	return buf;
}

/* "tcp 192.168.1.10:40000 to 198.51.100.1:80" */
#define FLOW_TEXT (ENDPOINT_TEXT + 26)

static void endpoint_of(const struct mape_flow *f, struct mape_endpoint *e)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->addr, f->int_addr, 4);
	e->port = f->int_port;
	e->proto = f->proto;
}

static const char *flow_str(const struct mape_flow *f, char buf[FLOW_TEXT])
{
	char endpoint[ENDPOINT_TEXT];
	struct mape_endpoint e;

	endpoint_of(f, &e);
	snprintf(buf, FLOW_TEXT, "%s to %u.%u.%u.%u:%u", endpoint_str(&e, endpoint), f->rem_addr[0],
		 f->rem_addr[1], f->rem_addr[2], f->rem_addr[3], f->rem_port);
	return buf;
}

static void check_counts(struct audit *a)
{
	uint32_t set = a->tables->config.ports.count;

	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++) {
		const struct mape_request *c = &a->tables->counts[slot];
		const char *name = slot_names[slot];

		if (c->total != set)
			finding(a, "%s: %u ports were counted, the set has %u", name, c->total,
				set);
		if (c->free + c->used + c->resting + c->reserved != c->total)
			finding(a, "%s: %u free + %u used + %u resting + %u reserved is not %u",
				name, c->free, c->used, c->resting, c->reserved, c->total);
		if (c->lost)
			finding(a, "%s: %u free ports are not in the free queue", name, c->lost);
	}
}

/* The port that a session or mapping says it has, or NULL with a finding. */
static const struct mape_port *claimed_port(struct audit *a, const char *who, int slot,
					    uint16_t index, uint16_t ext_port, uint16_t generation)
{
	const struct mape_portset *set = &a->tables->config.ports;
	const struct mape_port *port;

	if (slot < 0 || index >= set->count || mape_portset_port(set, index) != ext_port) {
		finding(a, "%s: port %u, index %u is not of the set", who, ext_port, index);
		return NULL;
	}
	port = &a->tables->ports[slot * set->count + index];
	if (!port->refs)
		finding(a, "%s: its port %u is free", who, ext_port);
	else if (port->generation != generation)
		finding(a, "%s: its port %u was given to somebody else (generation %u, now %u)",
			who, ext_port, generation, port->generation);
	return port;
}

static void hold_port(struct audit *a, int slot, uint16_t index)
{
	a->port_refs[slot * a->tables->config.ports.count + index]++;
}

/* A session without a port of its own holds the mapping of its endpoint. */
static void hold_mapping(struct audit *a, const char *who, const struct session_record *r)
{
	const struct table *mappings = &a->tables->mappings;
	const struct mapping_record *m;
	struct mape_endpoint endpoint;

	endpoint_of(&r->flow, &endpoint);
	m = table_find(mappings, &endpoint);
	if (!m) {
		finding(a, "%s: its endpoint has no mapping", who);
		return;
	}
	a->mapping_refs[m - (const struct mapping_record *)mappings->records]++;
	if (m->mapping.index != r->session.index || m->mapping.generation != r->session.generation)
		finding(a, "%s: has port %u, its mapping has %u", who, r->session.ext_port,
			m->mapping.ext_port);
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

	endpoint_of(&r->flow, &endpoint);
	if (!(r->session.flags & MAPE_SESSION_OVERLAP)) {
		if (memcmp(&port->owner, &endpoint, sizeof(endpoint)))
			finding(a, "%s: port %u belongs to another endpoint and no overlap record "
				   "tells them apart",
				who, r->session.ext_port);
		return;
	}
	overlap_of(r, &key);
	overlap = table_find(&a->tables->overlaps, &key);
	if (!overlap || memcmp(&overlap->endpoint, &endpoint, sizeof(endpoint)))
		finding(a, "%s: %s for it on port %u", who,
			overlap ? "another endpoint has the overlap record" : "no overlap record",
			r->session.ext_port);
	memcpy(flow.int_addr, port->owner.addr, 4);
	flow.int_port = port->owner.port;
	other = table_find(&a->tables->sessions, &flow);
	if (other && other != r && other->session.index == r->session.index &&
	    other->session.generation == r->session.generation)
		finding(a, "%s: the owner of port %u has a session with the same remote", who,
			r->session.ext_port);
}

static void check_session(struct audit *a, const struct session_record *r)
{
	const struct mape_session *s = &r->session;
	const struct mape_port *port;
	int slot = slot_of(r->flow.proto);
	char who[FLOW_TEXT];

	flow_str(&r->flow, who);
	if (s->dead)
		finding(a, "%s: removed, yet still in the table", who);
	if (s->state >= MAPE_STATE_COUNT ||
	    (s->state == MAPE_OPEN) != (r->flow.proto != MAPE_PROTO_TCP))
		finding(a, "%s: impossible state %u", who, s->state);
	port = claimed_port(a, who, slot, s->index, s->ext_port, s->generation);
	if (!port)
		return;
	if (s->flags & MAPE_SESSION_OWN_PORT)
		hold_port(a, slot, s->index);
	else
		hold_mapping(a, who, r);
	check_inbound(a, who, r, port);
}

static void check_mapping(struct audit *a, const struct mapping_record *r, uint32_t sessions)
{
	int slot = slot_of(r->endpoint.proto);
	char endpoint[ENDPOINT_TEXT], who[ENDPOINT_TEXT + 16];

	snprintf(who, sizeof(who), "mapping of %s", endpoint_str(&r->endpoint, endpoint));
	if (r->mapping.refs != sessions)
		finding(a, "%s: counts %u sessions, there are %u", who, r->mapping.refs, sessions);
	if (claimed_port(a, who, slot, r->mapping.index, r->mapping.ext_port,
			 r->mapping.generation))
		hold_port(a, slot, r->mapping.index);
}

static void check_overlap(struct audit *a, const struct overlap_record *r)
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
	if (!s || !(s->session.flags & MAPE_SESSION_OVERLAP) ||
	    s->session.ext_port != r->overlap.ext_port)
		finding(a, "overlap record of %s on port %u: belongs to no session",
			flow_str(&flow, who), r->overlap.ext_port);
}

static void check_port(struct audit *a, int slot, uint32_t index)
{
	const struct mape_portset *set = &a->tables->config.ports;
	uint32_t at = slot * set->count + index, holds = a->port_refs[at];
	const struct mape_port *port = &a->tables->ports[at];
	uint16_t number = mape_portset_port(set, index);

	if (port->refs != holds)
		finding(a, "%s port %u: counts %u holds, there are %u", slot_names[slot], number,
			port->refs, holds);
	if (holds > 1 && !(port->flags & MAPE_PORT_OVERLAPPED))
		finding(a, "%s port %u: held %u times, but not marked as shared", slot_names[slot],
			number, holds);
	if (holds && port->flags & MAPE_PORT_RESERVED)
		finding(a, "%s port %u: reserved, yet in use", slot_names[slot], number);
}

static void check_all(struct audit *a)
{
	const struct audit_tables *t = a->tables;
	const struct session_record *sessions = t->sessions.records;
	const struct mapping_record *mappings = t->mappings.records;
	const struct overlap_record *overlaps = t->overlaps.records;

	check_counts(a);
	for (size_t i = 0; i < t->sessions.n; i++)
		check_session(a, &sessions[i]);
	for (size_t i = 0; i < t->mappings.n; i++)
		check_mapping(a, &mappings[i], a->mapping_refs[i]);
	for (size_t i = 0; i < t->overlaps.n; i++)
		check_overlap(a, &overlaps[i]);
	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++)
		for (uint32_t i = 0; i < t->config.ports.count; i++)
			check_port(a, slot, i);
	if (t->live != t->sessions.n)
		finding(a, "the live counter says %" PRIu64 " sessions, there are %zu", t->live,
			t->sessions.n);
}

int audit_check(struct audit_tables *tables, struct audit_report *report)
{
	struct audit a = { .tables = tables, .report = report };
	size_t ports = MAPE_SLOT_COUNT * (size_t)tables->config.ports.count;
	bool ok;

	memset(report, 0, sizeof(*report));
	table_sort(&tables->sessions);
	table_sort(&tables->mappings);
	table_sort(&tables->overlaps);
	a.port_refs = calloc(ports + 1, sizeof(*a.port_refs));
	a.mapping_refs = calloc(tables->mappings.n + 1, sizeof(*a.mapping_refs));
	ok = a.port_refs && a.mapping_refs;
	if (ok)
		check_all(&a);
	else
		err(NULL, "out of memory for the audit");
	free(a.port_refs);
	free(a.mapping_refs);
	return ok ? 0 : -1;
}
