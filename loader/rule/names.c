// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The words for the library's enums, and single values as users write them. */
#include <rule/rule.h>
#include <rule/text.h>

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const char *mape_confidence_name(enum mape_confidence confidence)
{
	switch (confidence) {
	case MAPE_CONF_AGREED:
		return "agreed";
	case MAPE_CONF_ONE_SOURCE:
		return "one-source";
	case MAPE_CONF_LOW:
		return "low";
	case MAPE_CONF_PROVIDER:
		return "provider";
	case MAPE_CONF_BY_HAND:
		break;
	}
	return "by-hand";
}

const char *mape_iid_name(enum mape_iid iid)
{
	return iid == MAPE_IID_DRAFT03 ? "draft03" : "rfc7597";
}

bool mape_iid_parse(const char *text, enum mape_iid *iid)
{
	bool draft = same(text, mape_iid_name(MAPE_IID_DRAFT03));

	if (!draft && !same(text, mape_iid_name(MAPE_IID_RFC7597)))
		return false;
	*iid = draft ? MAPE_IID_DRAFT03 : MAPE_IID_RFC7597;
	return true;
}

static enum mape_errcode refuse(struct mape_error *err, enum mape_errcode code, const char *text)
{
	struct mape_text t;

	err->code = code;
	mape_text_init(&t, err->detail, sizeof(err->detail));
	mape_put_quoted(&t, text, length(text));
	return code;
}

enum mape_errcode mape_prefix_parse(const char *text, struct mape_prefix *prefix,
				    struct mape_error *err)
{
	struct mape_ip6 ip6;
	__u32 len = 64;
	size_t n = 0;

	while (text[n] && text[n] != '/')
		n++;
	if (!mape_read_ip6(text, n, &ip6))
		return refuse(err, MAPE_ERR_PREFIX_SYNTAX, text);
	if (text[n] && !mape_read_num(text + n + 1, length(text + n + 1), MAPE_IP6_BITS, &len))
		return refuse(err, MAPE_ERR_PREFIX_SYNTAX, text);
	prefix->ip6 = mape_ip6_prefix(ip6, len);
	prefix->len = len;
	prefix->assumed = !text[n];
	return MAPE_OK;
}

enum mape_errcode mape_br_parse(const char *text, struct mape_ip6 *br, struct mape_error *err)
{
	if (!mape_read_ip6(text, length(text), br) || !mape_ip6_is_host(*br))
		return refuse(err, MAPE_ERR_RULE_BR, text);
	return MAPE_OK;
}
