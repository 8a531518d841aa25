// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * shoot LAN_NETNS LAN_DEV WAN_NETNS WAN_DEV TABLE CPU: generators and sinks on both sides of a
 * router. TABLE is a file of struct shot, filled by the caller: one half for packets of the LAN,
 * the other for those of the WAN. Reads one request per line and answers each with one JSON object:
 *
 *	plain lan TO FROM | plain wan TO FROM        which frames from there on; MAC addresses
 *	tunnel wan TO FROM SRC DST                   ... in IPv6
 *	range lan|wan FIRST COUNT                    shots to use, in turn
 *	expect lan|wan LEN                           length of what the sink there counts
 *	fire lan|wan PACKETS                         -> {"sent","arrived","other","ns"}
 *	forward NETNS LAN_DEV WAN_DEV                attach the FIB forwarder to two devices
 *	wire NETNS LAN_DEV WAN_DEV                   ... or a program that only redirects
 *
 * Everything happens on one processor. "ns" is the kernel's own time of the test run, in which the
 * router and the sink have had their turns too: without setting up and tearing down the run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "frames.h"

#define BATCH 64
#define SETTLE_NS 20000000ULL	/* how long to wait for stragglers */

struct end {
	const char *netns, *dev;
	int ns_fd, prog_fd;
	uint32_t ifindex;
	uint32_t frame_len, expect;
	uint8_t frame[SPARE_ROOM + FRAME + OUTER];
};

static struct bpf_object *obj;
static struct end ends[2];
static struct drive *drives;

static void die(const char *what)
{
	fprintf(stderr, "shoot: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int prog(const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	if (!p)
		die(name);
	return bpf_program__fd(p);
}

static int map(const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(netns);
	close(fd);
}

static void attach(const char *dev, const char *name)
{
	if (bpf_xdp_attach(if_nametoindex(dev), prog(name), 1U << 2 /* XDP_FLAGS_DRV_MODE */, NULL))
		die(dev);
}

static void tell_end(uint32_t side)
{
	uint32_t value[2] = { ends[side].ifindex, ends[side].expect };

	if (bpf_map_update_elem(map("ends"), &side, value, 0))
		die("ends");
}

static void load(const char *table)
{
	char path[4096] = "";
	struct shot *shots;
	struct stat st;
	int fd;

	fd = open(table, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) || readlink("/proc/self/exe", path, sizeof(path) - 16) < 0)
		die(table);
	strcat(path, ".bpf.o");
	obj = bpf_object__open_file(path, NULL);
	if (!obj)
		die(path);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "shots"),
				 st.st_size / sizeof(*shots));
	if (bpf_object__load(obj))
		die("loading");
	drives = mmap(NULL, 2 * sizeof(*drives), PROT_READ | PROT_WRITE, MAP_SHARED, map("drives"),
		      0);
	if (drives == MAP_FAILED)
		die("drives");
	close(fd);
}

/* The table may have changed since: its shots, with checksums, into the map. */
static int read_table(const char *table, uint32_t first, uint32_t count)
{
	FILE *f = fopen(table, "rb");
	struct shot shot;

	if (!f || fseek(f, first * sizeof(shot), SEEK_SET))
		die(table);
	for (uint32_t i = first; i < first + count; i++) {
		if (fread(&shot, sizeof(shot), 1, f) != 1)
			die(table);
		shot_set(&shot, shot.src, shot.sport[0] << 8 | shot.sport[1], shot.dst,
			 shot.dport[0] << 8 | shot.dport[1]);
		if (bpf_map_update_elem(map("shots"), &i, &shot, 0))
			die("shots");
	}
	return fclose(f);
}

static uint64_t sunk(uint32_t which)
{
	uint64_t values[libbpf_num_possible_cpus()], sum = 0;

	if (bpf_map_lookup_elem(map("sunk"), &which, values))
		die("sunk");
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += values[i];
	return sum;
}

