/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The arithmetic of MAP-E (RFC 7597, sections 5 and 6), for BPF programs and user space.
 *
 *	End-user IPv6 prefix = rule IPv6 prefix, EA bits
 *	EA bits              = IPv4 suffix, PSID
 *	CE address           = end-user prefix, zeros up to bit 64, interface identifier
 *
 * Addresses, ports and PSIDs are numbers in host byte order. Integers only: no division, no loop,
 * no 128-bit type. Shift counts are masked although valid rules never reach the masks: the verifier
 * has to see that they are bounded.
 */
#ifndef MAPE_ARITH_H
#define MAPE_ARITH_H

#include <mape/portset.h>
#include <mape/types.h>

#define MAPE_IP6_BITS 128
#define MAPE_IP4_BITS 32
#define MAPE_EA_MAX   48 /* RFC 7598, section 4.1 */

/* An IPv6 address as a number: bit 0 is the top bit of hi. */
struct mape_ip6 {
	__u64 hi;
	__u64 lo;
} __attribute__((aligned(8)));

MAPE_ASSERT_SIZE(struct mape_ip6, 16);

/* Layout of the interface identifier; the two are never mixed within a domain. */
enum mape_iid {
	MAPE_IID_DRAFT03, /* draft-ietf-softwire-map-03: 8 zero bits, IPv4, PSID, 8 zero bits */
	MAPE_IID_RFC7597, /* section 6: 16 zero bits, IPv4, PSID */
};

/* A mapping rule, reduced to what the arithmetic needs. */
struct mape_fmr {
	struct mape_ip6 ip6; /* rule IPv6 prefix, zero beyond ip6_len */
	__u32 ip4;	     /* rule IPv4 prefix, zero beyond ip4_len */
	__u16 psid;	     /* only with ea_len 0: PSID given explicitly */
	__u8 ip6_len;	     /* 0..128 - ea_len */
	__u8 ip4_len;	     /* 0..32 */
	__u8 ea_len;	     /* 0..MAPE_EA_MAX */
	__u8 psid_offset;    /* a, 0..15 */
	__u8 psid_len;	     /* k, 0..16 - a */
	__u8 iid;	     /* enum mape_iid */
	__u8 pad[4];
};

MAPE_ASSERT_SIZE(struct mape_fmr, 32);

/* Who a CE is in IPv4. */
struct mape_owner {
	__u32 ip4;    /* address, or prefix with zeros behind it */
	__u16 psid;   /* 0 if the address is not shared */
	__u8 ip4_len; /* 32, or shorter if the CE owns a prefix */
	__u8 pad;
};

MAPE_ASSERT_SIZE(struct mape_owner, 8);

/* The n highest bits of 64 set, n = 0..64. */
MAPE_INLINE __u64 mape_high_bits64(__u32 n)
{
	return n ? ~0ULL << ((64 - n) & 63) : 0;
}

/* The n highest bits of 32 set, n = 0..32. */
MAPE_INLINE __u32 mape_ip4_mask(__u32 n)
{
	return n ? ~0U << ((MAPE_IP4_BITS - n) & 31) : 0;
}

/* The n highest bits of 128 set, n = 0..128. */
MAPE_INLINE struct mape_ip6 mape_ip6_mask(__u32 n)
{
	struct mape_ip6 mask = {
		.hi = mape_high_bits64(n < 64 ? n : 64),
		.lo = n > 64 ? mape_high_bits64(n - 64) : 0,
	};

	return mask;
}

