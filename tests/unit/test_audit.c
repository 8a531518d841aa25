// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The audit over tables made by hand: it has nothing to say about a sound NAPT, and finds each
 * single thing that can be wrong in one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit.h"
#include "err.h"

#define SESSIONS 5
#define MAPPINGS 3
#define OVERLAPS 2
#define PEERS 5
#define HOSTS 2

/*
 * TCP: host A has a mapping on index 3 with two sessions. Host B has a mapping on the same,
 * overlapped port with one session, and a session with a port of its own, which it shares too.
 * One port is forwarded to a service of host A and has a session; the forward made its mapping.
 * Another one is forwarded to the same service, which has that mapping already.
 */
struct napt {
	struct audit_tables t;
	struct session_record sessions[SESSIONS];
	struct mapping_record mappings[MAPPINGS];
	struct overlap_record overlaps[OVERLAPS];
	struct peer_record peers[PEERS];
	struct host_record hosts[HOSTS]; /* A, B */
};

enum { A_WEB, A_MAIL, B_OTHER, B_OWN, IN_SSH };
enum { SHARED = 3, SHARED_TOO = 5, MAPPED = 20, UNMAPPED = 21, GENERATION = 7 };

static const struct mape_endpoint host_a = { { 192, 168, 1, 10 }, 40000, MAPE_PROTO_TCP, 0 };
static const struct mape_endpoint host_b = { { 192, 168, 1, 11 }, 50000, MAPE_PROTO_TCP, 0 };

static const struct mape_endpoint service = { { 192, 168, 1, 10 }, 22, MAPE_PROTO_TCP, 0 };

static uint16_t port_of(const struct napt *n, uint16_t index)
{
	return mape_portset_port(&n->t.config.ports, index);
}

static void set_session(struct napt *n, int i, const struct mape_endpoint *who, uint8_t remote,
			uint16_t index, uint8_t flags)
{
	struct mape_flow *f = &n->sessions[i].flow;
	struct mape_session *s = &n->sessions[i].session;

	memcpy(f->int_addr, who->addr, 4);
	f->int_port = who->port;
	f->proto = who->proto;
	memcpy(f->rem_addr, (uint8_t[]){ 198, 51, 100, remote }, 4);
	f->rem_port = 443;
	s->index = index;
	s->ext_port = port_of(n, index);
	s->generation = GENERATION;
	s->state = MAPE_TCP_EST;
	s->flags = flags | MAPE_SESSION_PEER;
}

static void set_peer(struct napt *n, int i, const struct mape_endpoint *who, uint8_t remote,
		     uint16_t index)
{
	struct peer_record *p = &n->peers[i];

	memcpy(p->key.rem_addr, (uint8_t[]){ 198, 51, 100, remote }, 4);
	p->key.ext_port = port_of(n, index);
	p->key.proto = MAPE_PROTO_TCP;
	p->peer.refs = 1;
	p->peer.endpoint = *who;
}

static void set_mapping(struct napt *n, int i, const struct mape_endpoint *who, uint16_t index,
			uint32_t refs)
{
	struct mape_mapping *m = &n->mappings[i].mapping;

	n->mappings[i].endpoint = *who;
	m->refs = refs;
	m->index = index;
	m->ext_port = port_of(n, index);
	m->generation = GENERATION;
}

static void set_host(struct napt *n, int i, const struct mape_endpoint *who, uint32_t ports)
{
	struct host_record *h = &n->hosts[i];

	memcpy(h->addr, who->addr, 4);
	h->host.refs = ports;
	h->host.ports[MAPE_SLOT_TCP] = ports;
}

static void set_overlap(struct napt *n, int i, uint8_t remote, uint16_t index)
{
	struct mape_overlap *o = &n->overlaps[i].overlap;

	memcpy(o->rem_addr, (uint8_t[]){ 198, 51, 100, remote }, 4);
	o->rem_port = 443;
	o->ext_port = port_of(n, index);
	o->proto = MAPE_PROTO_TCP;
	n->overlaps[i].endpoint = host_b;
}

