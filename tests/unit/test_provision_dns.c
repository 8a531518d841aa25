// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* DNS messages, put together here byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#ifdef MAPE_PROVISIONING
#include "provision/online/dns.h"
#include "provision_check.h"

#define SERVER "v=v6mig-1 url=https://vne.example.jp/rule.cgi t=b"

static uint8_t message[2048];
static size_t len;

static void put(const void *bytes, size_t n)
{
	memcpy(message + len, bytes, n);
	len += n;
}

static void put16(unsigned int n)
{
	put((uint8_t[]){ n >> 8, n }, 2);
}

/* An answer to a question about 4over6.info. */
static void begin(unsigned int type, unsigned int answers)
{
	len = 0;
	put("\x12\x34\x81\x80\0\1", 6);
	put16(answers);
	put("\0\0\0\0\x06" "4over6\x04info\0", 4 + 13);
	put16(type);
	put16(1);
}

static void record(unsigned int type, const void *data, size_t n)
{
	put("\xc0\x0c", 2);
	put16(type);
	put("\0\1\0\0\0\x3c", 6);
	put16(n);
	put(data, n);
}

/* A TXT record of strings of at most `part` bytes each. */
static void txt(const char *text, size_t part)
{
	char data[1024];
	size_t n = 0;

	for (size_t at = 0; at < strlen(text); at += part) {
		size_t size = strlen(text + at) < part ? strlen(text + at) : part;

		data[n++] = size;
		memcpy(data + n, text + at, size);
		n += size;
	}
	record(16, data, n);
}

static enum prov_result parse_hb46pp(size_t n, struct hb46pp_server *server)
{
	uint8_t *copy = malloc(n ? n : 1);
	enum prov_result result;

	memcpy(copy, message, n);
	err_clear();
	result = dns_parse_hb46pp(copy, n, server);
	free(copy);
	return result;
}

static void test_txt(void **state)
{
	static const size_t parts[] = { 255, 20, 9, 1 };
	struct hb46pp_server server;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		begin(16, 3);
		record(5, "\xc0\x0c", 2);
		txt("v=spf1 -all", 255);
		txt(SERVER, parts[i]);
		assert_int_equal(parse_hb46pp(len, &server), PROV_OK);
		assert_string_equal(server.url, "https://vne.example.jp/rule.cgi");
		assert_true(server.verify);
		for (size_t n = 0; n < len; n++)
			if (parse_hb46pp(n, &server) == PROV_OK)
				fail_msg("%zu of %zu bytes are accepted", n, len);
	}
}

static void test_txt_refused(void **state)
{
	struct hb46pp_server server;

	(void)state;
	begin(16, 0);
	assert_int_equal(parse_hb46pp(len, &server), PROV_NOTHING);
	begin(16, 1);
	txt("v=spf1", 255);
	assert_int_equal(parse_hb46pp(len, &server), PROV_NOTHING);
	begin(16, 2);
	txt(SERVER, 255);
	txt(SERVER, 255);
	assert_int_equal(parse_hb46pp(len, &server), PROV_BAD);
	assert_non_null(strstr(err_text(), "two"));
	begin(16, 1);
	txt("v=v6mig-1 url=x t=b", 255);
	assert_int_equal(parse_hb46pp(len, &server), PROV_BAD);
	begin(16, 1);
	record(16, "\x05" "abc", 4);
	assert_int_equal(parse_hb46pp(len, &server), PROV_BAD);
	assert_non_null(strstr(err_text(), "broken TXT"));
	begin(16, 1);
	put("\xc0\xff", 2); /* a name that points beyond the message */
	put("\0\x10\0\1\0\0\0\0\0\0", 10);
	assert_int_equal(parse_hb46pp(len, &server), PROV_BAD);
}

static void test_aaaa(void **state)
{
	static const uint8_t address[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct in6_addr addrs[DNS_ADDRESSES_MAX];
	size_t n;

	(void)state;
	begin(28, 7);
	record(5, "\xc0\x0c", 2);
	record(28, "abcd", 4);
	for (int i = 0; i < 5; i++)
		record(28, address, 16);
	assert_int_equal(dns_parse_aaaa(message, len, addrs, &n), PROV_OK);
	assert_int_equal(n, DNS_ADDRESSES_MAX);
	assert_memory_equal(&addrs[3], address, 16);
	for (size_t k = 0; k < len; k++)
		assert_int_not_equal(dns_parse_aaaa(message, k, addrs, &n), PROV_OK);
	begin(28, 1);
	record(1, "\xc0\0\2\1", 4);
	assert_int_equal(dns_parse_aaaa(message, len, addrs, &n), PROV_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_txt),
		cmocka_unit_test(test_txt_refused),
		cmocka_unit_test(test_aaaa),
	};

	return cmocka_run_group_tests_name("provision_dns", tests, NULL, NULL);
}

#else

static void test_not_built_in(void **state)
{
	(void)state;
	printf("built with WITH_PROVISIONING=0\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_not_built_in) };

	return cmocka_run_group_tests_name("provision_dns", tests, NULL, NULL);
}
#endif
