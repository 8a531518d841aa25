/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One BPF_PROG_TEST_RUN of a packet program, the same for both kinds of hook. */
#ifndef MAPE_TESTS_PACKET_TESTRUN_H
#define MAPE_TESTS_PACKET_TESTRUN_H

#include "harness.h"

#define PACKET_MAX 65536

struct testrun {
	int fd;
	bool xdp;
	const void *in;
	uint32_t in_len;
	uint32_t ifindex;
	uint32_t mark;
	uint32_t gso_size;
	uint32_t gso_segs;
	uint32_t flags;

	/* What came of it. data points behind the metadata, which only XDP programs leave. */
	int32_t ret;
	uint32_t mark_out;
	uint32_t gso_segs_out;
	const unsigned char *meta;
	const unsigned char *data;
	uint32_t meta_len;
	uint32_t data_len;
};

/* An XDP test run gives the metadata back in front of the packet, and its length in data. */
static inline int testrun_xdp(struct testrun *t, struct bpf_test_run_opts *opts)
{
	struct xdp_md in = { .data_end = t->in_len, .ingress_ifindex = t->ifindex }, out = {};

	opts->ctx_in = &in;
	opts->ctx_size_in = sizeof(in);
	opts->ctx_out = &out;
	opts->ctx_size_out = sizeof(out);
	if (bpf_prog_test_run_opts(t->fd, opts))
		return -errno;
	t->meta_len = out.data;
	return 0;
}

static inline int testrun_tc(struct testrun *t, struct bpf_test_run_opts *opts)
{
	struct __sk_buff in = { .ifindex = t->ifindex, .mark = t->mark, .gso_size = t->gso_size,
				.gso_segs = t->gso_segs };
	struct __sk_buff out = {};

	opts->flags = t->flags;
	opts->ctx_in = &in;
	opts->ctx_size_in = sizeof(in);
	opts->ctx_out = &out;
	opts->ctx_size_out = sizeof(out);
	if (bpf_prog_test_run_opts(t->fd, opts))
		return -errno;
	t->mark_out = out.mark;
	t->gso_segs_out = out.gso_segs;
	return 0;
}

/* 0 or a negative errno. The packet that came out is valid until the next run. */
static inline int testrun(struct testrun *t)
{
	static unsigned char buffer[2 * PACKET_MAX];
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err;

	opts.data_in = t->in;
	opts.data_size_in = t->in_len;
	opts.data_out = buffer;
	opts.data_size_out = sizeof(buffer);
	t->meta_len = 0;
	err = t->xdp ? testrun_xdp(t, &opts) : testrun_tc(t, &opts);
	t->ret = opts.retval;
	t->meta = buffer;
	t->data = buffer + t->meta_len;
	t->data_len = err ? 0 : opts.data_size_out - t->meta_len;
	return err;
}

#endif
