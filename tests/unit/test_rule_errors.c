// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the rule library refuses, and what it says then: the code, the input, the next step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rule/rule.h"

struct refused {
	const char *rule;	/* NULL: the built-in table */
	const char *prefix;	/* NULL: the rule alone is refused */
	enum mape_errcode code;
	const char *detail;	/* stands in the detail */
	const char *hint;	/* stands in the hint */
};

static const struct refused prefixes[] = {
	/* garbage */
	{ NULL, "", MAPE_ERR_PREFIX_SYNTAX, "''", "/56" },
	{ NULL, "garbage", MAPE_ERR_PREFIX_SYNTAX, "'garbage'", "/56" },
	{ NULL, "192.0.2.1", MAPE_ERR_PREFIX_SYNTAX, "'192.0.2.1'", "/56" },
	{ NULL, "2400:4050::/129", MAPE_ERR_PREFIX_SYNTAX, "/129", "/56" },
	{ NULL, "2400:4050::/", MAPE_ERR_PREFIX_SYNTAX, "::/'", "/56" },
	{ NULL, "2400:4050::/-1", MAPE_ERR_PREFIX_SYNTAX, "/-1", "/56" },
	{ NULL, "2400:4050::/56x", MAPE_ERR_PREFIX_SYNTAX, "/56x", "/56" },
	{ NULL, "2400:4050::/4294967352", MAPE_ERR_PREFIX_SYNTAX, "/4294967352", "/56" },
	{ NULL, "2400:4050:::/56", MAPE_ERR_PREFIX_SYNTAX, ":::", "/56" },
	{ NULL, "\033[31mred", MAPE_ERR_PREFIX_SYNTAX, "'?[31mred'", "/56" },
	/* too short, too long */
	{ NULL, "2400:4050:400::/48", MAPE_ERR_PREFIX_SHORT, "needs /56", "/64" },
	{ NULL, "2400:4050:400:5600::/55", MAPE_ERR_PREFIX_SHORT, "needs /56", "/64" },
	{ NULL, "2400:4000::/20", MAPE_ERR_PREFIX_SHORT, "a rule's own prefix", "/64" },
	{ NULL, "::/0", MAPE_ERR_PREFIX_SHORT, "a rule's own prefix", "/64" },
	{ NULL, "2400:4050:400:5600::/65", MAPE_ERR_PREFIX_LONG, "at most 64", "without length" },
	{ NULL, "2400:4050:400:5600::1/128", MAPE_ERR_PREFIX_LONG, "::1/128", "without length" },
	/* behind a home gateway */
	{ NULL, "2400:4050:400:5610::/60", MAPE_ERR_PREFIX_SUBNET,
	  "CE address 2400:4050:400:5600:99:f010:100:1600 would belong to the gateway",
	  "without the gateway" },
	{ NULL, "2400:4050:400:5601::/64", MAPE_ERR_PREFIX_SUBNET,
	  "only a part of 2400:4050:400:5600::/56", "the gateway's own MAP-E" },
	{ NULL, "240b:10:220:20ff::1", MAPE_ERR_PREFIX_SUBNET, "240b:10:220:20ff::/64",
	  "the whole prefix" },
	/* not MAP-E */
	{ NULL, "2408:210:1234:5600::/56", MAPE_ERR_NTT_ONLY, "2408::/22 of NTT East", "IPoE" },
	{ NULL, "2408:3ff:ffff:ff00::/56", MAPE_ERR_NTT_ONLY, "2408::/22", "IPoE" },
	{ NULL, "2001:a000::/56", MAPE_ERR_NTT_ONLY, "2001:a000::/21 of NTT West", "IPoE" },
	{ NULL, "2001:a7ff:5f01::a", MAPE_ERR_NTT_ONLY, "2001:a000::/21 of NTT West", "IPoE" },
	{ NULL, "2001:c90:1:100::/56", MAPE_ERR_NTT_ONLY, "2001:c90::/32 of NTT East", "IPoE" },
	{ NULL, "2404:1a8:1:100::/56", MAPE_ERR_NTT_ONLY, "2404:1a8::/32 of NTT East", "IPoE" },
	{ NULL, "2001:d73:1:100::/56", MAPE_ERR_NTT_ONLY, "2001:d70::/30 of NTT West", "IPoE" },
	{ NULL, "2409:10:1:100::/56", MAPE_ERR_OCN_OTHER, "of OCN", "OCN Virtual Connect" },
	{ NULL, "2409:8000::/56", MAPE_ERR_NO_RULE, "2409:8000::/56", "--rule" },
	{ NULL, "2408:400::/56", MAPE_ERR_NO_RULE, "2408:400::/56", "--rule" },
	{ NULL, "2001:db8:12:3400::/56", MAPE_ERR_NO_RULE, "2001:db8:12:3400::/56", "--rule" },
	{ NULL, "fe80::1", MAPE_ERR_PREFIX_LOCAL, "fe80::/64", "2 or 3" },
	{ NULL, "fd00:1::/56", MAPE_ERR_PREFIX_LOCAL, "fd00:1::/56", "2 or 3" },
	{ NULL, "::1", MAPE_ERR_PREFIX_LOCAL, "::/64", "2 or 3" },
	/* a rule by hand */
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16", "2001:db8:100::/56",
	  MAPE_ERR_RULE_MISMATCH, "2001:db8:100::/56 is not in 2001:db8::/40", "ipv6=" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16", "2001:db8::/32", MAPE_ERR_PREFIX_SHORT,
	  "2001:db8::/40", "/64" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16", "2001:db8::/55", MAPE_ERR_PREFIX_SHORT,
	  "needs /56", "/64" },
	{ "ipv6=2001:db8:1:2::/64,ipv4=192.0.2.0/24,ea=16", "2001:db8:1:2::1",
	  MAPE_ERR_PREFIX_SHORT, "needs /80", "/64" },
	{ "ipv6=2001:db8:1:2::/64,ipv4=192.0.2.0/24,ea=16", "2001:db8:1:2::/96",
	  MAPE_ERR_PREFIX_LONG, "at most 80", "delegated" },
	{ "ipv6=2001:db8::/48,ipv4=192.0.2.18,ea=0", "2001:db8:0:100::/56",
	  MAPE_ERR_PREFIX_SUBNET, "2001:db8::/48", "ea=0" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.1,ea=16,offset=0", "2001:db8::/56", MAPE_ERR_NO_PORTS,
	  "2001:db8::/56", "port 0" },
};

