// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/err.h"
#include "../../loader/opt.h"

static const char *const hooks[] = { "auto", "xdp", "xdp-generic", "tc", NULL };

struct opts {
	bool no_route;
	const char *prefix;
	uint32_t mtu;
	int hook;
	struct opt_list br;
};

static int check_prefix(const char *value)
{
	return strchr(value, '/') ? 0 : err("write it as 2001:db8::/56", "bad prefix '%s'", value);
}

static const struct opt options[] = {
	{ OPT_ROW(OPT_FLAG, "no-route", struct opts, no_route), .help = "no route" },
	{ OPT_ROW(OPT_STRING, "prefix", struct opts, prefix), .short_name = 'p', .metavar = "P",
	  .check = check_prefix, .help = "prefix of the line" },
	{ OPT_ROW(OPT_U32, "mtu", struct opts, mtu), .metavar = "N", .min = 1280, .max = 65535,
	  .help = "MTU of the tunnel" },
	{ OPT_ROW(OPT_ENUM, "wan-hook", struct opts, hook), .words = hooks, .help = "hook" },
	{ OPT_ROW(OPT_LIST, "br", struct opts, br), .metavar = "A", .help = "border relay" },
	{ .type = OPT_END },
};

static struct globals globals;
static struct opts opts;
static char *argv[2 * OPT_LIST_MAX + 8];
static int argc, first;

/* Parses the words of a line, which are separated by single blanks. */
static int parse(const char *line, bool stop_at_word)
{
	static char text[8 * OPT_LIST_MAX];

	argc = 0;
	strcpy(text, line);
	argv[argc++] = "mape-xdp";
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	globals = global_defaults;
	memset(&opts, 0, sizeof(opts));
	err_clear();
	return opt_parse(argc, argv, &globals, options, &opts, stop_at_word, &first);
}

static void assert_error(const char *line, const char *text, const char *hint)
{
	if (!parse(line, false))
		fail_msg("'%s' was accepted", line);
	assert_string_equal(err_text(), text);
	if (hint && !strstr(err_hint(), hint))
		fail_msg("'%s': hint '%s' has no '%s'", line, err_hint(), hint);
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(parse("--no-route -p 2001:db8::/56 --mtu=1460 --wan-hook tc --br 2001:db8::1 "
			       "--br 2001:db8::2", false), 0);
	assert_true(opts.no_route);
	assert_string_equal(opts.prefix, "2001:db8::/56");
	assert_int_equal(opts.mtu, 1460);
	assert_string_equal(hooks[opts.hook], "tc");
	assert_int_equal(opts.br.n, 2);
	assert_string_equal(opts.br.v[1], "2001:db8::2");
	assert_int_equal(first, argc);
}

static void test_order(void **state)
{
	(void)state;
	assert_int_equal(parse("eth2 --mtu 1460 br-lan --json --name home_1 -- --mtu", false), 0);
	assert_int_equal(opts.mtu, 1460);
	assert_true(globals.json);
	assert_string_equal(globals.name, "home_1");
	assert_string_equal(globals.pin_root, "/sys/fs/bpf/mape-xdp");
	assert_int_equal(argc - first, 3);
	assert_string_equal(argv[first], "eth2");
	assert_string_equal(argv[first + 1], "br-lan");
	assert_string_equal(argv[first + 2], "--mtu");

	assert_int_equal(parse("--json attach --nonsense", true), 0);
	assert_true(globals.json);
	assert_string_equal(argv[first], "attach");
}

static void test_errors(void **state)
{
	(void)state;
	assert_error("--mut 1460", "unknown option '--mut', did you mean '--mtu'?", "--wan-hook");
	assert_error("eth2 --bogus=3 br-lan", "unknown option '--bogus=3'", "--prefix");
	assert_error("-x", "unknown option '-x'", "--json");
	assert_error("--mtu", "option '--mtu' needs a value: --mtu N", "MTU of the tunnel");
	assert_error("-p", "option '--prefix' needs a value: --prefix P", NULL);
	assert_error("--wan-hook", "option '--wan-hook' needs a value: "
				   "--wan-hook auto|xdp|xdp-generic|tc", NULL);
	assert_error("--no-route=1", "option '--no-route' takes no value ('--no-route=1')", NULL);
	assert_error("--wan-hook nft", "option '--wan-hook': unknown value 'nft'",
		     "auto, xdp, xdp-generic, tc");
	assert_error("--prefix x", "bad prefix 'x'", "2001:db8::/56");
}

static void test_numbers(void **state)
{
	static const char *const bad[] = { "1460x", "-1460", "+1460", "0x", "1e3", "x", "1460." };
	char line[64], text[96];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "--mtu=%s", bad[i]);
		snprintf(text, sizeof(text), "option '--mtu': '%s' is not a number", bad[i]);
		assert_error(line, text, "1280 to 65535");
	}
	assert_error("--mtu=1279", "option '--mtu': 1279 is out of range", "1280 to 65535");
	assert_error("--mtu=65536", "option '--mtu': 65536 is out of range", NULL);
	assert_error("--mtu=4294968756", "option '--mtu': 4294968756 is out of range", NULL);
	assert_error("--mtu=99999999999999999999",
		     "option '--mtu': 99999999999999999999 is out of range", NULL);
	assert_int_equal(parse("--mtu=0x5b4", false), 0);
	assert_int_equal(opts.mtu, 1460);
	assert_int_equal(parse("--mtu=01460", false), 0);
	assert_int_equal(opts.mtu, 1460);
}

static void test_names(void **state)
{
	static const char *const good[] = { "m", "mape0", "abcdefghijk", "0_-" };
	static const char *const bad[] = { "", "abcdefghijkl", "Mape", "a/b", "..", "-a", "a.1" };
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "--name=%s", good[i]);
		assert_int_equal(parse(line, false), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "--name=%s", bad[i]);
		assert_int_equal(parse(line, false), -1);
	}
	assert_int_equal(parse("--pin-root relative", false), -1);
}

static void test_list_is_bounded(void **state)
{
	char line[8 * OPT_LIST_MAX] = "";

	(void)state;
	for (int i = 0; i < OPT_LIST_MAX; i++)
		strcat(line, "--br a ");
	assert_int_equal(parse(line, false), 0);
	strcat(line, "--br b");
	assert_error(line, "option '--br' is given more than 256 times ('b')", NULL);
}

static void test_suggest(void **state)
{
	static const char *const words[] = { "attach", "detach", "status", "flows", "flush", NULL };

	(void)state;
	assert_string_equal(opt_suggest("atach", words), "attach");
	assert_string_equal(opt_suggest("stat", words), "status");
	assert_string_equal(opt_suggest("flosh", words), "flush");
	assert_null(opt_suggest("discover", words));
	assert_null(opt_suggest("", words));
	assert_null(opt_suggest("a-word-longer-than-anything-that-fits", words));
}

static void test_help(void **state)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	opt_help(f, options);
	fclose(f);
	assert_string_equal(text,
		"      --no-route                no route\n"
		"  -p, --prefix P                prefix of the line\n"
		"      --mtu N                   MTU of the tunnel\n"
		"      --wan-hook auto|xdp|xdp-generic|tc\n"
		"                                hook\n"
		"      --br A                    border relay\n");
	free(text);
}

static int teardown(void **state)
{
	(void)state;
	err_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	  cmocka_unit_test(test_order),
		cmocka_unit_test(test_errors),	  cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_list_is_bounded),
		cmocka_unit_test(test_suggest),	  cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
