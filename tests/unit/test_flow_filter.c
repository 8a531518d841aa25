// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which sessions `flows` and `flush` are about, and what the hosts have of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow_filter.h"
#include "host_use.h"

#define A "\xc0\xa8\x01\x0a"
#define B "\xc0\xa8\x01\x0b"
#define REMOTE "\xc6\x33\x64\x01"

static struct session_record record(const char *host, uint8_t proto, uint16_t port,
				    uint16_t ext_port, uint8_t state)
{
	struct session_record r = {};

	memcpy(r.flow.int_addr, host, 4);
	memcpy(r.flow.rem_addr, REMOTE, 4);
	r.flow.proto = proto;
	r.flow.int_port = port;
	r.flow.rem_port = proto == MAPE_PROTO_ICMP ? 0 : 443;
	r.session.ext_port = ext_port;
	r.session.state = state;
	return r;
}

/* Indexes: bits of `matching` below. */
static size_t make(struct session_record r[5])
{
	r[0] = record(A, MAPE_PROTO_TCP, 40000, 1376, MAPE_TCP_EST);
	r[1] = record(A, MAPE_PROTO_TCP, 40001, 1376, MAPE_TCP_FIN);
	r[2] = record(A, MAPE_PROTO_UDP, 40000, 1377, MAPE_OPEN);
	r[3] = record(B, MAPE_PROTO_UDP, 50000, 1378, MAPE_OPEN);
	r[4] = record(B, MAPE_PROTO_ICMP, 7, 1376, MAPE_OPEN);
	return 5;
}

static const struct {
	struct flow_filter filter;
	unsigned int matching;
} cases[] = {
	{ { NULL, 0, -1, -1 }, 0x1f },
	{ { "192.168.1.10", 0, -1, -1 }, 0x07 },
	{ { "198.51.100.1", 0, -1, -1 }, 0x1f },
	{ { "192.168.1.12", 0, -1, -1 }, 0 },
	{ { NULL, 40000, -1, -1 }, 0x05 },
	{ { NULL, 1376, -1, -1 }, 0x13 },
	{ { NULL, 443, -1, -1 }, 0x0f },
	{ { NULL, 0, MAPE_SLOT_UDP, -1 }, 0x0c },
	{ { NULL, 0, MAPE_SLOT_ICMP, -1 }, 0x10 },
	{ { NULL, 0, -1, MAPE_TCP_EST }, 0x01 },
	{ { NULL, 0, -1, MAPE_OPEN }, 0x1c },
	{ { "192.168.1.10", 1376, MAPE_SLOT_TCP, MAPE_TCP_FIN }, 0x02 },
	{ { "192.168.1.10", 1378, -1, -1 }, 0 },
};

static void test_match(void **state)
{
	struct session_record r[5];
	size_t n = make(r);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t k = 0; k < n; k++)
			if (flow_filter_match(&cases[i].filter, &r[k]) !=
			    (cases[i].matching >> k & 1))
				fail_msg("case %zu, session %zu", i, k);
}

static void test_apply(void **state)
{
	struct flow_filter filter = { NULL, 0, MAPE_SLOT_UDP, -1 };
	struct table t = SESSIONS_TABLE;
	struct session_record r[5];

	(void)state;
	t.n = make(r);
	t.records = r;
	flow_filter_apply(&filter, &t);
	assert_int_equal(t.n, 2);
	assert_int_equal(r[0].flow.int_port, 40000);
	assert_int_equal(r[1].flow.int_port, 50000);
}

static void test_check_host(void **state)
{
	(void)state;
	assert_int_equal(flow_filter_check_host("192.168.1.10"), 0);
	assert_int_equal(flow_filter_check_host("192.168.1"), -1);
	assert_int_equal(flow_filter_check_host("host"), -1);
}

static void test_hosts(void **state)
{
	struct table t = SESSIONS_TABLE;
	struct session_record r[5];
	struct host_use *hosts;
	size_t n;

	(void)state;
	t.n = make(r);
	t.records = r;
	hosts = host_use_count(&t, &n);
	assert_int_equal(n, 2);
	/* Two sessions of one port are one port. */
	assert_memory_equal(hosts[0].addr, A, 4);
	assert_int_equal(hosts[0].ports[MAPE_SLOT_TCP], 1);
	assert_int_equal(hosts[0].ports[MAPE_SLOT_UDP], 1);
	assert_int_equal(hosts[0].sessions, 3);
	assert_memory_equal(hosts[1].addr, B, 4);
	assert_int_equal(hosts[1].ports[MAPE_SLOT_UDP], 1);
	assert_int_equal(hosts[1].ports[MAPE_SLOT_ICMP], 1);
	assert_int_equal(hosts[1].sessions, 2);
	free(hosts);
}

static void test_no_hosts(void **state)
{
	struct table t = SESSIONS_TABLE;
	struct host_use *hosts;
	size_t n;

	(void)state;
	hosts = host_use_count(&t, &n);
	assert_non_null(hosts);
	assert_int_equal(n, 0);
	free(hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),	   cmocka_unit_test(test_apply),
		cmocka_unit_test(test_check_host), cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_no_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
