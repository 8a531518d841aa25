/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting: every outcome of a packet, and the few events worth a counter of their own. */
#ifndef MAPE_BPF_FINISH_H
#define MAPE_BPF_FINISH_H

#include "maps.h"

static __always_inline void count_outcome(__u32 outcome, __u64 packets, __u64 bytes)
{
	struct mape_counter *counter = bpf_map_lookup_elem(&outcomes, &outcome);

	if (counter) {
		counter->packets += packets;
		counter->bytes += bytes;
	}
}

static __always_inline void count_event(__u32 outcome)
{
	count_outcome(outcome, 1, 0);
}

#endif
