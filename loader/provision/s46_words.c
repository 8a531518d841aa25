// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Softwire options as odhcp6c (OpenWrt) hands them to its script, and both forms from text. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "parsers.h"
#include "rule/text.h"
#include "s46.h"

struct span {
	const char *s;
	size_t n;
};

/* A rule on its way: what its words have said so far. */
struct draft {
	struct mape_rule rule;
	struct s46_ports ports;
	enum prov_method method;
	bool fmr, ip6, ip6_len, ip4, ip4_len, type;
};

static bool is(struct span a, const char *b)
{
	return a.n == strlen(b) && !memcmp(a.s, b, a.n);
}

static bool read_type(struct span value, struct draft *d)
{
	d->type = true;
	d->method = is(value, "map-e") ? PROV_MAP_E : is(value, "lw4o6") ? PROV_LW4O6 : PROV_MAP_T;
	return d->method != PROV_MAP_T || is(value, "map-t");
}

static bool read_u8(struct span value, uint32_t max, uint8_t *out)
{
	__u32 n;

	if (!mape_read_num(value.s, value.n, max, &n))
		return false;
	*out = n;
	return true;
}

/* The 16 bits as they were in the option. */
static bool read_psid(struct span value, struct draft *d)
{
	__u32 n;

	if (!mape_read_num(value.s, value.n, 0xffff, &n))
		return false;
	d->ports.psid = n;
	return true;
}

static bool read_br(struct span value, struct mape_rule *rule)
{
	struct mape_ip6 br;

	if (!mape_read_ip6(value.s, value.n, &br))
		return false;
	if (rule->br_count < MAPE_BR_MAX)
		rule->br[rule->br_count++] = br;
	return true;
}

static bool read_word(struct span key, struct span value, struct draft *d)
{
	if (is(key, "fmr"))
		return d->fmr = true;
	if (is(key, "type"))
		return read_type(value, d);
	if (is(key, "ealen"))
		return read_u8(value, MAPE_EA_MAX, &d->rule.ea_len);
	if (is(key, "prefix4len"))
		return d->ip4_len = read_u8(value, MAPE_IP4_BITS, &d->rule.ip4_len);
	if (is(key, "prefix6len"))
		return d->ip6_len = read_u8(value, MAPE_IP6_BITS, &d->rule.ip6_len);
	if (is(key, "ipv4prefix"))
		return d->ip4 = mape_read_ip4(value.s, value.n, &d->rule.ip4);
	if (is(key, "ipv6prefix"))
		return d->ip6 = mape_read_ip6(value.s, value.n, &d->rule.ip6);
	if (is(key, "offset"))
		return d->ports.given = read_u8(value, 15, &d->ports.offset);
	if (is(key, "psidlen"))
		return read_u8(value, MAPE_PORT_BITS, &d->ports.psid_len);
	if (is(key, "psid"))
		return read_psid(value, d);
	if (is(key, "br"))
		return read_br(value, &d->rule);
	return is(key, "dmr"); /* of MAP-T */
}

static int refuse(struct span word)
{
	char quoted[80];
	struct mape_text t;

	mape_text_init(&t, quoted, sizeof(quoted));
	mape_put_quoted(&t, word.s, word.n);
	return err(NULL, "cannot read the word %s", quoted);
}

/* The words of one rule, separated by commas; the last comma has nothing behind it. */
static int read_rule(struct span text, struct draft *d)
{
	while (text.n) {
		const char *comma = memchr(text.s, ',', text.n);
		struct span word = { text.s, comma ? (size_t)(comma - text.s) : text.n };
		const char *equals = memchr(word.s, '=', word.n);
		struct span key = { word.s, equals ? (size_t)(equals - word.s) : word.n };
		struct span value = { word.s + key.n + !!equals, word.n - key.n - !!equals };

		if (word.n && !read_word(key, value, d))
			return refuse(word);
		text.s += word.n + !!comma;
		text.n -= word.n + !!comma;
	}
	return 0;
}

static int add_rule(struct draft *d, struct prov_answer *answer)
{
	if (!d->type)
		return err(NULL, "a rule without type=");
	if (d->method == PROV_MAP_T) {
		prov_answer_offer(answer, PROV_MAP_T);
		return 0;
	}
	if (!d->ip6 || !d->ip6_len || !d->ip4 || !d->ip4_len || !d->rule.br_count)
		return err(NULL, "a rule without %s", !d->ip6	  ? "ipv6prefix=" :
						      !d->ip6_len ? "prefix6len=" :
						      !d->ip4	  ? "ipv4prefix=" :
						      !d->ip4_len ? "prefix4len=" :
								    "br=");
	if (s46_finish(&d->rule, &d->ports))
		return -1;
	prov_answer_offer(answer, d->method);
	if (d->method == PROV_MAP_E)
		return prov_answer_add(answer, &d->rule, d->fmr);
	answer->lw4o6 = d->rule;
	return 0;
}

enum prov_result s46_parse_words(const void *bytes, size_t len, struct prov_answer *answer)
{
	const char *at = bytes, *end = at + len;

	for (size_t n = 1;; n++) {
		struct draft d = { .rule = s46_rule() };
		struct span text;

		while (at < end && isspace((unsigned char)*at))
			at++;
		for (text.s = at; at < end && !isspace((unsigned char)*at);)
			at++;
		text.n = at - text.s;
		if (!text.n)
			break;
		if (read_rule(text, &d) || add_rule(&d, answer))
			return err_context("rule %zu", n), PROV_BAD;
	}
	if (answer->n_order)
		return PROV_OK;
	err(NULL, "no rule was given");
	return PROV_NOTHING;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at;

	at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
	return at ? at - digits : -1;
}

/* The number of bytes, or -1 with err(). */
static long from_hex(struct span text, uint8_t *bytes)
{
	long n = 0;

	for (size_t i = 0; i < text.n;) {
		int high = hex_digit(text.s[i]), low;

		if (isspace((unsigned char)text.s[i]) || text.s[i] == ':') {
			i++;
			continue;
		}
		low = i + 1 < text.n ? hex_digit(text.s[i + 1]) : -1;
		if (high < 0 || low < 0)
			return err("Give the options as hexadecimal digits, or as the words of "
				   "odhcp6c: type=map-e,..",
				   "character %zu is not part of a byte in hexadecimal", i + 1);
		bytes[n++] = high << 4 | low;
		i += 2;
	}
	return n;
}

enum prov_result s46_parse_text(const void *bytes, size_t len, struct prov_answer *answer)
{
	enum prov_result result = PROV_BAD;
	uint8_t *options;
	long n;

	if (len && memchr(bytes, '=', len))
		return s46_parse_words(bytes, len, answer);
	options = malloc(len / 2 + 1);
	if (!options)
		return err(NULL, "out of memory"), PROV_BAD;
	n = from_hex((struct span){ bytes, len }, options);
	if (n >= 0)
		result = s46_parse(options, n, answer);
	free(options);
	return result;
}
