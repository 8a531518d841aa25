// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp events: which hosts were refused a session lately, and why. */
#include <inttypes.h>
#include <stdlib.h>

#include "cmd.h"
#include "instance.h"
#include "out.h"
#include "outcomes.h"
#include "ports_out.h"
#include "tables.h"

static const char *proto_name(uint8_t proto)
{
	return slot_names[proto == MAPE_PROTO_TCP ? MAPE_SLOT_TCP :
			  proto == MAPE_PROTO_UDP ? MAPE_SLOT_UDP :
						    MAPE_SLOT_ICMP];
}

static void event_out(const struct mape_event *e, uint64_t now)
{
	const uint8_t *a = e->flow.int_addr, *r = e->flow.rem_addr;

	out_row();
	out_u64("number", "NUMBER", e->number);
	out_u64("age_s", "AGE", now > e->time ? (now - e->time) / 1000000000 : 0);
	out_str("proto", "PROTO", proto_name(e->flow.proto));
	out_fmt("host", "HOST", "%u.%u.%u.%u:%u", a[0], a[1], a[2], a[3], e->flow.int_port);
	out_fmt("remote", "REMOTE", "%u.%u.%u.%u:%u", r[0], r[1], r[2], r[3], e->flow.rem_port);
	out_str("reason", "REASON",
		e->outcome < MAPE_OUTCOME_COUNT ? outcome_infos[e->outcome].key : NULL);
	out_row_end();
}

static int events_out(const struct instance *instance)
{
	struct mape_config config;
	struct mape_event *events;
	uint32_t n;

	if (config_read(instance, &config) || events_read(instance, &events, &n))
		return CMD_FAILED;
	out_table("events", NULL);
	for (uint32_t i = 0; i < n; i++)
		event_out(&events[i], instance_now(&config));
	out_table_end();
	if (!n)
		out_text("nobody was refused a session");
	free(events);
	return CMD_OK;
}

static int run(const struct cmd_call *call)
{
	struct instance instance = {};
	int rc = CMD_FAILED;

	if (!instance_find(&instance, call, false)) {
		rc = instance_need(&instance);
		if (!rc)
			rc = events_out(&instance);
	}
	instance_close(&instance);
	return rc;
}

const struct command cmd_events = {
	.name = "events",
	.synopsis = "[WAN]",
	.summary = "list the hosts that were refused a session",
	.details = "The latest 256, oldest first, at most ten of a second; stats counts all of them and\n"
		   "explains the reasons (stats --explain). AGE is in seconds.\n",
	.max_args = 1,
	.run = run,
};
