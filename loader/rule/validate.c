// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What makes a rule, or a set of rules, impossible (RFC 7597, sections 5.1 and 5.2). */
#include <rule/rule.h>
#include <rule/text.h>

#define OFFSET_MAX 15 /* RFC 7598, section 4.5 */

static struct mape_text begin(struct mape_error *err, enum mape_errcode code)
{
	struct mape_text t;

	err->code = code;
	mape_text_init(&t, err->detail, sizeof(err->detail));
	return t;
}

static void put_field(struct mape_text *t, const char *name, __u32 value)
{
	if (t->len)
		mape_put_str(t, ", ");
	mape_put_str(t, name);
	mape_put_num(t, value);
}

static void put_rule(struct mape_text *t, const struct mape_rule *rule)
{
	char ip4[MAPE_IP4_STRLEN + 4];

	mape_put_str(t, "ipv6=");
	mape_put_prefix6(t, rule->ip6, rule->ip6_len);
	mape_put_str(t, ",ipv4=");
	mape_put_str(t, mape_prefix4_str(rule->ip4, rule->ip4_len, ip4));
	mape_put_str(t, ",ea=");
	mape_put_num(t, rule->ea_len);
}

static enum mape_errcode check_host_bits(const struct mape_rule *rule, struct mape_error *err)
{
	struct mape_text t;

	if (rule->ip6_len <= MAPE_IP6_BITS && rule->ip4_len <= MAPE_IP4_BITS &&
	    mape_ip6_in(rule->ip6, rule->ip6, rule->ip6_len) &&
	    mape_ip4_in(rule->ip4, rule->ip4, rule->ip4_len))
		return MAPE_OK;
	t = begin(err, MAPE_ERR_RULE_HOST_BITS);
	put_rule(&t, rule);
	return err->code;
}

static enum mape_errcode check_ea(const struct mape_rule *rule, struct mape_error *err)
{
	struct mape_text t;

	if (rule->ea_len <= MAPE_EA_MAX && rule->ip6_len + rule->ea_len <= MAPE_IP6_BITS)
		return MAPE_OK;
	t = begin(err, MAPE_ERR_RULE_EA);
	put_field(&t, "ea=", rule->ea_len);
	put_field(&t, "IPv6 prefix length ", rule->ip6_len);
	return err->code;
}

static enum mape_errcode check_psid_len(const struct mape_rule *rule, struct mape_error *err)
{
	__u32 from_ea = mape_ea_psid_len(rule->ip4_len, rule->ea_len);
	__u32 max = rule->ea_len ? from_ea : MAPE_PORT_BITS;
	struct mape_text t;

	if (from_ea <= MAPE_PORT_BITS && rule->psid_len <= max && rule->psid_len >= from_ea)
		return MAPE_OK;
	t = begin(err, MAPE_ERR_RULE_PSID_LEN);
	put_field(&t, "psidlen=", rule->psid_len);
	put_field(&t, "ea=", rule->ea_len);
	put_field(&t, "IPv4 prefix length ", rule->ip4_len);
	return err->code;
}

static enum mape_errcode check_offset(const struct mape_rule *rule, struct mape_error *err)
{
	struct mape_text t;

	if (rule->psid_offset <= OFFSET_MAX &&
	    rule->psid_offset + rule->psid_len <= MAPE_PORT_BITS)
		return MAPE_OK;
	t = begin(err, MAPE_ERR_RULE_OFFSET);
	put_field(&t, "offset=", rule->psid_offset);
	put_field(&t, "PSID length ", rule->psid_len);
	return err->code;
}

/* Without EA bits a PSID length comes only with a PSID, and a PSID only with one address. */
static enum mape_errcode check_psid(const struct mape_rule *rule, struct mape_error *err)
{
	struct mape_text t;

	if (rule->psid_explicit) {
		if (!rule->ea_len && rule->ip4_len == MAPE_IP4_BITS &&
		    rule->psid <= mape_low_bits(rule->psid_len))
			return MAPE_OK;
	} else if (rule->ea_len || !rule->psid_len) {
		return MAPE_OK;
	}
	t = begin(err, MAPE_ERR_RULE_PSID);
	if (rule->psid_explicit)
		put_field(&t, "psid=", rule->psid);
	put_field(&t, "psidlen=", rule->psid_len);
	put_field(&t, "ea=", rule->ea_len);
	put_field(&t, "IPv4 prefix length ", rule->ip4_len);
	return err->code;
}

static enum mape_errcode check_brs(const struct mape_rule *rule, struct mape_error *err)
{
	struct mape_text t;

	if (rule->br_count > MAPE_BR_MAX) {
		t = begin(err, MAPE_ERR_RULE_BRS);
		mape_put_num(&t, rule->br_count);
		return err->code;
	}
	for (__u32 i = 0; i < rule->br_count; i++) {
		if (mape_ip6_is_host(rule->br[i]))
			continue;
		t = begin(err, MAPE_ERR_RULE_BR);
		mape_put_ip6(&t, rule->br[i]);
		return err->code;
	}
	return MAPE_OK;
}

enum mape_errcode mape_rule_validate(const struct mape_rule *rule, struct mape_error *err)
{
	static enum mape_errcode (*const checks[])(const struct mape_rule *,
						   struct mape_error *) = {
		check_host_bits, check_ea, check_psid_len, check_offset, check_psid, check_brs,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		enum mape_errcode code = checks[i](rule, err);

		if (code)
			return code;
	}
	return MAPE_OK;
}

/* Could these rules give one IPv4 address and port to two CEs? */
static bool share_ports(const struct mape_rule *a, const struct mape_rule *b)
{
	__u32 len = a->ip4_len < b->ip4_len ? a->ip4_len : b->ip4_len;

	if ((a->ip4 ^ b->ip4) & mape_ip4_mask(len))
		return false;
	return !(a->psid_explicit && b->psid_explicit && a->psid_offset == b->psid_offset &&
		 a->psid_len == b->psid_len && a->psid != b->psid);
}

/* Nested IPv6 prefixes are no overlap: the longest match decides (section 5). */
static bool overlap(const struct mape_rule *a, const struct mape_rule *b)
{
	if (a->ip6_len == b->ip6_len && mape_ip6_eq(a->ip6, b->ip6))
		return true;
	return share_ports(a, b);
}

enum mape_errcode mape_rules_validate(const struct mape_rule *rules, size_t count,
				      struct mape_error *err)
{
	for (size_t i = 0; i < count; i++) {
		enum mape_errcode code = mape_rule_validate(&rules[i], err);

		if (code)
			return code;
		for (size_t j = 0; j < i; j++) {
			struct mape_text t;

			if (!overlap(&rules[j], &rules[i]))
				continue;
			t = begin(err, MAPE_ERR_RULE_OVERLAP);
			put_rule(&t, &rules[j]);
			mape_put_str(&t, " and ");
			put_rule(&t, &rules[i]);
			return err->code;
		}
	}
	return MAPE_OK;
}
