// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cost SESSIONS ROUNDS robin|random: nanoseconds per packet of each program on a session hit,
 * with 64-byte UDP frames, beside the floors of cost.bpf.c.
 *
 * Every round runs all programs one after the other, so that what disturbs the machine disturbs
 * them alike. XDP programs run behind a rewriter (cost.bpf.c); TC programs run once per call, on a
 * fresh skb each, and the kernel's own timing of the run is added up.
 *
 * Prints one JSON object: {"sessions", "order", "samples":{NAME:[ns,...]}}. Fails if a packet of
 * ours took another way than the fast path.
 */
#include <libgen.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include <json-c/json.h>
#include <mape/outcome.h>

#include "frames.h"
#include "table.h"

#define ENDPOINTS 500
#define XDP_REPEAT 20000
#define TC_REPEAT 2000

struct target {
	const char *name; /* in the output */
	const char *prog;
	bool driven; /* run by the rewriter drive_NAME, with NAME after "xdp_" */
	bool ours, in, tc;
	int fd; /* of the rewriter, if any */
	struct json_object *samples;
};

static struct target targets[] = {
	{ .name = "xdp_empty", .prog = "floor_empty" },
	{ .name = "xdp_out_rewriter", .driven = true, .prog = "floor_empty" },
	{ .name = "xdp_out_lookup", .driven = true, .prog = "floor_lookup_lan" },
	{ .name = "xdp_out_fib", .driven = true, .prog = "floor_fib" },
	{ .name = "xdp_out", .driven = true, .prog = "lan_xdp", .ours = true },
	{ .name = "xdp_in_rewriter", .driven = true, .prog = "floor_empty", .in = true },
	{ .name = "xdp_in_lookup", .driven = true, .prog = "floor_lookup_wan", .in = true },
	{ .name = "xdp_in", .driven = true, .prog = "wan_xdp", .ours = true, .in = true },
	{ .name = "tc_empty", .prog = "floor_tc_empty", .tc = true },
	{ .name = "tc_out_room", .prog = "floor_tc_lan", .tc = true },
	{ .name = "tc_out", .prog = "lan_tc", .ours = true, .tc = true },
	{ .name = "tc_in_room", .prog = "floor_tc_wan", .in = true, .tc = true },
	{ .name = "tc_in", .prog = "wan_tc", .ours = true, .in = true, .tc = true },
};

#define TARGETS (sizeof(targets) / sizeof(targets[0]))

static struct harness bench;
static struct bpf_object *floors;
static struct shot *shots; /* 2 * sessions: outbound, inbound */
static struct drive *drives;
static uint8_t frames[2][FRAME + OUTER]; /* plain, tunnel */
static uint64_t expected;		 /* packets that the fast path has to have counted */

/* -- Setting up -------------------------------------------------------------------------------- */

static void *map_memory(const char *name, size_t size)
{
	int fd = bpf_object__find_map_fd_by_name(floors, name);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		harness_die(name);
	return memory;
}

static void load_floors(uint32_t sessions)
{
	static const char *const tables[] = { "floor_out", "floor_in" };
	uint32_t wan = bench.config.wan_ifindex;
	char path[PATH_MAX] = "";

	if (readlink("/proc/self/exe", path, sizeof(path) - 16) < 0)
		harness_die("/proc/self/exe");
	strcat(path, ".bpf.o");
	floors = bpf_object__open_file(path, NULL);
	if (!floors)
		harness_die(path);
	for (int i = 0; i < 2; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(floors, tables[i]);

		bpf_map__set_max_entries(map, MAPE_SESSIONS_MAX);
		bpf_map__set_value_size(map, sizeof(struct mape_session));
	}
	bpf_map__set_max_entries(bpf_object__find_map_by_name(floors, "shots"), 2 * sessions);
	if (bpf_object__load(floors))
		harness_die("loading the floor programs");
	shots = map_memory("shots", 2 * sessions * sizeof(*shots));
	drives = map_memory("drives", 2 * sizeof(*drives));
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(floors, "floor_tx"), &wan, &wan, 0))
		harness_die("floor_tx");
}

static uint32_t *make_order(uint32_t n, bool shuffled)
{
	uint32_t *order = malloc(n * sizeof(*order));

	if (!order)
		harness_die("memory");
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	srandom(1);
	for (uint32_t i = n; shuffled && i > 1; i--) {
		uint32_t j = random() % i, kept = order[i - 1];

		order[i - 1] = order[j];
		order[j] = kept;
	}
	return order;
}

