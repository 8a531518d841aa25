// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else's TC filters: one counts and lets the next filter decide, one counts and ends. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} foreign_hits SEC(".maps");

static __always_inline void hit(__u32 which)
{
	__u64 *count = bpf_map_lookup_elem(&foreign_hits, &which);

	if (count)
		__sync_fetch_and_add(count, 1);
}

SEC("tc")
int foreign_next(struct __sk_buff *skb)
{
	hit(0);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int foreign_end(struct __sk_buff *skb)
{
	hit(1);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
