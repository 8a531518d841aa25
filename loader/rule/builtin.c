// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The built-in table, and the prefixes that people meet on lines without MAP-E. */
#include <rule/rule.h>
#include <rule/text.h>

#define HEXTETS(a, b) { (__u64)(a) << 48 | (__u64)(b) << 32, 0 }

struct known {
	struct mape_ip6 ip6;
	__u8 len;
	enum mape_errcode code;
	const char *who;
};

static const struct known knowns[] = {
	{ HEXTETS(0x2408, 0), 22, MAPE_ERR_NTT_ONLY, "NTT East" },
	{ HEXTETS(0x2001, 0xc90), 32, MAPE_ERR_NTT_ONLY, "NTT East" },
	{ HEXTETS(0x2404, 0x1a8), 32, MAPE_ERR_NTT_ONLY, "NTT East" },
	{ HEXTETS(0x2001, 0xa000), 21, MAPE_ERR_NTT_ONLY, "NTT West" },
	{ HEXTETS(0x2001, 0xd70), 30, MAPE_ERR_NTT_ONLY, "NTT West" },
	/* the upper half of 2409::/16 is not in Japan */
	{ HEXTETS(0x2409, 0), 17, MAPE_ERR_OCN_OTHER, "OCN" },
};

static const struct mape_ip6 global_unicast = HEXTETS(0x2000, 0);
#define GLOBAL_UNICAST_LEN 3

static enum mape_errcode refuse(struct mape_error *err, enum mape_errcode code,
				const struct mape_prefix *prefix, const struct known *known)
{
	struct mape_text t;

	err->code = code;
	mape_text_init(&t, err->detail, sizeof(err->detail));
	mape_put_prefix6(&t, prefix->ip6, prefix->len);
	if (known) {
		mape_put_str(&t, " is in ");
		mape_put_prefix6(&t, known->ip6, known->len);
		mape_put_str(&t, " of ");
		mape_put_str(&t, known->who);
	}
	return code;
}

enum mape_errcode mape_rule_find_builtin(const struct mape_prefix *prefix,
					 const struct mape_rule **rule, struct mape_error *err)
{
	enum mape_errcode code;

	code = mape_rule_find(mape_rule_table, mape_rule_count, prefix, rule, err);
	if (code != MAPE_ERR_RULE_MISMATCH)
		return code;

	for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++) {
		const struct known *k = &knowns[i];

		if (prefix->len >= k->len && mape_ip6_in(prefix->ip6, k->ip6, k->len))
			return refuse(err, k->code, prefix, k);
	}
	if (!mape_ip6_in(prefix->ip6, global_unicast, GLOBAL_UNICAST_LEN))
		return refuse(err, MAPE_ERR_PREFIX_LOCAL, prefix, NULL);
	return refuse(err, MAPE_ERR_NO_RULE, prefix, NULL);
}
