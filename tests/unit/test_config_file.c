// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The config file: what it may say, and that a change leaves the rest of it alone. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_file.h"
#include "err.h"

static char dir[] = "/tmp/mape-config-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/conf", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect_text(const char *want)
{
	char got[4096] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(got, want);
}

static struct forward of(const char *proto, const char *port, const char *target)
{
	struct forward f;

	if (forward_parse(proto, port, target, &f))
		fail_msg("%s", err_text());
	return f;
}

static void test_read(void **state)
{
	struct config_file c;
	char text[FORWARD_TEXT];

	(void)state;
	put("# comment\n\nforward tcp 5123 192.168.1.10:22 # why\n  forward\tudp 5123 self:7\r\n"
	    "[mape1]\nforward tcp 5123 10.0.0.1:80");
	if (config_file_load(&c, path, true))
		fail_msg("%s", err_text());
	assert_int_equal(c.n, 3);
	assert_string_equal(c.entries[0].section, "mape0");
	assert_int_equal(c.entries[0].line, 3);
	assert_string_equal(forward_target(&c.entries[0].forward, text), "192.168.1.10:22");
	assert_string_equal(forward_proto(&c.entries[1].forward), "udp");
	assert_string_equal(forward_target(&c.entries[1].forward, text), "self:7");
	assert_string_equal(c.entries[2].section, "mape1");
	config_file_free(&c);
}

static void test_missing(void **state)
{
	struct config_file c;

	(void)state;
	unlink(path);
	assert_int_equal(config_file_load(&c, path, false), 0);
	assert_int_equal(c.n, 0);
	config_file_free(&c);
	assert_int_equal(config_file_load(&c, path, true), -1);
	config_file_free(&c);
}

static const struct {
	const char *text, *finding;
} bad[] = {
	{ "forwrad tcp 1 10.0.0.1:1\n", ":1: unknown word 'forwrad', did you mean 'forward'?" },
	{ "\n\nmtu 1400\n", ":3: unknown word 'mtu'" },
	{ "forward tcp 1\n", ":1: 'forward' needs" },
	{ "forward tcp 1 10.0.0.1:1 more\n", ":1: 'forward' needs" },
	{ "forward icmp 1 10.0.0.1:1\n", ":1: a forward is of tcp or udp, not of 'icmp'" },
	{ "forward tcp 70000 10.0.0.1:1\n", ":1: the port of a forward: 70000 is out of range" },
	{ "forward tcp 0 10.0.0.1:1\n", "out of range" },
	{ "forward tcp 1 10.0.0.1\n", "the port is missing" },
	{ "forward tcp 1 10.0.0.1:x\n", "the port is not a number" },
	{ "forward tcp 1 10.0.0:1\n", "not an IPv4 address" },
	{ "forward tcp 1 127.0.0.1:1\n", "not the address of a host" },
	{ "forward tcp 1 255.255.255.255:1\n", "not the address of a host" },
	{ "forward tcp 1 10.0.0.1:1\nforward tcp 1 10.0.0.1:2\n",
	  ":2: tcp port 1 is forwarded in line 1 already" },
	{ "[mape0\n", "'[mape0' is not the begin of a section" },
	{ "[]\n", "'[]' is not" },
	{ "[Name]\n", "'[Name]' is not" },
	{ "[abcdefghijkl]\n", "'[abcdefghijkl]' is not" },
	{ "[mape0] forward\n", "is not the begin of a section" },
	{ "a b c d e f g h i\n", "too many words, from 'i' on" },
};

static void test_bad(void **state)
{
	struct config_file c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i].text);
		assert_int_equal(config_file_load(&c, path, true), -1);
		if (!strstr(err_text(), bad[i].finding))
			fail_msg("not found: '%s' in '%s'", bad[i].finding, err_text());
		config_file_free(&c);
	}
}