static void fire(struct end *e, uint32_t packets)
{
	uint64_t arrived = sunk(0), other = sunk(1), last, seen;
	struct bpf_test_run_opts opts;

	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	opts.data_in = e->frame;
	opts.data_size_in = SPARE_ROOM + e->frame_len;
	opts.flags = 1U << 1; /* BPF_F_TEST_XDP_LIVE_FRAMES */
	opts.batch_size = BATCH;
	enter(e->netns);
	opts.repeat = packets;
	if (bpf_prog_test_run_opts(e->prog_fd, &opts))
		die("BPF_PROG_TEST_RUN with live frames");
	last = now_ns();
	for (seen = sunk(0); seen - arrived < packets && now_ns() - last < SETTLE_NS;) {
		uint64_t n = sunk(0);

		if (n != seen)
			last = now_ns();
		seen = n;
		sched_yield();
	}
	printf("{\"sent\":%llu,\"arrived\":%llu,\"other\":%llu,\"ns\":%llu}\n",
	       (unsigned long long)packets, (unsigned long long)(sunk(0) - arrived),
	       (unsigned long long)(sunk(1) - other), (unsigned long long)packets * opts.duration);
}

static void aim(struct end *e, int side, char **words, int n)
{
	struct ether_addr to, from;
	uint8_t src[16], dst[16];

	if (!ether_aton_r(words[2], &to) || !ether_aton_r(words[3], &from))
		die(words[2]);
	if (n == 4) {
		frame_plain(e->frame + SPARE_ROOM, to.ether_addr_octet, from.ether_addr_octet);
		e->frame_len = FRAME;
		e->prog_fd = prog(side ? "shoot_plain_wan" : "shoot_plain_lan");
	} else {
		if (inet_pton(AF_INET6, words[4], src) != 1 ||
		    inet_pton(AF_INET6, words[5], dst) != 1)
			die(words[4]);
		frame_tunnel(e->frame + SPARE_ROOM, to.ether_addr_octet, from.ether_addr_octet, src, dst);
		e->frame_len = FRAME + OUTER;
		e->prog_fd = prog("shoot_tunnel_wan");
	}
}

static void forward(char **words)
{
	enter(words[1]);
	for (int i = 2; i < 4; i++) {
		uint32_t dev = if_nametoindex(words[i]);

		if (bpf_map_update_elem(map("tx"), &dev, &dev, 0))
			die("tx");
		attach(words[i], "forward");
	}
}

static void wire(char **words)
{
	enter(words[1]);
	for (uint32_t side = 0; side < 2; side++) {
		uint32_t dev = if_nametoindex(words[2 + side]);

		if (bpf_map_update_elem(map("opposite"), &side, &dev, 0))
			die("opposite");
		attach(words[2 + side], side ? "wire_wan" : "wire_lan");
	}
}

static int request(char *line, const char *table)
{
	char *words[8] = {}, *rest = NULL;
	int n = 0, side;

	for (char *w = strtok_r(line, " \n", &rest); w && n < 8; w = strtok_r(NULL, " \n", &rest))
		words[n++] = w;
	if (n == 4 && (!strcmp(words[0], "forward") || !strcmp(words[0], "wire"))) {
		words[0][0] == 'f' ? forward(words) : wire(words);
		puts("{}");
		return 0;
	}
	if (n < 3)
		return -1;
	side = !strcmp(words[1], "wan");
	if (!strcmp(words[0], "fire")) {
		fire(&ends[side], atoi(words[2]));
		return 0;
	}
	if ((!strcmp(words[0], "plain") && n == 4) || (!strcmp(words[0], "tunnel") && n == 6)) {
		aim(&ends[side], side, words, n);
	} else if (!strcmp(words[0], "range") && n == 4) {
		read_table(table, atoi(words[2]), atoi(words[3]));
		drives[side] = drive_of(atoi(words[2]), atoi(words[3]),
					ends[side].frame + SPARE_ROOM,
					ends[side].frame_len);
	} else if (!strcmp(words[0], "expect")) {
		ends[side].expect = atoi(words[2]);
		tell_end(side);
	} else {
		return -1;
	}
	puts("{}");
	return 0;
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	cpu_set_t cpus;

	if (argc != 7) {
		fprintf(stderr, "usage: shoot LAN_NETNS LAN_DEV WAN_NETNS WAN_DEV TABLE CPU\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[6]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("processor");
	load(argv[5]);
	for (int side = 0; side < 2; side++) {
		struct end *e = &ends[side];

		e->netns = argv[1 + 2 * side];
		e->dev = argv[2 + 2 * side];
		enter(e->netns);
		e->ifindex = if_nametoindex(e->dev);
		attach(e->dev, side ? "sink_wan" : "sink_lan");
		tell_end(side);
	}
	while (getline(&line, &size, stdin) > 0) {
		if (request(line, argv[5])) {
			fprintf(stderr, "shoot: not understood: %s", line);
			return 2;
		}
		fflush(stdout);
	}
	free(line);
	return 0;
}
