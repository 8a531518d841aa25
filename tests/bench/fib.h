/* SPDX-License-Identifier: GPL-2.0-only */
/* The floor of forwarding: an IPv4 FIB lookup, TTL, MAC addresses, redirect. */
#ifndef MAPE_TESTS_BENCH_FIB_H
#define MAPE_TESTS_BENCH_FIB_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

static __always_inline int fib_forward(struct xdp_md *ctx, void *devices)
{
	struct bpf_fib_lookup fib = { .family = 2 /* AF_INET */, .ifindex = ctx->ingress_ifindex };
	__u8 *p = (void *)(long)ctx->data, *ip = p + 14;
	__u32 check;

	if ((void *)(ip + 20) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	__builtin_memcpy(&fib.ipv4_src, ip + 12, 4);
	__builtin_memcpy(&fib.ipv4_dst, ip + 16, 4);
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return XDP_PASS;
	ip[8]--;
	check = (ip[10] << 8 | ip[11]) + 0x100;
	check += check >> 16;
	ip[10] = check >> 8;
	ip[11] = check;
	__builtin_memcpy(p, fib.dmac, 6);
	__builtin_memcpy(p + 6, fib.smac, 6);
	return bpf_redirect_map(devices, fib.ifindex, XDP_DROP);
}

#endif
