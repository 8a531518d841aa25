/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bench's frames: UDP with 18 bytes of zeros, 64 bytes on the wire with the frame check
 * sequence, plain or in IPv6. Checksums are right, since the kernel's NAT checks them.
 */
#ifndef MAPE_TESTS_BENCH_FRAMES_H
#define MAPE_TESTS_BENCH_FRAMES_H

#include <stdint.h>
#include <string.h>

#include "drive.h"

#define FRAME 60
#define OUTER 40

static inline void put_be16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static inline uint32_t sum_be16(uint32_t sum, const uint8_t *at, int n)
{
	for (int i = 0; i < n; i += 2)
		sum += at[i] << 8 | at[i + 1];
	return sum;
}

static inline void put_checksum(uint8_t *at, uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(at, ~sum);
}

/* Ports in host byte order. */
static inline void shot_set(struct shot *shot, const uint8_t *src, uint16_t sport,
			    const uint8_t *dst, uint16_t dport)
{
	uint32_t addresses;

	memcpy(shot->src, src, 4);
	memcpy(shot->dst, dst, 4);
	put_be16(shot->sport, sport);
	put_be16(shot->dport, dport);
	addresses = sum_be16(0, shot->src, 8);
	/* version and length, total length, DF, TTL and protocol */
	put_checksum(shot->ip_check, addresses + 0x4500 + FRAME - 14 + 0x4000 + 0x4011);
	/* protocol, and the UDP length twice */
	put_checksum(shot->udp_check, addresses + sum_be16(0, shot->sport, 4) + 17 +
					      2 * (FRAME - 34));
}

/* The template of plain frames. Fills FRAME bytes. */
static inline void frame_plain(uint8_t *frame, const uint8_t *to, const uint8_t *from)
{
	static const uint8_t ip[] = { 0x45, 0, 0, FRAME - 14, 0, 0, 0x40, 0, 64, 17 };

	memset(frame, 0, FRAME);
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	put_be16(frame + 12, 0x0800);
	memcpy(frame + 14, ip, sizeof(ip));
	put_be16(frame + 38, FRAME - 34);
}

/* The same in IPv6 between these two. Fills FRAME + OUTER bytes. */
static inline void frame_tunnel(uint8_t *frame, const uint8_t *to, const uint8_t *from,
				const uint8_t *src, const uint8_t *dst)
{
	frame_plain(frame + OUTER, to, from);
	memmove(frame, frame + OUTER, 12);
	memset(frame + 12, 0, 2 + OUTER);
	put_be16(frame + 12, 0x86dd);
	frame[14] = 0x60;
	put_be16(frame + 18, FRAME - 14);
	frame[20] = 4;
	frame[21] = 64;
	memcpy(frame + 22, src, 16);
	memcpy(frame + 38, dst, 16);
}

/* A drive over shots first .. first + count - 1 with this frame as its template. */
static inline struct drive drive_of(uint32_t first, uint32_t count, const uint8_t *frame,
				    uint32_t len)
{
	struct drive d = { .first = first, .count = count, .len = len };

	memcpy(d.head, frame, len == FRAME ? 42 : HEAD_MAX);
	return d;
}

#endif