static void add_to_floor(const char *name, const struct shot *shot)
{
	static const uint8_t value[sizeof(struct mape_session)];
	uint8_t key[sizeof(*shot)] = { [12] = MAPE_PROTO_UDP };

	memcpy(key, shot, 12);
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(floors, name), key, value, 0))
		harness_die(name);
}

/*
 * Opens the sessions; fills the tables of packets and both floor maps. Flow i has place order[i] in
 * the tables: records are made in the order of their numbers, so "at random" is random in memory.
 */
static void fill(uint32_t sessions, const uint32_t *order)
{
	uint32_t lan = if_nametoindex("lan0");

	for (uint32_t i = 0; i < sessions; i++) {
		struct shot *out = &shots[order[i]], *in = out + sessions;
		struct talk t = table_talk(i, ENDPOINTS);
		int port = table_open_one(&bench, &t);

		if (!port)
			port = table_offload(&bench, &t, lan, 0);
		if (port < 0)
			harness_die("opening sessions");
		shot_set(out, t.int_addr, t.int_port, t.rem_addr, t.rem_port);
		shot_set(in, t.rem_addr, t.rem_port, bench.config.ip4, port);
		add_to_floor("floor_out", out);
		add_to_floor("floor_in", in);
	}
}

static void make_frames(uint32_t sessions)
{
	frame_plain(frames[0], (uint8_t *)LAN_MAC, (uint8_t *)HOST_MAC);
	frame_tunnel(frames[1], (uint8_t *)"\x02\0\0\0\0\x01", (uint8_t *)"\x02\0\0\0\0\xfe",
		     bench.config.br[0], bench.config.ce);
	drives[0] = drive_of(0, sessions, frames[0], FRAME);
	drives[1] = drive_of(sessions, sessions, frames[1], FRAME + OUTER);
}

/* Plain forwarding for floor_fib: lan1 to wan0. */
static void make_route(void)
{
	harness_sysctl("ipv4/conf/lan1/forwarding", "1");
	if (system("ip address add 192.0.2.9/30 dev wan0 && "
		   "ip route add 198.18.0.0/15 via 192.0.2.10 && "
		   "ip neigh replace 192.0.2.10 lladdr " GATEWAY_MAC " nud permanent dev wan0"))
		harness_die("a route for the floor");
}

static void put_behind_rewriter(struct target *t)
{
	char name[32];
	uint32_t zero = 0;

	snprintf(name, sizeof(name), "target_%s", t->name + 4);
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(floors, name), &zero, &t->fd, 0))
		harness_die(name);
	snprintf(name, sizeof(name), "drive_%s", t->name + 4);
	t->fd = bpf_program__fd(bpf_object__find_program_by_name(floors, name));
}

static void find_programs(void)
{
	for (size_t i = 0; i < TARGETS; i++) {
		struct target *t = &targets[i];
		struct bpf_program *p = bpf_object__find_program_by_name(floors, t->prog);

		t->fd = t->ours ? harness_prog(&bench, t->prog) : bpf_program__fd(p);
		t->samples = json_object_new_array();
		if (t->fd < 0)
			harness_die(t->prog);
		if (t->driven)
			put_behind_rewriter(t);
	}
}

/* -- Measuring --------------------------------------------------------------------------------- */

static void sample(struct target *t, double ns)
{
	json_object_array_add(t->samples, json_object_new_double(ns));
	expected += t->ours * (t->tc ? TC_REPEAT : XDP_REPEAT);
}

static void run_xdp(struct target *t)
{
	struct xdp_md in = { .ingress_ifindex = if_nametoindex("lan1") };
	uint8_t frame[FRAME + OUTER], out[256];
	struct bpf_test_run_opts opts;

	in.data_end = drives[t->in].len;
	run_opts(&opts, frame, in.data_end, out, sizeof(out));
	opts.ctx_in = &in;
	opts.ctx_size_in = sizeof(in);
	opts.repeat = XDP_REPEAT;
	memcpy(frame, frames[t->in], sizeof(frame));
	if (bpf_prog_test_run_opts(t->fd, &opts))
		harness_die(t->name);
	if (opts.retval != XDP_TX && opts.retval != XDP_REDIRECT) {
		fprintf(stderr, "%s: verdict %u\n", t->name, opts.retval);
		exit(1);
	}
	sample(t, opts.duration);
}

