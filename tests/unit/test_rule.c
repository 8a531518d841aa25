// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rule library: the built-in table, address text, longest match, kinds of IPv4 service. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rule/rule.h"
#include "rule/text.h"

static struct mape_prefix prefix_of(const char *text)
{
	struct mape_prefix prefix;
	struct mape_error error;

	assert_int_equal(mape_prefix_parse(text, &prefix, &error), MAPE_OK);
	return prefix;
}

/* What a rule by hand makes of a prefix. */
static struct mape_line line_of(const char *rule_text, const char *prefix_text)
{
	struct mape_prefix prefix = prefix_of(prefix_text);
	struct mape_rule rule;
	struct mape_line line = { 0 };
	struct mape_error error = { 0 };

	if (mape_rule_parse(rule_text, &rule, &error) ||
	    mape_line_derive(&rule, &prefix, &line, &error))
		fail_msg("%s: %s", mape_rule_explain(error.code).text, error.detail);
	return line;
}

static void check_line(const struct mape_line *line, const char *ip4, int psid, const char *ce)
{
	char buf[MAPE_IP6_STRLEN];

	assert_string_equal(mape_ip4_str(line->ip4, buf), ip4);
	assert_int_equal(line->psid, psid);
	assert_string_equal(mape_ip6_str(line->ce, buf), ce);
}

static void test_ip6_text(void **state)
{
	static const char *const good[] = {
		"::", "::1", "1::", "2001:db8::", "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1",
		"2400:4050:400:5600:99:f010:100:1600", "2001:db8::1:0:0:1", "1:2:3:4:5:6:7:8",
		"0:1:2:3:4:5:6:7", "1:2:3:4:5:6:7:0", "fe80::abcd:0:0:1", "1::8", "::2:3:4:5:6:7:8",
		"1:0:0:4:0:0:0:8", "1:0:0:0:5:0:0:8",
	};
	static const char *const bad[] = {
		"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
		"::1:2:3:4:5:6:7:8", "1::2::3", "12345::", "g::", "1:", ":1", "1:2:3:4:5:6:7:",
		":1:2:3:4:5:6:7", " ::1", "::1 ", "::%eth0", "1:::2", "::/", "1::2:",
	};
	char ours[MAPE_IP6_STRLEN], theirs[INET6_ADDRSTRLEN];
	struct mape_ip6 ip6;
	__u8 wire[16];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(mape_read_ip6(good[i], strlen(good[i]), &ip6));
		assert_int_equal(inet_pton(AF_INET6, good[i], wire), 1);
		assert_true(mape_ip6_eq(ip6, mape_ip6_load(wire)));
		assert_non_null(inet_ntop(AF_INET6, wire, theirs, sizeof(theirs)));
		assert_string_equal(mape_ip6_str(ip6, ours), theirs);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mape_read_ip6(bad[i], strlen(bad[i]), &ip6))
			fail_msg("'%s' was read", bad[i]);
	assert_true(mape_read_ip6("2001:DB8::00aB/64", 14, &ip6));
	assert_string_equal(mape_ip6_str(ip6, ours), "2001:db8::ab");
}

/* Random addresses with many zeros, against the C library. */
static void test_ip6_text_random(void **state)
{
	char ours[MAPE_IP6_STRLEN], theirs[INET6_ADDRSTRLEN];

	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		struct mape_ip6 ip6, back;
		__u8 wire[16] = { 0 };

		/* the C library writes what begins with 64 or 80 zero bits as an IPv4 address */
		wire[0] = 0x20;
		for (int j = 2; j < 16; j += 2)
			if (random() & 1)
				wire[j + (random() & 1)] = random();
		ip6 = mape_ip6_load(wire);
		assert_non_null(inet_ntop(AF_INET6, wire, theirs, sizeof(theirs)));
		assert_string_equal(mape_ip6_str(ip6, ours), theirs);
		assert_true(mape_read_ip6(ours, strlen(ours), &back));
		assert_true(mape_ip6_eq(ip6, back));
		mape_ip6_store(wire, back);
		assert_true(mape_ip6_eq(mape_ip6_load(wire), ip6));
	}
}