static void set_port(struct napt *n, uint16_t index, uint32_t refs, uint16_t flags)
{
	struct mape_port *p = &n->t.ports[index];

	p->refs = refs;
	p->flags = flags;
	p->generation = GENERATION;
	p->owner = host_a;
}

static struct table table_of(void *records, size_t n, struct table table)
{
	table.records = malloc(n * table.record_size);
	assert_non_null(table.records);
	memcpy(table.records, records, n * table.record_size);
	table.n = n;
	return table;
}

/* Counts as the control program does, from the ports. */
static void count(struct audit_tables *t)
{
	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++) {
		struct mape_request *c = &t->counts[slot];

		c->total = t->config.ports.count;
		for (uint32_t i = 0; i < c->total; i++)
			c->used += !!t->ports[slot * c->total + i].refs;
		c->free = c->total - c->used;
	}
}

static void sound(struct napt *n)
{
	memset(n, 0, sizeof(*n));
	mape_portset_init(&n->t.config.ports, 6, 6, 22);
	n->t.ports = calloc(MAPE_SLOT_COUNT * n->t.config.ports.count, sizeof(*n->t.ports));
	assert_non_null(n->t.ports);
	set_session(n, A_WEB, &host_a, 1, SHARED, 0);
	set_session(n, A_MAIL, &host_a, 2, SHARED, 0);
	set_session(n, B_OTHER, &host_b, 3, SHARED, MAPE_SESSION_OVERLAP);
	set_session(n, B_OWN, &host_b, 1, SHARED_TOO,
		    MAPE_SESSION_OVERLAP | MAPE_SESSION_OWN_PORT);
	set_session(n, IN_SSH, &service, 4, UNMAPPED,
		    MAPE_SESSION_FORWARD | MAPE_SESSION_UNASKED | MAPE_SESSION_OWN_PORT);
	set_mapping(n, 0, &host_a, SHARED, 2);
	set_mapping(n, 1, &host_b, SHARED, 1);
	set_mapping(n, 2, &service, MAPPED, 1);
	set_overlap(n, 0, 3, SHARED);
	set_overlap(n, 1, 1, SHARED_TOO);
	set_port(n, SHARED, 2, MAPE_PORT_OVERLAPPED);
	set_port(n, SHARED_TOO, 1, MAPE_PORT_OVERLAPPED);
	set_port(n, MAPPED, 1, MAPE_PORT_FORWARD | MAPE_PORT_MAPPED);
	set_port(n, UNMAPPED, 2, MAPE_PORT_FORWARD);
	n->t.ports[MAPPED].owner = service;
	n->t.ports[UNMAPPED].owner = service;
	set_peer(n, 0, &host_a, 1, SHARED);
	set_peer(n, 1, &host_a, 2, SHARED);
	set_peer(n, 2, &host_b, 3, SHARED);
	set_peer(n, 3, &host_b, 1, SHARED_TOO);
	set_peer(n, 4, &service, 4, UNMAPPED);
	set_host(n, 0, &host_a, 3);
	set_host(n, 1, &host_b, 2);
	n->t.live = SESSIONS;
}

/* The findings, joined; for free(). */
static char *findings(struct napt *n)
{
	struct audit_report report;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	n->t.sessions = table_of(n->sessions, SESSIONS, SESSIONS_TABLE);
	n->t.mappings = table_of(n->mappings, MAPPINGS, MAPPINGS_TABLE);
	n->t.overlaps = table_of(n->overlaps, OVERLAPS, OVERLAPS_TABLE);
	n->t.peers = table_of(n->peers, PEERS, PEERS_TABLE);
	n->t.hosts = table_of(n->hosts, HOSTS, HOSTS_TABLE);
	assert_int_equal(audit_check(&n->t, &report), 0);
	for (unsigned int i = 0; i < report.kept; i++)
		fprintf(f, "%s\n", report.text[i]);
	fclose(f);
	audit_free(&n->t);
	return text;
}

