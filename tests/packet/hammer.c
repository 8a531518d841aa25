// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hammer MODE SECONDS [SEED]: two processors at once on the same records, then the accounts.
 *
 *	flow      both open the same flow at the same moment: one external port for both
 *	mapping   both open and delete sessions of one endpoint, whose mapping comes and goes
 *	endpoints the same with a few dozen endpoints, whose records reuse each other's memory
 *	delete    one opens, the other deletes what it opens
 *	expire    one opens, the other moves the clock and sweeps
 *	exhaust   both keep a set of 15 ports overbooked; each answers its own sessions' packets
 *
 * The sweep timers run as well. Prints one JSON object; its "findings" are what the audit found
 * right after, and after everything has expired. Fails if there are any.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#include "accounts.h"
#include "talk.h"

#define THREADS 2

struct worker;

struct mode {
	const char *name;
	void (*step)(struct worker *w);
	bool small; /* 15 ports instead of 1008 */
};

struct worker {
	pthread_t thread;
	const struct mode *mode;
	unsigned int number;
	unsigned int seed;
	uint64_t steps, opened, refused, deleted, expired, wrong;
	char example[128]; /* of what was wrong */
};

static struct harness bench;
static struct worker workers[THREADS];
static atomic_bool stop;
static int out_fd, wan_fd, control_fd;

/* -- Running the programs ---------------------------------------------------------------------- */

static void wrong(struct worker *w, const char *what, const struct talk *t, unsigned int port)
{
	if (!w->wrong++)
		snprintf(w->example, sizeof(w->example), "%s: 10.0.%u.%u:%u to .%u, port %u", what,
			 t->int_addr[2], t->int_addr[3], t->int_port, t->rem_addr[3], port);
}

/* Sends a packet of the host out; the external port it got, or 0 if it was dropped. */
static uint16_t open_session(struct worker *w, const struct talk *t)
{
	uint8_t in[PACKET], out[256];
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = sizeof(in),
			    .data_out = out, .data_size_out = sizeof(out));

	udp_packet(in, t->int_addr, t->int_port, t->rem_addr, t->rem_port);
	if (bpf_prog_test_run_opts(out_fd, &opts))
		return 0;
	if (opts.retval != 7 /* TC_ACT_REDIRECT */) {
		w->refused++;
		return 0;
	}
	w->opened++;
	return get16(out + ENCAP + PORTS_AT);
}

/* An answer from the remote to the external port has to get to this very endpoint. */
static void answer(struct worker *w, const struct talk *t, uint16_t ext_port)
{
	uint8_t in[PACKET + ENCAP], inner[PACKET], out[256];
	struct xdp_md ctx = { .data_end = sizeof(in) }, ctx_out = {};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = sizeof(in),
			    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .ctx_out = &ctx_out,
			    .ctx_size_out = sizeof(ctx_out));
	uint8_t *got = out;

	udp_packet(inner, t->rem_addr, t->rem_port, bench.config.ip4, ext_port);
	encapsulate(in, inner, bench.config.br[0], bench.config.ce);
	if (bpf_prog_test_run_opts(wan_fd, &opts))
		return;
	got += ctx_out.data;
	if (opts.retval != 2 /* XDP_PASS */ || !ctx_out.data)
		wrong(w, "answer dropped", t, ext_port);
	else if (memcmp(got + DST_AT, t->int_addr, 4) || get16(got + PORTS_AT + 2) != t->int_port)
		wrong(w, "answer went to another endpoint", t, ext_port);
}

static void delete_session(struct worker *w, const struct talk *t)
{
	struct mape_request r = { .op = MAPE_OP_DELETE, .flow = flow_of(t) }, done;
	/* Not control_run(): the record of errors is one for the process. */
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &r, .data_size_in = sizeof(r),
			    .data_out = &done, .data_size_out = sizeof(done));

	if (!bpf_prog_test_run_opts(control_fd, &opts) && !done.result)
		w->deleted++;
}

static unsigned int pick(struct worker *w, unsigned int below)
{
	return (unsigned int)rand_r(&w->seed) % below;
}

/* -- What each processor does, again and again ------------------------------------------------- */

static atomic_uint arrived;

/* Both leave at the same moment. False: time is up. */
static bool meet(struct worker *w, unsigned int n)
{
	unsigned int goal = (n + 1) * THREADS;

	(void)w;
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) < goal)
		if (atomic_load(&stop))
			return false;
	return true;
}

static atomic_uint flow_port[THREADS];

static void step_flow(struct worker *w)
{
	struct talk t = talk_of(1, w->steps % 50000, 0);
	unsigned int meeting = 2 * w->steps;

	if (!meet(w, meeting))
		return;
	atomic_store(&flow_port[w->number], open_session(w, &t));
	if (!meet(w, meeting + 1) || w->number)
		return;
	if (!flow_port[0] || flow_port[0] != flow_port[1])
		wrong(w, "two ports for one flow", &t, flow_port[1]);
	answer(w, &t, flow_port[0]);
	delete_session(w, &t);
}

