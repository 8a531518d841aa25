/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits per second. Two processors that spend at the same moment may overspend a little, which
 * is cheaper than a lock and does no harm.
 */
#ifndef MAPE_BPF_BUDGET_H
#define MAPE_BPF_BUDGET_H

#include "clock.h"

/* Is there anything left in this second? */
static __always_inline bool budget_left(const struct mape_budget *budget, __u64 now, __u64 limit)
{
	return budget->second != now / MAPE_SECOND || budget->spent < limit;
}

static __always_inline void budget_spend(struct mape_budget *budget, __u64 now, __u64 amount)
{
	__u64 second = now / MAPE_SECOND;

	if (budget->second != second) {
		budget->second = second;
		budget->spent = 0;
	}
	budget->spent += amount;
}

/* One more of what all of the instance share. */
static __always_inline bool budget_take(enum mape_shared_budget which, __u64 now, __u64 limit)
{
	__u32 key = which;
	struct mape_budget *budget = bpf_map_lookup_elem(&budgets, &key);

	if (!budget || !budget_left(budget, now, limit))
		return false;
	budget_spend(budget, now, 1);
	return true;
}

#endif
