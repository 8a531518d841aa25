// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * memory SESSIONS ENDPOINTS: what sessions of that many internal endpoints take, everything
 * together: MemAvailable before the objects are loaded and after the sessions are open. Prints
 * {"sessions":N,"bytes":N,"maps":{NAME:BYTES,...}}, the last as the kernel accounts for each map.
 */
#include <unistd.h>

#include "table.h"

static uint64_t mem_available(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (!kib)
		harness_die("/proc/meminfo");
	fclose(f);
	return kib * 1024;
}

/* Maps of programs that just ended are freed in the background. */
static uint64_t mem_settled(void)
{
	uint64_t last = mem_available(), now;

	for (int i = 0; i < 20; i++, last = now) {
		sleep(1);
		now = mem_available();
		if (now < last + (4 << 20) && last < now + (4 << 20))
			break;
	}
	return last;
}

/* What the kernel says a map takes (exact since Linux 6.4). */
static unsigned long long map_bytes(int fd)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

static void print_maps(const struct harness *h)
{
	static const char *const names[] = { "sessions", "mappings", "overlaps", "peers", "ports",
					     "expiry" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		printf("%s\"%s\":%llu", i ? "," : "", names[i],
		       map_bytes(objects_map(&h->objects, names[i])));
}

/* Each session has a remote of its own, so that 1008 ports are enough. */
static struct talk spread_talk(uint32_t i, uint32_t endpoints)
{
	struct talk t = table_talk(i % endpoints, endpoints);
	uint32_t r = i / 200;

	t.rem_addr[1] = 18 + (r >> 16);
	t.rem_addr[2] = r >> 8;
	t.rem_addr[3] = r;
	return t;
}

int main(int argc, char **argv)
{
	uint32_t sessions = argc == 3 ? atoi(argv[1]) : 0, endpoints = argc == 3 ? atoi(argv[2]) : 0;
	struct mape_config config;
	struct harness bench = {};
	uint64_t before;

	if (!sessions || !endpoints) {
		fprintf(stderr, "usage: memory SESSIONS ENDPOINTS\n");
		return 2;
	}
	harness_namespace();
	harness_config(&config);
	before = mem_settled();
	if (harness_load(&bench, &config, 0))
		harness_die("loading");
	for (uint32_t i = 0; i < sessions; i++) {
		struct talk t = spread_talk(i, endpoints);

		if (table_open_one(&bench, &t))
			harness_die("opening sessions");
	}
	printf("{\"sessions\":%u,\"bytes\":%lld,\"maps\":{", sessions,
	       (long long)(before - mem_available()));
	print_maps(&bench);
	puts("}}");
	return 0;
}
