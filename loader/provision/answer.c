// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

static const char *const methods[PROV_METHODS] = {
	[PROV_MAP_E] = "map_e",	  [PROV_LW4O6] = "lw4o6", [PROV_IPIP] = "ipip",
	[PROV_DSLITE] = "dslite", [PROV_MAP_T] = "map_t", [PROV_464XLAT] = "464xlat",
};

const char *prov_method_name(enum prov_method method)
{
	return methods[method];
}

bool prov_method_parse(const char *name, enum prov_method *method)
{
	for (int i = 0; i < PROV_METHODS; i++) {
		if (!strcmp(methods[i], name)) {
			*method = i;
			return true;
		}
	}
	return false;
}

struct prov_answer *prov_answer_new(void)
{
	struct prov_answer *a = calloc(1, sizeof(*a));

	if (!a)
		err(NULL, "out of memory");
	return a;
}

void prov_answer_offer(struct prov_answer *a, enum prov_method method)
{
	for (size_t i = 0; i < a->n_order; i++)
		if (a->order[i] == method)
			return;
	a->order[a->n_order++] = method;
}

int prov_rule_check(const struct mape_rule *rule)
{
	struct mape_error error;

	if (mape_rule_validate(rule, &error))
		return err(NULL, "%s: %s", mape_rule_explain(error.code).text, error.detail);
	return 0;
}

int prov_answer_add(struct prov_answer *a, const struct mape_rule *rule, bool fmr)
{
	if (a->n_rules == PROV_RULES_MAX)
		return err(NULL, "more than %d rules", PROV_RULES_MAX);
	if (prov_rule_check(rule))
		return -1;
	a->fmr[a->n_rules] = fmr;
	a->rules[a->n_rules++] = *rule;
	return 0;
}
