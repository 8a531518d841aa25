/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the hammer reports: counters, and what the audit finds before and after a drain. */
#ifndef MAPE_TESTS_PACKET_ACCOUNTS_H
#define MAPE_TESTS_PACKET_ACCOUNTS_H

#include <json-c/json.h>
#include <mape/types.h>
#include <mape/outcome.h>

#include "deep.h"

static inline void account(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static inline void settle(const struct harness *h, struct json_object *findings, const char *when)
{
	static struct audit_report report;
	char line[AUDIT_TEXT + 32];

	if (deep_audit(h, &report))
		harness_die(when);
	for (unsigned int i = 0; i < report.kept; i++) {
		snprintf(line, sizeof(line), "%s: %s", when, report.text[i]);
		json_object_array_add(findings, json_object_new_string(line));
	}
}

/* After everything has expired there is nothing left but free ports. */
static inline void settle_empty(struct harness *h, struct json_object *findings)
{
	struct mape_request r = { .op = MAPE_OP_AUDIT, .slot = MAPE_SLOT_UDP };
	char line[128];

	if (deep_drain(h) || harness_control(h, &r))
		harness_die("draining");
	if (r.free != r.total) {
		snprintf(line, sizeof(line), "drained: %u of %u ports are free", r.free, r.total);
		json_object_array_add(findings, json_object_new_string(line));
	}
	settle(h, findings, "drained");
}

/* What the packets came to, without what never happened. */
static inline struct json_object *outcomes(const struct harness *h)
{
	static const char *const keys[] = {
#define X(name, key, drop, text) key,
		MAPE_OUTCOMES(X)
#undef X
	};
	int fd = objects_map(&h->objects, "outcomes"), cpus = libbpf_num_possible_cpus();
	struct mape_counter *counters = calloc(cpus, sizeof(*counters));
	struct json_object *o = json_object_new_object();

	for (uint32_t i = 0; counters && i < MAPE_OUTCOME_COUNT; i++) {
		uint64_t packets = 0;

		if (bpf_map_lookup_elem(fd, &i, counters))
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			packets += counters[cpu].packets;
		if (packets)
			account(o, keys[i], packets);
	}
	free(counters);
	return o;
}

#endif