static void test_ip4_text(void **state)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", ".1.2.3",
					   "1..2.3", "01.2.3.4", "1.2.3.4 ", "a.2.3.4", "1.2.3.0004" };
	char buf[MAPE_IP4_STRLEN];
	__u32 ip4;

	(void)state;
	assert_true(mape_read_ip4("153.240.16.1", 12, &ip4));
	assert_int_equal(ip4, 0x99f01001);
	assert_string_equal(mape_ip4_str(ip4, buf), "153.240.16.1");
	assert_string_equal(mape_ip4_str(0xffffffff, buf), "255.255.255.255");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mape_read_ip4(bad[i], strlen(bad[i]), &ip4))
			fail_msg("'%s' was read", bad[i]);
}

static void test_prefix_text(void **state)
{
	struct mape_prefix p = prefix_of("2400:4050:400:5600:1:2:3:4/56");
	char buf[MAPE_PREFIX_STRLEN];

	(void)state;
	assert_string_equal(mape_prefix6_str(p.ip6, p.len, buf), "2400:4050:400:5600::/56");
	assert_false(p.assumed);
	p = prefix_of("2400:4050:400:5600:1:2:3:4");
	assert_string_equal(mape_prefix6_str(p.ip6, p.len, buf), "2400:4050:400:5600::/64");
	assert_true(p.assumed);
}

/* The text that fits is kept, and it always ends. */
static void test_text_bounds(void **state)
{
	char buf[8];
	struct mape_text t;

	(void)state;
	mape_text_init(&t, buf, sizeof(buf));
	mape_put_str(&t, "12345");
	mape_put_num(&t, 6789);
	assert_string_equal(buf, "1234567");
	mape_text_init(&t, buf, sizeof(buf));
	mape_put_quoted(&t, "a\nb", 3);
	assert_string_equal(buf, "'a?b'");
}

/* One line of each row: the EA bits are all ones, all zeros, and a pattern. */
static void check_row(const struct mape_rule *rule, __u64 pattern)
{
	struct mape_fmr fmr = mape_rule_fmr(rule);
	__u64 ea = pattern & ((1ULL << rule->ea_len) - 1);
	struct mape_prefix prefix = {
		.ip6 = mape_ip6_put_bits(rule->ip6, rule->ip6_len, rule->ea_len, ea),
		.len = 56,
	};
	const struct mape_rule *found;
	struct mape_line line;
	struct mape_error error;
	__u32 shift = rule->psid_len;

	assert_int_equal(mape_rule_find_builtin(&prefix, &found, &error), MAPE_OK);
	assert_ptr_equal(found, rule);
	assert_int_equal(mape_line_derive(found, &prefix, &line, &error), MAPE_OK);
	assert_int_equal(line.ip4, rule->ip4 + (ea >> shift));
	assert_int_equal(line.psid, ea & ((1U << shift) - 1));
	assert_int_equal(line.prefix_len, 56);
	assert_int_equal(line.ce.hi, prefix.ip6.hi);
	assert_int_equal(line.ce.lo >> 24, line.ip4);
	assert_int_equal(line.ce.lo >> 8 & 0xffff, line.psid);
	assert_int_equal(line.ports.count, rule->psid_offset == 6 ? 1008 : 240);
	assert_int_equal(line.br_count, 1);

	for (__u32 i = 0; i < line.ports.count; i++) {
		__u16 port = mape_portset_port(&line.ports, i);

		assert_true(mape_ip6_eq(mape_fmr_ce(&fmr, line.ip4, port), line.ce));
		assert_true(mape_fmr_source_ok(&fmr, line.ce, line.ip4, port));
	}
	assert_false(mape_fmr_source_ok(&fmr, line.ce, line.ip4 ^ 1, line.ports.psid));
}

static void test_table(void **state)
{
	struct mape_error error;

	(void)state;
	assert_int_equal(mape_rule_count, 440);
	assert_int_equal(mape_rules_validate(mape_rule_table, mape_rule_count, &error), MAPE_OK);
	for (size_t i = 0; i < mape_rule_count; i++) {
		check_row(&mape_rule_table[i], 0);
		check_row(&mape_rule_table[i], ~0ULL);
		check_row(&mape_rule_table[i], 0x5a5a5a5a5a5aULL);
	}
}

