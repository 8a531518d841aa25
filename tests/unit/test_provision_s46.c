// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Softwire options of DHCPv6, as bytes and as the words of odhcp6c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "provision/parsers.h"
#include "provision_check.h"

/* RFC 7598 has no examples: these are put together by hand from its formats. */
#define BR_RFC "005a0010 20010db8ffff00000000000000000001"
/* RFC 7597, appendix A, example 1; F set */
#define A "005e002d 00590015 01 10 18 c0000200 28 20010db800 005d0004 06 00 0000" BR_RFC
#define B                                                                                          \
	"005e002d 00590015 01 16 10 99f00000 22 2400405000 005d0004 06 00 0000"                    \
	"005a0010 20010380a12000000000000000000009"
/* the same, example 5: no EA bits, PSID 0x34 given, left-justified */
#define C "005e002f 00590017 00 00 20 c0000212 38 20010db8001234 005d0004 06 08 3400" BR_RFC
/* lw4o6 after the example of HB46PP */
#define L                                                                                          \
	"0060002c 005c0014 cb007110 38 20010db8000301 005d0004 06 08 0300"                         \
	"005a0010 20010db8000300000000000000000001"
#define MAP_T "005f0000"
#define AFTR "0040 0012 04 61667472 07 6578616d706c65 03 6e6574 00"
#define OTHERS "0017 0010 20010db8000000000000000000000053 0018 0000"

#define RFC_LINE "2001:db8:12:3400::/56"
#define RFC_CE	 "2001:db8:12:3400:0:c000:212:34"

#define B_WORDS                                                                                    \
	"fmr,type=map-e,ealen=22,prefix4len=16,prefix6len=34,ipv4prefix=153.240.0.0,"              \
	"ipv6prefix=2400:4050::,offset=6,psidlen=0,psid=0,br=2001:380:a120::9, "
#define C_WORDS                                                                                    \
	"type=map-e,ealen=0,prefix4len=32,prefix6len=56,ipv4prefix=192.0.2.18,"                    \
	"ipv6prefix=2001:db8:12:3400::,offset=6,psidlen=8,psid=13312,br=2001:db8:ffff::1, "
#define L_WORDS                                                                                    \
	"type=lw4o6,prefix4len=32,prefix6len=56,ipv4prefix=203.0.113.16,"                          \
	"ipv6prefix=2001:db8:3:100::,offset=6,psidlen=8,psid=768,br=2001:db8:3::1, "

/* The bytes of a text in hexadecimal, for this test alone. */
static size_t bytes_of(const char *hex, uint8_t *bytes)
{
	size_t n = 0;
	unsigned int byte;

	for (int used; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used)
		bytes[n++] = byte;
	return n;
}

static enum prov_result parse_hex(const char *hex)
{
	uint8_t bytes[1024];
	size_t n = bytes_of(hex, bytes);

	return parse_bytes(s46_parse, bytes, n, &answer);
}

static void check_hex(const char *hex)
{
	if (parse_hex(hex) != PROV_OK)
		fail_msg("%s: %s", hex, err_text());
}

static void check_bad_hex(const char *hex, const char *why)
{
	assert_int_equal(parse_hex(hex), PROV_BAD);
	if (!strstr(err_text(), why))
		fail_msg("'%s' is not in '%s'", why, err_text());
}

static void test_map_e(void **state)
{
	(void)state;
	check_hex(A);
	assert_int_equal(answer.n_rules, 1);
	assert_true(answer.fmr[0]);
	assert_int_equal(answer.rules[0].psid_offset, 6);
	check_ce(answer.rules, 1, RFC_LINE, RFC_CE);
	check_ip6(answer.rules[0].br[0], "2001:db8:ffff::1");
	check_hex(OTHERS A B OTHERS);
	assert_int_equal(answer.n_rules, 2);
	check_ip6(answer.rules[1].br[0], "2001:380:a120::9");
	assert_int_equal(answer.rules[1].br_count, 1);
	check_ce(answer.rules, 2, RFC_LINE, RFC_CE);
}

static void test_psid_is_left_justified(void **state)
{
	(void)state;
	check_hex(C);
	assert_false(answer.fmr[0]);
	assert_true(answer.rules[0].psid_explicit);
	assert_int_equal(answer.rules[0].psid, 0x34);
	check_ce(answer.rules, 1, RFC_LINE, RFC_CE);
	/* what is right of the PSID is to be ignored */
	check_hex("005e002f 00590017 00 00 20 c0000212 38 20010db8001234 005d0004 06 08 34ff"
		  BR_RFC);
	assert_int_equal(answer.rules[0].psid, 0x34);
}

static void test_lw4o6(void **state)
{
	(void)state;
	check_hex(L);
	assert_int_equal(answer.order[0], PROV_LW4O6);
	assert_int_equal(answer.lw4o6.psid, 3);
	check_ce(&answer.lw4o6, 1, "2001:db8:3:100::/56", "2001:db8:3:100:0:cb00:7110:3");
}

