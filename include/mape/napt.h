/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The NAPT's records: keys and values of the BPF maps, as `bpftool map dump` prints them.
 *
 * Addresses are bytes in network order (so a dump reads [192,168,1,10]); ports, ICMP query ids
 * and everything else are in host byte order. "Internal" is the LAN side before translation,
 * "external" our shared address and a port of the set, "remote" the host on the internet.
 *
 * Records that hold counts which several processors change at once begin with a state word of
 * eight bytes that changes by compare-and-swap only (struct mape_port, mape_mapping, mape_peer,
 * mape_host, mape_session); see bpf/ports.h for the rules.
 */
#ifndef MAPE_NAPT_H
#define MAPE_NAPT_H

#include <mape/types.h>

enum { MAPE_PROTO_ICMP = 1, MAPE_PROTO_TCP = 6, MAPE_PROTO_UDP = 17 };

/* Each protocol has its own ports (RFC 7857 section 5): the part of `ports` that is its own. */
enum mape_slot { MAPE_SLOT_TCP, MAPE_SLOT_UDP, MAPE_SLOT_ICMP, MAPE_SLOT_COUNT };

struct mape_endpoint {
	__u8 addr[4];
	__u16 port; /* ICMP: query id */
	__u8 proto; /* IP protocol number */
	__u8 pad;
} __attribute__((aligned(8)));

/* Key of `sessions`: the packet's 5-tuple as the LAN knows it. */
struct mape_flow {
	__u8 int_addr[4];
	__u8 rem_addr[4];
	__u16 int_port; /* ICMP: query id */
	__u16 rem_port; /* ICMP: 0 */
	__u8 proto;
	__u8 pad[3];
} __attribute__((aligned(8)));

/* Key of `overlaps`: who is meant by a packet from this remote to a port that serves several. */
struct mape_overlap {
	__u8 rem_addr[4];
	__u16 rem_port;
	__u16 ext_port;
	__u8 proto;
	__u8 pad[3];
} __attribute__((aligned(4)));

/* Key of `peers`: a remote address that was contacted from an external port. */
struct mape_peer_key {
	__u8 rem_addr[4];
	__u16 ext_port;
	__u8 proto;
	__u8 pad;
} __attribute__((aligned(8)));

/*
 * Value of `peers`: who contacted it, so that the remote may answer from other ports too
 * (address-dependent filtering). Of a port that several endpoints share, two may have contacted
 * the same address; nobody can tell then who is meant.
 */
struct mape_peer {
	__u32 refs; /* sessions of that port with that address; 0: being removed */
	__u32 serial;
	struct mape_endpoint endpoint; /* proto 0: several endpoints */
};

/*
 * Value of `ports`, index slot * count + index in the set: the truth about a port. refs counts
 * what holds the port (mappings, and sessions with a port of their own).
 */
struct mape_port {
	__u32 refs;
	__u16 flags;
	__u16 generation;	    /* raised each time the port is taken */
	struct mape_endpoint owner; /* who took it first in this generation */
	__u64 freed;		    /* when it was last given back; 0: never */
} __attribute__((aligned(8)));

enum {
	MAPE_PORT_QUEUED = 1,	  /* free and waiting in its free queue */
	MAPE_PORT_OVERLAPPED = 2, /* serves several endpoints: `overlaps` tells them apart */
	MAPE_PORT_RESERVED = 4,	  /* kept out of dynamic use (--reserve-ranges) */
	MAPE_PORT_FORWARD = 8,	  /* a static forward to its owner: anybody may send to it */
	MAPE_PORT_MAPPED = 16,	  /* ... and the owner's mapping is held by the forward */
};

/* Value of `mappings`, key struct mape_endpoint: endpoint-independent mapping (RFC 4787 REQ-1) */
struct mape_mapping {
	__u32 refs;   /* sessions that use it; 0: being removed */
	__u32 serial; /* tells this mapping from the next one in the same memory */
	__u16 index;  /* in the port set */
	__u16 ext_port;
	__u16 generation; /* of the port */
	__u16 pad;
} __attribute__((aligned(8)));

/* Work that is limited per second. */
struct mape_budget {
	__u64 second; /* of the instance's clock */
	__u64 spent;  /* in that second */
};

/* Value of `hosts`, key a LAN host's address: what it holds, kept while it holds a port. */
struct mape_host {
	__u32 refs; /* ports held, of all protocols; 0: being removed */
	__u32 serial;
	__u32 ports[MAPE_SLOT_COUNT]; /* mappings, and sessions with a port of their own */
	__u32 pad;
	struct mape_budget opened;   /* sessions */
	struct mape_budget searched; /* ports looked at in vain for one to share */
} __attribute__((aligned(8)));

