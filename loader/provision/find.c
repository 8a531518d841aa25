// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "find.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "cache.h"
#include "err.h"
#include "line_prefix.h"
#ifdef MAPE_PROVISIONING
#include "online/online.h"
#endif

/* All that the steps need to know. */
struct search {
	const struct prov_opts *opts;
	const struct rule_opts *rule;
	const struct link_info *wan;
	const char *prefix;	    /* as given, or NULL */
	struct mape_prefix asked;   /* what servers are told, if they want to know */
	struct credentials credentials;
};

bool prov_usable(enum prov_method method)
{
	return method == PROV_MAP_E || method == PROV_LW4O6;
}

static int find_line(const struct search *s, const struct rule_opts *rule, struct mape_line *line)
{
	return s->prefix ? line_from_options(rule, s->prefix, line) :
			   line_discover(rule, s->wan, line);
}

static int find_prefix(struct search *s)
{
	struct mape_error error;

	if (!s->prefix)
		return line_first_prefix(s->wan, &s->asked);
	if (mape_prefix_parse(s->prefix, &s->asked, &error))
		return err(mape_rule_explain(error.code).hint, "%s: %s",
			   mape_rule_explain(error.code).text, error.detail);
	return 0;
}

/* The line by rules that a server gave. */
static int apply_rules(const struct search *s, const struct mape_rule *rules, size_t n,
		       struct mape_line *line)
{
	struct rule_opts rule = *s->rule;

	rule.known = rules;
	rule.n_known = n;
	return find_line(s, &rule, line);
}

/* JPNE's API names one border relay for BIGLOBE's lines too, but packets come from another, which
 * the built-in table has: more may be accepted than are sent to. */
static void add_known_brs(struct mape_line *line)
{
	struct mape_prefix prefix = { .ip6 = line->prefix, .len = line->prefix_len };
	const struct mape_rule *known;
	struct mape_error error;

	if (mape_rule_find_builtin(&prefix, &known, &error))
		return;
	for (__u32 i = 0; i < known->br_count && line->br_count < MAPE_BR_MAX; i++) {
		bool there = false;

		for (__u32 k = 0; k < line->br_count; k++)
			there |= mape_ip6_eq(line->br[k], known->br[i]);
		if (!there)
			line->br[line->br_count++] = known->br[i];
	}
}

/* A border relay that is known by name has to be asked for. */
static int resolve_lwaftr(const struct search *s, struct prov_answer *answer)
{
	if (!answer->lwaftr[0] || s->rule->br.n)
		return 0;
#ifdef MAPE_PROVISIONING
	return online_resolve_br(s->opts, answer->lwaftr, &answer->lw4o6);
#else
	return err("Name its address with --br.", "the border relay is known by name only: %s",
		   answer->lwaftr);
#endif
}

static int apply_method(const struct search *s, enum prov_source source, enum prov_method method,
			struct prov_answer *answer, struct mape_line *line)
{
	if (method == PROV_LW4O6)
		return resolve_lwaftr(s, answer) ? -1 :
						   apply_rules(s, &answer->lw4o6, 1, line);
	if (apply_rules(s, answer->rules, answer->n_rules, line))
		return -1;
	if (source == PROV_JPNE && !s->rule->br.n)
		add_known_brs(line);
	return 0;
}

/* The first usable method that fits the line; else the first that this command does not do. 0, or
 * -1 with err(), if there is none of either. */
static int apply_answer(const struct search *s, enum prov_source source,
			struct prov_answer *answer, struct prov_found *found)
{
	for (size_t i = 0; i < answer->n_order; i++) {
		found->method = answer->order[i];
		if (prov_usable(found->method) &&
		    !apply_method(s, source, found->method, answer, &found->line))
			return 0;
	}
	for (size_t i = 0; i < answer->n_order; i++) {
		found->method = answer->order[i];
		if (!prov_usable(found->method))
			return 0;
	}
	return -1;
}

/* By hand and from the table: no documents, and nothing can be old. */
static int find_offline(const struct search *s, enum prov_source source, struct prov_found *found)
{
	struct rule_opts rule = *s->rule;

	if (source == PROV_BY_HAND && !rule.rules.n)
		return err("Give one with --rule.", "no rule was given by hand");
	if (source == PROV_BUILTIN)
		rule.rules.n = 0;
	found->method = PROV_MAP_E;
	return find_line(s, &rule, &found->line);
}

