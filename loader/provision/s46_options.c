// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Softwire options of DHCPv6 as on the wire: RFC 7598, RFC 8026 and RFC 6334. */
#include <string.h>

#include "err.h"
#include "parsers.h"
#include "s46.h"

enum {
	OPTION_AFTR_NAME = 64, /* RFC 6334 */
	OPTION_S46_RULE = 89,
	OPTION_S46_BR = 90,
	OPTION_S46_DMR = 91,
	OPTION_S46_V4V6BIND = 92,
	OPTION_S46_PORTPARAMS = 93,
	OPTION_S46_CONT_MAPE = 94,
	OPTION_S46_CONT_MAPT = 95,
	OPTION_S46_CONT_LW = 96,
	OPTION_S46_PRIORITY = 111, /* RFC 8026 */
};

#define FLAG_FMR 0x01

/* Bytes not read yet. */
struct rest {
	const uint8_t *p;
	size_t n;
};

struct option {
	unsigned int code;
	struct rest body;
};

static unsigned int be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* 1: an option was read; 0: there is no more; -1 with err(). */
static int next_option(struct rest *rest, struct option *o)
{
	unsigned int len;

	if (!rest->n)
		return 0;
	if (rest->n < 4)
		return err(NULL, "%zu bytes are left where an option should begin", rest->n);
	o->code = be16(rest->p);
	len = be16(rest->p + 2);
	if (len > rest->n - 4)
		return err(NULL, "option %u claims %u bytes, %zu are left", o->code, len,
			   rest->n - 4);
	o->body = (struct rest){ rest->p + 4, len };
	rest->p += 4 + len;
	rest->n -= 4 + len;
	return 1;
}

static int truncated(const struct option *o)
{
	return err(NULL, "option %u is too short: %zu bytes", o->code, o->body.n);
}

/* A length in bits and as many bytes as these need; what is left of the option stays in it. */
static int read_prefix6(struct option *o, struct mape_rule *rule)
{
	uint8_t bytes[16] = { 0 };
	size_t n;

	if (!o->body.n)
		return truncated(o);
	rule->ip6_len = o->body.p[0];
	n = (rule->ip6_len + 7) / 8;
	if (n > sizeof(bytes) || o->body.n - 1 < n)
		return truncated(o);
	memcpy(bytes, o->body.p + 1, n);
	rule->ip6 = mape_ip6_load(bytes);
	o->body.p += 1 + n;
	o->body.n -= 1 + n;
	return 0;
}

static int read_ports(struct rest options, struct s46_ports *ports)
{
	struct option o;
	int ret;

	while ((ret = next_option(&options, &o)) > 0) {
		if (o.code != OPTION_S46_PORTPARAMS)
			continue;
		if (o.body.n != 4)
			return truncated(&o);
		ports->given = true;
		ports->offset = o.body.p[0];
		ports->psid_len = o.body.p[1];
		ports->psid = be16(o.body.p + 2);
	}
	return ret;
}

static int read_rule(struct option *o, struct mape_rule *rule, bool *fmr)
{
	struct s46_ports ports = {};

	if (o->body.n < 8)
		return truncated(o);
	*fmr = o->body.p[0] & FLAG_FMR;
	rule->ea_len = o->body.p[1];
	rule->ip4_len = o->body.p[2];
	rule->ip4 = (uint32_t)be16(o->body.p + 3) << 16 | be16(o->body.p + 5);
	o->body.p += 7;
	o->body.n -= 7;
	return read_prefix6(o, rule) || read_ports(o->body, &ports) || s46_finish(rule, &ports) ?
		       -1 :
		       0;
}

static int read_bind(struct option *o, struct mape_rule *rule)
{
	struct s46_ports ports = {};

	if (o->body.n < 5)
		return truncated(o);
	rule->ip4_len = MAPE_IP4_BITS;
	rule->ip4 = (uint32_t)be16(o->body.p) << 16 | be16(o->body.p + 2);
	o->body.p += 4;
	o->body.n -= 4;
	return read_prefix6(o, rule) || read_ports(o->body, &ports) || s46_finish(rule, &ports) ?
		       -1 :
		       0;
}

/* The border relays of a container; those that are too many are passed over. */
static int read_brs(struct rest options, struct mape_rule *rule)
{
	struct option o;
	int ret;

	while ((ret = next_option(&options, &o)) > 0) {
		if (o.code != OPTION_S46_BR)
			continue;
		if (o.body.n != 16)
			return truncated(&o);
		if (rule->br_count < MAPE_BR_MAX)
			rule->br[rule->br_count++] = mape_ip6_load(o.body.p);
	}
	if (!ret && !rule->br_count)
		return err(NULL, "a container without border relay");
	return ret;
}

