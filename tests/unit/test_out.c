// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The result and the errors of a command, as text and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <cmocka.h>

#include "../../loader/err.h"
#include "../../loader/out.h"

static char *text;
static size_t len;

/* What describe() prints. */
static const char *render(void (*describe)(void), bool json)
{
	FILE *f;

	free(text);
	f = open_memstream(&text, &len);
	out_begin(f, json);
	describe();
	assert_int_equal(out_end(), 0);
	fclose(f);
	if (json) {
		struct json_object *o = json_tokener_parse(text);

		if (!o)
			fail_msg("not JSON: %s", text);
		json_object_put(o);
	}
	return text;
}

static void values(void)
{
	struct json_object *extra = json_object_new_array();

	out_str("name", "name", "mape0");
	out_u64("big", "big number", UINT64_MAX);
	out_i64("small", NULL, -5);
	out_bool("on", "on", true);
	out_str("none", "none", NULL);
	out_object("rule", "rule");
	out_fmt("ipv4", "IPv4", "%s/%d", "192.0.2.1", 32);
	out_array("br", "BR");
	out_str(NULL, NULL, "2001:db8::1");
	out_str(NULL, NULL, "2001:db8::2");
	out_array_end();
	out_array("empty", "empty");
	out_array_end();
	out_object_end();
	out_json("extra", extra);
	out_str(NULL, "only text", "x");
	out_text("%d sentence", 1);
	out_object(NULL, NULL);
	out_str("hidden", "shown", "y");
	out_object_end();
	json_object_put(extra);
}

static void test_values(void **state)
{
	(void)state;
	assert_string_equal(render(values, true),
			    "{\"name\":\"mape0\",\n\"big\":18446744073709551615,\n\"small\":-5,\n"
			    "\"on\":true,\n\"none\":null,\n\"rule\":{\"ipv4\":\"192.0.2.1/32\","
			    "\"br\":[\"2001:db8::1\",\"2001:db8::2\"],\"empty\":[]},\n\"extra\":[]}\n");
	assert_string_equal(render(values, false),
			    "name:       mape0\n"
			    "big number: 18446744073709551615\n"
			    "on:         yes\n"
			    "none:       -\n"
			    "rule:\n"
			    "  IPv4:     192.0.2.1/32\n"
			    "  BR:       2001:db8::1, 2001:db8::2\n"
			    "  empty:    -\n"
			    "only text:  x\n"
			    "1 sentence\n"
			    "shown:      y\n");
}

static void flow(const char *proto, uint64_t packets, const char *state)
{
	out_row();
	out_str("proto", "PROTO", proto);
	out_u64("packets", "PACKETS", packets);
	if (state)
		out_str("state", "STATE", state);
	out_u64("id", NULL, 1);
	out_row_end();
}

static void flows(void)
{
	out_table(NULL, NULL);
	flow("tcp", 1234567890, "open");
	flow("udp", 7, NULL);
	flow("icmp", 42, "-");
	out_table_end();
}

static void test_table(void **state)
{
	(void)state;
	assert_string_equal(render(flows, false), "PROTO     PACKETS  STATE\n"
						  "tcp    1234567890  open\n"
						  "udp             7\n"
						  "icmp           42  -\n");
	assert_string_equal(render(flows, true),
			    "[{\"proto\":\"tcp\",\"packets\":1234567890,\"state\":\"open\",\"id\":1},\n"
			    "{\"proto\":\"udp\",\"packets\":7,\"id\":1},\n"
			    "{\"proto\":\"icmp\",\"packets\":42,\"state\":\"-\",\"id\":1}]\n");
}

static void nested_table(void)
{
	out_str("wan", "WAN", "eth2");
	out_table("lan", "LAN");
	flow("tcp", 1, NULL);
	out_table_end();
	out_table("nothing", "nothing");
	out_table_end();
}

static void test_nested_table(void **state)
{
	(void)state;
	assert_string_equal(render(nested_table, false), "WAN: eth2\n"
							 "LAN:\n"
							 "  PROTO  PACKETS\n"
							 "  tcp          1\n");
	assert_string_equal(render(nested_table, true),
			    "{\"wan\":\"eth2\",\n\"lan\":[{\"proto\":\"tcp\",\"packets\":1,\"id\":1}],\n"
			    "\"nothing\":[]}\n");
}