static int find_in(const struct search *s, enum prov_source source, struct prov_found *found)
{
	struct prov_request request = {
		.opts = s->opts,
		.credentials = &s->credentials,
		.device = s->wan->name,
		.prefix = s->asked,
	};
	struct prov_saying saying;
	int ret;

	if (!prov_source_parser(source))
		return find_offline(s, source, found);
	ret = prov_ask(source, &request, &saying) ? -1 : 0;
	found->answer = saying.answer;
	found->cached = saying.cached;
	found->age_s = saying.age_s;
	found->verified = saying.verified;
	strcpy(found->server, saying.server);
	if (!ret)
		ret = apply_answer(s, source, saying.answer, found);
	return ret;
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void note_attempt(struct prov_found *found, const struct prov_found *got, int ret)
{
	found->attempts[found->n_attempts++] = (struct prov_attempt){
		.source = got->source,
		.ok = !ret,
		.cached = got->cached,
		.age_s = got->age_s,
		.why = ret ? copy(err_text()) : NULL,
		.hint = ret ? copy(err_hint()) : NULL,
	};
}

/* Takes the attempt over as the result. */
static void take(struct prov_found *found, const struct prov_found *got)
{
	free(found->answer);
	found->source = got->source;
	found->method = got->method;
	found->line = got->line;
	found->answer = got->answer;
	memcpy(found->server, got->server, sizeof(found->server));
	found->verified = got->verified;
	found->cached = got->cached;
	found->age_s = got->age_s;
}

static size_t make_order(const struct prov_opts *opts, enum prov_source order[PROV_SOURCES])
{
	bool seen[PROV_SOURCES] = { false };
	size_t n = 0;

	for (unsigned int i = 0; i < opts->from.n; i++) {
		enum prov_source source;

		if (prov_source_parse(opts->from.v[i], &source) && !seen[source]) {
			seen[source] = true;
			order[n++] = source;
		}
	}
	for (int i = 0; !opts->from.n && i < PROV_SOURCES; i++)
		order[n++] = i;
	return n;
}

/* A rule that would be passed over in silence is a mistake. */
static int check_by_hand(const struct prov_opts *opts, const struct rule_opts *rule)
{
	for (unsigned int i = 0; i < opts->from.n; i++)
		if (!strcmp(opts->from.v[i], prov_source_name(PROV_BY_HAND)))
			return 0;
	if (!opts->from.n || !rule->rules.n)
		return 0;
	return err("Add --from by-hand, or leave --rule out.",
		   "a rule is given by hand, but --from does not ask for it");
}

/* One source alone speaks for itself; of several, each has its say. */
static int nothing_found(const struct prov_found *found)
{
	char text[2048] = "";

	if (found->n_attempts == 1)
		return err(found->attempts[0].hint, "%s: %s",
			   prov_source_name(found->attempts[0].source), found->attempts[0].why);
	for (size_t i = 0; i < found->n_attempts; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s: %s", i ? "; " : "",
			 prov_source_name(found->attempts[i].source), found->attempts[i].why);
	}
	return err("Try one alone with --from to see what to do about it.",
		   "no source knows a rule for this line: %s", text);
}

static int search(const struct search *s, struct prov_found *found)
{
	enum prov_source order[PROV_SOURCES];
	size_t n = make_order(s->opts, order);
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct prov_found got = { .source = order[i] };
		int ret = find_in(s, order[i], &got);
		bool usable = !ret && prov_usable(got.method);

		note_attempt(found, &got, ret);
		err_clear();
		if (usable || (!ret && !any)) {
			take(found, &got);
			any = true;
		} else {
			free(got.answer);
		}
		if (usable)
			return 0;
	}
	return any ? 0 : nothing_found(found);
}

int prov_find(const struct prov_opts *opts, const struct rule_opts *rule,
	      const struct link_info *wan, const char *prefix, struct prov_found *found)
{
	struct search s = { .opts = opts, .rule = rule, .wan = wan, .prefix = prefix };
	int ret;

	memset(found, 0, sizeof(*found));
	ret = check_by_hand(opts, rule) || find_prefix(&s) ||
	      credentials_load(opts->credentials, &s.credentials) || search(&s, found);
	explicit_bzero(&s.credentials, sizeof(s.credentials));
	return ret ? -1 : 0;
}

void prov_found_free(struct prov_found *found)
{
	for (size_t i = 0; i < found->n_attempts; i++) {
		free(found->attempts[i].why);
		free(found->attempts[i].hint);
	}
	free(found->answer);
	memset(found, 0, sizeof(*found));
}

int prov_forget(const struct prov_opts *opts, const struct link_info *wan)
{
	enum prov_source order[PROV_SOURCES];
	size_t n = make_order(opts, order);

	for (size_t i = 0; i < n; i++)
		if (prov_cache_remove(opts->state_dir, wan->name, order[i]))
			return -1;
	return 0;
}
