// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp flows: the sessions, one line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rule/text.h>

#include "cmd.h"
#include "err.h"
#include "flow_filter.h"
#include "instance.h"
#include "out.h"
#include "tables.h"

enum flow_sort { SORT_HOST, SORT_BYTES, SORT_EXPIRES };

static const char *const sort_words[] = { "host", "bytes", "expires", NULL };

struct flows_opts {
	struct flow_filter filter;
	int sort; /* enum flow_sort */
	bool watch;
};

static const struct flows_opts defaults = { .filter = FLOW_FILTER_DEFAULT };

static const struct opt options[] = {
	FLOW_FILTER_ROWS(struct flows_opts, filter),
	{ OPT_ROW(OPT_ENUM, "sort", struct flows_opts, sort), .words = sort_words,
	  .help = "by LAN host (default), most bytes first, or soonest to expire first" },
	{ OPT_ROW(OPT_FLAG, "watch", struct flows_opts, watch), .short_name = 'w',
	  .help = "show them again every second, until interrupted" },
	{ .type = OPT_END },
};

static uint32_t timeout_s(const struct mape_config *config, const struct session_record *r)
{
	if (r->flow.proto == MAPE_PROTO_ICMP)
		return config->timeout_icmp_s;
	if (r->flow.proto != MAPE_PROTO_TCP) /* those without ports too */
		return config->timeout_udp_s;
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
	out_str("proto", "PROTO", flow_proto(r));
	address_out("internal", "INTERNAL", f->int_addr, f->int_port);
	address_out("external", "EXTERNAL", config->ip4, s->ext_port);
	address_out("remote", "REMOTE", f->rem_addr,
		    f->proto == MAPE_PROTO_ICMP ? -1 : f->rem_port);
	out_str("state", "STATE", flow_state(r));
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

static uint64_t bytes_of(const struct session_record *r)
{
	return r->session.bytes_out + r->session.bytes_in;
}

static int by_bytes(const void *a, const void *b)
{
	uint64_t x = bytes_of(a), y = bytes_of(b);

	return x == y ? by_host(a, b) : x < y ? 1 : -1;
}

struct clock {
	const struct mape_config *config;
	uint64_t now;
};

static int by_expiry(const void *a, const void *b, void *arg)
{
	const struct clock *clock = arg;
	uint64_t x = expires_s(clock->config, a, clock->now);
	uint64_t y = expires_s(clock->config, b, clock->now);

	return x == y ? by_host(a, b) : x < y ? -1 : 1;
}

static void sort(struct table *t, int order, struct clock *clock)
{
	if (t->n && order == SORT_EXPIRES)
		qsort_r(t->records, t->n, t->record_size, by_expiry, clock);
	else if (t->n)
		qsort(t->records, t->n, t->record_size, order == SORT_BYTES ? by_bytes : by_host);
}

static int flows(const struct instance *instance, const struct flows_opts *opts)
{
	struct table table = SESSIONS_TABLE;
	const struct session_record *record;
	struct mape_config config;
	struct clock clock = { .config = &config };
	size_t all;

	if (config_read(instance, &config) || table_read(instance, "sessions", &table)) {
		free(table.records);
		return -1;
	}
	clock.now = instance_now(&config);
	all = table.n;
	flow_filter_apply(&opts->filter, &table);
	sort(&table, opts->sort, &clock);
	out_table(NULL, NULL);
	record = table.records;
	for (size_t i = 0; i < table.n; i++)
		flow_out(&config, &record[i], clock.now);
	out_table_end();
	if (!table.n)
		out_text(all ? "none of the %zu sessions fits" : "no sessions", all);
	free(table.records);
	return 0;
}

/* A document of its own each second; on a terminal it takes the place of the last one. */
static int watch(const struct instance *instance, const struct flows_opts *opts)
{
	bool terminal = isatty(STDOUT_FILENO);

	for (;;) {
		if (flows(instance, opts) || out_end())
			return -1;
		out_begin(stdout, false);
		sleep(1);
		if (terminal)
			fputs("\033[H\033[2J\033[3J", stdout);
		else
			out_text("%s", "");
	}
}

static int run(const struct cmd_call *call)
{
	const struct flows_opts *opts = call->opts;
	struct instance instance = {};
	int rc = CMD_FAILED;

	if (opts->watch && out_is_json())
		return err("Leave one of them out.", "--watch does not end, so it cannot be --json"),
		       CMD_USAGE;
	if (!instance_find(&instance, call, false)) {
		rc = instance_need(&instance);
		if (!rc && (opts->watch ? watch(&instance, opts) : flows(&instance, opts)))
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
	.options = options,
	.opts_size = sizeof(struct flows_opts),
	.defaults = &defaults,
	.run = run,
};
