/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a prefix or a rule was refused: one list of codes, what they mean and what to do next. */
#ifndef RULE_ERROR_H
#define RULE_ERROR_H

/* X(code, text, hint) */
#define MAPE_ERRORS(X)                                                                             \
	X(PREFIX_SYNTAX, "not an IPv6 prefix",                                                     \
	  "write the line's prefix as in 2400:4050:400:5600::/56, or any address of the line")     \
	X(PREFIX_SHORT, "the prefix is too short",                                                 \
	  "give the prefix of this one line as the provider delegates or advertises it, "          \
	  "usually a /56 or a /64; `ip -6 address` shows it")                                      \
	X(PREFIX_LONG, "the prefix is too long",                                                   \
	  "give the delegated prefix or the advertised /64, or an address without length")         \
	X(PREFIX_SUBNET, "the line ends at a gateway in front of this router",                     \
	  "if the whole prefix is delegated to this router, give it with its length; otherwise "   \
	  "connect this router to the line without the gateway, or use the gateway's own MAP-E "   \
	  "(with ea=0 the rule has to hold the line's own prefix)")                                \
	X(PREFIX_LOCAL, "not a global address",                                                    \
	  "give the global address or prefix of the WAN (it begins with 2 or 3); "                 \
	  "if there is none, IPv6 is not up on this line")                                         \
	X(NTT_ONLY, "NTT's own prefix, the line is not connected to a provider by IPoE",           \
	  "ask the provider to enable IPoE with IPv4 over IPv6 on this line; "                     \
	  "the prefix changes when that is done")                                                  \
	X(OCN_OTHER, "an OCN prefix without Virtual Connect",                                      \
	  "ask OCN for a contract with OCN Virtual Connect; the prefix changes with it")           \
	X(NO_RULE, "no known rule for this prefix",                                                \
	  "if the provider does use MAP-E, give its rule with --rule; otherwise the line may use " \
	  "DS-Lite or another method")                                                             \
	X(RULE_MISMATCH, "the prefix is not inside the given rule",                                \
	  "compare the ipv6= word of --rule with the prefix of the line")                          \
	X(RULE_SYNTAX, "cannot read the rule",                                                     \
	  "write it as ipv6=P,ipv4=P,ea=N,offset=N[,psidlen=N,psid=N][,br=A][,iid=rfc7597]")       \
	X(RULE_MISSING, "the rule is incomplete",                                                  \
	  "a rule needs at least ipv6=, ipv4= and ea=; psid= and psidlen= go together")            \
	X(RULE_HOST_BITS, "the rule's prefix has bits beyond its length",                          \
	  "check the length, or write the missing bits as zeros")                                  \
	X(RULE_EA, "impossible number of EA bits",                                                 \
	  "there are at most 48 EA bits, and IPv6 prefix and EA bits make up at most 128 bits")    \
	X(RULE_PSID_LEN, "impossible PSID length",                                                 \
	  "with EA bits the PSID length is ea - (32 - IPv4 prefix length), not ea - offset; "      \
	  "leave psidlen= out to have it computed")                                                \
	X(RULE_OFFSET, "impossible PSID offset",                                                   \
	  "the offset is 0 to 15, and offset and PSID length make up at most 16 bits")             \
	X(RULE_PSID, "impossible PSID",                                                            \
	  "a PSID is given only with ea=0 and a single IPv4 address, and fits into psidlen bits")  \
	X(RULE_BR, "not the address of a border relay",                                            \
	  "give the unicast IPv6 address of the border relay, as in br=2001:db8:ffff::1")          \
	X(RULE_BRS, "too many border relays", "give at most 4")                                    \
	X(RULE_OVERLAP, "two rules overlap",                                                       \
	  "keep the one that the provider means: two lines would share the same IPv4 ports")       \
	X(NO_PORTS, "no usable port is left", "check offset= and psid=: port 0 cannot be used")

enum mape_errcode {
	MAPE_OK,
#define MAPE_ERROR_ENUM(code, text, hint) MAPE_ERR_##code,
	MAPE_ERRORS(MAPE_ERROR_ENUM)
#undef MAPE_ERROR_ENUM
};

#define MAPE_DETAIL_MAX 240

struct mape_error {
	enum mape_errcode code;
	char detail[MAPE_DETAIL_MAX]; /* what exactly is wrong, with the input quoted */
};

struct mape_explanation {
	const char *text; /* what the code means, no full stop */
	const char *hint; /* what to do next */
};

struct mape_explanation mape_rule_explain(enum mape_errcode code);

#endif /* RULE_ERROR_H */
