/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing the next packet of a drive into an XDP frame. */
#ifndef MAPE_TESTS_BENCH_MAKE_H
#define MAPE_TESTS_BENCH_MAKE_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "drive.h"

#define ETH_LEN 14
#define IP6_LEN 40
#define PLAIN_HEAD 42  /* Ethernet, IPv4, 8 bytes of transport */
#define TUNNEL_HEAD 82 /* the same with IPv6 in between */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before loading */
	__type(key, __u32);
	__type(value, struct shot);
} shots SEC(".maps");

/* 0: packets of the LAN, 1: of the WAN */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct drive);
} drives SEC(".maps");

/* The one that is due, and the position moved on. */
static __always_inline const struct shot *next_shot(struct drive *d)
{
	__u32 index = d->first + d->at++;

	if (d->at >= d->count)
		d->at = 0;
	return bpf_map_lookup_elem(&shots, &index);
}

/* Headers of the frame anew: the template, then this packet's own addresses and ports. head is a
 * constant: PLAIN_HEAD or TUNNEL_HEAD. */
static __always_inline int write_head(struct xdp_md *ctx, struct drive *d, const __u32 head)
{
	__u8 *p = (void *)(long)ctx->data, *inner = p + head - 28;
	const struct shot *shot = next_shot(d);

	if (!shot || (void *)(p + head) > (void *)(long)ctx->data_end)
		return -1;
	__builtin_memcpy(p, d->head, head);
	__builtin_memcpy(inner + 12, shot->src, 8);
	__builtin_memcpy(inner + 20, shot->sport, 4);
	__builtin_memcpy(inner + 10, shot->ip_check, 2);
	__builtin_memcpy(inner + 26, shot->udp_check, 2);
	return 0;
}

#endif
