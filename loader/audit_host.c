// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each LAN host holds; the audit compares that with what its record counts. */
#include <stdio.h>

#include "audit_parts.h"
#include "ports_out.h"

/* A mapping, or a session with a port of its own, holds one port for its host. */
void audit_hold_host(struct audit *a, const char *who, const uint8_t *addr, int slot)
{
	const struct table *hosts = &a->tables->hosts;
	const struct host_record *r = table_find(hosts, addr);

	if (slot < 0)
		return;
	if (!r)
		audit_finding(a, "%s: its host has no record", who);
	else
		a->host_ports[r - (const struct host_record *)hosts->records][slot]++;
}

void audit_host(struct audit *a, const struct host_record *r,
		const uint32_t ports[MAPE_SLOT_COUNT])
{
	const uint8_t *addr = r->addr;
	uint32_t sum = 0;
	char who[32];

	snprintf(who, sizeof(who), "host %u.%u.%u.%u", addr[0], addr[1], addr[2], addr[3]);
	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++) {
		sum += ports[slot];
		if (r->host.ports[slot] != ports[slot])
			audit_finding(a, "%s: counts %u %s ports, there are %u", who,
				      r->host.ports[slot], slot_names[slot], ports[slot]);
	}
	if (r->host.refs != sum)
		audit_finding(a, "%s: counts %u holds, there are %u", who, r->host.refs, sum);
}
