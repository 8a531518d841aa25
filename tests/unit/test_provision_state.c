// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When to ask again, what is kept, and who may read the codes. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "provision/cache.h"
#include "provision/credentials.h"
#include "provision_check.h"

#define NOW  1800000000ull
#define MIN  60
#define HOUR 3600

static char dir[] = "/tmp/mape-provision-XXXXXX";
static char path[64];

/* -- Timing ------------------------------------------------------------------------------------ */

static const struct {
	enum prov_source source;
	enum prov_result result;
	uint32_t min_s, max_s;
	bool drop;
} expected[] = {
	{ PROV_OCN, PROV_OK, 12 * HOUR, 24 * HOUR, false },
	{ PROV_JPNE, PROV_OK, 3 * HOUR, 24 * HOUR, false },
	{ PROV_JPNE, PROV_REFUSED, 3 * HOUR, 24 * HOUR, true },
	{ PROV_JPNE, PROV_NOTHING, 10 * MIN, 30 * MIN, true },
	{ PROV_JPNE, PROV_SILENT, 1 * MIN, 10 * MIN, false },
	{ PROV_JPNE, PROV_NO_DNS, 1 * MIN, 10 * MIN, false },
	{ PROV_HB46PP, PROV_NO_SERVER, 1 * HOUR, 3 * HOUR, true },
	{ PROV_HB46PP, PROV_NO_DNS, 1 * MIN, 10 * MIN, false },
	{ PROV_HB46PP, PROV_SILENT, 10 * MIN, 30 * MIN, false },
	{ PROV_HB46PP, PROV_BAD, 10 * MIN, 30 * MIN, false },
	{ PROV_HB46PP, PROV_REFUSED, 10 * MIN, 30 * MIN, false },
	{ PROV_HB46PP, PROV_OK, 20 * HOUR, 24 * HOUR, false },
	{ PROV_HB46PP, PROV_NOTHING, 20 * HOUR, 24 * HOUR, true },
};

/* Both ends of the time are reached, and nothing beyond. */
static void test_wait_and_drop(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		uint64_t span = expected[i].max_s - expected[i].min_s + 1;
		const uint32_t dice[] = { 0, span - 1, span, UINT32_MAX };
		const uint64_t waits[] = { expected[i].min_s, expected[i].max_s, expected[i].min_s,
					   expected[i].min_s + UINT32_MAX % span };

		for (int k = 0; k < 4; k++) {
			struct prov_timing timing = {};

			assert_int_equal(prov_timing_note(&timing, expected[i].source,
							  expected[i].result, NOW, 0, dice[k]),
					 expected[i].drop);
			assert_int_equal(timing.next - NOW, waits[k]);
		}
	}
}

static void test_ttl(void **state)
{
	struct prov_timing timing = {};

	(void)state;
	assert_false(prov_timing_note(&timing, PROV_HB46PP, PROV_OK, NOW, 86400, 12345));
	assert_int_equal(timing.next, NOW + 86400);
	assert_true(prov_timing_note(&timing, PROV_HB46PP, PROV_NOTHING, NOW, 3600, 12345));
	assert_int_equal(timing.next, NOW + 3600);
	/* only HB46PP has one */
	prov_timing_note(&timing, PROV_OCN, PROV_OK, NOW, 86400, 0);
	assert_int_equal(timing.next, NOW + 12 * HOUR);
}

/* OCN: 1, 2, 4, 8, 8 .. minutes; a broken server keeps the rule, a refusal does not. */
static void test_backoff(void **state)
{
	static const uint32_t waits[] = { 1, 2, 4, 8, 8, 8 };
	static const struct {
		enum prov_result result;
		bool drop;
	} kinds[] = { { PROV_SILENT, false }, { PROV_REFUSED, true }, { PROV_BAD, true },
		      { PROV_NOTHING, true }, { PROV_NO_DNS, false }, { PROV_NO_SERVER, false } };
	struct prov_timing timing = {};

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
			assert_int_equal(prov_timing_note(&timing, PROV_OCN, kinds[k].result, NOW,
							  0, i),
					 kinds[k].drop);
			assert_int_equal(timing.next, NOW + waits[i] * MIN);
		}
		prov_timing_note(&timing, PROV_OCN, PROV_OK, NOW, 0, 0);
		assert_int_equal(timing.failures, 0);
	}
	timing.failures = UINT32_MAX;
	prov_timing_note(&timing, PROV_OCN, PROV_SILENT, NOW, 0, 0);
	assert_int_equal(timing.next, NOW + 8 * MIN);
}