/* Without port parameters, and bits beyond the lengths. */
static void test_defaults(void **state)
{
	(void)state;
	check_hex("005e0025 0059000d 00 10 18 c00002ff 28 20010db8ff" BR_RFC);
	assert_int_equal(answer.rules[0].psid_offset, 6);
	assert_int_equal(answer.rules[0].psid_len, 8);
	check_ip6(answer.rules[0].ip6, "2001:db8:ff00::");
	check_hex("005e0025 0059000d 00 10 10 c00002ff 27 20010db8ff" BR_RFC);
	assert_int_equal(answer.rules[0].psid_offset, 0);
	check_ip6(answer.rules[0].ip6, "2001:db8:fe00::");
	assert_int_equal(answer.rules[0].ip4, 0xc0000000);
}

static void test_several_brs(void **state)
{
	(void)state;
	check_hex("005e00a1 00590015 01 10 18 c0000200 28 20010db800 005d0004 06 00 0000"
		  BR_RFC BR_RFC BR_RFC BR_RFC BR_RFC "005a0010 20010db8ffff00000000000000000002"
		  "0063 000c 000000000000000000000000");
	assert_int_equal(answer.rules[0].br_count, MAPE_BR_MAX);
}

static void test_order(void **state)
{
	(void)state;
	check_hex(A MAP_T L AFTR);
	assert_int_equal(answer.n_order, 4);
	assert_int_equal(answer.order[0], PROV_MAP_E);
	assert_string_equal(answer.aftr, "aftr.example.net");
	/* RFC 8026: what is named comes first; 88 is unknown here, 64 and 95 are */
	check_hex(A MAP_T L AFTR "006f 0008 0058 0060 0040 0060");
	assert_int_equal(answer.n_order, 4);
	assert_int_equal(answer.order[0], PROV_LW4O6);
	assert_int_equal(answer.order[1], PROV_DSLITE);
	assert_int_equal(answer.order[2], PROV_MAP_E);
	assert_int_equal(answer.order[3], PROV_MAP_T);
	check_hex(A "006f 0003 0060 00");
	assert_int_equal(answer.n_order, 1);
}

static void test_nothing(void **state)
{
	(void)state;
	assert_int_equal(parse_hex(""), PROV_NOTHING);
	assert_int_equal(parse_hex(OTHERS), PROV_NOTHING);
	/* outside their container these mean nothing */
	assert_int_equal(parse_hex("00590015 01 10 18 c0000200 28 20010db800 005d0004 06 00 0000"
				   BR_RFC), PROV_NOTHING);
}

static void test_refused(void **state)
{
	(void)state;
	check_bad_hex("005e", "where an option should begin");
	check_bad_hex("005e0001", "claims 1 bytes, 0 are left");
	check_bad_hex("005e0014" BR_RFC, "without rule");
	check_bad_hex("005e0019 00590015 01 10 18 c0000200 28 20010db800 005d0004 06 00 0000",
		      "without border relay");
	check_bad_hex("005e0017 005a000f 20010db8ffff000000000000000000" "00590000", "too short");
	check_bad_hex("005e002d 00590015 01 31 18 c0000200 28 20010db800 005d0004 06 00 0000"
		      BR_RFC, "impossible lengths");
	check_bad_hex("005e002d 00590015 01 10 21 c0000200 28 20010db800 005d0004 06 00 0000"
		      BR_RFC, "impossible lengths");
	check_bad_hex("005e002d 00590015 01 10 18 c0000200 ff 20010db800 005d0004 06 00 0000"
		      BR_RFC, "too short");
	check_bad_hex("005e002d 00590015 01 10 18 c0000200 28 20010db800 005d0004 10 00 0000"
		      BR_RFC, "impossible lengths");
	check_bad_hex("005e002d 00590015 01 10 18 c0000200 28 20010db800 005d0004 06 11 0000"
		      BR_RFC, "PSID of 17 bits");
	check_bad_hex("005e002d 00590015 01 10 18 c0000200 28 20010db800 005d0004 06 06 0000"
		      BR_RFC, "hold one of 8");
	check_bad_hex("005e002d 00590015 01 10 18 c0000200 28 20010db800 005d0004 09 00 0000"
		      BR_RFC, "PSID offset");
	check_bad_hex("005e002d 00590015 01 00 18 c0000200 28 20010db800 005d0004 06 08 3400"
		      BR_RFC, "PSID");
	check_bad_hex("005e002d 00590015 01 10 18 c0000200 28 20010db800 005d0003 06 00 00"
		      BR_RFC, "");
	check_bad_hex("005e002d 00590015 01 10 18 c0000200 28 20010db800 005d0004 06 00 0000"
		      "005a0010 ff020000000000000000000000000001", "border relay");
	check_bad_hex("00600014" BR_RFC, "without binding");
	check_bad_hex("00400001 00", "too short");
	check_bad_hex("00400002 0561", "no domain name");
	check_bad_hex("00400003 01 1b 00", "no domain name");
}