MAPE_INLINE bool mape_ip6_eq(struct mape_ip6 a, struct mape_ip6 b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

/* The address with all bits from len on cleared. */
MAPE_INLINE struct mape_ip6 mape_ip6_prefix(struct mape_ip6 a, __u32 len)
{
	struct mape_ip6 mask = mape_ip6_mask(len);

	a.hi &= mask.hi;
	a.lo &= mask.lo;
	return a;
}

/* Is the address in prefix/len? prefix is zero beyond len. */
MAPE_INLINE bool mape_ip6_in(struct mape_ip6 a, struct mape_ip6 prefix, __u32 len)
{
	return mape_ip6_eq(mape_ip6_prefix(a, len), prefix);
}

/* Can this be the address of one host elsewhere: not multicast, loopback or unspecified? */
MAPE_INLINE bool mape_ip6_is_host(struct mape_ip6 a)
{
	return a.hi >> 56 != 0xff && (a.hi || a.lo > 1);
}

/* Is the address in prefix/len? prefix is zero beyond len. */
MAPE_INLINE bool mape_ip4_in(__u32 a, __u32 prefix, __u32 len)
{
	return (a & mape_ip4_mask(len)) == prefix;
}

/* The n bits that start at bit pos, right-aligned; pos + n <= 128, n <= MAPE_EA_MAX. */
MAPE_INLINE __u64 mape_ip6_bits(struct mape_ip6 a, __u32 pos, __u32 n)
{
	__u32 shift = pos & 63;
	__u64 top;

	if (pos >= 64)
		top = a.lo << shift;
	else
		top = a.hi << shift | (shift ? a.lo >> (64 - shift) : 0);
	return n ? top >> ((64 - n) & 63) : 0;
}

/* The address with `bits` written over n zero bits at bit pos; limits as mape_ip6_bits(). */
MAPE_INLINE struct mape_ip6 mape_ip6_put_bits(struct mape_ip6 a, __u32 pos, __u32 n, __u64 bits)
{
	__u64 top = n ? bits << ((64 - n) & 63) : 0;
	__u32 shift = pos & 63;

	if (pos >= 64) {
		a.lo |= top >> shift;
	} else {
		a.hi |= top >> shift;
		a.lo |= shift ? top << (64 - shift) : 0;
	}
	return a;
}

/* Swaps between host order and the order on the wire. */
MAPE_INLINE __u64 mape_be64(__u64 x)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap64(x);
#else
	return x;
#endif
}

/* Reads an address as it stands in a packet; no alignment needed. */
MAPE_INLINE struct mape_ip6 mape_ip6_load(const void *wire)
{
	struct mape_ip6 a;

	__builtin_memcpy(&a, wire, sizeof(a));
	a.hi = mape_be64(a.hi);
	a.lo = mape_be64(a.lo);
	return a;
}

/* Writes an address as it stands in a packet; no alignment needed. */
MAPE_INLINE void mape_ip6_store(void *wire, struct mape_ip6 a)
{
	a.hi = mape_be64(a.hi);
	a.lo = mape_be64(a.lo);
	__builtin_memcpy(wire, &a, sizeof(a));
}

/*
 * PSID length that EA bits of this length leave behind the IPv4 suffix (RFC 7597, section 5.2).
 * 0 if they only make up a full address or a prefix.
 */
MAPE_INLINE __u32 mape_ea_psid_len(__u32 ip4_len, __u32 ea_len)
{
	return ip4_len + ea_len > MAPE_IP4_BITS ? ip4_len + ea_len - MAPE_IP4_BITS : 0;
}

/* IPv4 address (or prefix) and PSID of the CE that owns these EA bits. */
MAPE_INLINE struct mape_owner mape_ea_owner(const struct mape_fmr *fmr, __u64 ea)
{
	__u32 psid_len = mape_ea_psid_len(fmr->ip4_len, fmr->ea_len);
	__u32 end = fmr->ip4_len + fmr->ea_len;
	struct mape_owner owner = {
		.ip4 = fmr->ip4,
		.psid = fmr->psid,
		.ip4_len = end < MAPE_IP4_BITS ? end : MAPE_IP4_BITS,
	};

	if (fmr->ea_len) {
		__u64 suffix = ea >> (psid_len & 63);

		owner.ip4 |= suffix << ((MAPE_IP4_BITS - owner.ip4_len) & 31);
		owner.psid = ea & mape_low_bits(psid_len);
	}
	return owner;
}

