/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The records of fragments: what is known about the datagrams under way, and the fragments that
 * wait for others. Byte order as in napt.h unless a field says otherwise.
 */
#ifndef MAPE_FRAGMENT_H
#define MAPE_FRAGMENT_H

#include <mape/napt.h>

/* How long a datagram is remembered and a fragment waits (RFC 6864: ids come back), seconds. */
#define MAPE_FRAGMENT_LIFE_S 15

#define MAPE_FRAGMENTS_MAX 4096	    /* datagrams remembered at once; the oldest gives way */
#define MAPE_WAITING_MAX 128	    /* fragments of a kind that wait at once, likewise */
#define MAPE_WAITING_BYTES 1600	    /* longest packet that can wait, from its IP header on */
#define MAPE_OUTER_PARTS 4	    /* outer fragments of which a packet may consist, and ... */
#define MAPE_OUTER_MAX 4000	    /* ... its length without the outer header */

/* They never mix, and a flood of one kind does not displace the others. */
enum mape_fragment_kind {
	MAPE_FRAGMENT_OUT,   /* IPv4, from the LAN */
	MAPE_FRAGMENT_IN,    /* IPv4, from the internet */
	MAPE_FRAGMENT_OUTER, /* IPv6, of the tunnel itself */
	MAPE_FRAGMENT_KINDS
};

/* What the fragments of one datagram have in common, before translation. Key of `fragments`. */
struct mape_fragment_key {
	__u8 ends[16]; /* IPv4: our side, far side, other CE's /64 or zeros; outer: IPv6 source */
	__u32 id;      /* as in the packet */
	__u8 proto;    /* IP protocol or, outer, next header */
	__u8 kind;     /* enum mape_fragment_kind */
	__u8 pad[2];
} __attribute__((aligned(8)));

/*
 * Value of `fragments`: made by a datagram's first fragment, decides about the later ones, whatever
 * becomes of the session meanwhile. It is for IPv4 only.
 */
struct mape_fragment {
	__u64 since; /* nanoseconds of the instance's clock */
	__u64 parts; /* a bit for each fragment that went by */
	struct mape_flow flow; /* key of the session, for the counts */
	__u8 src[4]; /* the header's fields after translation */
	__u8 dst[4];
	__u32 serial; /* tells this record from the next one in the same memory */
	__u32 sum;    /* bytes of their payloads */
	__u16 total;  /* bytes of the datagram's payload once the last fragment went by, else 0 */
	__u16 id;     /* after translation, as in the packet */
	__u16 step;   /* the first one's payload in units of eight bytes */
	__u8 way;     /* enum mape_outcome of the first one */
	__u8 mark;    /* enum mape_mark */
} __attribute__((aligned(8)));

/* Entry of the ring `frag_order`: records in the order in which they were made. */
struct mape_fragment_turn {
	struct mape_fragment_key key;
	__u32 serial;
	__u32 pad;
};

/* Whoever changes MAPE_WAITING_HELD or _REFUSED into _BUSY by compare-and-swap owns the entry. */
enum mape_waiting_state {
	MAPE_WAITING_FREE,
	MAPE_WAITING_BUSY,
	MAPE_WAITING_HELD,
	MAPE_WAITING_REFUSED, /* stands for a whole packet: what comes of it is dropped */
};

/* Entry of `frag_waiting`, which has MAPE_WAITING_MAX of each kind, one kind after the other. */
struct mape_waiting {
	__u32 state;
	__u32 len; /* bytes in use */
	__u64 since;
	struct mape_fragment_key key;
	__u16 offset; /* outer: of its data in the packet, and ... */
	__u16 size;   /* ... its length, bytes */
	__u8 more;    /* outer: not the last one */
	__u8 ecn;     /* outer: of its IPv6 header */
	__u8 why;     /* MAPE_WAITING_REFUSED: enum mape_outcome */
	__u8 pad;
	__u8 bytes[MAPE_WAITING_BYTES]; /* the packet from its IP header on */
} __attribute__((aligned(8)));

/* `frag_count`, one for each kind and the last one for `frag_order`. */
struct mape_fragment_count {
	__u32 next; /* entry that is used next, modulo their number */
	__u32 held; /* entries that are not free */
};

MAPE_ASSERT_SIZE(struct mape_fragment_key, 24);
MAPE_ASSERT_SIZE(struct mape_fragment, 56);
MAPE_ASSERT_SIZE(struct mape_fragment_turn, 32);
MAPE_ASSERT_SIZE(struct mape_waiting, 48 + MAPE_WAITING_BYTES);
MAPE_ASSERT_SIZE(struct mape_fragment_count, 8);

#endif
