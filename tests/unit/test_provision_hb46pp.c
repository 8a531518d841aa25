// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HB46PP: the TXT record and the document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "provision/parsers.h"
#include "provision_check.h"

#define TOKEN "640756965820d3b9025b6941f9590af6802830ba58663fe8f043dc92b576f17a"

/* Written after the specification's example. */
#define MAP_E                                                                                      \
	"\"map_e\":{\"version\":0,\"mesh\":true,\"br\":\"2001:db8:1::1\",\"rules\":[{"             \
	"\"ipv6\":\"2001:db8:1:2000::/52\",\"ipv4\":\"203.0.113.0/24\",\"ea_length\":12,"          \
	"\"psid_offset\":4}]}"
#define LW4O6                                                                                      \
	"\"lw4o6\":{\"lwaftr\":\"lwaftr.example.net\",\"ipv6\":\"2001:db8:3:100::/56\","           \
	"\"ipv4\":\"203.0.113.16\",\"psid\":3,\"psid_length\":8,\"psid_offset\":6}"
#define IPIP                                                                                       \
	"\"ipip\":[{\"ipv6_local\":\"2001:db8:7:100::7\",\"ipv6_remote\":\"2001:db8:7::1\","       \
	"\"ipv4\":\"203.0.113.0/29\"}]"
#define DSLITE "\"dslite\":{\"aftr\":\"aftr.example.net\"}"
#define OTHERS                                                                                     \
	"\"map_t\":{\"dmr\":\"2001:db8:5::/64\",\"rules\":[]},"                                    \
	"\"464xlat\":{\"nat64prefix\":\"2001:db8:6::/96\"}"
#define FACTS                                                                                      \
	"\"enabler_name\":\"A VNE\",\"service_name\":\"Highspeed 4over6\",\"isp_name\":\"ISP-A\"," \
	"\"ttl\":86400,\"token\":\"" TOKEN "\",\"auth\":\"ok\""
#define DOCUMENT(ORDER) \
	"{" FACTS ",\"order\":[" ORDER "]," MAP_E "," LW4O6 "," IPIP "," DSLITE "," OTHERS "}"
/* What a v6 connect line gets. */
#define DSLITE_ONLY                                                                                \
	"{\"ttl\":86400,\"token\":\"" TOKEN "\",\"service_name\":\"v6 \xe3\x82\xb3\xe3\x83\x8d\"," \
	"\"enabler_name\":\"v6\",\"dslite\":{\"aftr\":\"dslite.v6connect.net\"},"                  \
	"\"order\":[\"dslite\"]}"

#define LINE "2001:db8:1:2345::/64"

static void test_whole_document(void **state)
{
	(void)state;
	check_ok(hb46pp_parse, DOCUMENT("\"464xlat\",\"map_e\",\"dslite\""));
	assert_int_equal(answer.n_order, 3);
	assert_int_equal(answer.order[0], PROV_464XLAT);
	assert_int_equal(answer.order[1], PROV_MAP_E);
	assert_int_equal(answer.order[2], PROV_DSLITE);
	assert_string_equal(answer.service, "Highspeed 4over6");
	assert_string_equal(answer.token, TOKEN);
	assert_string_equal(answer.aftr, "aftr.example.net");
	assert_int_equal(answer.ttl_s, 86400);
	assert_int_equal(answer.n_rules, 1);
	assert_true(answer.fmr[0]);
	assert_int_equal(answer.rules[0].psid_len, 4);
	check_ip6(answer.rules[0].br[0], "2001:db8:1::1");
	check_truncated(hb46pp_parse, DOCUMENT("\"map_e\""), strlen(DOCUMENT("\"map_e\"")));
}

/* 203.0.113.0x34 = .52, PSID 5. The version decides where they are in the address. */
static void test_version_chooses_the_layout(void **state)
{
	static const char draft[] = "2001:db8:1:2345:cb:71:3400:500";
	static const char rfc[] = "2001:db8:1:2345:0:cb00:7134:5";

	(void)state;
	check_ok(hb46pp_parse, "{\"order\":[\"map_e\"]," MAP_E "}");
	check_ce(answer.rules, 1, LINE, draft);
	check_ok(hb46pp_parse,
		 "{\"order\":[\"map_e\"],\"map_e\":{\"br\":\"2001:db8:1::1\",\"rules\":[{"
		 "\"ipv6\":\"2001:db8:1:2000::/52\",\"ipv4\":\"203.0.113.0/24\",\"ea_length\":12,"
		 "\"psid_offset\":4}]}}");
	check_ce(answer.rules, 1, LINE, draft);
	assert_false(answer.fmr[0]);
	check_ok(hb46pp_parse,
		 "{\"order\":[\"map_e\"],\"map_e\":{\"version\":1,\"mesh\":1,\"br\":"
		 "\"2001:db8:1::1\",\"rules\":[{\"ipv6\":\"2001:db8:1:2000::/52\","
		 "\"ipv4\":\"203.0.113.0/24\",\"ea_length\":12,\"psid_offset\":4}]}}");
	check_ce(answer.rules, 1, LINE, rfc);
	assert_true(answer.fmr[0]);
}

