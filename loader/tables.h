/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_TABLES_H
#define MAPE_LOADER_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include <mape/config.h>
#include <mape/napt.h>
#include <mape/pmtu.h>

#include "instance.h"

/* The NAPT's maps as user space sees them. Functions that return int give 0, or -1 with err(). */

struct session_record {
	struct mape_flow flow;
	struct mape_session session;
};

struct mapping_record {
	struct mape_endpoint endpoint;
	struct mape_mapping mapping;
};

struct overlap_record {
	struct mape_overlap overlap;
	struct mape_endpoint endpoint;
};

struct peer_record {
	struct mape_peer_key key;
	struct mape_peer peer;
};

struct host_record {
	uint8_t addr[4];
	struct mape_host host;
};

/* A copy of a hash map: records that begin with their key. */
struct table {
	void *records; /* for free() */
	size_t n;
	size_t record_size, key_size, value_offset, value_size;
};

/* An empty table of struct R with the fields K and V. */
#define TABLE_OF(R, K, V)                                                          \
	((struct table){ .record_size = sizeof(R), .key_size = sizeof(((R *)0)->K), \
			 .value_offset = offsetof(R, V), .value_size = sizeof(((R *)0)->V) })

#define SESSIONS_TABLE TABLE_OF(struct session_record, flow, session)
#define MAPPINGS_TABLE TABLE_OF(struct mapping_record, endpoint, mapping)
#define OVERLAPS_TABLE TABLE_OF(struct overlap_record, overlap, endpoint)
#define PEERS_TABLE TABLE_OF(struct peer_record, key, peer)
#define HOSTS_TABLE TABLE_OF(struct host_record, addr, host)

/* Copies the pinned map of that name. Each record is read whole, and once however many others come
 * and go meanwhile; two records need not be of the same instant. */
int table_read(const struct instance *instance, const char *map, struct table *table);

/* Sorts by the bytes of the keys, which table_find() needs. NULL: no such key. */
void table_sort(struct table *table);
const void *table_find(const struct table *table, const void *key);

/* The record of the `config` map, if it is one that this program understands. */
int config_read(const struct instance *instance, struct mape_config *config);

/* The `ports` map: MAPE_SLOT_COUNT * config->ports.count records, for free(). */
int ports_read(const struct instance *instance, const struct mape_config *config,
	       struct mape_port **ports);

/* The `events` map, oldest first, *n of them, for free(). */
int events_read(const struct instance *instance, struct mape_event **events, uint32_t *n);

/* The number in the `live` map. */
int live_read(const struct instance *instance, uint64_t *sessions);

/* The record of the `path_mtu` map: what the path has been found to let through. */
int path_mtu_read(const struct instance *instance, struct mape_path_mtu *path);

/* The clock of the sessions' times, as in bpf/clock.h. */
uint64_t instance_now(const struct mape_config *config);

/* Takes the fast path now (bpf/offload.h). */
bool session_offloaded(const struct mape_session *session);

#endif