static void expect(struct napt *n, const char *finding)
{
	char *text = findings(n);

	if (!strstr(text, finding))
		fail_msg("not found: '%s', but:\n%s", finding, text);
	free(text);
}

static void test_sound(void **state)
{
	struct napt n;
	char *text;

	(void)state;
	sound(&n);
	count(&n.t);
	text = findings(&n);
	assert_string_equal(text, "");
	free(text);
}

/* What is changed in a sound NAPT, and what the audit has to say then. */
static void lose_port(struct napt *n)
{
	n->t.counts[MAPE_SLOT_UDP].lost = 2;
}

static void miscount(struct napt *n)
{
	n->t.counts[MAPE_SLOT_ICMP].free--;
}

static void leak_port(struct napt *n)
{
	n->t.ports[9].refs = 1;
}

static void leak_mapping(struct napt *n)
{
	n->mappings[0].mapping.refs++;
}

static void unmark_port(struct napt *n)
{
	n->t.ports[SHARED].flags = 0;
}

static void reuse_port(struct napt *n)
{
	n->t.ports[SHARED].generation++;
}

static void free_port(struct napt *n)
{
	n->t.ports[SHARED_TOO].refs = 0;
}

static void reserve_port(struct napt *n)
{
	n->t.ports[SHARED_TOO].flags |= MAPE_PORT_RESERVED;
}

static void foreign_port(struct napt *n)
{
	n->sessions[A_WEB].session.ext_port = 80;
}

static void lose_mapping(struct napt *n)
{
	n->mappings[0].endpoint.port++;
}

static void lose_overlap(struct napt *n)
{
	n->overlaps[0].overlap.rem_port++;
}

static void steal_overlap(struct napt *n)
{
	n->overlaps[0].endpoint = host_a;
}

static void orphan_overlap(struct napt *n)
{
	n->sessions[B_OTHER].session.flags = 0;
}

static void collide(struct napt *n)
{
	n->sessions[A_MAIL].flow.rem_addr[3] = 3;
}

static void unreachable(struct napt *n)
{
	n->t.ports[SHARED].owner = host_b;
}

static void keep_dead(struct napt *n)
{
	n->sessions[A_WEB].session.dead = 1;
}

static void odd_state(struct napt *n)
{
	n->sessions[A_WEB].session.state = MAPE_OPEN;
}

static void miscount_live(struct napt *n)
{
	n->t.live++;
}

static void lose_peer(struct napt *n)
{
	n->peers[0].key.rem_addr[3] = 99;
}

static void steal_peer(struct napt *n)
{
	n->peers[0].peer.endpoint = host_b;
}

static void leak_peer(struct napt *n)
{
	n->peers[1].peer.refs++;
}

static void leak_host(struct napt *n)
{
	n->hosts[0].host.ports[MAPE_SLOT_TCP]++;
}

static void hold_host(struct napt *n)
{
	n->hosts[1].host.refs = 0;
}

static void lose_host(struct napt *n)
{
	n->hosts[1].addr[3] = 99;
}

static void forget_peer(struct napt *n)
{
	n->sessions[A_WEB].session.flags = 0;
}

static void other_filter(struct napt *n)
{
	n->t.config.filtering = MAPE_FILTER_ADDRESS_PORT;
}

static void lose_forward(struct napt *n)
{
	n->t.ports[MAPPED].flags = MAPE_PORT_MAPPED;
}

static void unhold_forward(struct napt *n)
{
	n->t.ports[UNMAPPED].refs--;
}

static void unmap_forward(struct napt *n)
{
	n->mappings[2].endpoint.port++;
}

static void move_forward(struct napt *n)
{
	n->t.ports[UNMAPPED].flags |= MAPE_PORT_MAPPED;
}

