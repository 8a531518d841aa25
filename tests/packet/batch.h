/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * progrun's batches: many steps in one request, for tests that run a million. Steps and results
 * are structs of the machine's own byte order, each followed by bytes. A batch always runs to its
 * end; a step that the kernel refuses says so in its result.
 */
#ifndef MAPE_TESTS_PACKET_BATCH_H
#define MAPE_TESTS_PACKET_BATCH_H

#include <mape/outcome.h>

#include "testrun.h"

enum batch_what {
	BATCH_RUN,     /* a packet, through a program; arg: flags of the test run */
	BATCH_COUNTED, /* likewise, and what it counted: bytes end in struct batch_count */
	BATCH_CONTROL, /* a struct mape_request, answered by one */
	BATCH_NOW,     /* u64: the programs' clock runs this many ns ahead */
	BATCH_SESSION, /* key and value: changes a record in `sessions`, if there is one */
	BATCH_LOOKUP,  /* key: answers a record of `sessions` */
};

struct batch_step {
	uint32_t size; /* of the bytes that follow */
	uint16_t what; /* enum batch_what */
	uint16_t prog; /* number in the request's list of programs */
	uint32_t arg;
	uint32_t ifindex;
};

struct batch_result {
	uint32_t size; /* of the bytes that follow: metadata, packet, counts */
	int32_t ret;
	uint32_t mark;
	uint16_t error; /* errno of the test run or the system call */
	uint8_t meta;	/* bytes of metadata */
	uint8_t counts; /* struct batch_count at the end */
};

struct batch_count { /* of all processors together */
	uint32_t outcome;
	uint32_t packets;
	uint64_t bytes;
};

#define BATCH_PROGS 8

struct batch {
	struct harness *bench;
	int fd[BATCH_PROGS];
	bool xdp[BATCH_PROGS];
	int outcomes;
	unsigned char *out;
	size_t used, room;
};

static inline int batch_put(struct batch *b, const void *data, size_t size)
{
	if (b->used + size > b->room) {
		size_t room = 2 * (b->used + size);
		unsigned char *grown = realloc(b->out, room);

		if (!grown)
			return err(NULL, "out of memory");
		b->out = grown;
		b->room = room;
	}
	memcpy(b->out + b->used, data, size);
	b->used += size;
	return 0;
}

static inline int batch_counters(const struct batch *b, struct mape_counter *sum)
{
	static struct mape_counter each[256];

	memset(sum, 0, MAPE_OUTCOME_COUNT * sizeof(*sum));
	for (uint32_t i = 0; i < MAPE_OUTCOME_COUNT; i++) {
		if (bpf_map_lookup_elem(b->outcomes, &i, each))
			return err_sys(errno, NULL, "cannot read 'outcomes'");
		for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
			sum[i].packets += each[cpu].packets;
			sum[i].bytes += each[cpu].bytes;
		}
	}
	return 0;
}

static inline int batch_packet(struct batch *b, const struct batch_step *step, const void *packet)
{
	struct mape_counter before[MAPE_OUTCOME_COUNT], after[MAPE_OUTCOME_COUNT];
	bool counted = step->what == BATCH_COUNTED;
	struct testrun t = { .fd = b->fd[step->prog], .xdp = b->xdp[step->prog], .in = packet,
			     .in_len = step->size, .ifindex = step->ifindex, .flags = step->arg };
	struct batch_result r = {};
	size_t at = b->used;

	if (counted && batch_counters(b, before))
		return -1;
	r.error = -testrun(&t);
	r.ret = t.ret;
	r.mark = t.mark_out;
	r.meta = t.meta_len;
	if (batch_put(b, &r, sizeof(r)) || batch_put(b, t.meta, t.meta_len + t.data_len))
		return -1;
	if (counted && batch_counters(b, after))
		return -1;
	for (uint32_t i = 0; counted && i < MAPE_OUTCOME_COUNT; i++) {
		struct batch_count c = { i, after[i].packets - before[i].packets,
					 after[i].bytes - before[i].bytes };

		if (!c.packets && !c.bytes)
			continue;
		r.counts++;
		if (batch_put(b, &c, sizeof(c)))
			return -1;
	}
	r.size = b->used - at - sizeof(r);
	memcpy(b->out + at, &r, sizeof(r));
	return 0;
}

static inline int batch_control(struct batch *b, const void *bytes)
{
	struct batch_result r = { .size = sizeof(struct mape_request) };
	struct mape_request request;

	memcpy(&request, bytes, sizeof(request));
	if (harness_control(b->bench, &request) && !request.result)
		return -1;
	r.ret = request.result;
	return batch_put(b, &r, sizeof(r)) || batch_put(b, &request, sizeof(request)) ? -1 : 0;
}

static inline int batch_session(struct batch *b, const unsigned char *bytes)
{
	int fd = objects_map(&b->bench->objects, "sessions");
	struct batch_result r = {};

	if (bpf_map_update_elem(fd, bytes, bytes + sizeof(struct mape_flow), BPF_EXIST))
		r.error = errno;
	return batch_put(b, &r, sizeof(r));
}

static inline int batch_lookup(struct batch *b, const void *key)
{
	struct batch_result r = { .size = sizeof(struct mape_session) };
	struct mape_session session = {};

	if (bpf_map_lookup_elem(objects_map(&b->bench->objects, "sessions"), key, &session))
		r.error = errno;
	return batch_put(b, &r, sizeof(r)) || batch_put(b, &session, sizeof(session)) ? -1 : 0;
}

static inline int batch_now(struct batch *b, const void *bytes)
{
	struct batch_result r = {};
	uint64_t ns;

	memcpy(&ns, bytes, sizeof(ns));
	return harness_now(b->bench, ns) || batch_put(b, &r, sizeof(r)) ? -1 : 0;
}

static inline int batch_step(struct batch *b, const struct batch_step *step, const void *bytes)
{
	static const uint32_t sizes[] = {
		[BATCH_CONTROL] = sizeof(struct mape_request),
		[BATCH_NOW] = sizeof(uint64_t),
		[BATCH_SESSION] = sizeof(struct mape_flow) + sizeof(struct mape_session),
		[BATCH_LOOKUP] = sizeof(struct mape_flow),
	};

	if (step->what <= BATCH_COUNTED)
		return step->prog < BATCH_PROGS && b->fd[step->prog] > 0 ?
			       batch_packet(b, step, bytes) :
			       err(NULL, "no program %u in the batch", step->prog);
	if (step->what > BATCH_LOOKUP || step->size != sizes[step->what])
		return err(NULL, "step %u of %u bytes", step->what, step->size);
	switch (step->what) {
	case BATCH_CONTROL:
		return batch_control(b, bytes);
	case BATCH_NOW:
		return batch_now(b, bytes);
	case BATCH_SESSION:
		return batch_session(b, bytes);
	default:
		return batch_lookup(b, bytes);
	}
}

/* Runs `size` bytes of steps; the results are in b->out, which the caller frees. */
static inline int batch_run(struct batch *b, const unsigned char *bytes, size_t size)
{
	struct batch_step step;

	b->outcomes = objects_map(&b->bench->objects, "outcomes");
	for (size_t at = 0; at < size; at += step.size) {
		if (size - at < sizeof(step))
			return err(NULL, "the batch ends within a step");
		memcpy(&step, bytes + at, sizeof(step));
		at += sizeof(step);
		if (step.size > size - at || step.size > PACKET_MAX)
			return err(NULL, "a step of %u bytes", step.size);
		if (batch_step(b, &step, bytes + at))
			return -1;
	}
	return 0;
}

#endif
