// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "host_use.h"

#include <stdlib.h>
#include <string.h>

#include <rule/text.h>

#include "err.h"
#include "out.h"
#include "ports_out.h"

#define HOSTS_SHOWN 10

/* Sessions of one host are neighbours, and among them those of one external port. */
static int by_host_and_port(const void *a, const void *b)
{
	const struct session_record *x = a, *y = b;
	int order = memcmp(x->flow.int_addr, y->flow.int_addr, 4);

	if (!order)
		order = x->flow.proto - y->flow.proto;
	return order ? order : x->session.ext_port - y->session.ext_port;
}

static uint32_t ports_of(const struct host_use *h)
{
	uint32_t sum = 0;

	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++)
		sum += h->ports[slot];
	return sum;
}

static int most_ports_first(const void *a, const void *b)
{
	uint32_t x = ports_of(a), y = ports_of(b);

	return x == y ? memcmp(a, b, 4) : x < y ? 1 : -1;
}

static void add(struct host_use *h, const struct session_record *r, bool new_port)
{
	int slot = r->flow.proto == MAPE_PROTO_TCP  ? MAPE_SLOT_TCP :
		   r->flow.proto == MAPE_PROTO_UDP  ? MAPE_SLOT_UDP :
		   r->flow.proto == MAPE_PROTO_ICMP ? MAPE_SLOT_ICMP :
						      MAPE_SLOT_COUNT;

	memcpy(h->addr, r->flow.int_addr, 4);
	if (slot < MAPE_SLOT_COUNT)
		h->ports[slot] += new_port;
	h->sessions++;
}

struct host_use *host_use_count(struct table *sessions, size_t *n)
{
	const struct session_record *r = sessions->records;
	struct host_use *hosts = calloc(sessions->n + 1, sizeof(*hosts));

	*n = 0;
	if (!hosts) {
		err(NULL, "out of memory");
		return NULL;
	}
	if (sessions->n)
		qsort(sessions->records, sessions->n, sessions->record_size, by_host_and_port);
	for (size_t i = 0; i < sessions->n; i++) {
		if (!i || memcmp(r[i].flow.int_addr, r[i - 1].flow.int_addr, 4))
			(*n)++;
		add(&hosts[*n - 1], &r[i], !i || by_host_and_port(&r[i], &r[i - 1]));
	}
	if (*n)
		qsort(hosts, *n, sizeof(*hosts), most_ports_first);
	return hosts;
}

static void row_out(const struct host_use *h)
{
	static const char *const titles[MAPE_SLOT_COUNT] = { "TCP", "UDP", "ICMP" };
	const uint8_t *a = h->addr;

	out_row();
	out_fmt("host", "HOST", "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++)
		out_u64(slot_names[slot], titles[slot], h->ports[slot]);
	out_u64("sessions", "SESSIONS", h->sessions);
	out_row_end();
}

void host_use_out(const struct host_use *hosts, size_t n)
{
	size_t shown = n > HOSTS_SHOWN && !out_is_json() ? HOSTS_SHOWN : n;

	out_table("hosts", "ports in use by host");
	for (size_t i = 0; i < shown; i++)
		row_out(&hosts[i]);
	out_table_end();
	if (shown < n)
		out_text("... and %zu more hosts", n - shown);
}
