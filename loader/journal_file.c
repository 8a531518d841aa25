// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "fault.h"
#include "journal.h"

#define SUFFIX ".json"

static int check_format(const struct journal *j)
{
	struct json_object *version = journal_member(j->root, "version", json_type_int);
	struct json_object *list = journal_records(j);

	if (!version || json_object_get_int(version) != JOURNAL_VERSION)
		return err("it was made by another version of mape-xdp: detach with that version, "
			   "or reboot and remove the file",
			   "journal %s has an unknown format", j->path);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *r = json_object_array_get_idx(list, i);

		if (!journal_member(r, "kind", json_type_string) ||
		    !journal_member(r, "detail", json_type_object))
			list = NULL;
	}
	if (!list || !journal_member(j->root, "facts", json_type_object) || !journal_phase(j))
		return err("remove the file after undoing by hand what it lists",
			   "journal %s is damaged", j->path);
	return 0;
}

int journal_load(struct journal *j)
{
	json_object_put(j->root);
	j->root = NULL;
	if (access(j->path, F_OK) && errno == ENOENT)
		return 0;
	if (access(j->path, R_OK))
		return err_sys(errno, "run mape-xdp as root", "cannot read journal %s", j->path);
	j->root = json_object_from_file(j->path);
	if (!j->root && access(j->path, F_OK) && errno == ENOENT)
		return 0; /* the command that held the lock has just removed it */
	if (!json_object_is_type(j->root, json_type_object)) {
		json_object_put(j->root);
		j->root = NULL;
		return err("remove the file after undoing by hand what it lists",
			   "journal %s is not a JSON object", j->path);
	}
	if (check_format(j)) {
		json_object_put(j->root);
		j->root = NULL;
		return -1;
	}
	return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -1;
		text += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	return 0;
}

/* Makes a rename or removal in the directory durable. */
static int sync_dir(const struct journal *j)
{
	int fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

/* At every instant the file is either the old or the new one, complete. The name of the temporary
 * file is fixed: the lock admits one writer, and what a killed one left is overwritten. */
int journal_save(const struct journal *j)
{
	const char *text = json_object_to_json_string_ext(j->root, JSON_C_TO_STRING_PRETTY);
	int fd, rc;

	if (j->lock < 0)
		return err(NULL, "journal %s: not locked", j->path);
	if (!text)
		return err(NULL, "out of memory for the journal");
	if (fault_point("journal write"))
		return -1;
	fd = open(j->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(errno, "run mape-xdp as root", "cannot create %s", j->temp);
	rc = write_all(fd, text, strlen(text));
	if (!rc)
		rc = fsync(fd);
	if (close(fd) || rc)
		return err_sys(errno, "make room on the file system", "cannot write %s", j->temp);
	if (rename(j->temp, j->path) || sync_dir(j))
		return err_sys(errno, NULL, "cannot replace %s", j->path);
	return fault_point("journal written");
}

int journal_remove(struct journal *j)
{
	if (fault_point("journal remove"))
		return -1;
	if (unlink(j->path) && errno != ENOENT)
		return err_sys(errno, NULL, "cannot remove journal %s", j->path);
	unlink(j->temp);
	sync_dir(j);
	json_object_put(j->root);
	j->root = NULL;
	return 0;
}

struct journal *journal_open(const char *dir, const char *id)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j) {
		err(NULL, "out of memory for the journal");
		return NULL;
	}
	j->lock = -1;
	j->dir = strdup(dir);
	j->id = strdup(id);
	if (!j->dir || !j->id || asprintf(&j->path, "%s/%s" SUFFIX, dir, id) < 0 ||
	    asprintf(&j->temp, "%s/%s.new", dir, id) < 0) {
		err(NULL, "out of memory for the journal");
		journal_close(j);
		return NULL;
	}
	if (journal_load(j)) {
		journal_close(j);
		return NULL;
	}
	return j;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->lock >= 0)
		close(j->lock);
	json_object_put(j->root);
	free(j->dir);
	free(j->id);
	free(j->path);
	free(j->temp);
	free(j);
}

int journal_each(const char *dir, int (*fn)(const char *id, void *arg), void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0
				       : err_sys(errno, "run mape-xdp as root", "cannot read %s",
						 dir);
	while (!rc && (e = readdir(d))) {
		size_t len = strlen(e->d_name);
		char id[NAME_MAX + 1];

		if (len <= strlen(SUFFIX) || strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX))
			continue;
		snprintf(id, sizeof(id), "%.*s", (int)(len - strlen(SUFFIX)), e->d_name);
		rc = fn(id, arg);
	}
	closedir(d);
	return rc;
}
