// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rule_opts.h"

#include "err.h"
#include "rule/text.h"

const char *const rule_opts_iids[] = { "draft03", "rfc7597", NULL };

static int refused(const struct mape_error *error)
{
	struct mape_explanation why = mape_rule_explain(error->code);

	return err(why.hint, "%s: %s", why.text, error->detail);
}

/* Looks among the rules given by hand. */
static int find_given(const struct rule_opts *opts, const struct mape_prefix *prefix,
		      struct mape_rule *found)
{
	struct mape_rule rules[OPT_LIST_MAX];
	const struct mape_rule *rule;
	struct mape_error error;

	for (unsigned int i = 0; i < opts->rules.n; i++)
		if (mape_rule_parse(opts->rules.v[i], &rules[i], &error))
			return refused(&error);
	if (mape_rules_validate(rules, opts->rules.n, &error) ||
	    mape_rule_find(rules, opts->rules.n, prefix, &rule, &error))
		return refused(&error);
	*found = *rule;
	return 0;
}

static int find(const struct rule_opts *opts, const struct mape_prefix *prefix,
		struct mape_rule *found)
{
	const struct mape_rule *rule;
	struct mape_error error;

	if (opts->n_known) {
		if (mape_rule_find(opts->known, opts->n_known, prefix, &rule, &error))
			return refused(&error);
		*found = *rule;
		return 0;
	}
	if (opts->rules.n)
		return find_given(opts, prefix, found);
	if (mape_rule_find_builtin(prefix, &rule, &error))
		return refused(&error);
	*found = *rule;
	return 0;
}

/* What --iid and --br say goes before the rule's own. */
static int override(const struct rule_opts *opts, struct mape_rule *rule)
{
	struct mape_error error;

	if (opts->iid >= 0)
		rule->iid = opts->iid;
	if (!opts->br.n)
		return 0;
	if (opts->br.n > MAPE_BR_MAX)
		return err(mape_rule_explain(MAPE_ERR_RULE_BRS).hint, "%s: %u",
			   mape_rule_explain(MAPE_ERR_RULE_BRS).text, opts->br.n);
	for (unsigned int i = 0; i < opts->br.n; i++)
		if (mape_br_parse(opts->br.v[i], &rule->br[i], &error))
			return refused(&error);
	rule->br_count = opts->br.n;
	return 0;
}

int line_from_options(const struct rule_opts *opts, const char *text, struct mape_line *line)
{
	struct mape_prefix prefix;
	struct mape_rule rule;
	struct mape_error error;

	if (mape_prefix_parse(text, &prefix, &error))
		return refused(&error);
	if (find(opts, &prefix, &rule) || override(opts, &rule))
		return -1;
	if (mape_line_derive(&rule, &prefix, line, &error))
		return refused(&error);
	if (rule.confidence == MAPE_CONF_LOW) {
		char buf[MAPE_PREFIX_STRLEN];

		warn("the built-in %s rule for %s is known with low confidence only: compare the "
		     "result with what the provider says",
		     rule.provider, mape_prefix6_str(rule.ip6, rule.ip6_len, buf));
	}
	return 0;
}

int line_need_br(const struct mape_line *line)
{
	if (line->br_count)
		return 0;
	return err("name the provider's border relay with --br ADDRESS",
		   "the rule names no border relay");
}
