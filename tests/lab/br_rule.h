// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The BR's own MAP-E arithmetic.
 *
 * Written bit by bit, straight from the figures of RFC 7597 sections 5 and 6 and of
 * draft-ietf-softwire-map-03, and sharing nothing with include/mape: a mistake there must not be
 * repeated here. All addresses and ports are in host order except struct in6_addr.
 */
#ifndef LAB_BR_RULE_H
#define LAB_BR_RULE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct br_rule {
	struct in6_addr v6; /* Rule IPv6 prefix */
	int v6_len;
	uint32_t v4; /* Rule IPv4 prefix */
	int v4_len;
	int ea_len;
	int offset; /* PSID offset, the "a" of RFC 7597 */
	int psid_len; /* the "k"; found from ea_len unless no PSID is embedded */
	unsigned int psid; /* used only when no PSID is embedded */
	bool rfc_iid; /* RFC 7597 interface identifier, else draft-03 */
};

static uint32_t br_get_bits(const struct in6_addr *a, int pos, int len)
{
	uint32_t value = 0;

	for (int i = pos; i < pos + len; i++)
		value = value << 1 | ((a->s6_addr[i / 8] >> (7 - i % 8)) & 1);
	return value;
}

static void br_put_bits(struct in6_addr *a, int pos, int len, uint32_t value)
{
	for (int i = pos + len - 1; i >= pos; i--, value >>= 1)
		if (value & 1)
			a->s6_addr[i / 8] |= 1 << (7 - i % 8);
}

/* Length of the IPv4 part of the EA bits. */
static int br_suffix_len(const struct br_rule *r)
{
	int max = 32 - r->v4_len;

	return r->ea_len < max ? r->ea_len : max;
}

/* Length of the PSID inside the EA bits: 0 when it comes by other means or does not exist. */
static int br_embedded_len(const struct br_rule *r)
{
	return r->ea_len - br_suffix_len(r);
}

static uint32_t br_v4_mask(const struct br_rule *r)
{
	int len = r->v4_len + br_suffix_len(r);

	return len ? ~0u << (32 - len) : 0;
}

static bool br_v4_in_rule(const struct br_rule *r, uint32_t addr)
{
	uint32_t mask = r->v4_len ? ~0u << (32 - r->v4_len) : 0;

	return ((addr ^ r->v4) & mask) == 0;
}

/* PSID that owns @port, or -1 when no CE owns it (RFC 7597 section 5.1: A > 0 unless a = 0). */
static int br_psid_of_port(const struct br_rule *r, unsigned int port)
{
	if (!r->psid_len)
		return 0;
	if (r->offset && !(port >> (16 - r->offset)))
		return -1;
	return port >> (16 - r->offset - r->psid_len) & ((1u << r->psid_len) - 1);
}

/* Address of the CE that owns (@addr, @psid). */
static struct in6_addr br_ce_address(const struct br_rule *r, uint32_t addr, unsigned int psid)
{
	struct in6_addr ce = r->v6;
	int suffix = br_suffix_len(r), v4_at = r->rfc_iid ? 80 : 72;

	addr &= br_v4_mask(r);
	if (suffix)
		br_put_bits(&ce, r->v6_len, suffix, addr << r->v4_len >> (32 - suffix));
	br_put_bits(&ce, r->v6_len + suffix, br_embedded_len(r), psid);
	br_put_bits(&ce, v4_at, 32, addr);
	br_put_bits(&ce, v4_at + 32, 16, psid);
	return ce;
}

/*
 * Address of the CE that owns @port of @addr; false when no CE does. @port is not looked at in a
 * rule without port sets.
 */
static bool br_owner(const struct br_rule *r, uint32_t addr, unsigned int port, struct in6_addr *ce)
{
	int psid = br_psid_of_port(r, port);

	if (psid < 0 || !br_v4_in_rule(r, addr))
		return false;
	if (!br_embedded_len(r)) {
		if (r->psid_len && (unsigned int)psid != r->psid)
			return false;
		psid = r->psid;
	}
	*ce = br_ce_address(r, addr, psid);
	return true;
}

/* Reads back what @ce claims to be; false when it is no CE address of this rule. */
static bool br_read_ce(const struct br_rule *r, const struct in6_addr *ce, uint32_t *addr,
		       unsigned int *psid)
{
	int suffix = br_suffix_len(r), embedded = br_embedded_len(r);
	struct in6_addr again;

	*addr = r->v4;
	if (suffix)
		*addr |= br_get_bits(ce, r->v6_len, suffix) << (32 - r->v4_len - suffix);
	*psid = embedded ? br_get_bits(ce, r->v6_len + suffix, embedded) : r->psid;
	again = br_ce_address(r, *addr, *psid);
	return !memcmp(&again, ce, sizeof(again));
}

#endif
