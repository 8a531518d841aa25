// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Published MAP-E examples against the rule library, from text to result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rule/rule.h"
#include "vector_check.h"

static struct mape_rule vector_rule(const struct vector *v)
{
	struct mape_rule rule = {
		.ip6 = v->rule_ip6,
		.ip6_len = v->rule_ip6_len,
		.ip4 = v->rule_ip4,
		.ip4_len = v->rule_ip4_len,
		.ea_len = v->ea_len,
		.psid_offset = vector_offset(v),
		.psid_len = vector_psid_len(v),
		.psid_explicit = v->psid_explicit,
		.psid = v->psid_explicit ? v->psid : 0,
		.iid = v->iid,
		.provider = v->provider,
	};

	return rule;
}

static void derive(const struct vector *v, struct mape_line *line)
{
	struct mape_rule rule = vector_rule(v);
	struct mape_prefix prefix;
	struct mape_error error;

	assert_int_equal(mape_rule_validate(&rule, &error), MAPE_OK);
	assert_int_equal(mape_prefix_parse(v->prefix_text, &prefix, &error), MAPE_OK);
	assert_true(mape_ip6_eq(prefix.ip6, v->prefix));
	assert_int_equal(prefix.len, v->prefix_len);

	if (!strcmp(v->id, "L4")) {
		/* its prefix has more bits than rule and EA bits, and they are not zero */
		assert_int_equal(mape_line_derive(&rule, &prefix, line, &error),
				 MAPE_ERR_PREFIX_SUBNET);
		prefix.ip6 = mape_ip6_prefix(prefix.ip6, vector_need(v));
	}
	assert_int_equal(mape_line_derive(&rule, &prefix, line, &error), MAPE_OK);
}

/* From the prefix of a line. */
static void test_line(void **state)
{
	const struct vector *v = *state;
	struct mape_line line;
	struct mape_ip6 ce;

	derive(v, &line);
	assert_int_equal(line.ip4_len, 32);
	assert_int_equal(line.prefix_len, vector_need(v));
	vector_check_owner(v, line.ip4, line.psid);
	vector_check_ce(v, line.ce);
	if (v->psid_len >= 0)
		assert_int_equal(line.ports.psid_len, v->psid_len);
	vector_check_ports(v, &line.ports);

	/* and back: whoever sends to the first and the last port finds this line */
	for (__u32 i = 0; i < line.ports.count; i += line.ports.count - 1) {
		struct mape_fmr fmr = mape_rule_fmr(&line.rule);
		__u16 port = mape_portset_port(&line.ports, i);

		ce = mape_fmr_ce(&fmr, line.ip4, port);
		assert_true(mape_ip6_eq(ce, line.ce));
		assert_true(mape_fmr_source_ok(&fmr, ce, line.ip4, port));
		assert_false(mape_fmr_source_ok(&fmr, ce, line.ip4, 0));
	}
}

/* Without a prefix: the addresses and ports that belong to an IPv4 address and a PSID. */
static void test_numbers(void **state)
{
	const struct vector *v = *state;
	struct mape_fmr fmr = vector_fmr(v);
	struct mape_owner owner = { .ip4 = v->ip4, .psid = v->psid < 0 ? 0 : v->psid, .ip4_len = 32 };
	struct mape_portset ps;

	vector_check_ce(v, mape_ce_address(v->ce, 64, owner, v->iid));
	mape_portset_init(&ps, fmr.psid_offset, fmr.psid_len, owner.psid);
	vector_check_ports(v, &ps);
}

/* The CE that a packet to an address and port is for. */
static void test_probe(void **state)
{
	const struct vector *v = *state;
	struct mape_rule rule = vector_rule(v);
	struct mape_fmr fmr = mape_rule_fmr(&rule);
	struct mape_ip6 ce = mape_fmr_ce(&fmr, v->probe_ip4, v->probe_port);

	vector_check_ce(v, ce);
	assert_true(mape_fmr_source_ok(&fmr, ce, v->probe_ip4, v->probe_port));
}

/*
 * The examples of a provider in the built-in table get the same there. The rule itself may be
 * another one: some sources split a rule into several, which comes to the same.
 */
static void test_builtin(void **state)
{
	const struct vector *v = *state;
	const struct mape_rule *found;
	struct mape_line expected, line;
	struct mape_prefix prefix;
	struct mape_error error;

	derive(v, &expected);
	assert_int_equal(mape_prefix_parse(v->prefix_text, &prefix, &error), MAPE_OK);
	assert_int_equal(mape_rule_find_builtin(&prefix, &found, &error), MAPE_OK);
	assert_string_equal(found->provider, v->provider);
	assert_int_equal(found->iid, MAPE_IID_DRAFT03);
	assert_int_equal(mape_line_derive(found, &prefix, &line, &error), MAPE_OK);
	assert_int_equal(line.ip4, expected.ip4);
	assert_int_equal(line.psid, expected.psid);
	assert_memory_equal(&line.ports, &expected.ports, sizeof(line.ports));
	if (v->br.hi) {
		assert_int_equal(line.br_count, 1);
		assert_true(mape_ip6_eq(line.br[0], v->br));
	}
}

static bool in_table(const struct vector *v)
{
	for (size_t i = 0; i < mape_rule_count; i++)
		if (!strcmp(mape_rule_table[i].provider, v->provider))
			return true;
	return false;
}

int main(void)
{
	static struct CMUnitTest tests[2 * N_VECTORS];
	static char names[2 * N_VECTORS][32];
	size_t n = 0;

	for (size_t i = 0; i < N_VECTORS; i++) {
		const struct vector *v = &vectors[i];
		bool line = v->has_rule && v->prefix_text;

		strcat(strcpy(names[n], "vector_"), v->id);
		tests[n] = (struct CMUnitTest){
			.name = names[n],
			.test_func = line ? test_line : v->has_probe ? test_probe : test_numbers,
			.initial_state = (void *)v,
		};
		n++;
		if (!line || !in_table(v))
			continue;
		strcat(strcpy(names[n], "builtin_"), v->id);
		tests[n] = (struct CMUnitTest){
			.name = names[n],
			.test_func = test_builtin,
			.initial_state = (void *)v,
		};
		n++;
	}
	/* cmocka_run_group_tests() wants the size of the array, which is larger */
	return _cmocka_run_group_tests("vectors", tests, n, NULL, NULL);
}
