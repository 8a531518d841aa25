/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_BPF_PROBE_H
#define MAPE_LOADER_BPF_PROBE_H

#include <stdbool.h>

/* What this kernel can do, found out by trying it. */

/* Can a TC program take the IPv6 header off an IPv4 packet? Since Linux 6.3. */
int probe_tc_decap(bool *can);

#endif
