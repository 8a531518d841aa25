/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_ANSWER_H
#define MAPE_LOADER_PROVISION_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rule/rule.h"

/*
 * What somebody says about a line, whoever it is: rules and the other ways to carry IPv4. Parsers
 * fill it from bytes alone. They do no I/O, look at no more than the bytes given, and record with
 * err() why they refuse them.
 */

/* Ways to carry IPv4. `attach` can use the first two. */
enum prov_method {
	PROV_MAP_E,
	PROV_LW4O6, /* RFC 7596: a MAP-E rule without EA bits and with a PSID of its own */
	PROV_IPIP,
	PROV_DSLITE,
	PROV_MAP_T,
	PROV_464XLAT,
	PROV_METHODS
};

/* "map_e" and so on, as HB46PP calls them. */
const char *prov_method_name(enum prov_method method);
bool prov_method_parse(const char *name, enum prov_method *method);

/* What became of asking. Everything but PROV_OK comes with err(). */
enum prov_result {
	PROV_OK,
	PROV_NOTHING,	/* an answer: there is nothing for this line */
	PROV_REFUSED,	/* the server does not know this line, or the code (4xx) */
	PROV_BAD,	/* an answer that makes no sense */
	PROV_SILENT,	/* no answer, or the server is broken (5xx) */
	PROV_NO_SERVER, /* the DNS says that there is no server here */
	PROV_NO_DNS,	/* the DNS does not answer */
	PROV_UNSET,	/* was not asked: what it takes to ask is missing */
};

#define PROV_DOCUMENT_MAX (512 * 1024) /* bytes; 512 rules take 80,000 */
#define PROV_RULES_MAX	  512	       /* HB46PP promises at most 256; OCN sent 160 in 2026 */
#define PROV_IPIP_MAX	  8
#define PROV_NAME_MAX	  256 /* a domain name, or a string of HB46PP, with its NUL */
#define PROV_TOKEN_LEN	  64

struct prov_ipip {
	struct mape_ip6 local, remote;
	uint32_t ip4; /* host byte order */
	uint8_t ip4_len;
};

struct prov_answer {
	enum prov_method order[PROV_METHODS]; /* those that are there, the best first */
	size_t n_order;

	struct mape_rule rules[PROV_RULES_MAX]; /* MAP-E; each with its border relays */
	bool fmr[PROV_RULES_MAX];		/* rules[i] serves CE to CE as well (mesh) */
	size_t n_rules;

	struct mape_rule lw4o6;
	char lwaftr[PROV_NAME_MAX]; /* its border relay if known by name only, else "" */
	struct prov_ipip ipip[PROV_IPIP_MAX];
	size_t n_ipip;
	char aftr[PROV_NAME_MAX]; /* of DS-Lite: a domain name or an address */

	char enabler[PROV_NAME_MAX], service[PROV_NAME_MAX], isp[PROV_NAME_MAX];
	char token[PROV_TOKEN_LEN + 1]; /* to show next time, "" if there is none */
	char auth[8];			/* HB46PP: "", "req", "bad" or "ok" */
	uint32_t ttl_s;			/* ask again after this time; 0: not said */
};

/* Empty, on the heap since it is large; free() it. NULL with err(). */
struct prov_answer *prov_answer_new(void);

/* Puts a method at the end of the order, unless it is there already. */
void prov_answer_offer(struct prov_answer *a, enum prov_method method);

/* Adds a MAP-E rule after checking it. 0, or -1 with err(). */
int prov_answer_add(struct prov_answer *a, const struct mape_rule *rule, bool fmr);

/* Whether it is a possible rule: 0, or -1 with err(). */
int prov_rule_check(const struct mape_rule *rule);

#endif
