// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp flows: the sessions, one line each. */
#include <stdlib.h>
#include <string.h>

#include <rule/text.h>

#include "cmd.h"
#include "err.h"
#include "instance.h"
#include "out.h"
#include "tables.h"

/* Index: enum mape_state. */
static const char *const state_names[MAPE_STATE_COUNT] = {
	"open", "init", "established", "fin-out", "fin-in", "fin", "transitory", "init-in",
};

static const char *proto_name(uint8_t proto)
{
	return proto == MAPE_PROTO_TCP ? "tcp" : proto == MAPE_PROTO_UDP ? "udp" : "icmp";
}

static const char *state_name(uint8_t state)
{
	return state < MAPE_STATE_COUNT ? state_names[state] : "unknown";
}

static uint32_t timeout_s(const struct mape_config *config, const struct session_record *r)
{
	if (r->flow.proto == MAPE_PROTO_UDP)
		return config->timeout_udp_s;
	if (r->flow.proto != MAPE_PROTO_TCP)
		return config->timeout_icmp_s;
	return config->timeout_s[r->session.state < MAPE_STATE_COUNT ? r->session.state : 0];
}

/* Until the sweep may remove it; a packet starts the time anew. */
static uint64_t expires_s(const struct mape_config *config, const struct session_record *r,
			  uint64_t now)
{
	const struct mape_session *s = &r->session;
	uint64_t last = s->last_out > s->last_in ? s->last_out : s->last_in;
	uint64_t end = last + timeout_s(config, r) * 1000000000ULL;

	return end > now ? (end - now) / 1000000000 : 0;
}

static void address_out(const char *key, const char *label, const uint8_t addr[4], int port)
{
	uint32_t ip4 = (uint32_t)addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3];
	char text[MAPE_IP4_STRLEN];

	mape_ip4_str(ip4, text);
	if (port < 0)
		out_str(key, label, text);
	else
		out_fmt(key, label, "%s:%d", text, port);
}

static void flow_out(const struct mape_config *config, const struct session_record *r, uint64_t now)
{
	const struct mape_session *s = &r->session;
	const struct mape_flow *f = &r->flow;

	out_row();
	out_str("proto", "PROTO", proto_name(f->proto));
	address_out("internal", "INTERNAL", f->int_addr, f->int_port);
	address_out("external", "EXTERNAL", config->ip4, s->ext_port);
	address_out("remote", "REMOTE", f->rem_addr,
		    f->proto == MAPE_PROTO_ICMP ? -1 : f->rem_port);
	out_str("state", "STATE", state_name(s->state));
	out_bool("offloaded", "OFFLOADED", session_offloaded(s));
	out_u64("packets", "PACKETS", s->packets_out + s->packets_in);
	out_u64("bytes", "BYTES", s->bytes_out + s->bytes_in);
	out_u64("expires_s", "EXPIRES", expires_s(config, r, now));
	out_row_end();
}

/* As people look for them: by host, protocol and port. */
static int by_host(const void *a, const void *b)
{
	const struct mape_flow *x = a, *y = b;
	int order = memcmp(x->int_addr, y->int_addr, 4);

	if (!order)
		order = x->proto - y->proto;
	if (!order)
		order = x->int_port - y->int_port;
	if (!order)
		order = memcmp(x->rem_addr, y->rem_addr, 4);
	return order ? order : x->rem_port - y->rem_port;
}

static int flows(const struct instance *instance)
{
	struct table table = SESSIONS_TABLE;
	const struct session_record *record;
	struct mape_config config;
	uint64_t now;

	if (config_read(instance, &config) || table_read(instance, "sessions", &table)) {
		free(table.records);
		return -1;
	}
	now = instance_now(&config);
	if (table.n)
		qsort(table.records, table.n, table.record_size, by_host);
	out_table(NULL, NULL);
	record = table.records;
	for (size_t i = 0; i < table.n; i++)
		flow_out(&config, &record[i], now);
	out_table_end();
	if (!table.n)
		out_text("no sessions");
	free(table.records);
	return 0;
}

static int run(const struct cmd_call *call)
{
	struct instance instance = {};
	int rc = CMD_FAILED;

	if (!instance_find(&instance, call, false)) {
		rc = instance_need(&instance);
		if (!rc && flows(&instance))
			rc = CMD_FAILED;
	}
	instance_close(&instance);
	return rc;
}

const struct command cmd_flows = {
	.name = "flows",
	.synopsis = "[WAN]",
	.summary = "list the sessions",
	.details = "Internal is the host in the LAN, external the shared address with a port of this\n"
		   "line, remote the host on the internet; an ICMP query has an id for a port.\n"
		   "Packets and bytes are those of both directions, EXPIRES is in seconds.\n",
	.max_args = 1,
	.run = run,
};
