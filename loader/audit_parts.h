/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_AUDIT_PARTS_H
#define MAPE_LOADER_AUDIT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "audit.h"

/* What the parts of the audit have in common. */

/* One audit under way. */
struct audit {
	const struct audit_tables *tables;
	struct audit_report *report;
	uint32_t *port_refs;	/* holds that were found, as long as tables->ports */
	uint32_t *mapping_refs; /* index: record in tables->mappings */
	uint32_t *peer_refs;	/* index: record in tables->peers */
	uint32_t (*host_ports)[MAPE_SLOT_COUNT]; /* index: record in tables->hosts */
	bool *foreign;		/* ports that somebody else than their owner holds */
};

void audit_finding(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* enum mape_slot of a protocol, or -1. */
int audit_slot(uint8_t proto);

void audit_endpoint(const struct mape_flow *f, struct mape_endpoint *e);

/* "tcp 192.168.1.10:40000" */
#define ENDPOINT_TEXT 40
const char *audit_endpoint_str(const struct mape_endpoint *e, char buf[ENDPOINT_TEXT]);

/* "tcp 192.168.1.10:40000 to 198.51.100.1:80" */
#define FLOW_TEXT (ENDPOINT_TEXT + 26)
const char *audit_flow_str(const struct mape_flow *f, char buf[FLOW_TEXT]);

/* The port that a session or mapping says it has, or NULL with a finding. */
const struct mape_port *audit_claimed_port(struct audit *a, const char *who, int slot,
					   uint16_t index, uint16_t ext_port, uint16_t generation);

/* Count what holds a port or a mapping. */
void audit_hold_port(struct audit *a, int slot, uint16_t index,
		     const struct mape_endpoint *endpoint);
void audit_hold_mapping(struct audit *a, const char *who, const struct session_record *r);
void audit_hold_forward(struct audit *a, int slot, uint32_t index);

void audit_hold_host(struct audit *a, const char *who, const uint8_t *addr, int slot);

/* Judge one record; the numbers are the holds that were counted. */
void audit_session(struct audit *a, const struct session_record *r);
void audit_mapping(struct audit *a, const struct mapping_record *r, uint32_t holds);
void audit_peer(struct audit *a, const struct peer_record *r, uint32_t sessions);
void audit_host(struct audit *a, const struct host_record *r,
		const uint32_t ports[MAPE_SLOT_COUNT]);
void audit_overlap(struct audit *a, const struct overlap_record *r);

#endif
