/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_OUTCOMES_H
#define MAPE_LOADER_OUTCOMES_H

#include <stdbool.h>

#include <mape/types.h>
#include <mape/outcome.h>

#include "instance.h"

/* What outcome.h says about an outcome. */
struct outcome_info {
	const char *key;
	bool drop;
	const char *text; /* explanation */
};

/* Index: enum mape_outcome. */
extern const struct outcome_info outcome_infos[MAPE_OUTCOME_COUNT];

/* The counters, summed over the processors. 0, or -1 with err(). */
int outcomes_read(const struct instance *instance, struct mape_counter totals[MAPE_OUTCOME_COUNT]);

#endif
