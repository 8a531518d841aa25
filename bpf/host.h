/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one LAN host may use up (RFC 6888 REQ-4, REQ-5): ports, sessions per second, and searches
 * for a port to share. A host's record lives while the host holds a port.
 */
#ifndef MAPE_BPF_HOST_H
#define MAPE_BPF_HOST_H

#include "budget.h"
#include "hold.h"
#include "ports.h"

/*
 * Ports that may be looked at in vain per host and second: some hundred searches of a usual set,
 * a few percent of a processor. A host that asks again and again for what there is not would
 * otherwise keep one busy.
 */
#define MAPE_SEARCH_LIMIT (1 << 18)

/*
 * Count one more port for a host. MAPE_KERNEL_OUT, or the reason why not. limit 0: any number.
 * Given back by host_put().
 */
__noinline int host_take(const struct mape_flow *flow, __u32 limit)
{
	const struct mape_config *cfg = mape_config();
	struct mape_host fresh = { .refs = 1 }, *host;
	__u32 key, slot;
	void *record;

	if (!flow || !cfg)
		return MAPE_OUT_CONTENDED;
	key = addr4_word(flow->int_addr);
	slot = port_slot(flow->proto);
	fresh.serial = bpf_get_prandom_u32();
	budget_spend(&fresh.opened, mape_now(cfg), 1); /* host_may_open() had no record to count in */
	switch (record_hold_or_make(&hosts, &key, &fresh, &record)) {
	case MAPE_BOUND:
		break;
	case MAPE_BUSY:
		return MAPE_OUT_CONTENDED;
	default:
		return MAPE_OUT_NO_MEMORY;
	}
	host = record;
	if (slot >= MAPE_SLOT_COUNT)
		return MAPE_OUT_CONTENDED;
	if (__sync_fetch_and_add(&host->ports[slot], 1) < limit || !limit)
		return MAPE_KERNEL_OUT;
	__sync_fetch_and_sub(&host->ports[slot], 1);
	record_put(&hosts, &key);
	return MAPE_OUT_HOST_PORTS;
}

__noinline int host_put(__u32 key, __u32 slot)
{
	struct mape_host *host;

	if (slot >= MAPE_SLOT_COUNT)
		return 0;
	host = bpf_map_lookup_elem(&hosts, &key);
	if (!host)
		return 0;
	__sync_fetch_and_sub(&host->ports[slot], 1);
	record_put(&hosts, &key);
	return 0;
}

/* May the host open one more session in this second? One that holds no port yet may. */
static __always_inline bool host_may_open(const struct mape_config *cfg,
					  const struct mape_flow *flow)
{
	__u32 key = addr4_word(flow->int_addr);
	__u64 now = mape_now(cfg);
	struct mape_host *host;

	if (!cfg->host_rate)
		return true;
	host = bpf_map_lookup_elem(&hosts, &key);
	if (!host)
		return true;
	if (!budget_left(&host->opened, now, cfg->host_rate))
		return false;
	budget_spend(&host->opened, now, 1);
	return true;
}

static __always_inline struct mape_budget *host_searches(const struct mape_flow *flow)
{
	__u32 key = addr4_word(flow->int_addr);
	struct mape_host *host = bpf_map_lookup_elem(&hosts, &key);

	return host ? &host->searched : 0;
}

#endif
