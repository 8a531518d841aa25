/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_LAN_SOURCES_H
#define MAPE_LOADER_LAN_SOURCES_H

#include <stdint.h>

#include <mape/prefix.h>

#include "opt.h"

/*
 * The networks whose hosts may open sessions (RFC 7084 S-2): private and shared ones, those of the
 * LAN devices, and what --lan-source adds. Anything else is forged or comes from the internet.
 */
struct lan_sources {
	struct mape_prefix4 v[MAPE_SOURCES_MAX];
	uint32_t n;
};

/* Checks one --lan-source: ADDRESS[/LEN]. */
int lan_source_check(const char *text);

void lan_sources_init(struct lan_sources *sources);

/* One network, its address in host order. 0, or -1 with err(). */
int lan_sources_add(struct lan_sources *sources, uint32_t ip4, uint32_t len);
int lan_sources_add_given(struct lan_sources *sources, const struct opt_list *texts);
/* The IPv4 networks that a device has right now. */
int lan_sources_add_device(struct lan_sources *sources, int ifindex);

/* Writes them into the map `lan_sources`. 0, or -1 with err(). */
int lan_sources_fill(const struct lan_sources *sources, int map);

#endif
