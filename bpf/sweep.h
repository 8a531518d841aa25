/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expiry without a daemon and without a timer per session. A few timers take keys from the queue
 * of live sessions, a bounded number per tick, remove what has been idle too long and put the
 * rest back. The pace follows the number of sessions, so that each is visited about every ten
 * seconds and an idle instance costs a few wake-ups per second.
 *
 * Each visit also looks at one port of the set, in turn: a free one that a failed push left out
 * of its queue is put back. Each tick also drops the fragments that have waited too long.
 */
#ifndef MAPE_BPF_SWEEP_H
#define MAPE_BPF_SWEEP_H

#include "fragment_wait.h"
#include "session.h"

#define SWEEP_FEW 1024			    /* sessions up to which the slow pace is enough */
#define SWEEP_SLOW (1000 * 1000 * 1000ULL) /* ns between the ticks of one timer */
#define SWEEP_QUICK (10 * 1000 * 1000ULL)
#define SWEEP_CYCLE_S 8 /* in which all sessions are visited once, with room below ten */

#define SWEEP_STALE 256 /* tickets of sessions removed by hand that one run clears besides */

struct sweep {
	const struct mape_config *cfg;
	__u64 now;
	__u32 count; /* sessions to visit */
	__u32 visited;
	__u32 expired;
};

static __always_inline void sweep_put_back(struct mape_session *s, const struct mape_flow *flow)
{
	if (!expiry_push(flow, s))
		return;
	s->queued = 0; /* its next packet queues it again */
	count_event(MAPE_SWEEP_LOST);
}

static long sweep_visit(__u32 i, struct sweep *sweep)
{
	struct mape_ticket ticket;
	struct mape_session *s;

	if (sweep->visited >= sweep->count || bpf_map_pop_elem(&expiry, &ticket))
		return 1;
	s = bpf_map_lookup_elem(&sessions, &ticket.flow);
	if (!s || s->serial != ticket.serial)
		return 0; /* removed by hand; a later session of the flow has its own ticket */
	sweep->visited++;
	if (!session_expired(sweep->cfg, &ticket.flow, s, sweep->now))
		sweep_put_back(s, &ticket.flow);
	else if (session_close(sweep->cfg, &ticket.flow, s))
		sweep->expired++;
	return 0;
}

static __always_inline void sweep_run(const struct mape_config *cfg, __u32 count,
				      struct sweep *sweep)
{
	sweep->cfg = cfg;
	sweep->now = mape_now(cfg);
	sweep->count = count;
	bpf_loop(count + SWEEP_STALE, sweep_visit, sweep, 0);
	waiting_expire(sweep->now);
}

/* Look at one port of each protocol, the next one each time. */
static __always_inline void sweep_port(const struct mape_config *cfg, struct mape_timer *state)
{
	__u32 index = state->next_port++;

	if (index >= cfg->ports.count) {
		state->next_port = 0;
		index = 0;
	}
	for (__u32 slot = 0; slot < MAPE_SLOT_COUNT; slot++) {
		struct mape_port *port = port_get(cfg, slot, index);

		if (port)
			port_enqueue(port, slot, index);
	}
}

static int sweep_tick(void *map, __u32 *key, struct mape_timer *state)
{
	const struct mape_config *cfg = mape_config();
	__u64 period = SWEEP_SLOW, *sessions_now;
	struct sweep sweep = {};
	__u32 zero = 0, count;

	sessions_now = bpf_map_lookup_elem(&live, &zero);
	if (!cfg || !sessions_now)
		return 0;
	count = *sessions_now;
	if (count > SWEEP_FEW)
		period = SWEEP_QUICK;
	/* One timer's share of a tick's share of the cycle, rounded up. */
	count = count / (MAPE_TIMERS * SWEEP_CYCLE_S * (1000000000ULL / period)) + 1;
	sweep_run(cfg, count, &sweep);
	sweep_port(cfg, state);
	bpf_timer_start(&state->timer, period, 0);
	return 0;
}

static __always_inline long sweep_arm(void)
{
	for (__u32 i = 0; i < MAPE_TIMERS; i++) {
		struct mape_timer *state;
		__u32 key = i;
		long err;

		state = bpf_map_lookup_elem(&timers, &key);
		if (!state)
			return -ENOENT;
		err = bpf_timer_init(&state->timer, &timers, 1 /* CLOCK_MONOTONIC */);
		if (!err)
			err = bpf_timer_set_callback(&state->timer, sweep_tick);
		if (!err) /* apart from each other, so that they do not compete for the queue */
			err = bpf_timer_start(&state->timer, SWEEP_QUICK + i * SWEEP_QUICK / MAPE_TIMERS,
					      0);
		if (err)
			return err;
	}
	return 0;
}

#endif
