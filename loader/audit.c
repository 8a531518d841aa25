// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "audit_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rule/text.h>

#include "err.h"
#include "ports_out.h"

void audit_finding(struct audit *a, const char *fmt, ...)
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

int audit_slot(uint8_t proto)
{
	return proto == MAPE_PROTO_TCP	? MAPE_SLOT_TCP :
	       proto == MAPE_PROTO_UDP	? MAPE_SLOT_UDP :
	       proto == MAPE_PROTO_ICMP ? MAPE_SLOT_ICMP :
					  -1;
}

const char *audit_endpoint_str(const struct mape_endpoint *e, char buf[ENDPOINT_TEXT])
{
	int slot = audit_slot(e->proto);

	snprintf(buf, ENDPOINT_TEXT, "%s %u.%u.%u.%u:%u", slot < 0 ? "?" : slot_names[slot],
		 e->addr[0], e->addr[1], e->addr[2], e->addr[3], e->port);
	return buf;
}

void audit_endpoint(const struct mape_flow *f, struct mape_endpoint *e)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->addr, f->int_addr, 4);
	e->port = f->int_port;
	e->proto = f->proto;
}

const char *audit_flow_str(const struct mape_flow *f, char buf[FLOW_TEXT])
{
	char endpoint[ENDPOINT_TEXT];
	struct mape_endpoint e;

	audit_endpoint(f, &e);
	snprintf(buf, FLOW_TEXT, "%s to %u.%u.%u.%u:%u", audit_endpoint_str(&e, endpoint),
		 f->rem_addr[0], f->rem_addr[1], f->rem_addr[2], f->rem_addr[3], f->rem_port);
	return buf;
}

static void check_counts(struct audit *a)
{
	uint32_t set = a->tables->config.ports.count;

	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++) {
		const struct mape_request *c = &a->tables->counts[slot];
		const char *name = slot_names[slot];

		if (c->total != set)
			audit_finding(a, "%s: %u ports were counted, the set has %u", name,
				      c->total, set);
		if (c->free + c->used + c->resting + c->reserved != c->total)
			audit_finding(a,
				      "%s: %u free + %u used + %u resting + %u reserved is not %u",
				      name, c->free, c->used, c->resting, c->reserved, c->total);
		if (c->lost)
			audit_finding(a, "%s: %u free ports are not in the free queue", name,
				      c->lost);
	}
}

static void check_port(struct audit *a, int slot, uint32_t index)
{
	const struct mape_portset *set = &a->tables->config.ports;
	uint32_t at = slot * set->count + index, holds = a->port_refs[at];
	const struct mape_port *port = &a->tables->ports[at];
	uint16_t number = mape_portset_port(set, index);

	if (port->refs != holds)
		audit_finding(a, "%s port %u: counts %u holds, there are %u", slot_names[slot],
			      number, port->refs, holds);
	if (a->foreign[at] && !(port->flags & MAPE_PORT_OVERLAPPED))
		audit_finding(
			a, "%s port %u: held by another than its owner, but not marked as shared",
			slot_names[slot], number);
	/* A forward's sessions may outlive it, so that a reserved port is in use is not wrong. */
	if (holds && port->flags & MAPE_PORT_OVERLAPPED &&
	    port->flags & (MAPE_PORT_RESERVED | MAPE_PORT_FORWARD))
		audit_finding(a, "%s port %u: %s, yet shared", slot_names[slot], number,
			      port->flags & MAPE_PORT_FORWARD ? "forwarded" : "reserved");
}

static void check_all(struct audit *a)
{
	const struct audit_tables *t = a->tables;
	const struct session_record *sessions = t->sessions.records;
	const struct mapping_record *mappings = t->mappings.records;
	const struct overlap_record *overlaps = t->overlaps.records;
	const struct peer_record *peers = t->peers.records;
	const struct host_record *hosts = t->hosts.records;

	check_counts(a);
	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++)
		for (uint32_t i = 0; i < t->config.ports.count; i++)
			audit_hold_forward(a, slot, i);
	for (size_t i = 0; i < t->sessions.n; i++)
		audit_session(a, &sessions[i]);
	for (size_t i = 0; i < t->mappings.n; i++)
		audit_mapping(a, &mappings[i], a->mapping_refs[i]);
	for (size_t i = 0; i < t->peers.n; i++)
		audit_peer(a, &peers[i], a->peer_refs[i]);
	for (size_t i = 0; i < t->overlaps.n; i++)
		audit_overlap(a, &overlaps[i]);
	for (size_t i = 0; i < t->hosts.n; i++)
		audit_host(a, &hosts[i], a->host_ports[i]);
	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++)
		for (uint32_t i = 0; i < t->config.ports.count; i++)
			check_port(a, slot, i);
	if (t->live != t->sessions.n)
		audit_finding(a, "the live counter says %" PRIu64 " sessions, there are %zu",
			      t->live, t->sessions.n);
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
	table_sort(&tables->peers);
	table_sort(&tables->hosts);
	a.port_refs = calloc(ports + 1, sizeof(*a.port_refs));
	a.mapping_refs = calloc(tables->mappings.n + 1, sizeof(*a.mapping_refs));
	a.peer_refs = calloc(tables->peers.n + 1, sizeof(*a.peer_refs));
	a.host_ports = calloc(tables->hosts.n + 1, sizeof(*a.host_ports));
	a.foreign = calloc(ports + 1, sizeof(*a.foreign));
	ok = a.port_refs && a.mapping_refs && a.peer_refs && a.host_ports && a.foreign;
	if (ok)
		check_all(&a);
	else
		err(NULL, "out of memory for the audit");
	free(a.port_refs);
	free(a.mapping_refs);
	free(a.peer_refs);
	free(a.host_ports);
	free(a.foreign);
	return ok ? 0 : -1;
}
