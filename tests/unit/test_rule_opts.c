// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the commands make of --rule, --br, --iid and a prefix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "rule/text.h"
#include "rule_opts.h"

#define OCN "2400:4050:400:5600::/56"
#define BY_HAND "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16,offset=6"

static int clear(void **state)
{
	(void)state;
	err_clear();
	warn_clear();
	warn_quiet(true);
	return 0;
}

static void check_ce(const struct mape_line *line, const char *ce)
{
	char buf[MAPE_IP6_STRLEN];

	assert_string_equal(mape_ip6_str(line->ce, buf), ce);
}

static void check_refused(const struct rule_opts *opts, const char *prefix, const char *text,
			  const char *hint)
{
	struct mape_line line;

	err_clear();
	assert_int_equal(line_from_options(opts, prefix, &line), -1);
	if (!strstr(err_text(), text))
		fail_msg("'%s' is not in '%s'", text, err_text());
	if (!strstr(err_hint(), hint))
		fail_msg("'%s' is not in '%s'", hint, err_hint());
}

static void test_builtin(void **state)
{
	struct rule_opts opts = RULE_OPTS_DEFAULT;
	struct mape_line line;
	char buf[MAPE_IP6_STRLEN];

	(void)state;
	assert_int_equal(line_from_options(&opts, OCN, &line), 0);
	check_ce(&line, "2400:4050:400:5600:99:f010:100:1600");
	assert_string_equal(line.rule.provider, "OCN-VirtualConnect");
	assert_int_equal(line.br_count, 1);
	assert_string_equal(mape_ip6_str(line.br[0], buf), "2001:380:a120::9");
	assert_int_equal(line_need_br(&line), 0);
	assert_int_equal(warn_count(), 0);
}

static void test_overrides(void **state)
{
	struct rule_opts opts = {
		.iid = MAPE_IID_RFC7597,
		.br = { .v = { "2001:db8:ffff::1", "2001:db8:ffff::2" }, .n = 2 },
	};
	struct mape_line line;

	(void)state;
	assert_int_equal(line_from_options(&opts, OCN, &line), 0);
	check_ce(&line, "2400:4050:400:5600:0:99f0:1001:16");
	assert_int_equal(line.br_count, 2);
	assert_int_equal(line.br[1].lo, 2);
}

static void test_by_hand(void **state)
{
	struct rule_opts opts = {
		.iid = -1,
		.rules = { .v = { "ipv6=2001:db8::/32,ipv4=198.51.100.0/24,ea=16", BY_HAND }, .n = 2 },
	};
	struct mape_line line;

	(void)state;
	assert_int_equal(line_from_options(&opts, "2001:db8:12:3400::/56", &line), 0);
	check_ce(&line, "2001:db8:12:3400:0:c000:212:34");
	assert_int_equal(line_need_br(&line), -1);
	assert_non_null(strstr(err_text(), "border relay"));
	assert_non_null(strstr(err_hint(), "--br"));
}

static void test_low_confidence(void **state)
{
	struct rule_opts opts = RULE_OPTS_DEFAULT;
	struct mape_line line;

	(void)state;
	assert_int_equal(line_from_options(&opts, "240d:f:4012:3400::/56", &line), 0);
	assert_int_equal(warn_count(), 1);
	assert_non_null(strstr(warn_get(0), "low confidence"));
}

static void test_errors(void **state)
{
	struct rule_opts none = RULE_OPTS_DEFAULT;
	struct rule_opts bad_br = { .iid = -1, .br = { .v = { "192.0.2.1" }, .n = 1 } };
	struct rule_opts many_brs = { .iid = -1, .br = { .n = MAPE_BR_MAX + 1 } };
	struct rule_opts bad_rule = { .iid = -1, .rules = { .v = { "ipv6=x" }, .n = 1 } };
	struct rule_opts twice = { .iid = -1, .rules = { .v = { BY_HAND, BY_HAND }, .n = 2 } };

	(void)state;
	check_refused(&none, "nonsense", "not an IPv6 prefix: 'nonsense'", "/56");
	check_refused(&none, "2408:210::/56", "NTT's own prefix", "IPoE");
	check_refused(&none, "2400:4050:400:5610::/60", "gateway", "without the gateway");
	check_refused(&bad_br, OCN, "'192.0.2.1'", "unicast");
	check_refused(&many_brs, OCN, "too many border relays: 5", "at most 4");
	check_refused(&bad_rule, OCN, "'ipv6=x' at character 1", "ipv6=P");
	check_refused(&twice, "2001:db8::/56", "two rules overlap", "the same IPv4 ports");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_builtin, clear),
		cmocka_unit_test_setup(test_overrides, clear),
		cmocka_unit_test_setup(test_by_hand, clear),
		cmocka_unit_test_setup(test_low_confidence, clear),
		cmocka_unit_test_setup(test_errors, clear),
	};

	return cmocka_run_group_tests_name("rule_opts", tests, NULL, NULL);
}
