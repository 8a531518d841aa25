/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map, in one place. The first object that is loaded makes them, the others use the same
 * ones. Sizes that depend on the port set are set by the loader (0 here).
 */
#ifndef MAPE_BPF_MAPS_H
#define MAPE_BPF_MAPS_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <mape/arith.h>
#include <mape/config.h>
#include <mape/fragment.h>
#include <mape/napt.h>
#include <mape/outcome.h>
#include <mape/pmtu.h>
#include <mape/prefix.h>

#define EINVAL 22
#define ENOENT 2
#define EBUSY 16
#define EEXIST 17

#define BPF_MAP(name, map_type, entries, key_type, value_type) \
	struct {                                               \
		__uint(type, map_type);                        \
		__uint(max_entries, entries);                  \
		__type(key, key_type);                         \
		__type(value, value_type);                     \
	} name SEC(".maps")

/* Records that come and go with the traffic take memory only while they live. */
#define BPF_TABLE(name, entries, key_type, value_type) \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_HASH);       \
		__uint(max_entries, entries);          \
		__uint(map_flags, BPF_F_NO_PREALLOC);  \
		__type(key, key_type);                 \
		__type(value, value_type);             \
	} name SEC(".maps")

/* Found by the longest prefix. The kernel insists on the flag. */
#define BPF_PREFIXES(name, entries, value_type)      \
	struct {                                     \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE); \
		__uint(max_entries, entries);        \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__type(key, struct mape_prefix4);    \
		__type(value, value_type);           \
	} name SEC(".maps")

#define BPF_QUEUE(name, entries, value_type)      \
	struct {                                  \
		__uint(type, BPF_MAP_TYPE_QUEUE); \
		__uint(max_entries, entries);     \
		__type(value, value_type);        \
	} name SEC(".maps")

/* Written by the loader, read by all programs. */
BPF_MAP(config, BPF_MAP_TYPE_ARRAY, 1, __u32, struct mape_config);

/* Likewise: forwarding rules of the domain by their IPv4 prefix, and who may send from the LAN. */
BPF_PREFIXES(fmrs, MAPE_FMR_MAX, struct mape_fmr);
BPF_PREFIXES(lan_sources, MAPE_SOURCES_MAX, __u32);

/* enum mape_outcome -> counter, per CPU */
BPF_MAP(outcomes, BPF_MAP_TYPE_PERCPU_ARRAY, MAPE_OUTCOME_COUNT, __u32, struct mape_counter);

/* The NAPT. Written by the packet programs and the control program only. */
BPF_TABLE(sessions, MAPE_SESSIONS_MAX, struct mape_flow, struct mape_session);
BPF_TABLE(mappings, MAPE_SESSIONS_MAX, struct mape_endpoint, struct mape_mapping);
BPF_TABLE(overlaps, MAPE_SESSIONS_MAX, struct mape_overlap, struct mape_endpoint);
BPF_TABLE(peers, MAPE_SESSIONS_MAX, struct mape_peer_key, struct mape_peer);
BPF_TABLE(hosts, MAPE_HOSTS_MAX, __u32, struct mape_host);
BPF_MAP(ports, BPF_MAP_TYPE_ARRAY, 1, __u32, struct mape_port);

/* Indexes of free ports in shuffled order: a hint, `ports` decides. */
BPF_QUEUE(free_ports_tcp, 1, __u32);
BPF_QUEUE(free_ports_udp, 1, __u32);
BPF_QUEUE(free_ports_icmp, 1, __u32);

/* Keys of all sessions, visited in turn by the sweep. */
BPF_QUEUE(expiry, MAPE_SESSIONS_MAX, struct mape_ticket);

/* Where a new session is put together: the stack has no room for it. */
BPF_MAP(fresh_session, BPF_MAP_TYPE_PERCPU_ARRAY, 1, __u32, struct mape_session);