static void step_mapping(struct worker *w)
{
	struct talk t = talk_of(1, 1, pick(w, 4));

	if (pick(w, 2))
		open_session(w, &t);
	else
		delete_session(w, &t);
}

static void step_endpoints(struct worker *w)
{
	struct talk t = talk_of(1, pick(w, 24), pick(w, 2));

	if (pick(w, 2))
		open_session(w, &t);
	else
		delete_session(w, &t);
}

static void step_delete(struct worker *w)
{
	struct talk t = talk_of(1, pick(w, 64), 0);

	if (w->number)
		delete_session(w, &t);
	else
		open_session(w, &t);
}

static void step_expire(struct worker *w)
{
	struct mape_request sweep = { .op = MAPE_OP_SWEEP, .count = 200 };
	struct talk t = talk_of(1, pick(w, 256), pick(w, 4));

	if (!w->number) {
		open_session(w, &t);
		return;
	}
	if (pick(w, 8) == 0)
		harness_now(&bench, bench.config.now_offset + 301 * 1000000000ULL);
	if (!harness_control(&bench, &sweep))
		w->expired += sweep.expired;
}

/* Each processor has hosts of its own, so it knows what is open. */
static void step_exhaust(struct worker *w)
{
	struct talk t = talk_of(w->number * 256 + pick(w, 24), pick(w, 2), pick(w, 4));
	uint16_t port;

	if (pick(w, 3) == 0) {
		delete_session(w, &t);
		return;
	}
	port = open_session(w, &t);
	if (port)
		answer(w, &t, port);
}

static const struct mode modes[] = {
	{ "flow", step_flow, false },           { "mapping", step_mapping, false },
	{ "endpoints", step_endpoints, false }, { "delete", step_delete, false },
	{ "expire", step_expire, false },       { "exhaust", step_exhaust, true },
};

static void *work(void *arg)
{
	struct worker *w = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(w->number % sysconf(_SC_NPROCESSORS_ONLN), &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	for (; !atomic_load(&stop); w->steps++)
		w->mode->step(w);
	return NULL;
}

/* -- The accounts ------------------------------------------------------------------------------ */

static int report(const struct mode *mode, double seconds)
{
	struct json_object *o = json_object_new_object(), *findings = json_object_new_array();
	struct worker sum = {};

	for (int i = 0; i < THREADS; i++) {
		const struct worker *w = &workers[i];

		sum.steps += w->steps;
		sum.opened += w->opened;
		sum.refused += w->refused;
		sum.deleted += w->deleted;
		sum.expired += w->expired;
		sum.wrong += w->wrong;
		if (w->wrong)
			json_object_array_add(findings, json_object_new_string(w->example));
	}
	settle(&bench, findings, "after");
	settle_empty(&bench, findings);
	json_object_object_add(o, "mode", json_object_new_string(mode->name));
	json_object_object_add(o, "seconds", json_object_new_double(seconds));
	account(o, "processors", sysconf(_SC_NPROCESSORS_ONLN));
	account(o, "steps", sum.steps);
	account(o, "opened", sum.opened);
	account(o, "refused", sum.refused);
	account(o, "deleted", sum.deleted);
	account(o, "expired", sum.expired);
	account(o, "wrong", sum.wrong);
	json_object_object_add(o, "outcomes", outcomes(&bench));
	json_object_object_add(o, "findings", findings);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	return json_object_array_length(findings) ? 1 : 0;
}

static void run(const struct mode *mode, double seconds, unsigned int seed)
{
	struct timespec time = { .tv_sec = seconds, .tv_nsec = (seconds - (time_t)seconds) * 1e9 };

	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .mode = mode, .number = i, .seed = seed + i };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			harness_die("threads");
	}
	nanosleep(&time, NULL);
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

int main(int argc, char **argv)
{
	struct mape_config config;
	const struct mode *mode = NULL;
	double seconds = argc > 2 ? atof(argv[2]) : 0;

	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, argv[1]))
			mode = &modes[i];
	if (!mode || seconds <= 0) {
		fprintf(stderr, "usage: hammer MODE SECONDS [SEED]\n");
		return 2;
	}
	harness_namespace();
	harness_config(&config);
	if (mode->small)
		mape_portset_init(&config.ports, 4, 12, 22);
	if (harness_load(&bench, &config, 0))
		harness_die("loading");
	out_fd = harness_prog(&bench, "mape_out");
	wan_fd = harness_prog(&bench, "wan_xdp");
	control_fd = bpf_program__fd(bench.objects.ctl->progs.control);
	run(mode, seconds, argc > 3 ? atoi(argv[3]) : time(NULL));
	return report(mode, seconds);
}
