/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RFC 5508 REQ-3: an ICMP error with a wrong checksum, or one that quotes an IPv4 header with a
 * wrong one, goes nowhere. The quoted transport checksum is not looked at: the quote may be cut.
 */
#ifndef MAPE_BPF_ICMP_SUM_H
#define MAPE_BPF_ICMP_SUM_H

#include "csum.h"
#include "parse.h"

/* The sum of the 32-bit words [from, to) of this processor's copy. Not static, as session_open(). */
__noinline __u32 copy_sum(__u32 from, __u32 to)
{
	struct mape_error_copy *copy;
	__u32 zero = 0;
	__u64 sum = 0;

	copy = bpf_map_lookup_elem(&error_copy, &zero);
	if (!copy)
		return 0;
	for (__u32 i = from; i < to; i++) {
		asm volatile("" : "+r"(i)); /* or the bound is not seen where it is needed */
		if (i >= MAPE_ERROR_MAX / 4)
			break;
		sum += copy->words[i];
	}
	return csum_fold(sum);
}

/*
 * Are the sums of this processor's copy, of len bytes, right? The quoted header is [quote, quote_l4)
 * in it.
 */
__noinline int copy_sums_right(__u32 len, __u32 quote, __u32 quote_l4)
{
	struct mape_error_copy *copy;
	__u32 zero = 0;

	copy = bpf_map_lookup_elem(&error_copy, &zero);
	if (!copy || len > MAPE_ERROR_MAX)
		return 0;
	for (__u32 i = 0; i < 4; i++)
		copy->bytes[len + i] = 0;
	return copy_sum(0, (len + 3) / 4) == 0xffff &&
	       copy_sum(quote / 4, quote_l4 / 4) == 0xffff;
}

/* Are both checksums of this error right? Longer ones than any router sends are not. */
static __noinline bool error_sums_right(mape_ctx *ctx, const struct mape_pkt *p)
{
	__u32 zero = 0, len = p->end - p->l4;
	struct mape_error_copy *copy;

	copy = bpf_map_lookup_elem(&error_copy, &zero);
	if (!copy || len > MAPE_ERROR_MAX)
		return false;
	asm volatile("" : "+r"(len)); /* or both bounds become one that older verifiers do not see */
	if (len < sizeof(struct icmp_hdr) || ctx_load_bytes(ctx, p->l4, copy->bytes, len))
		return false;
	return copy_sums_right(len, p->quote - p->l4, p->quote_l4 - p->l4);
}

#endif
