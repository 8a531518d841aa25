/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps keyed by IPv4 prefixes: a lookup with len 32 finds the longest one that has the address. */
#ifndef MAPE_PREFIX_H
#define MAPE_PREFIX_H

#include <mape/types.h>

#define MAPE_FMR_MAX 256    /* rules in `fmrs`; what HB46PP wants a CE to work with */
#define MAPE_SOURCES_MAX 64 /* networks in `lan_sources` */

/* Key of `fmrs` and `lan_sources`, as the kernel's LPM tries want it. */
struct mape_prefix4 {
	__u32 len;    /* 0..32 */
	__u8 addr[4]; /* network order, zero beyond len */
};

MAPE_ASSERT_SIZE(struct mape_prefix4, 8);

#endif
