// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The answers of OCN's and JPNE's rule servers, and what all JSON has to stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "provision/parsers.h"
#include "provision_check.h"

/* A rule of the public table; the line is made up, its CE address is the lab's. */
#define OCN_LINE "2400:4050:400:5600::/56"
#define OCN_CE	 "2400:4050:400:5600:99:f010:100:1600"
#define OCN_ENTRY                                                                                  \
	"{\"brIpv6Address\":\"2001:380:a120::9\",\"ipv6Prefix\":\"2400:4050::\","                  \
	"\"ipv6PrefixLength\":\"34\",\"ipv4Prefix\":\"153.240.0.0\",\"ipv4PrefixLength\":\"16\","  \
	"\"eaBitLength\":\"22\",\"psIdOffset\":\"6\"}"
#define OCN "{\"basicMapRules\":[" OCN_ENTRY "]}"
#define OCN_NUMBERS                                                                                \
	"{ \"basicMapRules\" : [ {\"brIpv6Address\":\"2001:380:a120::9\",\n"                       \
	"\"ipv6Prefix\":\"2400:4050::\",\"ipv6PrefixLength\":34,\"ipv4Prefix\":\"153.240.0.0\",\n" \
	"\"ipv4PrefixLength\":16,\"eaBitLength\":22,\"psIdOffset\":6,\"new\":[{}]}],\"x\":null}\n"
#define OCN_FIXED                                                                                  \
	"{\"basicMapRules\":[" OCN_ENTRY ",{\"brIpv6Address\":\"2001:db8:9999::1\","               \
	"\"ipv6Prefix\":\"2400:4050:400:5600::\",\"ipv6PrefixLength\":\"56\","                     \
	"\"ipv4Prefix\":\"192.0.2.18\",\"ipv4PrefixLength\":\"32\",\"eaBitLength\":\"0\","         \
	"\"psIdOffset\":\"0\",\"psId\":\"0\",\"hostName\":\"ce-192.0.2.18.map.ocn.ad.jp\"}]}"

#define JPNE_BODY                                                                                  \
	"{\"id\":\"0123abcd\",\"dmr\":\"2404:9200:225:100::64\",\"ipv6_fixlen\":56,\"fmr\":["      \
	"{\"ipv6\":\"240b:10::/31\",\"ipv4\":\"106.72.0.0/15\",\"psid_offset\":4,"                 \
	"\"ea_length\":25},"                                                                       \
	"{\"ipv6\":\"2404:7a82::/38\",\"ipv4\":\"125.196.208.0/22\",\"psid_offset\":4,"            \
	"\"ea_length\":18}]}"
#define JPNE_LINE "240b:10:220:2000::/56"
#define JPNE_CE	  "240b:10:220:2000:6a:4802:2000:2000"

static void test_ocn(void **state)
{
	const char *texts[] = { OCN, OCN_NUMBERS };

	(void)state;
	for (int i = 0; i < 2; i++) {
		check_ok(ocn_parse, texts[i]);
		assert_int_equal(answer.n_rules, 1);
		assert_int_equal(answer.rules[0].psid_len, 6);
		assert_int_equal(answer.rules[0].iid, MAPE_IID_DRAFT03);
		assert_true(answer.rules[0].provider != ocn_fixed);
		check_ce(answer.rules, 1, OCN_LINE, OCN_CE);
		check_ip6(answer.rules[0].br[0], "2001:380:a120::9");
	}
}

static void test_ocn_fixed_address(void **state)
{
	(void)state;
	check_ok(ocn_parse, OCN_FIXED);
	assert_int_equal(answer.n_rules, 2);
	assert_ptr_equal(answer.rules[1].provider, ocn_fixed);
	assert_int_equal(answer.rules[1].psid_len, 0);
	/* the whole prefix is the line: 00, the address, 0000, 00 */
	check_ce(answer.rules, 2, OCN_LINE, "2400:4050:400:5600:c0:2:1200:0");
}