static void many_flows(void)
{
	out_table(NULL, NULL);
	for (int i = 0; i < 70000; i++)
		flow("tcp", i, "open");
	out_table_end();
}

static void test_many_rows(void **state)
{
	(void)state;
	render(many_flows, true);
	render(many_flows, false);
	assert_int_equal(len, strlen("PROTO  PACKETS  STATE\n") +
			      70000 * strlen("tcp      69999  open\n"));
}

static void empty_table(void)
{
	out_table(NULL, NULL);
	out_table_end();
}

static void nothing(void)
{
}

static void test_empty(void **state)
{
	(void)state;
	assert_string_equal(render(empty_table, true), "[]\n");
	assert_string_equal(render(empty_table, false), "");
	assert_string_equal(render(nothing, true), "{}\n");
}

static void hostile(void)
{
	out_str("a\"b", "label",
		"\033[31m \"\\ \xff \xc3\xa9 \xed\xa0\x80 \xc0\x80 \xf0\x9f\x98\x80");
}

static void test_hostile_text(void **state)
{
	(void)state;
	assert_string_equal(render(hostile, true),
			    "{\"a\\\"b\":\"\\u001b[31m \\\"\\\\ ? \xc3\xa9 ??? ?? "
			    "\xf0\x9f\x98\x80\"}\n");
	assert_non_null(strstr(render(hostile, false), "label: ?[31m"));
}

static void failing(void)
{
	out_str("half", "half", "done");
	out_object("open", "open");
	warn("twice");
	warn("twice");
	err_sys(2, "first\nsecond", "cannot open '%s'", "x");
	err_context("attach");
}

static void test_error(void **state)
{
	(void)state;
	warn_quiet(true);
	assert_string_equal(render(failing, true),
			    "{\"error\":\"attach: cannot open 'x': No such file or directory\",\n"
			    "\"hint\":\"first\\nsecond\",\n\"warnings\":[\"twice\"]}\n");
	err_clear();
	warn_clear();
}

static void failing_list(void)
{
	flows();
	err(NULL, "no");
}

static void test_error_in_list(void **state)
{
	(void)state;
	assert_string_equal(render(failing_list, true), "{\"error\":\"no\",\n\"hint\":null}\n");
	err_clear();
}

static void warning_only(void)
{
	out_bool("attached", "attached", true);
	out_warnings();
	out_str("last", NULL, "x");
}

static void test_warnings(void **state)
{
	(void)state;
	assert_string_equal(render(warning_only, true),
			    "{\"attached\":true,\n\"warnings\":[],\n\"last\":\"x\"}\n");
	warn_quiet(true);
	warn("forwarding is %s", "off");
	assert_string_equal(render(warning_only, true),
			    "{\"attached\":true,\n\"warnings\":[\"forwarding is off\"],\n"
			    "\"last\":\"x\"}\n");
	warn_clear();
}

static void test_full_disk(void **state)
{
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	if (!f) {
		print_message("there is no /dev/full\n");
		skip();
	}
	for (int json = 0; json < 2; json++) {
		out_begin(f, json);
		values();
		assert_int_equal(out_end(), -1);
	}
	fclose(f);
}

static void test_saved_error(void **state)
{
	struct err_saved *saved;

	(void)state;
	err("hint", "first");
	saved = err_save();
	assert_null(err_text());
	err(NULL, "second");
	err_restore(saved);
	assert_string_equal(err_text(), "first");
	assert_string_equal(err_hint(), "hint");
	err_clear();
	saved = err_save();
	assert_null(saved);
	err(NULL, "third");
	err_restore(saved);
	assert_string_equal(err_text(), "third");
	err_clear();
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	      cmocka_unit_test(test_table),
		cmocka_unit_test(test_nested_table),  cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_empty),	      cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_error),	      cmocka_unit_test(test_error_in_list),
		cmocka_unit_test(test_warnings),      cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_saved_error),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
