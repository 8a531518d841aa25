// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control program: the only way for user space to change sessions, mappings and ports. Run by
 * BPF_PROG_TEST_RUN with a struct mape_request as its packet (include/mape/control.h); it never
 * sees traffic. Also home of the sweep timers.
 */
#include "ctx_xdp.h"
#include "forward.h"
#include "offload.h"
#include "sweep.h"
#include <mape/control.h>

struct walk {
	const struct mape_config *cfg;
	__u32 slot;
	__u32 count; /* indexes below are reserved */
};

/* The free queues start in random order (NAT-08): a Fisher-Yates shuffle in the ports' own
 * records, which nobody else uses yet; owner.port and owner.pad hold the number. */
static __always_inline __u32 *shuffle_cell(struct mape_port *port)
{
	return (__u32 *)&port->owner;
}

static long init_number(__u32 i, struct walk *walk)
{
	struct mape_port *port = port_get(walk->cfg, walk->slot, i);

	if (port)
		*shuffle_cell(port) = i;
	return 0;
}

static long init_shuffle(__u32 i, struct walk *walk)
{
	__u32 last = walk->cfg->ports.count - 1 - i, other, swap;
	struct mape_port *a, *b;

	other = (__u64)bpf_get_prandom_u32() * (last + 1) >> 32;
	a = port_get(walk->cfg, walk->slot, last);
	b = port_get(walk->cfg, walk->slot, other);
	if (!a || !b)
		return 1;
	swap = *shuffle_cell(a);
	*shuffle_cell(a) = *shuffle_cell(b);
	*shuffle_cell(b) = swap;
	return 0;
}

static long init_queue(__u32 i, struct walk *walk)
{
	struct mape_port *cell = port_get(walk->cfg, walk->slot, i), *port;
	struct mape_endpoint none = {};
	__u32 index;

	if (!cell)
		return 1;
	index = *shuffle_cell(cell);
	cell->owner = none;
	port = port_get(walk->cfg, walk->slot, index);
	if (!port)
		return 1;
	if (index < walk->count)
		port->flags = MAPE_PORT_RESERVED;
	else
		port_enqueue(port, walk->slot, index);
	return 0;
}

static __always_inline void op_init(struct walk *walk)
{
	__u32 count = walk->cfg->ports.count;

	for (__u32 slot = 0; slot < MAPE_SLOT_COUNT; slot++) {
		walk->slot = slot;
		bpf_loop(count, init_number, walk, 0);
		bpf_loop(count, init_shuffle, walk, 0);
		bpf_loop(count, init_queue, walk, 0);
	}
}

static long audit_port(__u32 i, struct mape_request *count)
{
	const struct mape_config *cfg = mape_config();
	struct port_word word;
	struct mape_port *port;

	if (!cfg)
		return 1;
	port = port_get(cfg, count->slot, i);
	if (!port)
		return 1;
	port_read(port, &word);
	count->total++;
	if (word.flags & MAPE_PORT_RESERVED)
		count->reserved++;
	else if (word.refs)
		count->used++;
	else if (port_resting(cfg, port, count->slot))
		count->resting++;
	else
		count->free++;
	if (word.refs && word.flags & MAPE_PORT_OVERLAPPED)
		count->overlapped++;
	if (!word.refs && !(word.flags & (MAPE_PORT_QUEUED | MAPE_PORT_RESERVED)))
		count->lost++;
	return 0;
}

static __always_inline void op_session(const struct mape_config *cfg, struct mape_request *request)
{
	struct mape_flow flow = request->flow;
	struct mape_session *s = bpf_map_lookup_elem(&sessions, &flow);
	struct sweep sweep = {};

	if (!s)
		request->result = -ENOENT;
	else if (request->op == MAPE_OP_DEMOTE)
		offload_end(s);
	else if (session_close(cfg, &flow, s))
		sweep_run(cfg, 2, &sweep); /* so that deleting cannot fill the queue with stale tickets */
	else
		request->result = -ENOENT;
}

static __always_inline void op_sweep(const struct mape_config *cfg, struct mape_request *request)
{
	struct sweep sweep = {};

	sweep_run(cfg, request->count, &sweep);
	request->visited = sweep.visited;
	request->expired = sweep.expired;
}

SEC("xdp")
int control(struct xdp_md *ctx)
{
	struct mape_request *packet = (void *)(long)ctx->data, request;
	const struct mape_config *cfg = mape_config();
	struct walk walk = {};

	if ((void *)(packet + 1) > (void *)(long)ctx->data_end || !cfg)
		return XDP_ABORTED;
	/* Worked on in a copy: a callback cannot carry a packet pointer. */
	request = *packet;
	request.result = 0;
	walk.cfg = cfg;
	walk.count = request.count;
	switch (request.op) {
	case MAPE_OP_INIT:
		op_init(&walk);
		break;
	case MAPE_OP_ARM:
		request.result = sweep_arm();
		break;
	case MAPE_OP_SWEEP:
		op_sweep(cfg, &request);
		break;
	case MAPE_OP_DELETE:
	case MAPE_OP_DEMOTE:
		op_session(cfg, &request);
		break;
	case MAPE_OP_FORWARD:
		request.result = forward_add(cfg, &request.flow, request.count);
		break;
	case MAPE_OP_UNFORWARD:
		request.result = forward_del(cfg, &request.flow, request.count);
		break;
	case MAPE_OP_AUDIT:
		bpf_loop(cfg->ports.count, audit_port, &request, 0);
		break;
	default:
		request.result = -EINVAL;
	}
	packet = (void *)(long)ctx->data;
	if ((void *)(packet + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	*packet = request;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
