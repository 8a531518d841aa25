// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the BR saw, and its report as one JSON object. */
#ifndef LAB_BR_STATS_H
#define LAB_BR_STATS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Violations: faults of the CE. Each packet counts once, under the first that applies. */
#define BR_VIOLATIONS(X)                                                                       \
	X(EXTENSION_HEADER, "extension_header") /* e.g. the encapsulation limit of RFC 2473 */ \
	X(HOP_LIMIT, "hop_limit")                                                              \
	X(INNER_HEADER, "inner_header")                                                        \
	X(INNER_CHECKSUM, "inner_checksum")                                                    \
	X(INNER_TTL, "inner_ttl")                                                              \
	X(OUTER_SOURCE, "outer_source") /* no CE address of the rule */                        \
	X(INNER_SOURCE, "inner_source") /* not the address that the outer source stands for */ \
	X(NO_PORT, "no_port")                                                                  \
	X(OUTSIDE_PORT_SET, "outside_port_set")                                                \
	X(L4_CHECKSUM, "l4_checksum")                                                          \
	X(ECN, "ecn") /* outer ECN is not the inner one (RFC 6040 section 4.1) */

enum br_violation {
#define X(name, text) BR_##name,
	BR_VIOLATIONS(X)
#undef X
	BR_N_VIOLATIONS,
	BR_OK = -1,
};

static const char *const br_violation_name[] = {
#define X(name, text) text,
	BR_VIOLATIONS(X)
#undef X
};

enum {
	BR_N_SAMPLES = 16,
	BR_SAMPLE_LEN = 160
};

struct br_sample {
	enum br_violation kind;
	int len;
	uint8_t outer_src[16], bytes[BR_SAMPLE_LEN];
};

struct br_stats {
	uint64_t seq; /* raised with every report */
	uint64_t up_packets, up_bytes; /* CE -> IPv4, those let through */
	uint64_t down_packets, down_bytes;
	uint64_t violation[BR_N_VIOLATIONS];
	/* not faults of the CE */
	uint64_t udp_no_checksum, fragments, fragment_unknown, down_not_ours, down_no_port,
		send_error;
	uint64_t n_samples;
	struct br_sample sample[BR_N_SAMPLES]; /* ring, newest at (n_samples - 1) % size */
	uint8_t seen[3][65536 / 8]; /* external ports seen, bit per port: TCP, UDP, ICMP */
};

/* Remembers an external port; @port < 0 (a protocol without ports) is nothing to remember. */
static void br_saw_port(struct br_stats *s, uint8_t proto, int port)
{
	int kind = proto == IPPROTO_TCP ? 0 : proto == IPPROTO_UDP ? 1 : 2;

	if (port >= 0)
		s->seen[kind][port / 8] |= 1 << port % 8;
}

static void br_hex(FILE *f, const uint8_t *p, int len)
{
	for (int i = 0; i < len; i++)
		fprintf(f, "%02x", p[i]);
}

static void br_report_ports(FILE *f, const struct br_stats *s)
{
	static const char *const name[] = {"tcp", "udp", "icmp"};

	fprintf(f, "\"ports\":{");
	for (int i = 0; i < 3; i++) {
		const char *sep = "";

		fprintf(f, "%s\"%s\":[", i ? "," : "", name[i]);
		for (int port = 0; port < 65536; port++)
			if (s->seen[i][port / 8] & 1 << port % 8) {
				fprintf(f, "%s%d", sep, port);
				sep = ",";
			}
		fprintf(f, "]");
	}
	fprintf(f, "}");
}

static void br_report_samples(FILE *f, const struct br_stats *s)
{
	uint64_t n = s->n_samples < BR_N_SAMPLES ? s->n_samples : BR_N_SAMPLES;

	fprintf(f, "\"samples\":[");
	for (uint64_t i = s->n_samples - n; i < s->n_samples; i++) {
		const struct br_sample *p = &s->sample[i % BR_N_SAMPLES];

		fprintf(f, "%s{\"kind\":\"%s\",\"outer_src\":\"", i > s->n_samples - n ? "," : "",
			br_violation_name[p->kind]);
		br_hex(f, p->outer_src, 16);
		fprintf(f, "\",\"hex\":\"");
		br_hex(f, p->bytes, p->len);
		fprintf(f, "\"}");
	}
	fprintf(f, "]");
}

/* Writes the report to @path in one step (a reader sees the old or the new one, never a half). */
static bool br_report(struct br_stats *s, const char *path)
{
	char tmp[4096];
	uint64_t total = 0;
	FILE *f;

	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return false;
	f = fopen(tmp, "w");
	if (!f)
		return false;
#define U(v) ((unsigned long long)(v))
	fprintf(f, "{\"seq\":%llu,\"up\":{\"packets\":%llu,\"bytes\":%llu},", U(++s->seq),
		U(s->up_packets), U(s->up_bytes));
	fprintf(f, "\"down\":{\"packets\":%llu,\"bytes\":%llu},\"violations\":{",
		U(s->down_packets), U(s->down_bytes));
	for (int i = 0; i < BR_N_VIOLATIONS; i++) {
		fprintf(f, "%s\"%s\":%llu", i ? "," : "", br_violation_name[i], U(s->violation[i]));
		total += s->violation[i];
	}
	fprintf(f, "},\"violations_total\":%llu,", U(total));
	fprintf(f, "\"udp_no_checksum\":%llu,\"fragments\":%llu,\"fragment_unknown\":%llu,",
		U(s->udp_no_checksum), U(s->fragments), U(s->fragment_unknown));
	fprintf(f, "\"down_not_ours\":%llu,\"down_no_port\":%llu,\"send_error\":%llu,",
		U(s->down_not_ours), U(s->down_no_port), U(s->send_error));
#undef U
	br_report_ports(f, s);
	fprintf(f, ",");
	br_report_samples(f, s);
	fprintf(f, "}\n");
	return fclose(f) == 0 && rename(tmp, path) == 0;
}

#endif