/* How many sessions there are: lets the sweep pace itself. */
BPF_MAP(live, BPF_MAP_TYPE_ARRAY, 1, __u32, __u64);

/* What all of an instance share of what is limited per second. */
enum mape_shared_budget { MAPE_BUDGET_ERRORS, MAPE_BUDGET_EVENTS, MAPE_BUDGET_COUNT };

BPF_MAP(budgets, BPF_MAP_TYPE_ARRAY, MAPE_BUDGET_COUNT, __u32, struct mape_budget);

/* Refused sessions, the latest of them: a ring, and how many there have been. */
BPF_MAP(events, BPF_MAP_TYPE_ARRAY, MAPE_EVENTS, __u32, struct mape_event);
BPF_MAP(event_count, BPF_MAP_TYPE_ARRAY, 1, __u32, __u64);

/* The next IPv4 identification, by a hash of remote address and protocol. */
#define MAPE_IP_IDS_BITS 12
BPF_MAP(ip_ids, BPF_MAP_TYPE_ARRAY, 1 << MAPE_IP_IDS_BITS, __u32, __u32);

/* Where packets are copied to be summed up and rewritten. */
#define MAPE_ERROR_MAX 1536
struct mape_error_copy {
	union {
		__u8 bytes[MAPE_ERROR_MAX + 4]; /* zeros may follow the last */
		__u32 words[MAPE_ERROR_MAX / 4 + 1];
	};
};

BPF_MAP(error_copy, BPF_MAP_TYPE_PERCPU_ARRAY, 1, __u32, struct mape_error_copy);

/* The next hop on the WAN as this processor last learnt it. */
struct mape_next_hop {
	__u64 time; /* of the instance's clock; 0: not known */
	__u8 far[16];
	__u32 mtu; /* of the route */
	__u8 dmac[6];
	__u8 smac[6];
} __attribute__((aligned(8)));

BPF_MAP(next_hops, BPF_MAP_TYPE_PERCPU_ARRAY, 1, __u32, struct mape_next_hop);

/*
 * Fragments (bpf/fragment.h): what is known of their datagrams, the ring of these records, what
 * waits, what is put away while something that has waited is sent on, and counts.
 */
BPF_TABLE(fragments, 2 * MAPE_FRAGMENTS_MAX, struct mape_fragment_key, struct mape_fragment);
BPF_MAP(frag_order, BPF_MAP_TYPE_ARRAY, MAPE_FRAGMENTS_MAX, __u32, struct mape_fragment_turn);
BPF_MAP(frag_waiting, BPF_MAP_TYPE_ARRAY, MAPE_FRAGMENT_KINDS * MAPE_WAITING_MAX, __u32,
	struct mape_waiting);
BPF_MAP(frag_parked, BPF_MAP_TYPE_PERCPU_ARRAY, 1, __u32, struct mape_waiting);
BPF_MAP(frag_count, BPF_MAP_TYPE_ARRAY, MAPE_FRAGMENT_KINDS + 1, __u32,
	struct mape_fragment_count);

struct mape_timer {
	struct bpf_timer timer;
	__u32 next_port; /* whose state is checked next */
};

BPF_MAP(timers, BPF_MAP_TYPE_ARRAY, MAPE_TIMERS, __u32, struct mape_timer);

/* What the path has been found to let through. */
BPF_MAP(path_mtu, BPF_MAP_TYPE_ARRAY, 1, __u32, struct mape_path_mtu);

/* Devices that an XDP program may send to: the WAN, and bridge ports; key and value an ifindex. */
BPF_MAP(tx_devices, BPF_MAP_TYPE_DEVMAP_HASH, 64, __u32, __u32);

/* Bridge port -> the bridge, for the ports that have an XDP LAN hook. */
BPF_MAP(lan_ports, BPF_MAP_TYPE_HASH, 64, __u32, __u32);

static __always_inline const struct mape_config *mape_config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

#endif