static const struct refused rules[] = {
	/* cannot be read */
	{ "", NULL, MAPE_ERR_RULE_SYNTAX, "'' at character 1: not of the form", "ipv6=P" },
	{ "ipv6", NULL, MAPE_ERR_RULE_SYNTAX, "'ipv6' at character 1: not of the form", "ipv6=P" },
	{ "ea=8,,offset=4", NULL, MAPE_ERR_RULE_SYNTAX, "'' at character 6", "ipv6=P" },
	{ "ea=8,ipv6=x/40", NULL, MAPE_ERR_RULE_SYNTAX, "'ipv6=x/40' at character 6: not an IPv6",
	  "ipv6=P" },
	{ "ipv6=2001:db8::", NULL, MAPE_ERR_RULE_SYNTAX, "with its length", "ipv6=P" },
	{ "ipv4=1.2.3.4/33", NULL, MAPE_ERR_RULE_SYNTAX, "not an IPv4", "ipv6=P" },
	{ "ipv4=1.2.3/24", NULL, MAPE_ERR_RULE_SYNTAX, "not an IPv4", "ipv6=P" },
	{ "ea=x", NULL, MAPE_ERR_RULE_SYNTAX, "not a number", "ipv6=P" },
	{ "ea=256", NULL, MAPE_ERR_RULE_SYNTAX, "not a number", "ipv6=P" },
	{ "ea=-1", NULL, MAPE_ERR_RULE_SYNTAX, "not a number", "ipv6=P" },
	{ "ea=", NULL, MAPE_ERR_RULE_SYNTAX, "not a number", "ipv6=P" },
	{ "ea=8,ea=8", NULL, MAPE_ERR_RULE_SYNTAX, "character 6: given twice", "ipv6=P" },
	{ "psid=65536", NULL, MAPE_ERR_RULE_SYNTAX, "0 to 65535", "ipv6=P" },
	{ "iid=rfc2544", NULL, MAPE_ERR_RULE_SYNTAX, "neither draft03 nor rfc7597", "ipv6=P" },
	{ "br=192.0.2.1", NULL, MAPE_ERR_RULE_SYNTAX, "not an IPv6 address", "ipv6=P" },
	{ "br=2001:db8::1,br=2001:db8::2,br=2001:db8::3,br=2001:db8::4,br=2001:db8::5", NULL,
	  MAPE_ERR_RULE_SYNTAX, "too many border relays", "ipv6=P" },
	{ "ealen=8", NULL, MAPE_ERR_RULE_SYNTAX, "not one of ipv6, ipv4, ea", "ipv6=P" },
	/* incomplete */
	{ "ipv4=192.0.2.0/24,ea=16", NULL, MAPE_ERR_RULE_MISSING, "ipv6= is missing", "at least" },
	{ "ipv6=2001:db8::/40,ea=16", NULL, MAPE_ERR_RULE_MISSING, "ipv4= is missing", "at least" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24", NULL, MAPE_ERR_RULE_MISSING, "ea= is missing",
	  "at least" },
	{ "ipv6=2001:db8::/56,ipv4=192.0.2.1,ea=0,psid=1", NULL, MAPE_ERR_RULE_MISSING,
	  "psidlen= is missing", "together" },
	{ "ipv6=2001:db8::/56,ipv4=192.0.2.1,ea=0,psidlen=8", NULL, MAPE_ERR_RULE_MISSING,
	  "psid= is missing", "together" },
	/* impossible */
	{ "ipv6=2001:db8:1::/40,ipv4=192.0.2.0/24,ea=16", NULL, MAPE_ERR_RULE_HOST_BITS,
	  "2001:db8:1::/40", "zeros" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.1/24,ea=16", NULL, MAPE_ERR_RULE_HOST_BITS,
	  "192.0.2.1/24", "zeros" },
	{ "ipv6=2001:db8::/32,ipv4=0.0.0.0/0,ea=49", NULL, MAPE_ERR_RULE_EA, "ea=49", "48" },
	{ "ipv6=2001:db8::/120,ipv4=192.0.2.0/24,ea=16", NULL, MAPE_ERR_RULE_EA,
	  "IPv6 prefix length 120", "128" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=25", NULL, MAPE_ERR_RULE_PSID_LEN, "psidlen=17",
	  "32 - IPv4" },
	{ "ipv6=2400:4151:8000::/38,ipv4=153.187.0.0/20,ea=18,offset=6,psidlen=12", NULL,
	  MAPE_ERR_RULE_PSID_LEN, "psidlen=12", "not ea - offset" },
	{ "ipv6=2001:db8::/56,ipv4=192.0.2.1,ea=0,psidlen=17,psid=0", NULL, MAPE_ERR_RULE_PSID_LEN,
	  "psidlen=17", "psidlen=" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=20", NULL, MAPE_ERR_RULE_OFFSET,
	  "offset=6, PSID length 12", "at most 16" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16,offset=9", NULL, MAPE_ERR_RULE_OFFSET,
	  "offset=9, PSID length 8", "at most 16" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=8,offset=16", NULL, MAPE_ERR_RULE_OFFSET,
	  "offset=16", "0 to 15" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16,psidlen=8,psid=1", NULL, MAPE_ERR_RULE_PSID,
	  "psid=1", "only with ea=0" },
	{ "ipv6=2001:db8::/56,ipv4=192.0.2.0/24,ea=0,psidlen=8,psid=1", NULL, MAPE_ERR_RULE_PSID,
	  "IPv4 prefix length 24", "single IPv4 address" },
	{ "ipv6=2001:db8::/56,ipv4=192.0.2.1,ea=0,psidlen=8,psid=256", NULL, MAPE_ERR_RULE_PSID,
	  "psid=256", "psidlen bits" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16,br=::", NULL, MAPE_ERR_RULE_BR, "::",
	  "unicast" },
	{ "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16,br=ff02::1", NULL, MAPE_ERR_RULE_BR,
	  "ff02::1", "unicast" },
};