/*
 * The address of a CE (RFC 7597, section 6). A prefix longer than 64 bits overwrites the leading
 * bits of the interface identifier; bits between a shorter prefix and bit 64 are zero.
 */
MAPE_INLINE struct mape_ip6 mape_ce_address(struct mape_ip6 prefix, __u32 prefix_len,
					    struct mape_owner owner, enum mape_iid iid)
{
	struct mape_ip6 mask = mape_ip6_mask(prefix_len);
	struct mape_ip6 ce = mape_ip6_prefix(prefix, prefix_len);
	__u64 id = (__u64)owner.ip4 << 16 | owner.psid;

	if (iid == MAPE_IID_DRAFT03)
		id <<= 8;
	ce.lo |= id & ~mask.lo;
	return ce;
}

/* The CE in IPv4 that stands in the EA bits of an IPv6 address inside the rule's prefix. */
MAPE_INLINE struct mape_owner mape_fmr_owner(const struct mape_fmr *fmr, struct mape_ip6 a)
{
	return mape_ea_owner(fmr, mape_ip6_bits(a, fmr->ip6_len, fmr->ea_len));
}

/*
 * The address of the CE that owns ip4 and, if the address is shared, port: what a packet to them is
 * sent to in mesh mode. ip4 is inside the rule's IPv4 prefix, and port not below 2^(16 - a).
 */
MAPE_INLINE struct mape_ip6 mape_fmr_ce(const struct mape_fmr *fmr, __u32 ip4, __u16 port)
{
	__u32 psid_len = mape_ea_psid_len(fmr->ip4_len, fmr->ea_len);
	__u32 m = (MAPE_PORT_BITS - fmr->psid_offset - psid_len) & 31;
	__u32 end = fmr->ip4_len + fmr->ea_len;
	struct mape_owner owner = {
		.ip4 = ip4,
		.psid = fmr->psid,
		.ip4_len = end < MAPE_IP4_BITS ? end : MAPE_IP4_BITS,
	};
	__u32 suffix = ip4 & ~mape_ip4_mask(fmr->ip4_len);
	struct mape_ip6 prefix = fmr->ip6;

	owner.ip4 &= mape_ip4_mask(owner.ip4_len);
	if (fmr->ea_len) {
		__u64 ea = suffix >> ((MAPE_IP4_BITS - owner.ip4_len) & 31);

		owner.psid = (port >> m) & mape_low_bits(psid_len);
		ea = ea << (psid_len & 63) | owner.psid;
		prefix = mape_ip6_put_bits(prefix, fmr->ip6_len, fmr->ea_len, ea);
	}
	return mape_ce_address(prefix, fmr->ip6_len + fmr->ea_len, owner, fmr->iid);
}

/*
 * Source check of RFC 7597, section 8.1, for a packet from another CE: is src the address that this
 * rule gives to the owner of the inner source ip4 and port?
 */
MAPE_INLINE bool mape_fmr_source_ok(const struct mape_fmr *fmr, struct mape_ip6 src, __u32 ip4,
				    __u16 port)
{
	struct mape_portset ps;
	struct mape_ip6 ce;
	__u16 psid;

	if (!mape_ip6_in(src, fmr->ip6, fmr->ip6_len) ||
	    !mape_ip4_in(ip4, fmr->ip4, fmr->ip4_len))
		return false;
	psid = mape_fmr_owner(fmr, src).psid;
	mape_portset_init(&ps, fmr->psid_offset, fmr->psid_len, psid);
	if (mape_portset_index(&ps, port) < 0)
		return false;
	ce = mape_fmr_ce(fmr, ip4, port);
	return mape_ip6_eq(src, ce);
}

#endif /* MAPE_ARITH_H */