static void test_ocn_whole_table(void **state)
{
	static char text[PROV_DOCUMENT_MAX];
	size_t len;

	(void)state;
	for (int n = PROV_RULES_MAX; n <= PROV_RULES_MAX + 1; n++) {
		len = sprintf(text, "{\"basicMapRules\":[");
		for (int i = 0; i < n; i++)
			len += sprintf(text + len, "%s" OCN_ENTRY, i ? "," : "");
		sprintf(text + len, "]}");
		if (n > PROV_RULES_MAX) {
			check_not(ocn_parse, PROV_BAD, text, "more than 512 rules");
		} else {
			check_ok(ocn_parse, text);
			assert_int_equal(answer.n_rules, n);
		}
	}
}

static void test_ocn_refused(void **state)
{
	static const char *const keys[] = { "brIpv6Address",	"ipv6Prefix",  "ipv6PrefixLength",
					    "ipv4Prefix",	"ipv4PrefixLength",
					    "eaBitLength",	"psIdOffset" };
	static const struct {
		const char *from, *to, *why;
	} changes[] = {
		{ "\"34\"", "\"129\"", "not a whole number in its range" },
		{ "\"34\"", "-34", "out of range" },
		{ "\"34\"", "34.5", "not a whole number" },
		{ "\"34\"", "\"0x22\"", "not a whole number" },
		{ "\"34\"", "\" 34\"", "not a whole number" },
		{ "\"34\"", "\"\"", "not a whole number" },
		{ "\"34\"", "99999999999999999999999", "out of range" },
		{ "\"34\"", "\"4294967330\"", "not a whole number" },
		{ "\"34\"", "[34]", "not a whole number" },
		{ "\"34\"", "true", "not a whole number" },
		{ "\"34\"", "null", "missing" },
		{ "\"34\"", "\"16\"", "beyond its length" },
		{ "\"16\"", "\"8\"", "beyond its length" },
		{ "\"22\"", "\"49\"", "not a whole number in its range" },
		{ "\"22\"", "\"40\"", "PSID" },
		{ "\"6\"", "\"16\"", "not a whole number in its range" },
		{ "\"6\"", "\"11\"", "PSID offset" },
		{ "2400:4050::", "2400:4050", "not an IPv6 address" },
		{ "2400:4050::", "2400:4050::/34", "not an IPv6 address" },
		{ "153.240.0.0", "153.240.0", "not an IPv4 address" },
		{ "2001:380:a120::9", "ff02::1", "border relay" },
		{ "2001:380:a120::9", "2001:380\\u0000::9", "control character" },
		{ "2001:380:a120::9", "\\u001b[2J", "control character" },
		{ "psIdOffset\"", "psIdOffset\" \"", "not JSON" },
		{ "]}", "]}x", "not JSON" },
		{ "]}", "]}{}", "not JSON" },
		{ "]}", ",]}", "not JSON" },
		{ "[{", "[1,{", "[0] is not an object" },
		{ "[{", "[null,{", "[0] is not an object" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char key[32];

		sprintf(key, "\"%s\"", keys[i]);
		check_changed(ocn_parse, OCN, key, "\"unknown\"", key);
	}
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		check_changed(ocn_parse, OCN, changes[i].from, changes[i].to, changes[i].why);
	check_not(ocn_parse, PROV_BAD, "{\"basicMapRules\":{}}", "not a list");
	check_not(ocn_parse, PROV_BAD, "{\"rules\":[]}", "missing");
	check_not(ocn_parse, PROV_NOTHING, "{\"basicMapRules\":[]}", "no rule");
	check_not(ocn_parse, PROV_NOTHING, "{}", "no rule");
	check_truncated(ocn_parse, OCN_FIXED, strlen(OCN_FIXED));
}

static void test_jpne(void **state)
{
	static const char *const texts[] = { "v6plus(" JPNE_BODY ");", "?(" JPNE_BODY ")",
					     "\n" JPNE_BODY "\n", "cb_1.x$(" JPNE_BODY ");\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		check_ok(jpne_parse, texts[i]);
		assert_int_equal(answer.n_rules, 2);
		assert_true(answer.fmr[0] && answer.fmr[1]);
		check_ce(answer.rules, 2, JPNE_LINE, JPNE_CE);
		check_ip6(answer.rules[1].br[0], "2404:9200:225:100::64");
	}
	check_truncated(jpne_parse, texts[0], strlen(texts[0]) - 1);
}

static void test_jpne_refused(void **state)
{
	(void)state;
	check_changed(jpne_parse, JPNE_BODY, "\"id\"", "\"ID\"", "\"id\" is missing");
	check_changed(jpne_parse, JPNE_BODY, "\"dmr\"", "\"DMR\"", "\"dmr\" is missing");
	check_changed(jpne_parse, JPNE_BODY, "\"fmr\"", "\"FMR\"", "\"fmr\" is missing");
	check_changed(jpne_parse, JPNE_BODY, "\"ipv6_fixlen\"", "\"x\"", "\"ipv6_fixlen\" is mis");
	check_changed(jpne_parse, JPNE_BODY, ":56", ":64", "fmr[0]: a rule of 31 bits");
	check_changed(jpne_parse, JPNE_BODY, "/38", "", "fmr[1]");
	check_changed(jpne_parse, JPNE_BODY, "/38", "/+38", "not an IPv6 prefix");
	check_changed(jpne_parse, JPNE_BODY, "/22", "/33", "not an IPv4 prefix");
	check_not(jpne_parse, PROV_NOTHING, "v6plus({});", "no rule");
	check_not(jpne_parse, PROV_BAD, "v6plus(" JPNE_BODY, "neither JSON nor JSONP");
	check_not(jpne_parse, PROV_BAD, "v6plus", "neither JSON nor JSONP");
	check_not(jpne_parse, PROV_BAD, "v6plus(", "neither JSON nor JSONP");
	check_not(jpne_parse, PROV_BAD, "v6plus()", "empty");
	check_not(jpne_parse, PROV_BAD, "alert(1)(" JPNE_BODY ")", "not JSON");
	check_not(jpne_parse, PROV_BAD, "", "empty");
	check_not(jpne_parse, PROV_BAD, "<html>403 Forbidden</html>", "neither JSON nor JSONP");
}

static void test_jpne_gateway(void **state)
{
	static const char on[] = "hgw({\"name\":\"gw\",\"version\":\"1.0\",\"status\":\"ON\"})";
	static const char off[] = "hgw({\"name\":\"gw\",\"version\":\"1.0\",\"status\":\"OFF\"});";
	bool active = false;

	(void)state;
	assert_int_equal(jpne_parse_gateway(on, strlen(on), &active), PROV_OK);
	assert_true(active);
	assert_int_equal(jpne_parse_gateway(off, strlen(off), &active), PROV_OK);
	assert_false(active);
	assert_int_equal(jpne_parse_gateway("hgw({\"status\":1})", 17, &active), PROV_BAD);
	assert_int_equal(jpne_parse_gateway("hgw({\"status\":\"on\"})", 20, &active), PROV_BAD);
	assert_int_equal(jpne_parse_gateway("{}", 2, &active), PROV_BAD);
}

/* What any server could send. */
static void test_hostile(void **state)
{
	static char deep[100000], large[PROV_DOCUMENT_MAX + 2];

	(void)state;
	memset(deep, '[', sizeof(deep) - 1);
	memcpy(deep, "{\"a\":", 5);
	check_not(ocn_parse, PROV_BAD, deep, "not JSON");
	memset(large, ' ', sizeof(large) - 1);
	memcpy(large, OCN, strlen(OCN));
	check_not(ocn_parse, PROV_BAD, large, "at most 524288");
	assert_int_equal(parse_bytes(ocn_parse, OCN "\0", strlen(OCN) + 1, &answer), PROV_BAD);
	assert_int_equal(parse_bytes(ocn_parse, "\0", 1, &answer), PROV_BAD);
	check_not(ocn_parse, PROV_BAD, "{\"\xff\":1}", "not JSON");
	check_not(ocn_parse, PROV_BAD, "{\"basicMapRules\":['']}", "not JSON");
	check_not(ocn_parse, PROV_BAD, "[]", "not an object");
	check_not(ocn_parse, PROV_BAD, "null", "");
	check_not(ocn_parse, PROV_BAD, "17", "");
	check_not(ocn_parse, PROV_BAD, "{", "ends in the middle");
	check_not(ocn_parse, PROV_BAD, "", "empty");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ocn),
		cmocka_unit_test(test_ocn_fixed_address),
		cmocka_unit_test(test_ocn_whole_table),
		cmocka_unit_test(test_ocn_refused),
		cmocka_unit_test(test_jpne),
		cmocka_unit_test(test_jpne_refused),
		cmocka_unit_test(test_jpne_gateway),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("provision_json", tests, NULL, NULL);
}
