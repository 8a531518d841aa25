// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same published examples, computed by a BPF program in the kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "portset_reference.h"
#include "vector_check.h"
#include "vectors_probe.h"
#include "vectors_probe.skel.h"

static struct vectors_probe *skel;

static int setup(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	skel = vectors_probe__open_and_load();
	if (!skel)
		fprintf(stderr, "cannot load vectors_probe: %s\n", strerror(errno));
	return skel ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	vectors_probe__destroy(skel);
	return 0;
}

static void need_root(void)
{
	if (skel)
		return;
	printf("loading BPF programs needs root\n");
	fflush(stdout);
	skip();
}

static struct probe_answer ask(const struct probe_question *question)
{
	struct probe_packet sent = { .question = *question }, got;
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		    .data_in = &sent, .data_size_in = sizeof(sent),
		    .data_out = &got, .data_size_out = sizeof(got));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.vectors_probe), &opts),
			 0);
	assert_int_equal(opts.retval, 2 /* XDP_PASS */);
	assert_int_equal(opts.data_size_out, sizeof(got));
	return got.answer;
}

static void test_vector(void **state)
{
	const struct vector *v = *state;
	struct probe_question q = {
		.fmr = vector_fmr(v),
		.prefix = mape_ip6_prefix(v->has_rule ? v->prefix : v->ce, vector_need(v)),
		.prefix_len = vector_need(v),
		.ip4 = v->probe_ip4,
		.port = v->probe_port,
	};
	struct probe_answer a;

	need_root();
	a = ask(&q);
	if (v->has_probe) {
		vector_check_ce(v, a.other_ce);
		assert_true(a.source_ok);
		return;
	}
	vector_check_owner(v, a.owner.ip4, a.owner.psid);
	vector_check_ce(v, a.ce);
	vector_check_ports(v, &a.ports);
	assert_int_equal(a.published, mape_portset_published(&a.ports));
	assert_int_equal(a.ranges, mape_portset_ranges(&a.ports));
}

/* Every port and every index of one set. */
static void check_all_ports(int a, int k, int psid, int count)
{
	struct probe_question q = {
		.fmr = { .ip4_len = 32, .psid = psid, .psid_offset = a, .psid_len = k },
	};
	int expected[65536], n = 0;

	for (int port = 0; port < 65536; port++)
		if (reference_in_set(a, k, psid, port))
			expected[n++] = port;
	assert_int_equal(n, count);

	n = 0;
	for (int first = 0; first < 65536; first += PROBE_PORTS) {
		struct probe_answer got;

		q.first = first;
		got = ask(&q);
		assert_int_equal(got.ports.count, count);
		for (int i = 0; i < PROBE_PORTS; i++) {
			int port = first + i;

			assert_int_equal(got.port_of[i], port < count ? expected[port] : 0);
			assert_int_equal(got.index_of[i], reference_in_set(a, k, psid, port) ? n++ : -1);
		}
	}
}

static void test_all_ports(void **state)
{
	(void)state;
	need_root();
	check_all_ports(6, 6, 22, 1008);
	check_all_ports(4, 8, 0, 240);
	check_all_ports(4, 8, 255, 240);
	check_all_ports(0, 8, 5, 256);
	check_all_ports(0, 8, 0, 255);
	check_all_ports(6, 8, 0x34, 252);
	check_all_ports(4, 0, 0, 61440);
	check_all_ports(0, 0, 0, 65535);
}

int main(void)
{
	static struct CMUnitTest tests[N_VECTORS + 1];
	static char names[N_VECTORS][32];

	for (size_t i = 0; i < N_VECTORS; i++) {
		strcat(strcpy(names[i], "vector_"), vectors[i].id);
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = test_vector,
			.initial_state = (void *)&vectors[i],
		};
	}
	tests[N_VECTORS] = (struct CMUnitTest)cmocka_unit_test(test_all_ports);
	return cmocka_run_group_tests_name("vectors_bpf", tests, setup, teardown);
}
