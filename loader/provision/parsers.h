/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_PARSERS_H
#define MAPE_LOADER_PROVISION_PARSERS_H

#include "answer.h"

/*
 * One parser per kind of document, see answer.h for what they promise. `answer` has to be empty,
 * and has no meaning unless the result is PROV_OK. Results: PROV_OK, PROV_NOTHING or PROV_BAD.
 */

/* {"basicMapRules":[..]} of OCN's rule server. draft-ietf-softwire-map-03 addresses. */
enum prov_result ocn_parse(const void *bytes, size_t len, struct prov_answer *answer);

/* The provider in struct mape_rule of an entry with "hostName": a contract with an IPv4 address
 * of one's own. */
extern const char ocn_fixed[];

/* v6plus({..}); of JPNE's get_rules, with or without the padding. draft03 addresses. */
enum prov_result jpne_parse(const void *bytes, size_t len, struct prov_answer *answer);

/* hgw({"status":"ON",..}) of the home gateway: does it do MAP-E itself? PROV_OK or PROV_BAD. */
enum prov_result jpne_parse_gateway(const void *bytes, size_t len, bool *active);

/* The JSON document of HB46PP (v6mig-1), where "version" chooses the layout of the CE address. */
enum prov_result hb46pp_parse(const void *bytes, size_t len, struct prov_answer *answer);

/* "v=v6mig-1 url=https://server/path t=b", the TXT of 4over6.info. PROV_NOTHING: of something else.
 * verify: the server has to prove who it is. */
#define HB46PP_URL_MAX 1024
struct hb46pp_server {
	char url[HB46PP_URL_MAX]; /* printable ASCII */
	bool verify;
};

enum prov_result hb46pp_parse_txt(const void *bytes, size_t len, struct hb46pp_server *server);

/* DHCPv6 options as on the wire (RFC 7598, RFC 8026; RFC 6334 for DS-Lite), those of other
 * subjects too, which are skipped. RFC 7597 addresses. */
enum prov_result s46_parse(const void *bytes, size_t len, struct prov_answer *answer);

/* "fmr,type=map-e,ealen=22,..,br=2001:db8::1, " as odhcp6c writes it: rules separated by blanks. */
enum prov_result s46_parse_words(const void *bytes, size_t len, struct prov_answer *answer);

/* One of the two, the first in hexadecimal (blanks and colons between bytes are fine). */
enum prov_result s46_parse_text(const void *bytes, size_t len, struct prov_answer *answer);

#endif