/* A few rows as they stand in the data file. */
static void test_table_facts(void **state)
{
	struct mape_prefix low = prefix_of("240d:f:4012:3400::/56");
	const struct mape_rule *rule;
	struct mape_error error;
	int lows = 0;

	(void)state;
	assert_int_equal(mape_rule_find_builtin(&low, &rule, &error), MAPE_OK);
	assert_string_equal(rule->provider, "NURO");
	assert_int_equal(rule->confidence, MAPE_CONF_LOW);
	for (size_t i = 0; i < mape_rule_count; i++)
		lows += mape_rule_table[i].confidence == MAPE_CONF_LOW;
	assert_int_equal(lows, 14);
}

static void test_longest_match(void **state)
{
	struct mape_prefix prefix = prefix_of("2001:db8:12:3400::/56");
	const struct mape_rule *found;
	struct mape_rule rules[3];
	struct mape_error error;

	(void)state;
	assert_int_equal(mape_rule_parse("ipv6=2001:db8::/32,ipv4=192.0.2.0/24,ea=16", &rules[0],
					 &error), MAPE_OK);
	assert_int_equal(mape_rule_parse("ipv6=2001:db8::/40,ipv4=198.51.100.0/24,ea=16", &rules[1],
					 &error), MAPE_OK);
	assert_int_equal(mape_rule_parse("ipv6=2001:db8:100::/40,ipv4=203.0.113.0/24,ea=16",
					 &rules[2], &error), MAPE_OK);
	assert_int_equal(mape_rules_validate(rules, 3, &error), MAPE_OK);
	assert_int_equal(mape_rule_find(rules, 3, &prefix, &found, &error), MAPE_OK);
	assert_ptr_equal(found, &rules[1]);
}

static void test_rule_words(void **state)
{
	struct mape_rule rule;
	struct mape_error error;

	(void)state;
	assert_int_equal(mape_rule_parse("br=2001:db8:ffff::1,iid=draft03,psid=0x34,psidlen=8,"
					 "offset=6,ea=0,ipv4=192.0.2.18,ipv6=2001:db8:12:3400::/56,"
					 "br=2001:db8:ffff::2", &rule, &error), MAPE_OK);
	assert_int_equal(rule.ip4, 0xc0000212);
	assert_int_equal(rule.ip4_len, 32);
	assert_int_equal(rule.ip6_len, 56);
	assert_true(rule.psid_explicit);
	assert_int_equal(rule.psid, 0x34);
	assert_int_equal(rule.psid_len, 8);
	assert_int_equal(rule.psid_offset, 6);
	assert_int_equal(rule.iid, MAPE_IID_DRAFT03);
	assert_int_equal(rule.br_count, 2);
	assert_int_equal(rule.br[1].lo, 2);
	assert_int_equal(rule.confidence, MAPE_CONF_BY_HAND);
	assert_true(mape_rule_parse("", &rule, &error));

	/* defaults */
	assert_int_equal(mape_rule_parse("ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16", &rule, &error),
			 MAPE_OK);
	assert_int_equal(rule.psid_offset, 6);
	assert_int_equal(rule.psid_len, 8);
	assert_int_equal(rule.iid, MAPE_IID_RFC7597);
	assert_int_equal(rule.br_count, 0);
}

