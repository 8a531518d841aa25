// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads a rule given by hand. */
#include <rule/rule.h>
#include <rule/text.h>

#define OFFSET_DEFAULT 6   /* RFC 7597, section 5.1 */
#define NUMBER_MAX     255 /* what the fields hold; whether it makes sense is validated later */

/* A part of the text; not NUL-terminated. */
struct span {
	const char *s;
	size_t n;
};

/* What has been read so far. */
struct words {
	struct mape_rule *rule;
	bool seen_ipv6, seen_ipv4, seen_ea, seen_offset, seen_psid_len, seen_iid;
};

static bool span_is(struct span a, const char *b)
{
	size_t i = 0;

	while (i < a.n && b[i] && a.s[i] == b[i])
		i++;
	return i == a.n && !b[i];
}

/* Cuts at the first c, which neither part contains; false and an empty tail if there is none. */
static bool span_cut(struct span whole, char c, struct span *head, struct span *tail)
{
	size_t i = 0;

	while (i < whole.n && whole.s[i] != c)
		i++;
	head->s = whole.s;
	head->n = i;
	tail->s = whole.s + i + (i < whole.n);
	tail->n = whole.n - i - (i < whole.n);
	return i < whole.n;
}

static enum mape_errcode refuse(struct mape_error *err, enum mape_errcode code, size_t column,
				struct span word, const char *why)
{
	struct mape_text t;

	err->code = code;
	mape_text_init(&t, err->detail, sizeof(err->detail));
	mape_put_quoted(&t, word.s, word.n);
	mape_put_str(&t, " at character ");
	mape_put_num(&t, column);
	mape_put_str(&t, ": ");
	mape_put_str(&t, why);
	return code;
}

static const char *read_ipv6(struct span value, struct mape_rule *rule)
{
	struct span addr, len;
	__u32 n;

	if (!span_cut(value, '/', &addr, &len) || !mape_read_ip6(addr.s, addr.n, &rule->ip6) ||
	    !mape_read_num(len.s, len.n, MAPE_IP6_BITS, &n))
		return "not an IPv6 prefix with its length";
	rule->ip6_len = n;
	return NULL;
}

static const char *read_ipv4(struct span value, struct mape_rule *rule)
{
	struct span addr, len;
	__u32 n = MAPE_IP4_BITS;
	bool has_len = span_cut(value, '/', &addr, &len);

	if (!mape_read_ip4(addr.s, addr.n, &rule->ip4) ||
	    (has_len && !mape_read_num(len.s, len.n, MAPE_IP4_BITS, &n)))
		return "not an IPv4 address or prefix";
	rule->ip4_len = n;
	return NULL;
}

static const char *read_u8(struct span value, __u8 *out)
{
	__u32 n;

	if (!mape_read_num(value.s, value.n, NUMBER_MAX, &n))
		return "not a number of bits";
	*out = n;
	return NULL;
}

static const char *read_psid(struct span value, struct mape_rule *rule)
{
	__u32 n;

	if (!mape_read_num(value.s, value.n, 0xffff, &n))
		return "not a number from 0 to 65535";
	rule->psid = n;
	return NULL;
}

static const char *read_br(struct span value, struct mape_rule *rule)
{
	if (rule->br_count == MAPE_BR_MAX)
		return "too many border relays";
	if (!mape_read_ip6(value.s, value.n, &rule->br[rule->br_count]))
		return "not an IPv6 address";
	rule->br_count++;
	return NULL;
}

static const char *read_iid(struct span value, struct mape_rule *rule)
{
	if (span_is(value, mape_iid_name(MAPE_IID_DRAFT03)))
		rule->iid = MAPE_IID_DRAFT03;
	else if (!span_is(value, mape_iid_name(MAPE_IID_RFC7597)))
		return "neither draft03 nor rfc7597";
	return NULL;
}

static const char *twice(bool *seen)
{
	if (*seen)
		return "given twice";
	*seen = true;
	return NULL;
}

/* NULL, or why the word cannot be read. */
static const char *read_word(struct words *w, struct span key, struct span value)
{
	struct mape_rule *rule = w->rule;
	const char *why;

	if (span_is(key, "ipv6"))
		return (why = twice(&w->seen_ipv6)) ? why : read_ipv6(value, rule);
	if (span_is(key, "ipv4"))
		return (why = twice(&w->seen_ipv4)) ? why : read_ipv4(value, rule);
	if (span_is(key, "ea"))
		return (why = twice(&w->seen_ea)) ? why : read_u8(value, &rule->ea_len);
	if (span_is(key, "offset"))
		return (why = twice(&w->seen_offset)) ? why : read_u8(value, &rule->psid_offset);
	if (span_is(key, "psidlen"))
		return (why = twice(&w->seen_psid_len)) ? why : read_u8(value, &rule->psid_len);
	if (span_is(key, "psid"))
		return (why = twice(&rule->psid_explicit)) ? why : read_psid(value, rule);
	if (span_is(key, "iid"))
		return (why = twice(&w->seen_iid)) ? why : read_iid(value, rule);
	if (span_is(key, "br"))
		return read_br(value, rule);
	return "not one of ipv6, ipv4, ea, offset, psidlen, psid, br, iid";
}

static enum mape_errcode check_complete(const struct words *w, struct mape_error *err)
{
	struct mape_text t;
	const char *missing = NULL;

	if (!w->seen_ipv6)
		missing = "ipv6=";
	else if (!w->seen_ipv4)
		missing = "ipv4=";
	else if (!w->seen_ea)
		missing = "ea=";
	else if (w->rule->psid_explicit && !w->seen_psid_len)
		missing = "psidlen=";
	else if (!w->rule->psid_explicit && !w->rule->ea_len && w->rule->psid_len)
		missing = "psid=";
	if (!missing)
		return MAPE_OK;
	err->code = MAPE_ERR_RULE_MISSING;
	mape_text_init(&t, err->detail, sizeof(err->detail));
	mape_put_str(&t, missing);
	mape_put_str(&t, " is missing");
	return err->code;
}

static void fill_defaults(const struct words *w)
{
	struct mape_rule *rule = w->rule;

	if (!w->seen_psid_len)
		rule->psid_len = mape_ea_psid_len(rule->ip4_len, rule->ea_len);
	if (!w->seen_offset)
		rule->psid_offset = rule->psid_len ? OFFSET_DEFAULT : 0;
}

enum mape_errcode mape_rule_parse(const char *text, struct mape_rule *rule, struct mape_error *err)
{
	struct words w = { .rule = rule };
	struct span rest = { text, 0 };
	enum mape_errcode code;
	bool more;

	while (text[rest.n])
		rest.n++;
	*rule = (struct mape_rule){ .iid = MAPE_IID_RFC7597,
				    .confidence = MAPE_CONF_BY_HAND,
				    .provider = "by-hand" };
	do {
		struct span word, key, value;
		size_t column = rest.s - text + 1;
		const char *why;

		more = span_cut(rest, ',', &word, &rest);
		if (!span_cut(word, '=', &key, &value))
			return refuse(err, MAPE_ERR_RULE_SYNTAX, column, word,
				      "not of the form name=value");
		why = read_word(&w, key, value);
		if (why)
			return refuse(err, MAPE_ERR_RULE_SYNTAX, column, word, why);
	} while (more);

	code = check_complete(&w, err);
	if (code)
		return code;
	fill_defaults(&w);
	return mape_rule_validate(rule, err);
}