static void test_not_asked_changes_nothing(void **state)
{
	struct prov_timing timing = { .next = 7, .failures = 3 };

	(void)state;
	assert_false(prov_timing_note(&timing, PROV_OCN, PROV_UNSET, NOW, 0, 0));
	assert_int_equal(timing.next, 7);
	assert_int_equal(timing.failures, 3);
}

/* -- The cache --------------------------------------------------------------------------------- */

static void write_text(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(name, mode), 0);
}

/* The only file in the directory. */
static const char *only_file(void)
{
	static char name[PATH_MAX];
	DIR *d = opendir(dir);
	int n = 0;

	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", dir, e->d_name);
		n++;
	}
	closedir(d);
	assert_int_equal(n, 1);
	return name;
}

static void save_one(void)
{
	struct prov_cache c = {
		.timing = { .next = NOW + 100, .failures = 2 },
		.fetched = NOW,
		.prefix = "2001:db8::/56",
		.token = "0123",
		.reply = { .server = "prov.example.net", .verified = true },
	};

	c.reply.bytes = strdup("{\"a\":\"\\u00e9\xc3\xa9/\"}\n");
	c.reply.len = strlen(c.reply.bytes);
	if (prov_cache_save(&c, dir, "eth2", PROV_HB46PP))
		fail_msg("%s", err_text());
	prov_cache_free(&c);
}

static void test_cache_returns_what_was_saved(void **state)
{
	struct prov_cache c;
	struct stat st;

	(void)state;
	save_one();
	save_one();
	assert_int_equal(stat(only_file(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(prov_cache_load(&c, dir, "eth2", PROV_HB46PP), 0);
	assert_int_equal(c.timing.next, NOW + 100);
	assert_int_equal(c.timing.failures, 2);
	assert_int_equal(c.fetched, NOW);
	assert_string_equal(c.prefix, "2001:db8::/56");
	assert_string_equal(c.token, "0123");
	assert_string_equal(c.reply.server, "prov.example.net");
	assert_true(c.reply.verified);
	assert_string_equal(c.reply.bytes, "{\"a\":\"\\u00e9\xc3\xa9/\"}\n");
	assert_int_equal(c.reply.len, strlen(c.reply.bytes));
	prov_cache_free(&c);
	/* of another WAN or source it says nothing */
	assert_int_equal(prov_cache_load(&c, dir, "eth3", PROV_HB46PP), 0);
	assert_null(c.reply.bytes);
	assert_int_equal(prov_cache_load(&c, dir, "eth2", PROV_OCN), 0);
	assert_null(c.reply.bytes);
	assert_int_equal(c.timing.next, 0);
}

static void test_cache_without_document(void **state)
{
	struct prov_cache c;

	(void)state;
	save_one();
	assert_int_equal(prov_cache_load(&c, dir, "eth2", PROV_HB46PP), 0);
	prov_cache_drop(&c);
	assert_int_equal(prov_cache_save(&c, dir, "eth2", PROV_HB46PP), 0);
	prov_cache_free(&c);
	assert_int_equal(prov_cache_load(&c, dir, "eth2", PROV_HB46PP), 0);
	assert_null(c.reply.bytes);
	assert_int_equal(c.timing.failures, 2);
	prov_cache_free(&c);
	assert_int_equal(prov_cache_remove(dir, "eth2", PROV_HB46PP), 0);
	assert_int_equal(prov_cache_remove(dir, "eth2", PROV_HB46PP), 0);
	assert_int_equal(prov_cache_load(&c, dir, "eth2", PROV_HB46PP), 0);
	assert_int_equal(c.timing.failures, 0);
}

/* A damaged file is said to be one, and like none. */
static void test_cache_damaged(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "null", "{}", "{\"version\":2}",
		"{\"version\":1,\"prefix\":\"x\",\"token\":\"\"}",
		"{\"version\":1,\"prefix\":1,\"token\":\"\",\"server\":\"\"}",
		("{\"version\":1,\"prefix\":\"01234567890123456789012345678901234567890123456789\","
		 "\"token\":\"\",\"server\":\"\"}"),
	};
	char name[PATH_MAX];
	struct prov_cache c;

	(void)state;
	save_one();
	strcpy(name, only_file());
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_text(name, texts[i], 0600);
		warn_clear();
		assert_int_equal(prov_cache_load(&c, dir, "eth2", PROV_HB46PP), 0);
		assert_null(c.reply.bytes);
		assert_int_equal(c.timing.next, 0);
		if (warn_count() != 1)
			fail_msg("no warning of '%s'", texts[i]);
	}
	/* every beginning of a good file */
	unlink(name);
	save_one();
	for (off_t n = 0;; n++) {
		struct stat st;

		unlink(name);
		save_one();
		stat(name, &st);
		if (n == st.st_size)
			break;
		assert_int_equal(truncate(name, n), 0);
		assert_int_equal(prov_cache_load(&c, dir, "eth2", PROV_HB46PP), 0);
		assert_null(c.reply.bytes);
	}
	unlink(name);
}

static void test_cache_that_cannot_be_kept(void **state)
{
	struct prov_cache c = {};

	(void)state;
	assert_int_equal(prov_cache_save(&c, "/proc/none", "eth2", PROV_OCN), -1);
	assert_non_null(strstr(err_hint(), "--state-dir"));
	assert_int_equal(prov_cache_load(&c, "/proc/none", "eth2", PROV_OCN), 0);
}

/* -- Codes ------------------------------------------------------------------------------------- */

static int parse(const char *text, struct credentials *c)
{
	err_clear();
	return credentials_parse(text, strlen(text), c);
}

static void test_credentials(void **state)
{
	struct credentials c;

	(void)state;
	assert_int_equal(parse("# mine\n\n ocn\tA.b-c_d~1 # yes\r\njpne token\n"
			       "hb46pp Prov.example.net me secret", &c), 0);
	assert_string_equal(c.ocn, "A.b-c_d~1");
	assert_string_equal(c.jpne, "token");
	assert_string_equal(c.hb46pp.server, "Prov.example.net");
	assert_string_equal(c.hb46pp.user, "me");
	assert_string_equal(c.hb46pp.password, "secret");
	assert_int_equal(parse("", &c), 0);
	assert_string_equal(c.ocn, "");
}

static void test_credentials_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "ocn", "line 1" },
		{ "\nocn SECRET more", "line 2" },
		{ "ocn SECRET&code=x", "word 2" },
		{ "ocn SECRET\x01", "word 2" },
		{ "jpne SECRET/../..", "word 2" },
		{ "hb46pp SECRET SECRET", "line 1" },
		{ "a b c d SECRET", "too many words" },
		{ "SECRET", "line 1" },
		{ "ocn SECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRET"
		  "SECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRET", "128" },
	};
	struct credentials c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].text, &c), -1);
		if (!strstr(err_text(), bad[i].why))
			fail_msg("'%s' is not in '%s'", bad[i].why, err_text());
		assert_null(strstr(err_text(), "SECRET"));
		assert_true(!err_hint() || !strstr(err_hint(), "SECRET"));
	}
	assert_int_equal(credentials_parse("ocn a\0b", 7, &c), -1);
}

