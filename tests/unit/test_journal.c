// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The journal, with a process that is killed at, or fails at, every one of its fault points. The
 * sources are included, so that the fault points are this file's.
 */
#define MAPE_FAULTS

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../loader/journal.c"
#include "../../loader/journal_file.c"
#include "../../loader/journal_lock.c"
#include "../../loader/journal_undo.c"

#define CHANGES 4

/* Stands for the machine that is changed; shared with the processes that are killed. */
static struct {
	int changed[CHANGES];
} *machine;

static char dir[] = "/tmp/mape-journal-XXXXXX";

static struct {
	int countdown;	/* fault at this many points from now; 0: none */
	bool deadly;
	int passed;
} fault;

int fault_point(const char *name)
{
	fault.passed++;
	if (fault.countdown == 0 || --fault.countdown)
		return 0;
	if (fault.deadly)
		kill(getpid(), SIGKILL);
	return err(NULL, "injected failure at %s", name);
}

static struct json_object *detail(int index)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "index", json_object_new_int(index));
	return o;
}

static int undo_change(struct json_object *d, struct undo *undo)
{
	struct json_object *index = NULL;

	(void)undo;
	json_object_object_get_ex(d, "index", &index);
	machine->changed[json_object_get_int(index)] = 0;
	return 0;
}

static int undo_keep(struct json_object *d, struct undo *undo)
{
	(void)d;
	return undo_left(undo, "%s: changed since", (const char *)undo->ctx);
}

static int undo_fail(struct json_object *d, struct undo *undo)
{
	(void)d;
	(void)undo;
	return err("try harder", "it is stuck");
}

static const struct undo_op ops[] = {
	{ "change", undo_change },
	{ "keep", undo_keep },
	{ "fail", undo_fail },
	{ NULL, NULL },
};

static struct journal *locked_journal(void)
{
	struct journal *j = journal_open(dir, "mape0");

	if (!j)
		fail_msg("%s", err_text());
	if (journal_lock(j, 0))
		fail_msg("%s", err_text());
	return j;
}

/* What an attach does. */
static int attach(void)
{
	struct journal *j = locked_journal();
	int rc = journal_begin(j, json_object_new_object());

	for (int i = 0; !rc && i < CHANGES; i++) {
		rc = journal_record(j, "change", detail(i));
		if (rc)
			break;
		machine->changed[i] = 1;
		rc = fault_point("change made");
		if (!rc && i == 1)
			rc = journal_amend(j, "id", json_object_new_int(7));
	}
	if (!rc)
		rc = journal_set_phase(j, JOURNAL_ATTACHED);
	if (rc) {
		struct err_saved *saved = err_save();

		assert_int_equal(journal_undo_all(j, ops, NULL, NULL), 0);
		err_restore(saved);
	}
	journal_close(j);
	return rc;
}

static int detach(void)
{
	struct journal *j = locked_journal();
	int rc = journal_undo_all(j, ops, NULL, NULL);

	journal_close(j);
	return rc;
}

static void assert_clean(void)
{
	struct journal *j = journal_open(dir, "mape0");

	assert_non_null(j);
	assert_int_equal(journal_phase(j), JOURNAL_NONE);
	assert_null(journal_facts(j));
	journal_close(j);
	for (int i = 0; i < CHANGES; i++)
		assert_int_equal(machine->changed[i], 0);
}

/* Runs fn in a process that is killed at its nth fault point; false if it came to its end. */
static bool killed(int (*fn)(void), int nth)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fault.countdown = nth;
		fault.deadly = true;
		_exit(fn() ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

static void test_killed_attach(void **state)
{
	int n;

	(void)state;
	for (n = 1; killed(attach, n); n++) {
		assert_int_equal(detach(), 0);
		assert_clean();
	}
	/* begin, phase and amend once, record and change four times */
	assert_int_equal(n - 1, 2 * (3 + CHANGES) + CHANGES);
	assert_int_equal(machine->changed[CHANGES - 1], 1);
	assert_int_equal(detach(), 0);
	assert_clean();
}

static void test_killed_detach(void **state)
{
	int n;

	(void)state;
	assert_int_equal(attach(), 0);
	for (n = 1; killed(detach, n); n++) {
		assert_int_equal(detach(), 0);
		assert_clean();
		assert_int_equal(attach(), 0);
	}
	assert_clean();
	assert_true(n > CHANGES);
}

static void test_failed_attach(void **state)
{
	(void)state;
	for (int n = 1;; n++) {
		int rc;

		fault.countdown = n;
		fault.deadly = false;
		rc = attach();
		if (!rc)
			break;
		/* The cleaning up must not hide why it was necessary. */
		assert_non_null(strstr(err_text(), "injected failure"));
		assert_clean();
	}
	fault.countdown = 0;
	assert_int_equal(detach(), 0);
	assert_clean();
}

/* A write that fails in a detach does not stop it. */
static void test_failed_detach(void **state)
{
	(void)state;
	for (int n = 1; n <= 2 * CHANGES; n++) {
		assert_int_equal(attach(), 0);
		fault.countdown = n;
		fault.deadly = false;
		detach();
		fault.countdown = 0;
		assert_int_equal(detach(), 0);
		assert_clean();
	}
	warn_clear();
}

static void test_contents(void **state)
{
	struct json_object *facts = json_object_new_object(), *d;
	struct journal *j = locked_journal(), *other;

	(void)state;
	json_object_object_add(facts, "wan", json_object_new_string("eth2"));
	assert_int_equal(journal_record(j, "change", detail(0)), -1); /* not begun */
	assert_int_equal(journal_begin(j, facts), 0);
	assert_int_equal(journal_record(j, "change", detail(2)), 0);
	assert_int_equal(journal_record(j, "keep", detail(3)), 0);
	assert_int_equal(journal_amend(j, "id", json_object_new_int(42)), 0);
	assert_int_equal(journal_set_fact(j, "lan", json_object_new_array()), 0);
	assert_int_equal(journal_begin(j, json_object_new_object()), -1);
	assert_non_null(strstr(err_text(), "2 records"));

	/* A reader needs no lock. */
	other = journal_open(dir, "mape0");
	assert_non_null(other);
	assert_string_equal(journal_id(other), "mape0");
	assert_int_equal(journal_phase(other), JOURNAL_ATTACHING);
	assert_int_equal(journal_count(other), 2);
	assert_string_equal(journal_get(other, 0, NULL), "change");
	assert_string_equal(journal_get(other, 1, &d), "keep");
	assert_true(json_object_object_get_ex(d, "id", &d));
	assert_int_equal(json_object_get_int(d), 42);
	assert_null(journal_get(other, 2, NULL));
	assert_true(json_object_object_get_ex(journal_facts(other), "lan", NULL));
	assert_int_equal(journal_set_phase(other, JOURNAL_ATTACHED), -1); /* but a writer does */
	journal_close(other);

	assert_int_equal(journal_undo_all(j, ops, "route", &d), 0);
	assert_int_equal(json_object_array_length(d), 1);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(d, 0)),
			    "route: changed since");
	json_object_put(d);
	journal_close(j);
	assert_clean();
}

