// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds the rule of a line and applies it. */
#include <rule/rule.h>
#include <rule/text.h>

#define LINK_BITS 64 /* length of an advertised prefix */

static struct mape_text begin(struct mape_error *err, enum mape_errcode code,
			      const struct mape_prefix *prefix)
{
	struct mape_text t;

	err->code = code;
	mape_text_init(&t, err->detail, sizeof(err->detail));
	mape_put_prefix6(&t, prefix->ip6, prefix->len);
	return t;
}

enum mape_errcode mape_rule_find(const struct mape_rule *rules, size_t count,
				 const struct mape_prefix *prefix, const struct mape_rule **rule,
				 struct mape_error *err)
{
	const struct mape_rule *best = NULL, *inside = NULL;
	struct mape_text t;

	for (size_t i = 0; i < count; i++) {
		const struct mape_rule *r = &rules[i];

		if (r->ip6_len > prefix->len) {
			if (mape_ip6_in(r->ip6, prefix->ip6, prefix->len))
				inside = r;
		} else if (mape_ip6_in(prefix->ip6, r->ip6, r->ip6_len)) {
			if (!best || r->ip6_len > best->ip6_len)
				best = r;
		}
	}
	if (best) {
		*rule = best;
		return MAPE_OK;
	}
	if (inside) {
		t = begin(err, MAPE_ERR_PREFIX_SHORT, prefix);
		mape_put_str(&t, " is shorter than a rule's own prefix, ");
		mape_put_prefix6(&t, inside->ip6, inside->ip6_len);
		return err->code;
	}
	t = begin(err, MAPE_ERR_RULE_MISMATCH, prefix);
	if (count == 1) {
		mape_put_str(&t, " is not in ");
		mape_put_prefix6(&t, rules->ip6, rules->ip6_len);
	}
	return err->code;
}

/* The prefix has to be as long as rule prefix and EA bits, but no longer than a line's can be. */
static enum mape_errcode check_length(const struct mape_prefix *prefix, __u32 need,
				      struct mape_error *err)
{
	struct mape_text t;

	if (prefix->len < need) {
		t = begin(err, MAPE_ERR_PREFIX_SHORT, prefix);
		mape_put_str(&t, ", the rule needs /");
		mape_put_num(&t, need);
	} else if (prefix->len > LINK_BITS && prefix->len > need) {
		t = begin(err, MAPE_ERR_PREFIX_LONG, prefix);
		mape_put_str(&t, ", a line's prefix has at most ");
		mape_put_num(&t, need > LINK_BITS ? need : LINK_BITS);
		mape_put_str(&t, " bits");
	} else {
		return MAPE_OK;
	}
	return err->code;
}

/*
 * The CE address lies in subnet 0 of the end-user prefix. A prefix inside it with another subnet
 * number was handed on by a gateway, which keeps subnet 0, and with it that address, for itself.
 */
static enum mape_errcode check_subnet(const struct mape_prefix *prefix,
				      const struct mape_line *line, struct mape_error *err)
{
	struct mape_text t;

	if (mape_ip6_eq(prefix->ip6, line->prefix))
		return MAPE_OK;
	t = begin(err, MAPE_ERR_PREFIX_SUBNET, prefix);
	mape_put_str(&t, " is only a part of ");
	mape_put_prefix6(&t, line->prefix, line->prefix_len);
	mape_put_str(&t, " and not its subnet 0: the CE address ");
	mape_put_ip6(&t, line->ce);
	mape_put_str(&t, " would belong to the gateway");
	return err->code;
}

struct mape_fmr mape_rule_fmr(const struct mape_rule *rule)
{
	struct mape_fmr fmr = {
		.ip6 = rule->ip6,
		.ip4 = rule->ip4,
		.psid = rule->psid,
		.ip6_len = rule->ip6_len,
		.ip4_len = rule->ip4_len,
		.ea_len = rule->ea_len,
		.psid_offset = rule->psid_offset,
		.psid_len = rule->psid_len,
		.iid = rule->iid,
	};

	return fmr;
}

enum mape_errcode mape_line_derive(const struct mape_rule *rule, const struct mape_prefix *prefix,
				   struct mape_line *line, struct mape_error *err)
{
	struct mape_fmr fmr = mape_rule_fmr(rule);
	__u32 need = rule->ip6_len + rule->ea_len;
	struct mape_owner owner;
	enum mape_errcode code;

	code = check_length(prefix, need, err);
	if (code)
		return code;
	if (!mape_ip6_in(prefix->ip6, rule->ip6, rule->ip6_len)) {
		begin(err, MAPE_ERR_RULE_MISMATCH, prefix);
		return err->code;
	}

	owner = mape_fmr_owner(&fmr, prefix->ip6);
	line->rule = *rule;
	line->prefix = mape_ip6_prefix(prefix->ip6, need);
	line->prefix_len = need;
	line->prefix_assumed = prefix->assumed;
	line->ip4 = owner.ip4;
	line->ip4_len = owner.ip4_len;
	line->psid = owner.psid;
	line->ce = mape_ce_address(line->prefix, need, owner, rule->iid);
	line->br_count = rule->br_count;
	for (__u32 i = 0; i < MAPE_BR_MAX; i++)
		line->br[i] = i < rule->br_count ? rule->br[i] : (struct mape_ip6){ 0, 0 };
	mape_portset_init(&line->ports, rule->psid_offset, rule->psid_len, owner.psid);

	if (!line->ports.count) {
		begin(err, MAPE_ERR_NO_PORTS, prefix);
		return err->code;
	}
	return check_subnet(prefix, line, err);
}