/* TCP after RFC 6146 section 3.5.2; the others know only MAPE_OPEN. */
enum mape_state {
	MAPE_OPEN,	  /* UDP, ICMP query */
	MAPE_TCP_INIT,	  /* SYN seen from the LAN */
	MAPE_TCP_EST,	  /* both sides have spoken */
	MAPE_TCP_FIN_OUT, /* FIN from the LAN */
	MAPE_TCP_FIN_IN,  /* FIN from the remote */
	MAPE_TCP_FIN,	  /* FIN from both */
	MAPE_TCP_TRANS,	  /* RST seen; data revives it (RFC 7857 section 2.2) */
	MAPE_TCP_INIT_IN, /* SYN seen from the remote, which the filter let in */
	MAPE_STATE_COUNT
};

enum {
	MAPE_SESSION_OVERLAP = 1,  /* has a record in `overlaps` */
	MAPE_SESSION_OWN_PORT = 2, /* holds its port itself, not through the endpoint's mapping */
	MAPE_SESSION_PEER = 4,	   /* holds a record in `peers` */
	MAPE_SESSION_UNASKED = 8,  /* opened by the remote: its inbound packets carry the mark */
	MAPE_SESSION_HAIRPIN = 16, /* its remote is our own address, so never on the fast path */
	MAPE_SESSION_FORWARD = 32, /* opened through a static forward */
};

/*
 * Value of `sessions`. Times are nanoseconds of the instance's clock (bpf/clock.h); the marks of
 * the offload are ticks of about a millisecond of the same clock, 0 for never. Packet counts are
 * plain additions: exact while one processor at a time carries a direction.
 */
struct mape_session {
	__u32 dead; /* set by whoever removes the session */
	__u32 serial;
	__u64 last_out;
	__u64 last_in;
	__u64 packets_out;
	__u64 bytes_out;
	__u64 packets_in;
	__u64 bytes_in;
	__u16 ext_port;
	__u16 index;
	__u16 generation;
	__u8 state; /* enum mape_state */
	__u8 flags; /* MAPE_SESSION_*, fixed when the session is made */
	__u8 queued; /* its key waits in the expiry queue */
	__u8 in_ok;  /* the stack passed the inbound direction unchanged */
	__u8 out_ok; /* the stack passed the outbound direction unchanged */
	__u8 pad;
	__u32 lan_ifindex;  /* device on which the stack sends to the host */
	__u32 port_ifindex; /* bridge port behind which the host is, 0 unless the LAN hook is XDP */
	__u8 lan_mac[6];    /* our MAC towards the host */
	__u8 host_mac[6];
	__u32 entered;	 /* last handed to the stack on the tunnel interface */
	__u32 seen;	 /* last passed to the stack by the LAN hook */
	__u32 confirmed; /* last came out of the tunnel interface after being seen */
	__u32 pending;	 /* a revalidation is under way since */
	__u8 far[16];	 /* in a mesh: IPv6 address of the tunnel's other end */
} __attribute__((aligned(8)));

/* Element of `events`, a ring: a host was refused a session. */
struct mape_event {
	__u64 number; /* counts from 1; its place is (number - 1) % MAPE_EVENTS */
	__u64 time;
	struct mape_flow flow;
	__u32 outcome; /* enum mape_outcome: the reason */
	__u32 pad;
} __attribute__((aligned(8)));

#define MAPE_EVENTS 256

/* Entry of the queue `expiry`. Outlives its session if that is removed before its turn comes. */
struct mape_ticket {
	struct mape_flow flow;
	__u32 serial; /* of the session */
	__u32 pad;
};

MAPE_ASSERT_SIZE(struct mape_endpoint, 8);
MAPE_ASSERT_SIZE(struct mape_flow, 16);
MAPE_ASSERT_SIZE(struct mape_overlap, 12);
MAPE_ASSERT_SIZE(struct mape_peer_key, 8);
MAPE_ASSERT_SIZE(struct mape_peer, 16);
MAPE_ASSERT_SIZE(struct mape_port, 24);
MAPE_ASSERT_SIZE(struct mape_host, 56);
MAPE_ASSERT_SIZE(struct mape_event, 40);
MAPE_ASSERT_SIZE(struct mape_mapping, 16);
MAPE_ASSERT_SIZE(struct mape_session, 120);
MAPE_ASSERT_SIZE(struct mape_ticket, 24);

#endif