static void test_truncated(void **state)
{
	static const char *const texts[] = { A, C, L, AFTR };
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		size_t n = bytes_of(texts[i], bytes);

		assert_int_equal(parse_bytes(s46_parse, bytes, n, &answer), PROV_OK);
		check_truncated(s46_parse, bytes, n);
	}
}

static void same_rule(const struct mape_rule *a, const struct mape_rule *b)
{
	assert_true(mape_ip6_eq(a->ip6, b->ip6) && mape_ip6_eq(a->br[0], b->br[0]));
	assert_int_equal(a->ip6_len, b->ip6_len);
	assert_int_equal(a->ip4, b->ip4);
	assert_int_equal(a->ip4_len, b->ip4_len);
	assert_int_equal(a->ea_len, b->ea_len);
	assert_int_equal(a->psid_offset, b->psid_offset);
	assert_int_equal(a->psid_len, b->psid_len);
	assert_int_equal(a->psid_explicit, b->psid_explicit);
	assert_int_equal(a->psid, b->psid);
	assert_int_equal(a->br_count, b->br_count);
}

/* The words say the same as the bytes that odhcp6c has made them of. */
static void test_words(void **state)
{
	struct mape_rule b, c, l;

	(void)state;
	check_hex(B);
	b = answer.rules[0];
	check_hex(C);
	c = answer.rules[0];
	check_hex(L);
	l = answer.lw4o6;

	check_ok(s46_parse_words, B_WORDS C_WORDS);
	assert_int_equal(answer.n_rules, 2);
	assert_true(answer.fmr[0]);
	assert_false(answer.fmr[1]);
	same_rule(&answer.rules[0], &b);
	same_rule(&answer.rules[1], &c);
	check_ok(s46_parse_words, B_WORDS L_WORDS);
	assert_int_equal(answer.n_order, 2);
	same_rule(&answer.lw4o6, &l);
	check_ok(s46_parse_words, "type=map-t,ealen=1,dmr=2001:db8::/64,\n");
	assert_int_equal(answer.order[0], PROV_MAP_T);
}

static void test_words_refused(void **state)
{
	(void)state;
	check_not(s46_parse_words, PROV_NOTHING, "", "no rule was given");
	check_not(s46_parse_words, PROV_NOTHING, "  \n", "no rule was given");
	check_not(s46_parse_words, PROV_BAD, ",", "type=");
	check_changed(s46_parse_words, B_WORDS, "type=map-e,", "", "type=");
	check_changed(s46_parse_words, B_WORDS, "map-e", "map-x", "'type=map-x'");
	check_changed(s46_parse_words, B_WORDS, "ipv6prefix=2400:4050::,", "", "ipv6prefix=");
	check_changed(s46_parse_words, B_WORDS, "ipv4prefix=153.240.0.0,", "", "ipv4prefix=");
	check_changed(s46_parse_words, B_WORDS, "prefix4len=16,", "", "prefix4len=");
	check_changed(s46_parse_words, B_WORDS, "prefix6len=34,", "", "prefix6len=");
	check_changed(s46_parse_words, B_WORDS, "br=2001:380:a120::9,", "", "br=");
	check_changed(s46_parse_words, B_WORDS, "ealen=22", "ealen=49", "'ealen=49'");
	check_changed(s46_parse_words, B_WORDS, "offset=6", "offset=16", "'offset=16'");
	check_changed(s46_parse_words, B_WORDS, "psidlen=0", "psidlen=5", "hold one of 6");
	check_changed(s46_parse_words, B_WORDS, "psid=0", "psid=65536", "'psid=65536'");
	check_changed(s46_parse_words, B_WORDS, "2001:380:a120::9", "2001:380:a120", "'br=2001");
	check_changed(s46_parse_words, B_WORDS, "fmr,", "fnr,", "'fnr'");
	check_changed(s46_parse_words, B_WORDS, "fmr,", "\x1b[2J,", "'?[2J'");
}

static void test_text(void **state)
{
	(void)state;
	check_ok(s46_parse_text, A);
	check_ok(s46_parse_text, "00:5E:00:2D:00:59:00:15:01:10:18:c0:00:02:00:28:20:01:0d:b8:00:"
				 "00:5d:00:04:06:00:00:00:00:5a:00:10:20:01:0d:b8:ff:ff:00:00:00:"
				 "00:00:00:00:00:00:01\n");
	check_ok(s46_parse_text, B_WORDS);
	check_not(s46_parse_text, PROV_NOTHING, "", "nothing about IPv4");
	check_not(s46_parse_text, PROV_BAD, "005", "character 3");
	check_not(s46_parse_text, PROV_BAD, "00 5 e", "character 4");
	check_not(s46_parse_text, PROV_BAD, "005eg0", "character 5");
	assert_int_equal(parse_bytes(s46_parse_text, "\0^", 2, &answer), PROV_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_e),
		cmocka_unit_test(test_psid_is_left_justified),
		cmocka_unit_test(test_lw4o6),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_several_brs),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_refused),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("provision_s46", tests, NULL, NULL);
}
