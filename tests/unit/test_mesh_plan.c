// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What attach makes of --mesh, --fmr, --tclass, --flow-label and --lan-source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "err.h"
#include "lan_sources.h"
#include "mesh.h"
#include "outer_opts.h"

#define RULE "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16,offset=6,br=2001:db8:ffff::1"
#define NEAR "ipv6=2001:db8:100::/40,ipv4=198.51.100.0/24,ea=16"
#define NESTED "ipv6=2001:db8:200::/40,ipv4=198.51.100.128/25,ea=15"

static struct mesh mesh;

/* Plans for a line of the built-in table, or of RULE. */
static int plan(const struct mesh_opts *opts, const char *prefix, const char *rule)
{
	struct rule_opts rules = RULE_OPTS_DEFAULT;
	struct mape_line line;

	err_clear();
	if (rule)
		rules.rules = (struct opt_list){ .v = { rule }, .n = 1 };
	assert_int_equal(line_from_options(&rules, prefix, &line), 0);
	return mesh_plan(&mesh, opts, &rules, &line);
}

static void test_mode_by_provider(void **state)
{
	static const struct {
		const char *prefix, *rule;
		enum mesh_mode mode;
		uint32_t rules;
	} lines[] = {
		{ "2400:4050:400:5600::/56", NULL, MESH_RECEIVE, 160 },
		{ "240b:10:220:2000::/56", NULL, MESH_RECEIVE, 4 },
		{ "2001:db8:12:3400::/56", RULE, MESH_OFF, 0 },
	};
	const struct mesh_opts automatic = { .mode = MESH_AUTO };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(plan(&automatic, lines[i].prefix, lines[i].rule), 0);
		assert_int_equal(mesh.mode, lines[i].mode);
		assert_int_equal(mesh.n, lines[i].rules);
	}
}

static void test_mode_by_option(void **state)
{
	struct mesh_opts opts = { .mode = MESH_OFF };

	(void)state;
	assert_int_equal(plan(&opts, "2400:4050:400:5600::/56", NULL), 0);
	assert_int_equal(mesh.n, 0);
	opts.mode = MESH_ON;
	assert_int_equal(plan(&opts, "2001:db8:12:3400::/56", RULE), 0);
	assert_int_equal(mesh.mode, MESH_ON);
	assert_int_equal(mesh.n, 1);
	assert_int_equal(mesh.rules[0].ip4, 0xc0000200);
}

static void test_given_rules(void **state)
{
	struct mesh_opts opts = { .fmrs = { .v = { NEAR, NESTED }, .n = 2 } };

	(void)state;
	/* They replace the table, and sending is meant; the layout is that of the line. */
	assert_int_equal(plan(&opts, "2400:4050:400:5600::/56", NULL), 0);
	assert_int_equal(mesh.mode, MESH_ON);
	assert_int_equal(mesh.n, 2);
	assert_int_equal(mesh.rules[0].iid, MAPE_IID_DRAFT03);
	assert_int_equal(mesh.rules[1].ip4_len, 25);
	opts.mode = MESH_RECEIVE;
	assert_int_equal(plan(&opts, "2001:db8:12:3400::/56", RULE), 0);
	assert_int_equal(mesh.mode, MESH_RECEIVE);
	assert_int_equal(mesh.rules[0].iid, MAPE_IID_RFC7597);
}

static void test_refused_rules(void **state)
{
	struct mesh_opts twice = { .fmrs = { .v = { NEAR, NEAR }, .n = 2 } };
	struct mesh_opts bad = { .fmrs = { .v = { "ipv6=2001:db8::/40" }, .n = 1 } };
	struct mesh_opts off = { .mode = MESH_OFF, .fmrs = { .v = { NEAR }, .n = 1 } };

	(void)state;
	assert_int_equal(plan(&twice, "2001:db8:12:3400::/56", RULE), -1);
	assert_string_equal(err_text(), "two forwarding rules for the IPv4 prefix 198.51.100.0/24");
	assert_int_equal(plan(&bad, "2001:db8:12:3400::/56", RULE), -1);
	assert_non_null(strstr(err_text(), "ipv4= is missing"));
	assert_int_equal(plan(&off, "2001:db8:12:3400::/56", RULE), -1);
	assert_string_equal(err_text(), "--fmr is given, but --mesh is off");
}

