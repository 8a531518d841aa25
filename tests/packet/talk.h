/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The hammer's packets: UDP of a few hosts and remotes, made by hand because they are many. */
#ifndef MAPE_TESTS_PACKET_TALK_H
#define MAPE_TESTS_PACKET_TALK_H

#include <stdint.h>
#include <string.h>

#include <mape/napt.h>

#define PACKET   50 /* Ethernet, IPv4, UDP, 8 bytes */
#define IP6_AT   14
#define ENCAP    40
#define SRC_AT   (14 + 12)
#define DST_AT   (14 + 16)
#define PORTS_AT (14 + 20)

struct talk {
	uint8_t int_addr[4], rem_addr[4];
	uint16_t int_port, rem_port;
};

static inline struct talk talk_of(unsigned int host, unsigned int port, unsigned int remote)
{
	return (struct talk){
		{ 10, 0, host >> 8, host }, { 198, 51, 100, remote + 1 }, 10000 + port, 443
	};
}

static inline struct mape_flow flow_of(const struct talk *t)
{
	struct mape_flow flow = { .int_port = t->int_port,
				  .rem_port = t->rem_port,
				  .proto = MAPE_PROTO_UDP };

	memcpy(flow.int_addr, t->int_addr, 4);
	memcpy(flow.rem_addr, t->rem_addr, 4);
	return flow;
}

static inline void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static inline uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static inline void udp_packet(uint8_t *p, const uint8_t *src, uint16_t sport, const uint8_t *dst,
			      uint16_t dport)
{
	static const uint8_t header[] = { 0x45, 0, 0, 36, 0, 0, 0x40, 0, 64, MAPE_PROTO_UDP };

	memset(p, 0, PACKET);
	p[12] = 8;
	memcpy(p + 14, header, sizeof(header));
	memcpy(p + SRC_AT, src, 4);
	memcpy(p + DST_AT, dst, 4);
	put16(p + PORTS_AT, sport);
	put16(p + PORTS_AT + 2, dport);
	put16(p + PORTS_AT + 4, 16);
}

/* The packet in IPv6, from a BR to a CE. `to` has room for PACKET + ENCAP bytes. */
static inline void encapsulate(uint8_t *to, const uint8_t *packet, const uint8_t *br,
			       const uint8_t *ce)
{
	memset(to, 0, PACKET + ENCAP);
	put16(to + 12, 0x86dd);
	to[IP6_AT] = 0x60;
	put16(to + IP6_AT + 4, PACKET - 14);
	to[IP6_AT + 6] = 4;
	memcpy(to + IP6_AT + 8, br, 16);
	memcpy(to + IP6_AT + 24, ce, 16);
	memcpy(to + IP6_AT + ENCAP, packet + 14, PACKET - 14);
}

#endif
