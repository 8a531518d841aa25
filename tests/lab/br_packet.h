// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The BR's view of one inner IPv4 packet: which port of the shared address it belongs to, and
 * whether its checksums hold. Shares nothing with include/mape.
 */
#ifndef LAB_BR_PACKET_H
#define LAB_BR_PACKET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct br_packet {
	const uint8_t *ip; /* IPv4 header */
	const uint8_t *l4;
	int len, l4_len; /* bytes from ip and from l4 to the end of the packet */
	uint8_t proto, tos;
	uint32_t src, dst;
	uint16_t id;
	bool frag, later_frag; /* any fragment; one that has no transport header */
	int own_port; /* port or ICMP identifier on the CE's side, -1 unknown */
};

static uint16_t br_u16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t br_u32(const uint8_t *p)
{
	return (uint32_t)br_u16(p) << 16 | br_u16(p + 2);
}

static uint32_t br_sum(const uint8_t *p, int len, uint32_t sum)
{
	for (; len > 1; p += 2, len -= 2)
		sum += br_u16(p);
	return len ? sum + (p[0] << 8) : sum;
}

static uint16_t br_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Splits @data; false when it is not one whole well-formed IPv4 packet of exactly @len bytes. */
static bool br_parse(struct br_packet *p, const uint8_t *data, int len)
{
	int ihl;
	uint16_t frag;

	if (len < 20 || data[0] >> 4 != 4)
		return false;
	ihl = (data[0] & 15) * 4;
	if (ihl < 20 || ihl > len || br_u16(data + 2) != len)
		return false;
	frag = br_u16(data + 6);
	*p = (struct br_packet){
		.ip = data,
		.l4 = data + ihl,
		.len = len,
		.l4_len = len - ihl,
		.proto = data[9],
		.tos = data[1],
		.src = br_u32(data + 12),
		.dst = br_u32(data + 16),
		.id = br_u16(data + 4),
		.frag = frag & 0x3fff,
		.later_frag = frag & 0x1fff,
		.own_port = -1,
	};
	return true;
}

static bool br_icmp_is_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/*
 * The CE's port in the packet quoted by an ICMP error. The quoted packet went the other way, so
 * the CE's end is its destination when the error leaves the CE and its source when it arrives.
 */
static int br_quoted_port(const uint8_t *q, int len, bool from_ce)
{
	int ihl = len >= 20 ? (q[0] & 15) * 4 : 0;

	if (ihl < 20 || len < ihl + 8 || q[0] >> 4 != 4)
		return -1;
	if (q[9] == IPPROTO_ICMP)
		return br_u16(q + ihl + 4);
	if (q[9] != IPPROTO_TCP && q[9] != IPPROTO_UDP)
		return -1;
	return br_u16(q + ihl + (from_ce ? 2 : 0));
}

/* Port or ICMP identifier at the CE's end of @p, or -1. Not for later fragments. */
static int br_own_port(const struct br_packet *p, bool from_ce)
{
	if (p->l4_len < 8)
		return -1;
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return br_u16(p->l4 + (from_ce ? 0 : 2));
	case IPPROTO_ICMP:
		if (p->l4[0] == 0 || p->l4[0] == 8)
			return br_u16(p->l4 + 4);
		if (br_icmp_is_error(p->l4[0]))
			return br_quoted_port(p->l4 + 8, p->l4_len - 8, from_ce);
	}
	return -1;
}

/* True when the transport checksum (and the UDP length) of an unfragmented packet is right. */
static bool br_l4_ok(const struct br_packet *p)
{
	uint32_t sum = 0;

	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP && p->proto != IPPROTO_ICMP)
		return true;
	if (p->l4_len < 8)
		return false;
	if (p->proto == IPPROTO_UDP && br_u16(p->l4 + 4) != p->l4_len)
		return false;
	if (p->proto == IPPROTO_UDP && !br_u16(p->l4 + 6))
		return true;
	if (p->proto == IPPROTO_TCP && (p->l4_len < 20 || (p->l4[12] >> 4) * 4 > p->l4_len))
		return false;
	if (p->proto != IPPROTO_ICMP)
		sum = br_sum(p->ip + 12, 8, p->proto + p->l4_len);
	return br_fold(br_sum(p->l4, p->l4_len, sum)) == 0xffff;
}

#endif
