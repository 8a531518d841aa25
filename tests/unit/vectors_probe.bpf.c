// SPDX-License-Identifier: GPL-2.0-only
/* Runs the arithmetic that BPF programs and user space share inside the kernel. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "vectors_probe.h"

static __always_inline void answer_ports(const struct probe_question *q, struct probe_answer *a)
{
	struct mape_portset ps = a->ports;

	for (__u32 i = 0; i < PROBE_PORTS; i++) {
		__u32 n = q->first + i;

		a->port_of[i] = n < ps.count ? mape_portset_port(&ps, n) : 0;
		a->index_of[i] = mape_portset_index(&ps, n);
	}
}

SEC("xdp")
int vectors_probe(struct xdp_md *ctx)
{
	struct probe_packet *packet = (void *)(long)ctx->data;
	struct probe_question *q = &packet->question;
	struct probe_answer *a = &packet->answer;
	struct mape_ip6 prefix;
	struct mape_fmr fmr;

	if ((void *)(packet + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	fmr = q->fmr;
	prefix = q->prefix;

	a->owner = mape_fmr_owner(&fmr, prefix);
	a->ce = mape_ce_address(prefix, q->prefix_len, a->owner, fmr.iid);
	mape_portset_init(&a->ports, fmr.psid_offset, fmr.psid_len, a->owner.psid);
	a->published = mape_portset_published(&a->ports);
	a->ranges = mape_portset_ranges(&a->ports);
	a->other_ce = mape_fmr_ce(&fmr, q->ip4, q->port);
	a->source_ok = mape_fmr_source_ok(&fmr, a->other_ce, q->ip4, q->port);
	answer_ports(q, a);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
