/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The product's audit (loader/audit.h) over maps that are not pinned, and a drain that ends every
 * session, after which all ports have to be free again.
 */
#ifndef MAPE_TESTS_PACKET_DEEP_H
#define MAPE_TESTS_PACKET_DEEP_H

#include "audit.h"
#include "harness.h"

static inline int deep_table(const struct harness *h, const char *name, struct table *t)
{
	int fd = objects_map(&h->objects, name);
	unsigned char key[64], *record;
	void *at = NULL;

	for (; !bpf_map_get_next_key(fd, at, key); at = record) {
		void *grown = realloc(t->records, (t->n + 1) * t->record_size);

		if (!grown)
			return err(NULL, "out of memory");
		t->records = grown;
		record = (unsigned char *)grown + t->n * t->record_size;
		memcpy(record, key, t->key_size);
		if (bpf_map_lookup_elem(fd, key, record + t->value_offset))
			return err_sys(errno, NULL, "a record of '%s' vanished", name);
		t->n++;
	}
	return 0;
}

static inline int deep_read(const struct harness *h, struct audit_tables *t)
{
	uint32_t n = MAPE_SLOT_COUNT * h->config.ports.count, zero = 0;
	int ports = objects_map(&h->objects, "ports");

	memset(t, 0, sizeof(*t));
	t->config = h->config;
	t->sessions = SESSIONS_TABLE;
	t->mappings = MAPPINGS_TABLE;
	t->overlaps = OVERLAPS_TABLE;
	t->peers = PEERS_TABLE;
	t->hosts = HOSTS_TABLE;
	t->ports = calloc(n + 1, sizeof(*t->ports));
	for (uint32_t i = 0; t->ports && i < n; i++)
		if (bpf_map_lookup_elem(ports, &i, &t->ports[i]))
			return err_sys(errno, NULL, "cannot read 'ports'");
	for (uint32_t slot = 0; slot < MAPE_SLOT_COUNT; slot++) {
		t->counts[slot] = (struct mape_request){ .op = MAPE_OP_AUDIT, .slot = slot };
		if (harness_control(h, &t->counts[slot]))
			return -1;
	}
	if (bpf_map_lookup_elem(objects_map(&h->objects, "live"), &zero, &t->live))
		return err_sys(errno, NULL, "cannot read 'live'");
	return deep_table(h, "sessions", &t->sessions) || deep_table(h, "mappings", &t->mappings) ||
			       deep_table(h, "overlaps", &t->overlaps) ||
			       deep_table(h, "peers", &t->peers) ||
			       deep_table(h, "hosts", &t->hosts) ?
		       -1 :
		       0;
}

/* Judges the maps as they stand. A sweep timer may remove a record while they are read, so what
 * is found has to be found three times. 0, or -1 with err(). */
static inline int deep_audit(const struct harness *h, struct audit_report *report)
{
	int ret = -1;

	for (int i = 0; i < 3 && (ret || report->total); i++) {
		struct audit_tables tables;

		err_clear();
		ret = deep_read(h, &tables);
		if (!ret)
			ret = audit_check(&tables, report);
		audit_free(&tables);
	}
	return ret;
}

/* Lets everything expire. 0, or -1 with err(). */
static inline int deep_drain(struct harness *h)
{
	struct mape_request sweep = { .op = MAPE_OP_SWEEP, .count = 1 << 20 };

	if (harness_now(h, h->config.now_offset + 100000 * 1000000000ULL))
		return -1;
	return harness_control(h, &sweep);
}

#endif