static void test_failures_are_kept(void **state)
{
	struct journal *j = locked_journal();

	(void)state;
	warn_quiet(true);
	assert_int_equal(journal_begin(j, json_object_new_object()), 0);
	assert_int_equal(journal_record(j, "change", detail(0)), 0);
	assert_int_equal(journal_record(j, "fail", detail(1)), 0);
	assert_int_equal(journal_record(j, "of the future", detail(2)), 0);
	machine->changed[0] = 1;
	assert_int_equal(journal_undo_all(j, ops, NULL, NULL), -1);
	assert_string_equal(err_text(), "2 of 3 changes could not be undone");
	assert_int_equal(machine->changed[0], 0);
	assert_int_equal(warn_count(), 2);
	assert_string_equal(warn_get(0), "cannot undo 'of the future': "
					 "unknown kind of record 'of the future'");
	assert_string_equal(warn_get(1), "cannot undo 'fail': it is stuck");
	warn_clear();
	journal_close(j);

	j = locked_journal();
	assert_int_equal(journal_count(j), 2);
	assert_string_equal(journal_get(j, 0, NULL), "fail");
	assert_int_equal(journal_remove(j), 0);
	journal_close(j);
}

static void test_lock(void **state)
{
	struct journal *j = locked_journal(), *other = journal_open(dir, "mape1");
	char holder[32];

	(void)state;
	snprintf(holder, sizeof(holder), "process %d ", (int)getpid());
	assert_int_equal(journal_lock(other, 50), -1);
	assert_non_null(strstr(err_text(), holder));
	journal_close(j);
	assert_int_equal(journal_lock(other, 50), 0);
	journal_close(other);
}

static void write_file(const char *name, const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_bad_files(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"version\":2}", "{\"version\":1}",
		"{\"version\":1,\"phase\":\"attached\",\"facts\":{},\"records\":[3]}",
		"{\"version\":1,\"phase\":\"attached\",\"facts\":{},\"records\":[{\"kind\":1}]}",
		"{\"version\":1,\"phase\":\"sleeping\",\"facts\":{},\"records\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file("bad.json", bad[i]);
		assert_null(journal_open(dir, "bad"));
		assert_non_null(strstr(err_text(), "bad.json"));
		assert_non_null(err_hint());
	}
	write_file("bad.json",
		   "{\"version\":1,\"phase\":\"attached\",\"facts\":{},\"records\":[]}");
	journal_close(journal_open(dir, "bad"));
}

static int collect(const char *id, void *arg)
{
	strcat(arg, id);
	return 0;
}

static int stop(const char *id, void *arg)
{
	(void)id;
	(void)arg;
	return 5;
}

static void test_each(void **state)
{
	char ids[64] = "";

	(void)state;
	assert_int_equal(journal_each("/nonexistent/mape", collect, ids), 0);
	/* test_bad_files has left one; the lock and a torn temporary file are none. */
	write_file("mape7.new", "{");
	assert_int_equal(journal_each(dir, collect, ids), 0);
	assert_string_equal(ids, "bad");
	assert_int_equal(journal_each(dir, stop, NULL), 5);
}

static int setup(void **state)
{
	(void)state;
	machine = mmap(NULL, sizeof(*machine), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	return machine == MAP_FAILED || !mkdtemp(dir) ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "lock", "bad.json", "mape7.new", "mape0.new" };
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	err_clear();
	warn_clear();
	return rmdir(dir); /* fails if anything else was left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_failures_are_kept),
		cmocka_unit_test(test_killed_attach),
		cmocka_unit_test(test_killed_detach),
		cmocka_unit_test(test_failed_attach),
		cmocka_unit_test(test_failed_detach),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_each),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