/* RFC 7597, section 5.2: shared address, full address, IPv4 prefix; r = 0 and r = 32. */
static void test_kinds(void **state)
{
	struct mape_line line;

	(void)state;
	line = line_of("ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16", "2001:db8:12:3400::/56");
	check_line(&line, "192.0.2.18", 0x34, "2001:db8:12:3400:0:c000:212:34");

	line = line_of("ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=8", "2001:db8:12::/48");
	check_line(&line, "192.0.2.18", 0, "2001:db8:12::c000:212:0");
	assert_int_equal(line.ip4_len, 32);
	assert_int_equal(line.ports.count, 65535);

	line = line_of("ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=8,offset=4", "2001:db8:12::/48");
	assert_int_equal(line.ports.count, 61440);

	line = line_of("ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=4", "2001:db8:10::/44");
	check_line(&line, "192.0.2.16", 0, "2001:db8:10::c000:210:0");
	assert_int_equal(line.ip4_len, 28);
	assert_int_equal(line.ports.psid_len, 0);

	line = line_of("ipv6=2001:db8::/56,ipv4=192.0.2.0/29,ea=0", "2001:db8::/56");
	check_line(&line, "192.0.2.0", 0, "2001:db8::c000:200:0");
	assert_int_equal(line.ip4_len, 29);

	/* the whole IPv4 address, and a PSID, in the EA bits */
	line = line_of("ipv6=2001:d00::/24,ipv4=0.0.0.0/0,ea=40,offset=4",
		       "2001:d99:f010:122::/64");
	check_line(&line, "153.240.16.1", 0x22, "2001:d99:f010:122:0:99f0:1001:22");

	/* only a PSID in the EA bits */
	line = line_of("ipv6=2001:db8::/48,ipv4=192.0.2.18/32,ea=8", "2001:db8:0:3400::/56");
	check_line(&line, "192.0.2.18", 0x34, "2001:db8:0:3400:0:c000:212:34");

	line = line_of("ipv6=2001:db8:12:3400::/56,ipv4=192.0.2.18/32,ea=0,offset=6,psidlen=8,psid=52",
		       "2001:db8:12:3400::/64");
	check_line(&line, "192.0.2.18", 0x34, "2001:db8:12:3400:0:c000:212:34");
	assert_int_equal(line.ports.count, 252);
}

/* RFC 7597, section 6: a prefix longer than 64 bits overwrites the start of the identifier. */
static void test_long_prefix(void **state)
{
	struct mape_line line;

	(void)state;
	line = line_of("ipv6=2001:db8:1:2:3400::/72,ipv4=192.0.2.18/32,ea=8",
		       "2001:db8:1:2:3456::/80");
	check_line(&line, "192.0.2.18", 0x56, "2001:db8:1:2:3456:c000:212:56");
	line = line_of("ipv6=2001:db8:1:20::/60,ipv4=192.0.2.18/32,ea=8",
		       "2001:db8:1:23:4000::/68");
	check_line(&line, "192.0.2.18", 0x34, "2001:db8:1:23:4000:c000:212:34");
}

/* Bits on both sides of the middle of an address. */
static void test_bits(void **state)
{
	struct mape_ip6 ip6 = { 0x0123456789abcdefULL, 0xfedcba9876543210ULL };

	(void)state;
	assert_int_equal(mape_ip6_bits(ip6, 0, 0), 0);
	assert_int_equal(mape_ip6_bits(ip6, 0, 48), 0x0123456789abULL);
	assert_int_equal(mape_ip6_bits(ip6, 40, 48), 0xabcdeffedcbaULL);
	assert_int_equal(mape_ip6_bits(ip6, 64, 16), 0xfedc);
	assert_int_equal(mape_ip6_bits(ip6, 80, 48), 0xba9876543210ULL);
	for (__u32 pos = 0; pos <= 128; pos++) {
		for (__u32 n = 0; n <= MAPE_EA_MAX && pos + n <= 128; n++) {
			__u64 bits = 0x5a5a5a5a5a5aULL & ((1ULL << n) - 1);
			struct mape_ip6 zero = { 0, 0 }, put;

			if (pos == 128)
				continue;
			put = mape_ip6_put_bits(zero, pos, n, bits);
			assert_int_equal(mape_ip6_bits(put, pos, n), bits);
			assert_true(mape_ip6_in(put, put, pos + n));
			assert_true(mape_ip6_in(put, zero, pos));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip6_text),      cmocka_unit_test(test_ip6_text_random),
		cmocka_unit_test(test_ip4_text),      cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_text_bounds),   cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_facts),   cmocka_unit_test(test_longest_match),
		cmocka_unit_test(test_rule_words),    cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_long_prefix),   cmocka_unit_test(test_bits),
	};

	return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