static void run_tc(struct target *t, uint32_t sessions)
{
	struct __sk_buff in = { .ifindex = if_nametoindex(t->in ? "wan0" : "lan0") };
	uint8_t frame[FRAME + OUTER], out[256];
	struct drive *d = &drives[t->in];
	uint64_t total = 0;

	memcpy(frame, frames[t->in], sizeof(frame));
	for (uint32_t i = 0; i < TC_REPEAT; i++) {
		const struct shot *shot = &shots[d->first + d->at];
		struct bpf_test_run_opts opts;

		run_opts(&opts, frame, d->len, out, sizeof(out));
		opts.ctx_in = &in;
		opts.ctx_size_in = sizeof(in);
		d->at = (d->at + 1) % sessions;
		memcpy(frame + d->len - FRAME + 26, shot->src, 8);
		memcpy(frame + d->len - FRAME + 34, shot->sport, 4);
		memcpy(frame + d->len - FRAME + 24, shot->ip_check, 2);
		memcpy(frame + d->len - FRAME + 40, shot->udp_check, 2);
		if (bpf_prog_test_run_opts(t->fd, &opts))
			harness_die(t->name);
		if (opts.retval != (t->ours ? 7 : 0)) {
			fprintf(stderr, "%s: verdict %d\n", t->name, (int)opts.retval);
			exit(1);
		}
		total += opts.duration;
	}
	sample(t, (double)total / TC_REPEAT);
}

/* A session is on lan0 itself for the TC hook and behind its port lan1 for the XDP hook. */
static void rounds(uint32_t n, uint32_t sessions, bool tc)
{
	uint32_t port = tc ? 0 : if_nametoindex("lan1"), lan = if_nametoindex("lan0");

	for (uint32_t i = 0; i < sessions; i++) {
		struct talk t = table_talk(i, ENDPOINTS);

		if (table_offload(&bench, &t, lan, port) < 0)
			harness_die("offloading");
	}
	for (uint32_t r = 0; r < n; r++)
		for (size_t i = 0; i < TARGETS; i++)
			if (targets[i].tc == tc)
				tc ? run_tc(&targets[i], sessions) : run_xdp(&targets[i]);
}

/* Packets that took the fast path. */
static uint64_t fast_packets(void)
{
	static const uint32_t keys[] = { MAPE_FAST_OUT, MAPE_FAST_IN };
	struct mape_counter counters[libbpf_num_possible_cpus()];
	uint64_t sum = 0;

	for (int i = 0; i < 2; i++) {
		if (bpf_map_lookup_elem(objects_map(&bench.objects, "outcomes"), &keys[i], counters))
			harness_die("outcomes");
		for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
			sum += counters[cpu].packets;
	}
	return sum;
}

static void report(uint32_t sessions, const char *order)
{
	struct json_object *o = json_object_new_object(), *samples = json_object_new_object();

	json_object_object_add(o, "sessions", json_object_new_int(sessions));
	json_object_object_add(o, "order", json_object_new_string(order));
	json_object_object_add(o, "samples", samples);
	for (size_t i = 0; i < TARGETS; i++)
		json_object_object_add(samples, targets[i].name, targets[i].samples);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

int main(int argc, char **argv)
{
	uint32_t sessions = argc == 4 ? atoi(argv[1]) : 0, n = argc == 4 ? atoi(argv[2]) : 0;
	struct mape_config config;
	uint32_t *order;
	cpu_set_t cpus;

	if (!sessions || sessions > MAPE_SESSIONS_MAX || !n) {
		fprintf(stderr, "usage: cost SESSIONS ROUNDS robin|random\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	harness_namespace();
	harness_config(&config);
	config.timeout_udp_s = 86400;
	if (harness_load(&bench, &config, 0))
		harness_die("loading");
	load_floors(sessions);
	order = make_order(sessions, !strcmp(argv[3], "random"));
	fill(sessions, order);
	free(order);
	make_frames(sessions);
	make_route();
	find_programs();
	rounds(n, sessions, false);
	rounds(n, sessions, true);
	report(sessions, argv[3]);
	if (fast_packets() != expected) {
		fprintf(stderr, "%llu packets took the fast path, not %llu\n",
			(unsigned long long)fast_packets(), (unsigned long long)expected);
		return 1;
	}
	return 0;
}