static void check_error(const struct mape_error *error, enum mape_errcode code,
			const struct refused *r)
{
	struct mape_explanation why = mape_rule_explain(error->code);

	if (code != r->code || error->code != r->code)
		fail_msg("%s %s: got '%s: %s'", r->rule ? r->rule : "", r->prefix ? r->prefix : "",
			 why.text, error->detail);
	if (!strstr(error->detail, r->detail))
		fail_msg("'%s' is not in '%s'", r->detail, error->detail);
	if (!strstr(why.hint, r->hint))
		fail_msg("'%s' is not in '%s'", r->hint, why.hint);
}

static void test_prefixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		const struct refused *r = &prefixes[i];
		const struct mape_rule *found;
		struct mape_prefix prefix;
		struct mape_error error = { 0 };
		enum mape_errcode code;
		struct mape_rule rule;
		struct mape_line line;

		code = mape_prefix_parse(r->prefix, &prefix, &error);
		if (!code && r->rule) {
			assert_int_equal(mape_rule_parse(r->rule, &rule, &error), MAPE_OK);
			code = mape_rule_find(&rule, 1, &prefix, &found, &error);
		} else if (!code) {
			code = mape_rule_find_builtin(&prefix, &found, &error);
		}
		if (!code)
			code = mape_line_derive(found, &prefix, &line, &error);
		check_error(&error, code, r);
	}
}

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct mape_error error = { 0 };
		struct mape_rule rule;
		enum mape_errcode code = mape_rule_parse(rules[i].rule, &rule, &error);

		check_error(&error, code, &rules[i]);
	}
}

