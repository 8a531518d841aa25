/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PORTS_OUT_H
#define MAPE_LOADER_PORTS_OUT_H

#include <mape/control.h>

#include "instance.h"

/* "tcp", "udp", "icmp", NULL; index: enum mape_slot. */
extern const char *const slot_names[];

/* Has the control program count each protocol's ports (MAPE_OP_AUDIT). 0, or -1 with err(). */
int port_counts_read(const struct instance *instance, struct mape_request counts[MAPE_SLOT_COUNT]);

/* Describes them with out_*(): the object "ports", in text a table. */
void port_counts_out(const struct mape_request counts[MAPE_SLOT_COUNT]);

#endif
