/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPv4 identifications. Hosts choose them without knowing of each other, yet behind one address
 * they must not meet: packets that may be fragmented get ours (RFC 7857 section 10, RFC 6864
 * section 5.3.1). Counters by remote and protocol keep an id from coming back soon.
 */
#ifndef MAPE_BPF_IP_ID_H
#define MAPE_BPF_IP_ID_H

#include "maps.h"

/* The first of `count` ids in a row for packets to this address, as in memory; host order. */
__noinline __u32 ip_ids_take(__u32 addr, __u32 proto, __u32 count)
{
	__u32 key, *next;

	key = (addr ^ proto) * 0x9e3779b1U >> (32 - MAPE_IP_IDS_BITS);
	next = bpf_map_lookup_elem(&ip_ids, &key);
	if (!next)
		return 0;
	if (!*next) /* all begin somewhere else */
		__sync_val_compare_and_swap(next, 0, bpf_get_prandom_u32());
	return __sync_fetch_and_add(next, count);
}

#endif