static void share_forward(struct napt *n)
{
	n->t.ports[MAPPED].flags |= MAPE_PORT_OVERLAPPED;
}

static void foreign_forward(struct napt *n)
{
	n->t.ports[MAPPED].owner.proto = MAPE_PROTO_UDP;
}

static const struct {
	void (*damage)(struct napt *n);
	const char *finding;
} damages[] = {
	{ lose_port, "udp: 2 free ports are not in the free queue" },
	{ miscount, "icmp: 1007 free + 0 used + 0 resting + 0 reserved is not 1008" },
	{ leak_port, "tcp port 1385: counts 1 holds, there are 0" },
	{ leak_mapping, "mapping of tcp 192.168.1.10:40000: counts 3 holds, there are 2" },
	{ unmark_port, "tcp port 1379: held by another than its owner, but not marked as shared" },
	{ reuse_port, "its port 1379 was given to somebody else (generation 7, now 8)" },
	{ free_port, "its port 1381 is free" },
	{ reserve_port, "tcp port 1381: reserved, yet shared" },
	{ foreign_port, "port 80, index 3 is not of the set" },
	{ lose_mapping, "192.168.1.10:40000 to 198.51.100.1:443: its endpoint has no mapping" },
	{ lose_overlap, "no overlap record for it on port 1379" },
	{ steal_overlap, "another endpoint has the overlap record for it on port 1379" },
	{ orphan_overlap, "on port 1379: belongs to no session" },
	{ collide, "the owner of port 1379 has a session with the same remote" },
	{ unreachable, "port 1379 belongs to another endpoint" },
	{ keep_dead, "removed, yet still in the table" },
	{ odd_state, "impossible state 0" },
	{ miscount_live, "the live counter says 6 sessions, there are 5" },
	{ lose_peer, "no peer record for it on port 1379" },
	{ steal_peer, "another endpoint has the peer record for it on port 1379" },
	{ leak_host, "host 192.168.1.10: counts 4 tcp ports, there are 3" },
	{ hold_host, "host 192.168.1.11: counts 0 holds, there are 2" },
	{ lose_host, "mapping of tcp 192.168.1.11:50000: its host has no record" },
	{ leak_peer, "peer record of 198.51.100.2 on tcp port 1379: counts 2 sessions, there are 1" },
	{ forget_peer, "must have a peer record" },
	{ other_filter, "must not have a peer record" },
	{ lose_forward, "has the mapping of a forward, but is none" },
	{ unhold_forward, "holds, there are 2" },
	{ unmap_forward, "forwarded, but its owner's mapping is gone" },
	{ move_forward, "forwarded, but its owner's mapping is of another port" },
	{ share_forward, "forwarded, yet shared" },
	{ foreign_forward, "forwarded, but its owner is of another protocol" },
};

static void test_damaged(void **state)
{
	struct napt n;

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		sound(&n);
		count(&n.t);
		damages[i].damage(&n);
		expect(&n, damages[i].finding);
	}
}

/* More findings than there is room for are counted. */
static void test_many(void **state)
{
	struct audit_report report;
	struct napt n;

	(void)state;
	sound(&n);
	for (int i = 100; i < 100 + 2 * AUDIT_KEPT; i++)
		n.t.ports[i].refs = 1;
	count(&n.t);
	n.t.sessions = table_of(n.sessions, SESSIONS, SESSIONS_TABLE);
	n.t.mappings = table_of(n.mappings, MAPPINGS, MAPPINGS_TABLE);
	n.t.overlaps = table_of(n.overlaps, OVERLAPS, OVERLAPS_TABLE);
	n.t.peers = table_of(n.peers, PEERS, PEERS_TABLE);
	n.t.hosts = table_of(n.hosts, HOSTS, HOSTS_TABLE);
	assert_int_equal(audit_check(&n.t, &report), 0);
	assert_int_equal(report.total, 2 * AUDIT_KEPT);
	assert_int_equal(report.kept, AUDIT_KEPT);
	audit_free(&n.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