static void test_credentials_are_for_one_user(void **state)
{
	static const mode_t open_modes[] = { 0644, 0640, 0604, 0620, 0601 };
	struct credentials c;

	(void)state;
	write_text(path, "ocn code\n", 0600);
	assert_int_equal(credentials_load(path, &c), 0);
	assert_string_equal(c.ocn, "code");
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
		assert_int_equal(chmod(path, open_modes[i]), 0);
		assert_int_equal(credentials_load(path, &c), -1);
		assert_non_null(strstr(err_text(), "by others"));
		assert_non_null(strstr(err_hint(), "chmod 600"));
		assert_string_equal(c.ocn, "");
	}
	chmod(path, 0600);
	if (!geteuid()) {
		assert_int_equal(chown(path, 12345, 0), 0);
		assert_int_equal(credentials_load(path, &c), -1);
	}
	unlink(path);
	assert_int_equal(credentials_load(path, &c), -1);
	assert_int_equal(credentials_load(dir, &c), -1);
}

static int make_dir(void **state)
{
	(void)state;
	warn_quiet(true);
	snprintf(path, sizeof(path), "%s.credentials", mkdtemp(dir));
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait_and_drop),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_not_asked_changes_nothing),
		cmocka_unit_test(test_cache_returns_what_was_saved),
		cmocka_unit_test(test_cache_without_document),
		cmocka_unit_test(test_cache_damaged),
		cmocka_unit_test(test_cache_that_cannot_be_kept),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_credentials_refused),
		cmocka_unit_test(test_credentials_are_for_one_user),
	};

	return cmocka_run_group_tests_name("provision_state", tests, make_dir, remove_dir);
}