static void test_lw4o6(void **state)
{
	(void)state;
	check_ok(hb46pp_parse, DOCUMENT("\"lw4o6\""));
	assert_string_equal(answer.lwaftr, "lwaftr.example.net");
	assert_int_equal(answer.lw4o6.br_count, 0);
	assert_int_equal(answer.lw4o6.psid, 3);
	check_ce(&answer.lw4o6, 1, "2001:db8:3:100::/56", "2001:db8:3:100:0:cb00:7110:3");
	check_ok(hb46pp_parse,
		 "{\"order\":[\"lw4o6\"],\"lw4o6\":{\"lwaftr\":\"2001:db8:3::1\",\"ipv6\":"
		 "\"2001:db8:3:100::/56\",\"ipv4\":\"203.0.113.16\",\"psid\":0,\"psid_length\":0,"
		 "\"psid_offset\":0}}");
	assert_string_equal(answer.lwaftr, "");
	assert_int_equal(answer.lw4o6.br_count, 1);
	check_ip6(answer.lw4o6.br[0], "2001:db8:3::1");
}

static void test_others(void **state)
{
	(void)state;
	check_ok(hb46pp_parse, DOCUMENT("\"ipip\""));
	assert_int_equal(answer.n_ipip, 1);
	check_ip6(answer.ipip[0].local, "2001:db8:7:100::7");
	check_ip6(answer.ipip[0].remote, "2001:db8:7::1");
	assert_int_equal(answer.ipip[0].ip4_len, 29);
	check_ok(hb46pp_parse, DSLITE_ONLY);
	assert_string_equal(answer.aftr, "dslite.v6connect.net");
	check_ok(hb46pp_parse, DOCUMENT("\"new\",\"map_t\",\"map_t\""));
	assert_int_equal(answer.n_order, 1);
	assert_int_equal(answer.order[0], PROV_MAP_T);
}

static void test_256_rules(void **state)
{
	static char text[65536];
	size_t len = sprintf(text, "{\"order\":[\"map_e\"],\"map_e\":{\"br\":\"2001:db8:1::1\","
				   "\"rules\":[");

	(void)state;
	for (int i = 0; i < 256; i++)
		len += sprintf(text + len,
			       "%s{\"ipv6\":\"2001:db8:%x::/48\",\"ipv4\":\"203.0.%d.0/24\","
			       "\"ea_length\":8,\"psid_offset\":0}",
			       i ? "," : "", i, i);
	sprintf(text + len, "]}}");
	check_ok(hb46pp_parse, text);
	assert_int_equal(answer.n_rules, 256);
}

static void test_nothing_for_us(void **state)
{
	(void)state;
	check_not(hb46pp_parse, PROV_NOTHING, "{\"order\":[],\"ttl\":3600}", "no way");
	assert_int_equal(answer.ttl_s, 3600);
	check_not(hb46pp_parse, PROV_NOTHING, "{\"order\":[\"dslite\"]}", "no way");
	check_not(hb46pp_parse, PROV_NOTHING, "{\"auth\":\"req\",\"order\":[]}", "no way");
	assert_non_null(strstr(err_hint(), "wants a name"));
	check_not(hb46pp_parse, PROV_NOTHING, "{\"auth\":\"bad\",\"order\":[]}", "no way");
	assert_non_null(strstr(err_hint(), "refused"));
}

