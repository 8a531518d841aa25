/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_TIMING_H
#define MAPE_LOADER_PROVISION_TIMING_H

#include "source.h"

/*
 * When to ask a source again, and whether its last answer still counts meanwhile. Pure: the clock
 * and the dice are the caller's. What the times are is the convention of each service: HB46PP's
 * own specification (section 3.6), and what the home routers of two makers do with the other two.
 */
struct prov_timing {
	uint64_t next;	   /* ask again at this time; 0: now */
	uint32_t failures; /* in a row */
};

/*
 * Takes note of a result at the time `now` (seconds, as in `next`). ttl_s is what the answer said,
 * or 0; random any number. True: the older answer counts no more and has to be dropped, with all
 * that was made of it.
 */
bool prov_timing_note(struct prov_timing *timing, enum prov_source source, enum prov_result result,
		      uint64_t now, uint32_t ttl_s, uint32_t random);

#endif
