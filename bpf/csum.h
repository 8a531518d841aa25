/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incremental checksums (RFC 1624). A delta is the one's complement sum of the new words minus
 * the old ones; applying it gives HC' = ~(~HC + delta), which is right for all values, 0x0000 and
 * 0xffff included. All words are used as they lie in memory: one's complement sums do not depend
 * on the byte order as long as words are not mixed.
 */
#ifndef MAPE_BPF_CSUM_H
#define MAPE_BPF_CSUM_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline __u32 csum_delta16(__u16 from, __u16 to)
{
	return (__u32)(__u16)~from + to;
}

static __always_inline __u32 csum_delta_addr(const __u8 *from, const __u8 *to)
{
	__u32 a, b;
	__u64 sum;

	__builtin_memcpy(&a, from, 4);
	__builtin_memcpy(&b, to, 4);
	sum = (__u64)(__u32)~a + b;
	return csum_fold(sum);
}

static __always_inline __u16 csum_apply(__u16 check, __u64 delta)
{
	return ~csum_fold((__u64)(__u16)~check + delta);
}

#endif
