/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The port set of a CE (RFC 7597, section 5.1 and appendix B).
 *
 *	 0                             15
 *	+---------+-----------+---------+
 *	|    A    |   PSID    |    j    |	a + k + m = 16
 *	| a bits  |  k bits   | m bits  |
 *	+---------+-----------+---------+
 *
 * With a > 0, A = 0 is excluded (these are the well-known ports) and the set is 2^a - 1 ranges of
 * 2^m ports. With a = 0 it is one range. k = 0 means that the address is not shared.
 *
 * Port 0, in one place: it belongs to the published set of PSID 0 when a = 0 (RFC 7597, B.2 calls
 * it 0-1023), so mape_portset_range() and mape_portset_published() include it. It can not be used,
 * so `count`, mape_portset_port() and mape_portset_index() leave it out.
 *
 * All ports and PSIDs are numbers in host byte order. Shift counts are masked although a valid set
 * never reaches the mask: the verifier has to see that they are bounded.
 */
#ifndef MAPE_PORTSET_H
#define MAPE_PORTSET_H

#include <mape/types.h>

#define MAPE_PORT_BITS 16

struct mape_portset {
	__u32 count;   /* ports that may be used, 0..65535 */
	__u16 psid;    /* 0..2^k - 1, right-aligned */
	__u8 offset;   /* a, 0..15 */
	__u8 psid_len; /* k, 0..16 */
	__u8 contig;   /* m = 16 - a - k */
	__u8 pad[3];
};

MAPE_ASSERT_SIZE(struct mape_portset, 12);

/* The n lowest bits, n = 0..16. */
MAPE_INLINE __u32 mape_low_bits(__u32 n)
{
	return (1U << (n & 31)) - 1;
}

/*
 * A and j next to each other count the ports of the set from 0. This many of these numbers at the
 * start are not usable ports: the range of A = 0, or port 0.
 */
MAPE_INLINE __u32 mape_portset_skip(const struct mape_portset *ps)
{
	return ps->offset ? 1U << (ps->contig & 31) : !ps->psid;
}

/* offset + psid_len <= 16 and psid < 2^psid_len are the caller's to check. */
MAPE_INLINE void mape_portset_init(struct mape_portset *ps, __u8 offset, __u8 psid_len, __u16 psid)
{
	ps->psid = psid;
	ps->offset = offset;
	ps->psid_len = psid_len;
	ps->contig = MAPE_PORT_BITS - offset - psid_len;
	ps->pad[0] = 0;
	ps->pad[1] = 0;
	ps->pad[2] = 0;
	ps->count = (1U << ((MAPE_PORT_BITS - psid_len) & 31)) - mape_portset_skip(ps);
}

/* The port with this index, in ascending order. index must be below count. */
MAPE_INLINE __u16 mape_portset_port(const struct mape_portset *ps, __u32 index)
{
	__u32 m = ps->contig & 31;
	__u32 n = index + mape_portset_skip(ps);
	__u32 high = (n >> m) << ((MAPE_PORT_BITS - ps->offset) & 31);

	return high | (__u32)ps->psid << m | (n & mape_low_bits(m));
}

/* The index of this port, or -1 if the port is not one that we may use. */
MAPE_INLINE __s32 mape_portset_index(const struct mape_portset *ps, __u16 port)
{
	__u32 m = ps->contig & 31;
	__u32 skip = mape_portset_skip(ps);
	__u32 high = (__u32)port >> ((MAPE_PORT_BITS - ps->offset) & 31);
	__u32 n = high << m | (port & mape_low_bits(m));

	if (((port >> m) & mape_low_bits(ps->psid_len)) != ps->psid || n < skip)
		return -1;
	return n - skip;
}

/* How many ranges the set is published as. */
MAPE_INLINE __u32 mape_portset_ranges(const struct mape_portset *ps)
{
	return ps->offset ? mape_low_bits(ps->offset) : 1;
}

/* The number of ports in these ranges; one more than count if port 0 is among them. */
MAPE_INLINE __u32 mape_portset_published(const struct mape_portset *ps)
{
	return mape_portset_ranges(ps) << (ps->contig & 31);
}

/* First and last port of range i, i below mape_portset_ranges(). */
MAPE_INLINE void mape_portset_range(const struct mape_portset *ps, __u32 i, __u16 *first,
				    __u16 *last)
{
	__u32 m = ps->contig & 31;
	__u32 high = (i + !!ps->offset) << ((MAPE_PORT_BITS - ps->offset) & 31);

	*first = high | (__u32)ps->psid << m;
	*last = *first | mape_low_bits(m);
}

#endif /* MAPE_PORTSET_H */