static void test_rules_are_bounded(void **state)
{
	static char text[MAPE_FMR_MAX][96];
	struct mesh_opts opts = { 0 };

	(void)state;
	for (int i = 0; i < MAPE_FMR_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "ipv6=2001:db8:%x::/48,ipv4=10.%d.0.0/16,ea=16", i,
			 i);
		opts.fmrs.v[opts.fmrs.n++] = text[i];
	}
	assert_int_equal(plan(&opts, "2001:db8:12:3400::/56", RULE), 0);
	assert_int_equal(mesh.n, MAPE_FMR_MAX);
}

static void test_outer_header(void **state)
{
	struct outer_opts opts = OUTER_OPTS_DEFAULT;
	struct mape_config config = { 0 };

	(void)state;
	outer_config(&opts, &config);
	assert_int_equal(config.outer_vtf, 0x60000000);
	assert_int_equal(config.hop_limit, 64);
	assert_int_equal(config.tos_copied, 3);
	assert_int_equal(config.flags, MAPE_FLOW_LABEL);

	memset(&config, 0, sizeof(config));
	opts = (struct outer_opts){ .hop_limit = 255, .tclass = "0xb8", .flow_label = 1 };
	outer_config(&opts, &config);
	assert_int_equal(config.outer_vtf, 0x6b800000);
	assert_int_equal(config.hop_limit, 255);
	assert_int_equal(config.flags, 0);

	opts.tclass = "copy";
	outer_config(&opts, &config);
	assert_int_equal(config.outer_vtf, 0x60000000);
	assert_int_equal(config.tos_copied, 0xff);
}

static void test_traffic_class(void **state)
{
	static const char *const good[] = { "copy", "0", "4", "252", "0xb8" };
	static const char *const bad[] = { "", "Copy", "1", "3", "253", "256", "-4", "ef" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(outer_check_tclass(good[i]), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(outer_check_tclass(bad[i]), -1);
}

static bool has(const struct lan_sources *sources, const char *address, uint32_t len)
{
	struct mape_prefix4 want = { .len = len };

	inet_pton(AF_INET, address, want.addr);
	for (uint32_t i = 0; i < sources->n; i++)
		if (!memcmp(&sources->v[i], &want, sizeof(want)))
			return true;
	return false;
}

static void test_lan_sources(void **state)
{
	struct opt_list texts = { .v = { "198.51.100.77/24", "203.0.113.1", "10.0.0.0/8" }, .n = 3 };
	static const char *const bad[] = { "", "lan", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/",
					   "2001:db8::/32", "10.0.0.0/8 " };
	struct lan_sources sources;
	uint32_t before;

	(void)state;
	lan_sources_init(&sources);
	before = sources.n;
	assert_true(has(&sources, "192.168.0.0", 16) && has(&sources, "100.64.0.0", 10));
	assert_int_equal(lan_sources_add_given(&sources, &texts), 0);
	assert_int_equal(sources.n, before + 2); /* one was there already */
	assert_true(has(&sources, "198.51.100.0", 24) && has(&sources, "203.0.113.1", 32));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(lan_source_check(bad[i]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode_by_provider), cmocka_unit_test(test_mode_by_option),
		cmocka_unit_test(test_given_rules),	 cmocka_unit_test(test_refused_rules),
		cmocka_unit_test(test_rules_are_bounded), cmocka_unit_test(test_outer_header),
		cmocka_unit_test(test_traffic_class),	 cmocka_unit_test(test_lan_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
