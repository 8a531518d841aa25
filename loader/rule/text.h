/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses as text, and a bounded string to write messages into. No libc formatting: the rule
 * library has to work where there is no stdio, and inet_ntop() differs between libcs.
 */
#ifndef RULE_TEXT_H
#define RULE_TEXT_H

#include <stddef.h>

#include <mape/arith.h>

#define MAPE_IP6_STRLEN	   40 /* 8 groups of 4 digits, 7 colons, NUL */
#define MAPE_IP4_STRLEN	   16
#define MAPE_PREFIX_STRLEN (MAPE_IP6_STRLEN + 4)

/* A string in a buffer of the caller's; what does not fit is cut off, the NUL is always there. */
struct mape_text {
	char *buf;
	size_t size;
	size_t len;
};

void mape_text_init(struct mape_text *t, char *buf, size_t size);
void mape_put_str(struct mape_text *t, const char *s);
void mape_put_num(struct mape_text *t, __u32 n);
void mape_put_ip4(struct mape_text *t, __u32 ip4);
/* RFC 5952: lower case, the first of the longest runs of zero groups shortened. */
void mape_put_ip6(struct mape_text *t, struct mape_ip6 ip6);
void mape_put_prefix6(struct mape_text *t, struct mape_ip6 ip6, __u32 len);
/* n characters of s in single quotes; what is not printable ASCII as '?', long input shortened. */
void mape_put_quoted(struct mape_text *t, const char *s, size_t n);

/* Write into buf of the size given above and return it. */
char *mape_ip4_str(__u32 ip4, char buf[MAPE_IP4_STRLEN]);
char *mape_ip6_str(struct mape_ip6 ip6, char buf[MAPE_IP6_STRLEN]);
char *mape_prefix4_str(__u32 ip4, __u32 len, char buf[MAPE_IP4_STRLEN + 4]);
char *mape_prefix6_str(struct mape_ip6 ip6, __u32 len, char buf[MAPE_PREFIX_STRLEN]);

/* Each reads exactly the n characters at s; false if they are anything else than the value. */
bool mape_read_num(const char *s, size_t n, __u32 max, __u32 *out); /* decimal, or hex with 0x */
bool mape_read_ip4(const char *s, size_t n, __u32 *out);
bool mape_read_ip6(const char *s, size_t n, struct mape_ip6 *out); /* without a dotted tail */

#endif /* RULE_TEXT_H */