static const struct {
	const char *before, *name, *add, *after;
} edits[] = {
	{ "", "mape0", "1", "forward tcp 1 10.0.0.1:1\n" },
	{ "", "mape1", "1", "[mape1]\nforward tcp 1 10.0.0.1:1\n" },
	{ "# note", "mape0", "1", "# note\nforward tcp 1 10.0.0.1:1\n" },
	{ "# note\n", "mape1", "1", "# note\n\n[mape1]\nforward tcp 1 10.0.0.1:1\n" },
	{ "forward udp 1 10.0.0.2:2\n\n# next\n[mape1]\n# in it\n", "mape0", "1",
	  "forward udp 1 10.0.0.2:2\nforward tcp 1 10.0.0.1:1\n\n# next\n[mape1]\n# in it\n" },
	{ "forward udp 1 10.0.0.2:2\n[mape1]\n# in it\n", "mape1", "1",
	  "forward udp 1 10.0.0.2:2\n[mape1]\nforward tcp 1 10.0.0.1:1\n# in it\n" },
	{ "[mape1]\nforward udp 1 10.0.0.2:2", "mape0", "1",
	  "[mape1]\nforward udp 1 10.0.0.2:2\n\n[mape0]\nforward tcp 1 10.0.0.1:1\n" },
	/* another target takes the place of the old one */
	{ " forward  tcp 1 self:9 # x\n# y\n", "mape0", "1", "forward tcp 1 10.0.0.1:1\n# y\n" },
	/* the same one is left as it was */
	{ " forward  tcp 1 10.0.0.1:1 # x\n", "mape0", "1", " forward  tcp 1 10.0.0.1:1 # x\n" },
	/* deleted */
	{ "# a\nforward tcp 1 10.0.0.1:1\n \n", "mape0", NULL, "# a\n \n" },
	{ "forward tcp 1 10.0.0.1:1\n[mape1]\nforward tcp 1 self:1", "mape1", NULL,
	  "forward tcp 1 10.0.0.1:1\n[mape1]\n" },
	{ "forward udp 1 10.0.0.1:1\n", "mape0", NULL, "forward udp 1 10.0.0.1:1\n" },
};

static void test_edit(void **state)
{
	struct forward f = of("tcp", "1", "10.0.0.1:1");

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		int ret, same = !strcmp(edits[i].before, edits[i].after);

		put(edits[i].before);
		ret = edits[i].add ? config_file_add(path, edits[i].name, &f) :
				     config_file_del(path, edits[i].name, &f);
		assert_int_equal(ret, same);
		expect_text(edits[i].after);
	}
}

static void test_mode(void **state)
{
	struct forward f = of("tcp", "1", "10.0.0.1:1");
	struct stat st;

	(void)state;
	unlink(path);
	assert_int_equal(config_file_add(path, "mape0", &f), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	chmod(path, 0600);
	assert_int_equal(config_file_del(path, "mape0", &f), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	expect_text("");
}

/* Where the file is a link it stays one. */
static void test_link(void **state)
{
	struct forward f = of("tcp", "1", "10.0.0.1:1");
	char link[80];
	struct stat st;

	(void)state;
	put("# note\n");
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(config_file_add(link, "mape0", &f), 0);
	assert_int_equal(lstat(link, &st), 0);
	unlink(link);
	assert_true(S_ISLNK(st.st_mode));
	expect_text("# note\nforward tcp 1 10.0.0.1:1\n");
}

/* A file with a mistake is not touched. */
static void test_no_edit_of_bad(void **state)
{
	struct forward f = of("tcp", "1", "10.0.0.1:1");

	(void)state;
	put("oops\n");
	assert_int_equal(config_file_add(path, "mape0", &f), -1);
	expect_text("oops\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read), cmocka_unit_test(test_missing),
		cmocka_unit_test(test_bad),  cmocka_unit_test(test_edit),
		cmocka_unit_test(test_mode), cmocka_unit_test(test_link),
		cmocka_unit_test(test_no_edit_of_bad),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
