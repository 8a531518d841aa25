// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "timing.h"

#define MIN  60
#define HOUR 3600

/* How long to wait: a random time between two, or from `min` on twice as long each time up to
 * `max`. */
struct wait {
	uint32_t min_s, max_s;
	bool doubling;
	bool ttl; /* unless the answer says how long */
	bool drop;
};

#define BETWEEN(MIN_S, MAX_S) .min_s = (MIN_S), .max_s = (MAX_S)
#define BACKOFF		      .min_s = 1 * MIN, .max_s = 8 * MIN, .doubling = true

static const struct wait waits[PROV_SOURCES][PROV_UNSET] = {
	[PROV_OCN] = {
		[PROV_OK] = { BETWEEN(12 * HOUR, 24 * HOUR) },
		[PROV_NOTHING] = { BACKOFF, .drop = true },
		[PROV_REFUSED] = { BACKOFF, .drop = true },
		[PROV_BAD] = { BACKOFF, .drop = true },
		[PROV_SILENT] = { BACKOFF },
		[PROV_NO_SERVER] = { BACKOFF },
		[PROV_NO_DNS] = { BACKOFF },
	},
	[PROV_JPNE] = {
		[PROV_OK] = { BETWEEN(3 * HOUR, 24 * HOUR) },
		[PROV_NOTHING] = { BETWEEN(10 * MIN, 30 * MIN), .drop = true },
		[PROV_REFUSED] = { BETWEEN(3 * HOUR, 24 * HOUR), .drop = true },
		[PROV_BAD] = { BETWEEN(10 * MIN, 30 * MIN) },
		[PROV_SILENT] = { BETWEEN(1 * MIN, 10 * MIN) },
		[PROV_NO_SERVER] = { BETWEEN(1 * MIN, 10 * MIN) },
		[PROV_NO_DNS] = { BETWEEN(1 * MIN, 10 * MIN) },
	},
	[PROV_HB46PP] = {
		[PROV_OK] = { BETWEEN(20 * HOUR, 24 * HOUR), .ttl = true },
		[PROV_NOTHING] = { BETWEEN(20 * HOUR, 24 * HOUR), .ttl = true, .drop = true },
		[PROV_REFUSED] = { BETWEEN(10 * MIN, 30 * MIN) },
		[PROV_BAD] = { BETWEEN(10 * MIN, 30 * MIN) },
		[PROV_SILENT] = { BETWEEN(10 * MIN, 30 * MIN) },
		[PROV_NO_SERVER] = { BETWEEN(1 * HOUR, 3 * HOUR), .drop = true },
		[PROV_NO_DNS] = { BETWEEN(1 * MIN, 10 * MIN) },
	},
	/* It speaks when it has something to say, and lives as long as the prefix. */
	[PROV_DHCPV6] = {
		[PROV_NOTHING] = { .drop = true },
	},
};

static uint32_t wait_s(const struct wait *wait, uint32_t failures, uint32_t ttl_s, uint32_t random)
{
	uint32_t s = wait->min_s;

	if (wait->ttl && ttl_s)
		return ttl_s;
	if (!wait->doubling)
		return s + random % (wait->max_s - wait->min_s + 1);
	for (uint32_t i = 1; i < failures && s < wait->max_s; i++)
		s *= 2;
	return s < wait->max_s ? s : wait->max_s;
}

bool prov_timing_note(struct prov_timing *timing, enum prov_source source, enum prov_result result,
		      uint64_t now, uint32_t ttl_s, uint32_t random)
{
	const struct wait *wait;

	if (result == PROV_UNSET)
		return false;
	wait = &waits[source][result];
	if (result == PROV_OK)
		timing->failures = 0;
	else if (timing->failures < UINT32_MAX)
		timing->failures++;
	timing->next = now + wait_s(wait, timing->failures, ttl_s, random);
	return wait->drop;
}
