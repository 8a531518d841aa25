// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Port sets: every port of every possible split of the 16 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mape/portset.h>

#include "portset_reference.h"

/* Goes through all ports in ascending order: index and port are each other's inverse. */
static void check_set(int a, int k, int psid)
{
	struct mape_portset ps;
	int n = 0;

	mape_portset_init(&ps, a, k, psid);
	for (int port = 0; port < 65536; port++) {
		int index = mape_portset_index(&ps, port);

		/* cmocka's asserts are too slow for a hundred million ports */
		if (index != (reference_in_set(a, k, psid, port) ? n : -1))
			fail_msg("a %d, k %d, PSID %d: port %d has index %d", a, k, psid, port,
				 index);
		if (index < 0)
			continue;
		if (mape_portset_port(&ps, index) != port)
			fail_msg("a %d, k %d, PSID %d: index %d is port %d", a, k, psid, index,
				 mape_portset_port(&ps, index));
		n++;
	}
	assert_int_equal(ps.count, n);
}

static void test_every_split(void **state)
{
	(void)state;
	for (int a = 0; a <= 15; a++) {
		for (int k = 0; a + k <= 16; k++) {
			int max = (1 << k) - 1;

			check_set(a, k, 0);
			check_set(a, k, max);
			check_set(a, k, max / 3);
		}
	}
}

static void test_every_psid(void **state)
{
	(void)state;
	for (int psid = 0; psid < 64; psid++)
		check_set(6, 6, psid);
	for (int psid = 0; psid < 256; psid++)
		check_set(4, 8, psid);
}

static __u32 count(int a, int k, int psid)
{
	struct mape_portset ps;

	mape_portset_init(&ps, a, k, psid);
	return ps.count;
}

/* RFC 7597, section 5.1: 2^(16 - k) - 2^m, or one range */
static void test_counts(void **state)
{
	(void)state;
	assert_int_equal(count(6, 6, 22), 1008);
	assert_int_equal(count(4, 8, 0), 240);
	assert_int_equal(count(0, 8, 1), 256);
	assert_int_equal(count(6, 8, 0), 252);
	assert_int_equal(count(4, 0, 0), 61440);
	assert_int_equal(count(0, 0, 0), 65535);
	assert_int_equal(count(0, 16, 0), 0);
	assert_int_equal(count(0, 16, 65535), 1);
}

/* Port 0 is published with PSID 0 and a = 0, and is never used. */
static void test_port_zero(void **state)
{
	struct mape_portset ps;
	__u16 first, last;

	(void)state;
	mape_portset_init(&ps, 0, 6, 0);
	assert_int_equal(mape_portset_ranges(&ps), 1);
	assert_int_equal(mape_portset_published(&ps), 1024);
	mape_portset_range(&ps, 0, &first, &last);
	assert_int_equal(first, 0);
	assert_int_equal(last, 1023);
	assert_int_equal(ps.count, 1023);
	assert_int_equal(mape_portset_port(&ps, 0), 1);
	assert_int_equal(mape_portset_index(&ps, 0), -1);
}

/* The ranges are the set: each port of each range, and no other. */
static void test_ranges(void **state)
{
	static const struct {
		int a, k, psid;
	} sets[] = { { 6, 6, 22 }, { 4, 8, 0 }, { 0, 8, 7 }, { 6, 8, 0x34 }, { 4, 0, 0 }, { 15, 1, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct mape_portset ps;
		__u32 n = 0;

		mape_portset_init(&ps, sets[i].a, sets[i].k, sets[i].psid);
		for (__u32 r = 0; r < mape_portset_ranges(&ps); r++) {
			__u16 first, last;

			mape_portset_range(&ps, r, &first, &last);
			for (int port = first; port <= last; port++)
				assert_int_equal(mape_portset_index(&ps, port), n++);
		}
		assert_int_equal(n, ps.count);
		assert_int_equal(n, mape_portset_published(&ps));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_every_psid),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_port_zero),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests_name("rule_ports", tests, NULL, NULL);
}
