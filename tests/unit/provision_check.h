/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of the parsers of loader/provision/ share. Include after cmocka.h. */
#ifndef TESTS_PROVISION_CHECK_H
#define TESTS_PROVISION_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "provision/source.h"
#include "rule/text.h"

/* Parses from memory that ends where the document does, so that a sanitizer sees what reads on. */
static inline enum prov_result parse_bytes(prov_parse *parse, const void *bytes, size_t len,
					   struct prov_answer *answer)
{
	void *copy = malloc(len ? len : 1);
	enum prov_result result;

	memcpy(copy, bytes, len);
	memset(answer, 0, sizeof(*answer));
	err_clear();
	result = parse(copy, len, answer);
	free(copy);
	if (result == PROV_OK)
		assert_int_not_equal(answer->n_order, 0);
	else
		assert_non_null(err_text());
	return result;
}

static struct prov_answer answer;

static inline void check_ok(prov_parse *parse, const char *text)
{
	if (parse_bytes(parse, text, strlen(text), &answer) != PROV_OK)
		fail_msg("%.80s..: %s", text, err_text());
}

/* Refused, for a reason that has `why` in it. */
static inline void check_not(prov_parse *parse, enum prov_result result, const char *text,
			     const char *why)
{
	assert_int_equal(parse_bytes(parse, text, strlen(text), &answer), result);
	if (!strstr(err_text(), why))
		fail_msg("'%s' is not in '%s'", why, err_text());
}

/* A document with a part cut out and another put in. */
static inline void check_changed(prov_parse *parse, const char *text, const char *from,
				 const char *to, const char *why)
{
	const char *at = strstr(text, from);
	char buf[8192];

	assert_non_null(at);
	snprintf(buf, sizeof(buf), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	check_not(parse, PROV_BAD, buf, why);
}

/* No beginning of a document is a document. */
static inline void check_truncated(prov_parse *parse, const void *bytes, size_t len)
{
	for (size_t n = 0; n < len; n++)
		if (parse_bytes(parse, bytes, n, &answer) == PROV_OK)
			fail_msg("%zu of %zu bytes are accepted", n, len);
}

/* The rule that fits the prefix makes this CE address of it. */
static inline void check_ce(const struct mape_rule *rules, size_t n, const char *line,
			    const char *ce)
{
	const struct mape_rule *rule;
	struct mape_prefix prefix;
	struct mape_line derived;
	struct mape_error error;
	char buf[MAPE_IP6_STRLEN];

	assert_int_equal(mape_prefix_parse(line, &prefix, &error), MAPE_OK);
	assert_int_equal(mape_rule_find(rules, n, &prefix, &rule, &error), MAPE_OK);
	assert_int_equal(mape_line_derive(rule, &prefix, &derived, &error), MAPE_OK);
	assert_string_equal(mape_ip6_str(derived.ce, buf), ce);
}

static inline void check_ip6(struct mape_ip6 ip6, const char *text)
{
	char buf[MAPE_IP6_STRLEN];

	assert_string_equal(mape_ip6_str(ip6, buf), text);
}

#endif
