/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instance's clock: the kernel's monotonic time plus an offset in the config map, so that
 * tests can let hours pass. Coarse time (a jiffy) is cheap and good enough for timers of seconds.
 */
#ifndef MAPE_BPF_CLOCK_H
#define MAPE_BPF_CLOCK_H

#include "maps.h"

#define MAPE_SECOND 1000000000ULL

static __always_inline __u64 mape_now(const struct mape_config *cfg)
{
	return bpf_ktime_get_coarse_ns() + cfg->now_offset;
}

/* Ticks of 2^20 ns; 0 is kept for "never". */
static __always_inline __u32 mape_ticks(__u64 now)
{
	return (__u32)(now >> 20) | 1;
}

#define MAPE_TICKS_PER_S 954

#endif
