// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "flow_filter.h"

#include <string.h>

#include <rule/text.h>

#include "err.h"

const char *const flow_states[MAPE_STATE_COUNT + 1] = {
	"open", "init", "established", "fin-out", "fin-in", "fin", "transitory", "init-in", NULL,
};

/* MAPE_SLOT_COUNT: a protocol without ports. */
static int slot_of(uint8_t proto)
{
	return proto == MAPE_PROTO_TCP	? MAPE_SLOT_TCP :
	       proto == MAPE_PROTO_UDP	? MAPE_SLOT_UDP :
	       proto == MAPE_PROTO_ICMP ? MAPE_SLOT_ICMP :
					  MAPE_SLOT_COUNT;
}

const char *flow_proto(const struct session_record *r)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} portless[] = { { 4, "ipip" }, { 41, "6in4" }, { 47, "gre" }, { 50, "esp" }, { 132, "sctp" } };
	int slot = slot_of(r->flow.proto);

	for (size_t i = 0; i < sizeof(portless) / sizeof(portless[0]); i++)
		if (portless[i].proto == r->flow.proto)
			return portless[i].name;
	return slot < MAPE_SLOT_COUNT ? slot_names[slot] : "other";
}

const char *flow_state(const struct session_record *r)
{
	return r->session.state < MAPE_STATE_COUNT ? flow_states[r->session.state] : "unknown";
}

int flow_filter_check_host(const char *value)
{
	uint32_t ip4;

	if (mape_read_ip4(value, strlen(value), &ip4))
		return 0;
	return err("Give an address such as 192.168.1.10.",
		   "option '--host': '%s' is not an IPv4 address", value);
}

static bool match_host(const char *host, const struct mape_flow *f)
{
	uint8_t bytes[4];
	uint32_t ip4;

	if (!mape_read_ip4(host, strlen(host), &ip4))
		return false;
	for (int i = 0; i < 4; i++)
		bytes[i] = ip4 >> (24 - 8 * i);
	return !memcmp(bytes, f->int_addr, 4) || !memcmp(bytes, f->rem_addr, 4);
}

bool flow_filter_match(const struct flow_filter *filter, const struct session_record *r)
{
	const struct mape_flow *f = &r->flow;

	if (filter->proto >= 0 && filter->proto != slot_of(f->proto))
		return false;
	if (filter->state >= 0 && filter->state != r->session.state)
		return false;
	if (filter->port && filter->port != f->int_port && filter->port != f->rem_port &&
	    filter->port != r->session.ext_port)
		return false;
	return !filter->host || match_host(filter->host, f);
}

void flow_filter_apply(const struct flow_filter *filter, struct table *sessions)
{
	struct session_record *record = sessions->records;
	size_t kept = 0;

	for (size_t i = 0; i < sessions->n; i++)
		if (flow_filter_match(filter, &record[i]))
			record[kept++] = record[i];
	sessions->n = kept;
}
