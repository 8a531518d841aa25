/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_AUDIT_H
#define MAPE_LOADER_AUDIT_H

#include <mape/config.h>
#include <mape/control.h>

#include "instance.h"
#include "tables.h"

/*
 * Is everything accounted for? Every port is free, used, resting or reserved, none is lost; every
 * hold on a port, a mapping, a peer or a host record is that of a session or a static forward;
 * every session can be found by its answers.
 *
 * The tables are copied while packets change them, so under traffic there are false alarms. What
 * several audits in a row find is real.
 */
struct audit_tables {
	struct mape_config config;
	struct mape_request counts[MAPE_SLOT_COUNT];
	struct mape_port *ports; /* MAPE_SLOT_COUNT * config.ports.count, as in the map */
	struct table sessions, mappings, overlaps, peers, hosts;
	uint64_t live;
};

#define AUDIT_KEPT 64
#define AUDIT_TEXT 192

struct audit_report {
	unsigned int total;			/* findings */
	unsigned int kept;			/* of which the text is here */
	char text[AUDIT_KEPT][AUDIT_TEXT];
};

/* 0, or -1 with err(). Always audit_free() the tables. */
int audit_read(const struct instance *instance, struct audit_tables *tables);
void audit_free(struct audit_tables *tables);

/* Judges the tables, which it sorts. 0, or -1 with err() if there is no memory for it. */
int audit_check(struct audit_tables *tables, struct audit_report *report);

/* Audits up to `rounds` times, a moment apart, until nothing is left that all rounds found. The
 * report has what is left. 0, or -1 with err(). */
int audit_run(const struct instance *instance, unsigned int rounds, struct audit_report *report);

#endif
