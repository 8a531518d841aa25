// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/nameser.h>
#include <limits.h>
#include <string.h>

#include "dns.h"
#include "err.h"

#define TXT_MAX 4096

static enum prov_result open_message(const void *bytes, size_t len, ns_msg *message)
{
	if (!len || len > INT_MAX || ns_initparse(bytes, len, message))
		return err(NULL, "the DNS server sent something broken"), PROV_BAD;
	return PROV_OK;
}

/* A record of the answer by its number; 1: of another type. */
static int get_record(ns_msg *message, int i, ns_type type, ns_rr *record)
{
	if (ns_parserr(message, ns_s_an, i, record))
		return err(NULL, "the DNS server sent a broken record");
	return ns_rr_type(*record) != type || ns_rr_class(*record) != ns_c_in;
}

enum prov_result dns_parse_aaaa(const void *bytes, size_t len,
				struct in6_addr addrs[DNS_ADDRESSES_MAX], size_t *n)
{
	ns_msg message;
	ns_rr record;

	*n = 0;
	if (open_message(bytes, len, &message))
		return PROV_BAD;
	for (int i = 0; i < ns_msg_count(message, ns_s_an) && *n < DNS_ADDRESSES_MAX; i++) {
		int other = get_record(&message, i, ns_t_aaaa, &record);

		if (other < 0)
			return PROV_BAD;
		if (!other && ns_rr_rdlen(record) == sizeof(*addrs))
			memcpy(&addrs[(*n)++], ns_rr_rdata(record), sizeof(*addrs));
	}
	return *n ? PROV_OK : (err(NULL, "it has no IPv6 address"), PROV_NOTHING);
}

/* A TXT record is a sequence of strings, each behind its length. They are joined as they are. */
static int join_strings(const ns_rr *record, char text[TXT_MAX], size_t *len)
{
	const uint8_t *p = ns_rr_rdata(*record);
	size_t left = ns_rr_rdlen(*record);

	*len = 0;
	while (left) {
		size_t n = *p;

		if (n >= left || *len + n > TXT_MAX)
			return err(NULL, "the DNS server sent a broken TXT record");
		memcpy(text + *len, p + 1, n);
		*len += n;
		p += 1 + n;
		left -= 1 + n;
	}
	return 0;
}

enum prov_result dns_parse_hb46pp(const void *bytes, size_t len, struct hb46pp_server *server)
{
	bool found = false;
	ns_msg message;
	ns_rr record;

	if (open_message(bytes, len, &message))
		return PROV_BAD;
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		struct hb46pp_server candidate = {};
		int other = get_record(&message, i, ns_t_txt, &record);
		enum prov_result result;
		char text[TXT_MAX];
		size_t n;

		if (other < 0 || (!other && join_strings(&record, text, &n)))
			return PROV_BAD;
		result = other ? PROV_NOTHING : hb46pp_parse_txt(text, n, &candidate);
		if (result == PROV_NOTHING)
			continue;
		if (result || found)
			return result ?: (err(NULL, "there are two TXT records"), PROV_BAD);
		*server = candidate;
		found = true;
	}
	if (found)
		return PROV_OK;
	err(NULL, "it has no TXT record of HB46PP");
	return PROV_NOTHING;
}