static void test_refused(void **state)
{
	static const char text[] = DOCUMENT("\"map_e\",\"lw4o6\",\"ipip\",\"dslite\"");

	(void)state;
	check_not(hb46pp_parse, PROV_BAD, "{}", "\"order\"");
	check_not(hb46pp_parse, PROV_BAD, "{\"order\":\"map_e\"}", "\"order\"");
	check_changed(hb46pp_parse, text, "[\"map_e\"", "[1", "\"order\"[0]");
	check_changed(hb46pp_parse, text, "\"version\":0", "\"version\":2", "\"version\"");
	check_changed(hb46pp_parse, text, "true", "2", "\"mesh\"");
	check_changed(hb46pp_parse, text, "\"br\"", "\"BR\"", "\"map_e\": \"br\" is missing");
	check_changed(hb46pp_parse, text, "\"ea_length\":12", "\"ea_length\":77", "rules[0]");
	check_changed(hb46pp_parse, text, "2001:db8:1::1", "::", "border relay");
	check_changed(hb46pp_parse, text, "203.0.113.0/24", "203.0.113.1/24", "beyond its length");
	check_changed(hb46pp_parse, text, "\"psid\":3", "\"psid\":256", "PSID");
	check_changed(hb46pp_parse, text, "\"psid_length\":8", "\"psid_length\":17", "psid_length");
	check_changed(hb46pp_parse, text, "\"psid_length\":8", "\"psid_length\":11", "PSID");
	check_changed(hb46pp_parse, text, "lwaftr.example.net", "", "\"lwaftr\" is missing");
	check_changed(hb46pp_parse, text, "\"aftr.example.net\"", "7", "\"aftr\"");
	check_changed(hb46pp_parse, text, "aftr.example.net\"}", "\\n\"}", "control character");
	check_changed(hb46pp_parse, text, "203.0.113.0/29", "203.0.113.0/40", "[0]: \"ipv4\"");
	check_changed(hb46pp_parse, text, TOKEN, "64", "\"token\"");
	check_changed(hb46pp_parse, text, "17a\"", "17A\"", "\"token\"");
	check_changed(hb46pp_parse, text, "86400", "-1", "\"ttl\"");
	check_changed(hb46pp_parse, text, "\"ok\"", "\"possibly\"", "at most 7");
}

static void test_ttl_is_bounded(void **state)
{
	(void)state;
	check_ok(hb46pp_parse, "{\"ttl\":4000000000,\"order\":[\"dslite\"]," DSLITE "}");
	assert_int_equal(answer.ttl_s, 604800);
}

static void check_txt(const char *text, const char *url, bool verify)
{
	struct hb46pp_server server;

	if (hb46pp_parse_txt(text, strlen(text), &server) != PROV_OK)
		fail_msg("%s: %s", text, err_text());
	assert_string_equal(server.url, url);
	assert_int_equal(server.verify, verify);
}

static void check_bad_txt(const char *text, enum prov_result result, const char *why)
{
	struct hb46pp_server server;

	err_clear();
	assert_int_equal(hb46pp_parse_txt(text, strlen(text), &server), result);
	if (!strstr(err_text(), why))
		fail_msg("'%s' is not in '%s'", why, err_text());
}

static void test_txt(void **state)
{
	char long_url[HB46PP_URL_MAX + 64] = "v=v6mig-1 t=b url=https://example.net/";

	(void)state;
	check_txt("v=v6mig-1 url=https://vne.example.jp/rule.cgi t=b",
		  "https://vne.example.jp/rule.cgi", true);
	check_txt("v=v6mig-1 t=a  url=http://prov.example.jp/?x=1 new=2 ",
		  "http://prov.example.jp/?x=1", false);
	check_txt("v=v6mig-1 url=https://[2001:db8::1]:8443/ t=c", "https://[2001:db8::1]:8443/",
		  true);
	check_txt("v=v6mig-1 url=https://vne.example.jp/ t=a", "https://vne.example.jp/", false);
	check_bad_txt("v=spf1 -all", PROV_NOTHING, "not about");
	check_bad_txt("", PROV_NOTHING, "not about");
	check_bad_txt("v=v6mig-10 url=https://x/ t=b", PROV_NOTHING, "not about");
	check_bad_txt("v=v6mig-1", PROV_BAD, "url= is missing");
	check_bad_txt("v=v6mig-1 url=https://x/", PROV_BAD, "t= is missing");
	check_bad_txt("v=v6mig-1 url=https://x/ t=d", PROV_BAD, "neither");
	check_bad_txt("v=v6mig-1 url=https://x/ t=b t=a", PROV_BAD, "once");
	check_bad_txt("v=v6mig-1 url=https://x/ url=https://y/ t=b", PROV_BAD, "second URL");
	check_bad_txt("v=v6mig-1 url=http://x/ t=b", PROV_BAD, "plain HTTP");
	check_bad_txt("v=v6mig-1 url=file:///etc/passwd t=a", PROV_BAD, "not a URL of HTTP");
	check_bad_txt("v=v6mig-1 url=HTTPS://x/ t=a", PROV_BAD, "not a URL of HTTP");
	check_bad_txt("v=v6mig-1 url=https://x/\n t=b", PROV_BAD, "a character");
	check_bad_txt("v=v6mig-1 url=https://\xe3\x82\xb3/ t=b", PROV_BAD, "a character");
	memset(long_url + strlen(long_url), 'a', HB46PP_URL_MAX);
	check_bad_txt(long_url, PROV_BAD, "too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_document),
		cmocka_unit_test(test_version_chooses_the_layout),
		cmocka_unit_test(test_lw4o6),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_256_rules),
		cmocka_unit_test(test_nothing_for_us),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ttl_is_bounded),
		cmocka_unit_test(test_txt),
	};

	return cmocka_run_group_tests_name("provision_hb46pp", tests, NULL, NULL);
}
