// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feature probes: tiny programs that are run once to see whether this kernel can do a thing. What
 * cannot even be loaded is found out by loading the real program.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* Run on an IPv6 packet: can TC take an IPv6 header off an IPv4 packet? Since Linux 6.3. */
SEC("tc")
int probe_decap(struct __sk_buff *skb)
{
	return bpf_skb_adjust_room(skb, -40, BPF_ADJ_ROOM_MAC,
				   BPF_F_ADJ_ROOM_DECAP_L3_IPV4 | BPF_F_ADJ_ROOM_FIXED_GSO) ?
		       TC_ACT_SHOT :
		       TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