static enum mape_errcode check_pair(const char *a, const char *b, struct mape_error *error)
{
	struct mape_rule pair[2];

	assert_int_equal(mape_rule_parse(a, &pair[0], error), MAPE_OK);
	assert_int_equal(mape_rule_parse(b, &pair[1], error), MAPE_OK);
	return mape_rules_validate(pair, 2, error);
}

static void test_overlap(void **state)
{
	const char *a = "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16";
	struct mape_error error;

	(void)state;
	/* the same prefix twice */
	assert_int_equal(check_pair(a, "ipv6=2001:db8::/40,ipv4=198.51.100.0/24,ea=16", &error),
			 MAPE_ERR_RULE_OVERLAP);
	assert_non_null(strstr(error.detail, "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16 and "
					     "ipv6=2001:db8::/40,ipv4=198.51.100.0/24,ea=16"));
	assert_non_null(strstr(mape_rule_explain(error.code).hint, "the same IPv4 ports"));
	/* the same addresses and ports for two lines */
	assert_int_equal(check_pair(a, "ipv6=2001:db8:100::/41,ipv4=192.0.2.0/25,ea=15", &error),
			 MAPE_ERR_RULE_OVERLAP);
	assert_int_equal(check_pair("ipv6=2001:db8::/56,ipv4=192.0.2.1,ea=0,psidlen=8,psid=1",
				    "ipv6=2001:db8:1::/56,ipv4=192.0.2.1,ea=0,psidlen=8,psid=1",
				    &error), MAPE_ERR_RULE_OVERLAP);
	/* two PSIDs of one address, and nested IPv6 prefixes, are what rules are for */
	assert_int_equal(check_pair("ipv6=2001:db8::/56,ipv4=192.0.2.1,ea=0,psidlen=8,psid=1",
				    "ipv6=2001:db8:1::/56,ipv4=192.0.2.1,ea=0,psidlen=8,psid=2",
				    &error), MAPE_OK);
	assert_int_equal(check_pair(a, "ipv6=2001:db8::/44,ipv4=198.51.100.0/24,ea=12", &error),
			 MAPE_OK);
}

/* Every code says what it means and what to do. */
static void test_explanations(void **state)
{
	static const enum mape_errcode codes[] = {
#define CODE(name, text, hint) MAPE_ERR_##name,
		MAPE_ERRORS(CODE)
#undef CODE
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_true(strlen(mape_rule_explain(codes[i]).text) > 10);
		assert_true(strlen(mape_rule_explain(codes[i]).hint) > 10);
	}
}

/* Whatever a user types is answered; sanitizers watch this. */
static void test_random_input(void **state)
{
	static const char alphabet[] = "0123456789abcdef::::////....,,==ipv6ipv4eaoffsetpsidlenbriid\xff ";
	__u32 seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct mape_prefix prefix;
		struct mape_error error;
		struct mape_rule rule;
		char text[40];
		size_t n = i % sizeof(text);

		for (size_t j = 0; j < n; j++) {
			seed = seed * 1664525 + 1013904223;
			text[j] = alphabet[(seed >> 8) % (sizeof(alphabet) - 1)];
		}
		text[n] = '\0';
		mape_prefix_parse(text, &prefix, &error);
		mape_rule_parse(text, &rule, &error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),     cmocka_unit_test(test_rules),
		cmocka_unit_test(test_overlap),	     cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_random_input),
	};

	return cmocka_run_group_tests_name("rule_errors", tests, NULL, NULL);
}
