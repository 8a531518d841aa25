/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_DNS_H
#define MAPE_LOADER_PROVISION_DNS_H

#include <netinet/in.h>
#include <stddef.h>

#include "opt.h"
#include "provision/parsers.h"

/*
 * The DNS of the line. Not every resolver gives the answers that are meant for this line: with
 * --resolver, its own are asked.
 */

#define DNS_ADDRESSES_MAX 4

/* IPv6 addresses of a name: PROV_OK with *n > 0, PROV_NO_SERVER, PROV_NO_DNS or PROV_BAD. */
enum prov_result dns_addresses(const struct opt_list *resolvers, const char *name,
			       struct in6_addr addrs[DNS_ADDRESSES_MAX], size_t *n);

/* Where the provisioning server of HB46PP is; the same results. */
enum prov_result dns_hb46pp(const struct opt_list *resolvers, struct hb46pp_server *server);

/* The parsers of DNS messages, pure as those of parsers.h. PROV_OK, PROV_NOTHING if the message
 * has no such record, or PROV_BAD. */
enum prov_result dns_parse_aaaa(const void *bytes, size_t len,
				struct in6_addr addrs[DNS_ADDRESSES_MAX], size_t *n);
enum prov_result dns_parse_hb46pp(const void *bytes, size_t len, struct hb46pp_server *server);

#endif
