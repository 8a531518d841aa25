/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mapping rules (RFC 7597) and what they make of a line's IPv6 prefix.
 *
 * A pure library: no I/O, no memory allocation, no errno, nothing global that is written. Its
 * functions return 0 or an error code, and then *err is filled. Numbers are in host byte order.
 */
#ifndef RULE_RULE_H
#define RULE_RULE_H

#include <stddef.h>

#include <mape/abi.h>
#include <mape/arith.h>
#include <rule/error.h>

/* How well a rule is known. */
enum mape_confidence {
	MAPE_CONF_AGREED,     /* several independent sources say the same */
	MAPE_CONF_ONE_SOURCE, /* one source, not contradicted */
	MAPE_CONF_LOW,	      /* doubtful: used, but the user is told */
	MAPE_CONF_BY_HAND,    /* given by the user */
	MAPE_CONF_PROVIDER,   /* told by the network of the line */
};

struct mape_rule {
	struct mape_ip6 ip6;
	__u8 ip6_len;
	__u32 ip4;
	__u8 ip4_len;
	__u8 ea_len;	    /* 0..MAPE_EA_MAX */
	__u8 psid_offset;   /* a, 0..15 */
	__u8 psid_len;	    /* k, from the EA bits or as given with an explicit PSID */
	bool psid_explicit; /* only with ea_len 0 */
	__u16 psid;	    /* only if psid_explicit */
	enum mape_iid iid;
	enum mape_confidence confidence;
	const char *provider;
	struct mape_ip6 br[MAPE_BR_MAX];
	__u32 br_count;
};

/* The prefix of a line as someone wrote it. */
struct mape_prefix {
	struct mape_ip6 ip6; /* zero beyond len */
	__u8 len;
	bool assumed; /* an address without length: taken to be in its /64 */
};

/* Everything that follows from a rule and the prefix of a line. */
struct mape_line {
	struct mape_rule rule;
	struct mape_ip6 prefix; /* end-user prefix, rule prefix and EA bits long */
	__u8 prefix_len;
	bool prefix_assumed; /* see struct mape_prefix */
	__u32 ip4;	     /* the CE's address, or its IPv4 prefix if ip4_len is below 32 */
	__u8 ip4_len;
	__u16 psid;
	struct mape_portset ports;
	struct mape_ip6 ce;
	struct mape_ip6 br[MAPE_BR_MAX];
	__u32 br_count; /* 0 if nobody named a border relay */
};

/* The built-in rules, sorted as in loader/data/rules.csv (build/gen/rule_table.c). */
extern const struct mape_rule mape_rule_table[];
extern const size_t mape_rule_count;

/* "agreed", "one-source", "low", "by-hand" or "provider". */
const char *mape_confidence_name(enum mape_confidence confidence);

/* "draft03" or "rfc7597". */
const char *mape_iid_name(enum mape_iid iid);
bool mape_iid_parse(const char *text, enum mape_iid *iid);

/*
 * Reads PREFIX/LEN, ADDRESS/LEN or ADDRESS. Bits beyond LEN are dropped, as people copy what `ip
 * address` prints; an address without length stands for its /64.
 */
enum mape_errcode mape_prefix_parse(const char *text, struct mape_prefix *prefix,
				    struct mape_error *err);

/* Reads one border relay address. */
enum mape_errcode mape_br_parse(const char *text, struct mape_ip6 *br, struct mape_error *err);

/*
 * Reads `ipv6=P,ipv4=P,ea=N[,offset=N][,psidlen=N][,psid=N][,br=A]...[,iid=draft03|rfc7597]` and
 * validates it. Defaults: iid rfc7597; offset 6 for a shared address (RFC 7597, section 5.1), 0 for
 * one that is not, so that all its ports are used.
 */
enum mape_errcode mape_rule_parse(const char *text, struct mape_rule *rule, struct mape_error *err);

/* Is this a possible rule? */
enum mape_errcode mape_rule_validate(const struct mape_rule *rule, struct mape_error *err);

/* Are these possible rules of one domain, in which no two CEs can get the same address and port? */
enum mape_errcode mape_rules_validate(const struct mape_rule *rules, size_t count,
				      struct mape_error *err);

/* The rule with the longest IPv6 prefix that the line's prefix lies in. */
enum mape_errcode mape_rule_find(const struct mape_rule *rules, size_t count,
				 const struct mape_prefix *prefix, const struct mape_rule **rule,
				 struct mape_error *err);

/* The same in the built-in table; the error knows the prefixes that people meet without MAP-E. */
enum mape_errcode mape_rule_find_builtin(const struct mape_prefix *prefix,
					 const struct mape_rule **rule, struct mape_error *err);

/* Applies a valid rule to a line's prefix. */
enum mape_errcode mape_line_derive(const struct mape_rule *rule, const struct mape_prefix *prefix,
				   struct mape_line *line, struct mape_error *err);

/* The rule as the programs keep it. */
struct mape_fmr mape_rule_fmr(const struct mape_rule *rule);

#endif /* RULE_RULE_H */
