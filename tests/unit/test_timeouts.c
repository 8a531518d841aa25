// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long idle sessions live: the defaults, what --timeout makes of them, and the RFCs' floors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/err.h"
#include "../../loader/timeouts.h"

/* Seconds of each kind in the record of the datapath. */
struct times {
	uint32_t opening, incoming, established, half_closed, closed, reset, udp, icmp;
};

static const struct times defaults = { 240, 240, 7440, 7440, 240, 240, 300, 60 };

static void check_times(struct opt_list words, struct times want)
{
	struct mape_config c;

	memset(&c, 0xff, sizeof(c));
	for (unsigned int i = 0; i < words.n; i++)
		assert_int_equal(timeout_check(words.v[i]), 0);
	timeouts_set(&c, &words);
	assert_int_equal(c.timeout_s[MAPE_TCP_INIT], want.opening);
	assert_int_equal(c.timeout_s[MAPE_TCP_INIT_IN], want.incoming);
	assert_int_equal(c.timeout_s[MAPE_TCP_EST], want.established);
	assert_int_equal(c.timeout_s[MAPE_TCP_FIN_OUT], want.half_closed);
	assert_int_equal(c.timeout_s[MAPE_TCP_FIN_IN], want.half_closed);
	assert_int_equal(c.timeout_s[MAPE_TCP_FIN], want.closed);
	assert_int_equal(c.timeout_s[MAPE_TCP_TRANS], want.reset);
	assert_int_equal(c.timeout_udp_s, want.udp);
	assert_int_equal(c.timeout_icmp_s, want.icmp);
}

/* RFC 5382 REQ-5, RFC 7857 section 2.1, RFC 4787 REQ-5, RFC 5508 REQ-2. */
static void test_defaults(void **state)
{
	(void)state;
	check_times((struct opt_list){ .n = 0 }, defaults);
}

/* RFC 7857 section 2.1: opening and closing have settings of their own, and so has all else. */
static void test_each_for_itself(void **state)
{
	struct times want;

	(void)state;
	want = defaults;
	want.opening = want.incoming = 300;
	check_times((struct opt_list){ { "tcp-opening=300" }, 1 }, want);
	want = defaults;
	want.established = want.half_closed = 86400;
	check_times((struct opt_list){ { "tcp-established=86400" }, 1 }, want);
	want = defaults;
	want.closed = want.reset = 600;
	check_times((struct opt_list){ { "tcp-closing=600" }, 1 }, want);
	want = defaults;
	want.udp = 120;
	want.icmp = 61;
	check_times((struct opt_list){ { "udp=120", "icmp=100", "icmp=61" }, 3 }, want);
}

static void test_floors(void **state)
{
	static const struct {
		const char *word, *floor, *source;
	} refused[] = {
		{ "tcp-opening=239", "240 s", "RFC 5382 REQ-5" },
		{ "tcp-established=7439", "7440 s", "RFC 5382 REQ-5" },
		{ "tcp-closing=239", "240 s", "RFC 7857 section 2.1" },
		{ "udp=119", "120 s", "RFC 4787 REQ-5" },
		{ "icmp=59", "60 s", "RFC 5508 REQ-2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char exact[32];

		err_clear();
		assert_int_equal(timeout_check(refused[i].word), -1);
		assert_non_null(strstr(err_text(), refused[i].floor));
		assert_non_null(strstr(err_text(), refused[i].source));
		snprintf(exact, sizeof(exact), "%.*s%d", (int)strcspn(refused[i].word, "=") + 1,
			 refused[i].word, atoi(refused[i].floor));
		assert_int_equal(timeout_check(exact), 0);
	}
}

static void test_what_is_no_timeout(void **state)
{
	static const char *const words[] = {
		"", "=", "=300", "udp", "udp=", "udp=x", "udp=-1", "udp=300s", "udp= 300", "ud=300",
		"udpx=300", "udp=99999999999", "udp=2592001",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		err_clear();
		assert_int_equal(timeout_check(words[i]), -1);
		assert_non_null(err_text());
		assert_non_null(err_hint());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_each_for_itself),
		cmocka_unit_test(test_floors),
		cmocka_unit_test(test_what_is_no_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
