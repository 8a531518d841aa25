// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fuzz.h"
#include "provision/online/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in6_addr addrs[DNS_ADDRESSES_MAX];
	struct hb46pp_server server;
	enum prov_result result;
	size_t n;

	err_clear();
	result = dns_parse_aaaa(data, size, addrs, &n);
	must(result ? !!err_text() : n && n <= DNS_ADDRESSES_MAX);
	err_clear();
	must(!dns_parse_hb46pp(data, size, &server) || err_text());
	return 0;
}
