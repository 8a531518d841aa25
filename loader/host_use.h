/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_HOST_USE_H
#define MAPE_LOADER_HOST_USE_H

#include <stddef.h>
#include <stdint.h>

#include <mape/napt.h>

#include "tables.h"

/* What one host of the LAN takes of the line. */
struct host_use {
	uint8_t addr[4];
	uint32_t ports[MAPE_SLOT_COUNT]; /* different external ports of its sessions */
	uint32_t sessions;
};

/* Counts by host, most ports first. Reorders the sessions. For free(); NULL with err(). */
struct host_use *host_use_count(struct table *sessions, size_t *n);

/* Describes all of them with out_*(): the array "hosts"; in text a table of the first ten. */
void host_use_out(const struct host_use *hosts, size_t n);

#endif
