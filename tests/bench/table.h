/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sessions of a cost bench: flows of UDP by number, opened by the product's own mape_out and
 * put on the fast path by writing into their records, as only a test may.
 */
#ifndef MAPE_TESTS_BENCH_TABLE_H
#define MAPE_TESTS_BENCH_TABLE_H

#include <errno.h>
#include <time.h>

#include "../packet/harness.h"
#include "../packet/talk.h"

#define HOST_MAC "\x02\x00\x00\x00\x00\x11"
#define LAN_MAC  "\x02\x00\x00\x00\x00\x10"
#define FAR_AHEAD 1000000 /* ticks: no revalidation while the bench runs */

/* Not LIBBPF_OPTS(): with values in it gcc leaves the padding at the end undefined, which libbpf
 * then refuses. */
static inline void run_opts(struct bpf_test_run_opts *opts, const void *in, uint32_t in_size,
			    void *out, uint32_t out_size)
{
	memset(opts, 0, sizeof(*opts));
	opts->sz = sizeof(*opts);
	opts->data_in = in;
	opts->data_size_in = in_size;
	opts->data_out = out;
	opts->data_size_out = out_size;
}

/* Flow number i: the internal endpoints first, then the same with the next remote. */
static inline struct talk table_talk(uint32_t i, uint32_t endpoints)
{
	uint32_t e = i % endpoints, r = i / endpoints;

	return (struct talk){ .int_addr = { 10, e >> 18, e >> 10, e >> 2 },
			      .rem_addr = { 198, 18 + (r >> 16), r >> 8, r },
			      .int_port = 10000 + (e & 3),
			      .rem_port = 443 };
}

/* Lets the host speak through the kernel path. 0, or -1 with err(). */
static inline int table_open_one(const struct harness *h, const struct talk *t)
{
	uint8_t in[PACKET], out[256];
	struct bpf_test_run_opts opts;

	run_opts(&opts, in, sizeof(in), out, sizeof(out));
	udp_packet(in, t->int_addr, t->int_port, t->rem_addr, t->rem_port);
	if (bpf_prog_test_run_opts(harness_prog(h, "mape_out"), &opts))
		return err_sys(errno, NULL, "cannot run mape_out");
	if (opts.retval != 7) /* TC_ACT_REDIRECT */
		return err(NULL, "a session of 10.%u.%u.%u:%u was refused", t->int_addr[1],
			   t->int_addr[2], t->int_addr[3], t->int_port);
	return 0;
}

/* Puts a session on the fast path behind this device (and bridge port, or 0); its external port,
 * or -1 with err(). */
static inline int table_offload(const struct harness *h, const struct talk *t, uint32_t lan,
				uint32_t port)
{
	struct mape_flow flow = flow_of(t);
	struct mape_session s;
	struct timespec now;
	int fd = objects_map(&h->objects, "sessions");

	if (bpf_map_lookup_elem(fd, &flow, &s))
		return err_sys(errno, NULL, "a session is gone");
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	s.in_ok = s.out_ok = 1;
	s.lan_ifindex = lan;
	s.port_ifindex = port;
	memcpy(s.lan_mac, LAN_MAC, 6);
	memcpy(s.host_mac, HOST_MAC, 6);
	s.confirmed = ((now.tv_sec * 1000000000ULL + now.tv_nsec) >> 20) + FAR_AHEAD;
	s.pending = 0;
	if (bpf_map_update_elem(fd, &flow, &s, BPF_EXIST))
		return err_sys(errno, NULL, "cannot write a session");
	return s.ext_port;
}

#endif
