/* SPDX-License-Identifier: GPL-2.0-only */
/* Noting who was refused a session, and why (RFC 6888 REQ-11): `events`, the latest of them. */
#ifndef MAPE_BPF_EVENT_H
#define MAPE_BPF_EVENT_H

#include "budget.h"

#define EVENTS_PER_S 10 /* the counters have the rest */

static __noinline int event_note(const struct mape_config *cfg, const struct mape_flow *flow,
				 __u32 outcome)
{
	__u64 now = mape_now(cfg), number, *count;
	struct mape_event *event;
	__u32 key = 0;

	count = bpf_map_lookup_elem(&event_count, &key);
	if (!count || !budget_take(MAPE_BUDGET_EVENTS, now, EVENTS_PER_S))
		return 0;
	number = __sync_fetch_and_add(count, 1);
	key = number % MAPE_EVENTS;
	event = bpf_map_lookup_elem(&events, &key);
	if (!event)
		return 0;
	event->number = number + 1;
	event->time = now;
	event->flow = *flow;
	event->outcome = outcome;
	return 0;
}

#endif
