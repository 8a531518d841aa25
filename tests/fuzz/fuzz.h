/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What all targets share. A target defines LLVMFuzzerTestOneInput() over one parser; besides not
 * touching foreign memory, the parser has to keep what its header promises.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "provision/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool promise)
{
	if (!promise)
		abort();
}

/* An accepted answer has only possible rules, and a refusal says why. */
static inline void check_answer(enum prov_result result, const struct prov_answer *answer)
{
	struct mape_error error;

	if (result != PROV_OK) {
		must((result == PROV_BAD || result == PROV_NOTHING) && err_text() && *err_text());
		return;
	}
	must(answer->n_order && answer->n_order <= PROV_METHODS);
	must(answer->n_rules <= PROV_RULES_MAX && answer->n_ipip <= PROV_IPIP_MAX);
	for (size_t i = 0; i < answer->n_order; i++) {
		must(answer->order[i] < PROV_METHODS);
		for (size_t k = 0; k < i; k++)
			must(answer->order[i] != answer->order[k]);
		must(answer->order[i] != PROV_MAP_E || answer->n_rules);
		must(answer->order[i] != PROV_LW4O6 ||
		     !mape_rule_validate(&answer->lw4o6, &error));
		must(answer->order[i] != PROV_DSLITE || answer->aftr[0]);
	}
	for (size_t i = 0; i < answer->n_rules; i++)
		must(!mape_rule_validate(&answer->rules[i], &error) &&
		     answer->rules[i].br_count > 0);
}

static inline int fuzz_answer(prov_parse *parse, const uint8_t *data, size_t size)
{
	static struct prov_answer answer;

	memset(&answer, 0, sizeof(answer));
	err_clear();
	check_answer(parse(data, size, &answer), &answer);
	return 0;
}

#endif