static int read_map_e(struct rest options, struct prov_answer *answer)
{
	struct mape_rule common = s46_rule();
	size_t before = answer->n_rules;
	struct option o;
	int ret;

	if (read_brs(options, &common))
		return -1;
	while ((ret = next_option(&options, &o)) > 0) {
		struct mape_rule rule = common;
		bool fmr = false;

		if (o.code == OPTION_S46_RULE &&
		    (read_rule(&o, &rule, &fmr) || prov_answer_add(answer, &rule, fmr)))
			return err_context("rule %zu", answer->n_rules + 1);
	}
	if (!ret && answer->n_rules == before)
		return err(NULL, "a MAP-E container without rule");
	prov_answer_offer(answer, PROV_MAP_E);
	return ret;
}

static int read_lw4o6(struct rest options, struct prov_answer *answer)
{
	struct mape_rule rule = s46_rule();
	bool bound = false;
	struct option o;
	int ret;

	if (read_brs(options, &rule))
		return -1;
	while ((ret = next_option(&options, &o)) > 0) {
		if (o.code != OPTION_S46_V4V6BIND)
			continue;
		if (bound)
			return err(NULL, "a second binding");
		if (read_bind(&o, &rule))
			return -1;
		bound = true;
	}
	if (!ret && !bound)
		return err(NULL, "a Lightweight 4over6 container without binding");
	answer->lw4o6 = rule;
	prov_answer_offer(answer, PROV_LW4O6);
	return ret;
}

/* A domain name as in RFC 1035 without compression, to "aftr.example.net". */
static int read_name(const struct option *o, char *name, size_t size)
{
	size_t at = 0, used = 0;

	while (at < o->body.n && o->body.p[at]) {
		size_t label = o->body.p[at++];

		if (label > 63 || label > o->body.n - at || used + label + 2 > size)
			return err(NULL, "option %u is no domain name", o->code);
		if (used)
			name[used++] = '.';
		for (size_t i = 0; i < label; i++, at++) {
			if (o->body.p[at] <= ' ' || o->body.p[at] > '~')
				return err(NULL, "option %u is no domain name", o->code);
			name[used++] = o->body.p[at];
		}
	}
	name[used] = '\0';
	return used ? 0 : truncated(o);
}

static const struct {
	unsigned int code;
	enum prov_method method;
} methods[] = {
	{ OPTION_S46_CONT_MAPE, PROV_MAP_E },
	{ OPTION_S46_CONT_MAPT, PROV_MAP_T },
	{ OPTION_S46_CONT_LW, PROV_LW4O6 },
	{ OPTION_AFTR_NAME, PROV_DSLITE },
};

#define N_CODES (sizeof(methods) / sizeof(methods[0]))

static bool offers(const struct prov_answer *answer, enum prov_method method)
{
	for (size_t i = 0; i < answer->n_order; i++)
		if (answer->order[i] == method)
			return true;
	return false;
}

/* Methods that the server names come first, in its order (RFC 8026, section 1.4). */
static void apply_priority(struct rest codes, struct prov_answer *answer)
{
	enum prov_method rest[PROV_METHODS];
	size_t n_rest = answer->n_order, n = 0;
	bool named[PROV_METHODS] = { false };

	memcpy(rest, answer->order, sizeof(rest));
	for (; codes.n >= 2; codes.p += 2, codes.n -= 2) {
		for (size_t i = 0; i < N_CODES; i++) {
			enum prov_method method = methods[i].method;

			if (methods[i].code == be16(codes.p) && !named[method] &&
			    offers(answer, method)) {
				named[method] = true;
				rest[n++] = method;
			}
		}
	}
	for (size_t i = 0; i < n_rest; i++)
		if (!named[answer->order[i]])
			rest[n++] = answer->order[i];
	memcpy(answer->order, rest, sizeof(rest));
}

static int read_option(const struct option *o, struct prov_answer *answer)
{
	switch (o->code) {
	case OPTION_S46_CONT_MAPE:
		return read_map_e(o->body, answer) ? err_context("option 94 (MAP-E)") : 0;
	case OPTION_S46_CONT_LW:
		return read_lw4o6(o->body, answer) ? err_context("option 96 (lw4o6)") : 0;
	case OPTION_S46_CONT_MAPT:
		prov_answer_offer(answer, PROV_MAP_T);
		return 0;
	case OPTION_AFTR_NAME:
		if (read_name(o, answer->aftr, sizeof(answer->aftr)))
			return -1;
		prov_answer_offer(answer, PROV_DSLITE);
		return 0;
	}
	return 0; /* rules outside a container are to be ignored (RFC 7598, section 4) */
}

enum prov_result s46_parse(const void *bytes, size_t len, struct prov_answer *answer)
{
	struct rest rest = { bytes, len }, priority = {};
	struct option o;
	int ret;

	while ((ret = next_option(&rest, &o)) > 0) {
		if (o.code == OPTION_S46_PRIORITY)
			priority = o.body;
		if (read_option(&o, answer))
			return PROV_BAD;
	}
	if (ret)
		return PROV_BAD;
	apply_priority(priority, answer);
	if (answer->n_order)
		return PROV_OK;
	err("On NTT's network DHCPv6 does not carry rules.",
	    "the DHCPv6 options have nothing about IPv4");
	return PROV_NOTHING;
}
