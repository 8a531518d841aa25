// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Changing the config file: one line of it, and the rest stays as it is. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_file.h"
#include "err.h"

/* The file that is to be changed: what a symbolic link leads to, and its directory. */
struct edit {
	char path[PATH_MAX];
	char temp[PATH_MAX + 8];
	int dir; /* locked: one change at a time */
};

static int edit_begin(struct edit *e, const char *path)
{
	char dir[PATH_MAX];

	if (!realpath(path, e->path)) {
		if (errno != ENOENT)
			return err_sys(errno, NULL, "cannot change the config file '%s'", path);
		snprintf(e->path, sizeof(e->path), "%s", path);
	}
	snprintf(e->temp, sizeof(e->temp), "%s.new", e->path);
	snprintf(dir, sizeof(dir), "%s", e->path);
	e->dir = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dir < 0 || flock(e->dir, LOCK_EX))
		return err_sys(errno, NULL, "cannot change the config file '%s'", path);
	return 0;
}

static void edit_end(struct edit *e)
{
	if (e->dir >= 0)
		close(e->dir);
}

/* The mode and owner of the file that is replaced, else those of a new one. */
static int keep_owner(const struct edit *e, int fd)
{
	struct stat st;

	if (stat(e->path, &st))
		return errno == ENOENT ? fchmod(fd, 0644) : -1;
	return fchown(fd, st.st_uid, st.st_gid) || fchmod(fd, st.st_mode & 07777) ? -1 : 0;
}

/* At every instant the file is either the old or the new one, complete. */
static int write_temp(const struct edit *e, const char *text, size_t len)
{
	int fd, ret;

	unlink(e->temp); /* of a killed one */
	fd = open(e->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			break;
		text += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	ret = len || keep_owner(e, fd) || fsync(fd);
	return close(fd) || ret ? -1 : 0;
}

static int replace(const struct edit *e, const char *text, size_t len)
{
	int saved;

	if (!write_temp(e, text, len) && !rename(e->temp, e->path) && !fsync(e->dir))
		return 0;
	saved = errno;
	unlink(e->temp);
	return err_sys(saved, "Is the file system full, or read-only?", "cannot write %s", e->path);
}

/* Replaces the bytes from `start` to `end` by `with`. */
static int splice_text(const struct edit *e, const struct config_file *c, size_t start, size_t end,
		       const char *with)
{
	char *text = NULL;
	int len = asprintf(&text, "%.*s%s%s", (int)start, c->text, with, c->text + end), ret;

	if (len < 0)
		return err(NULL, "out of memory");
	ret = replace(e, text, len);
	free(text);
	return ret;
}

/* Behind the last setting of the instance, or of its header, or at the end of the file. */
static size_t place_for(const struct config_file *c, const char *name, bool *header)
{
	size_t at = 0;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->entries[i].section, name))
			at = c->entries[i].end;
	for (size_t i = 0; i < c->n_sections; i++)
		if (!strcmp(c->sections[i].name, name) && c->sections[i].end > at)
			at = c->sections[i].end;
	*header = !at && (c->n_sections || strcmp(name, OPT_DEFAULT_NAME));
	return at ? at : c->len;
}

static int insert(const struct edit *e, const struct config_file *c, const char *name,
		  const char *line)
{
	bool header;
	size_t at = place_for(c, name, &header);
	const char *newline = at && c->text[at - 1] != '\n' ? "\n" : "";
	char text[256];

	if (header)
		snprintf(text, sizeof(text), "%s%s[%s]\n%s", newline, at ? "\n" : "", name, line);
	else
		snprintf(text, sizeof(text), "%s%s", newline, line);
	return splice_text(e, c, at, at, text);
}

static int change(const struct edit *e, const struct config_file *c, const char *name,
		  const struct forward *f, bool add)
{
	const struct config_entry *old = config_file_find(c, name, f);
	char target[FORWARD_TEXT], line[80];

	if (!add)
		return old ? splice_text(e, c, old->start, old->end, "") : 1;
	forward_target(f, target);
	snprintf(line, sizeof(line), "forward %s %u %s\n", forward_proto(f), f->port, target);
	if (!old)
		return insert(e, c, name, line);
	if (old->forward.self == f->self && old->forward.to == f->to &&
	    old->forward.to_port == f->to_port)
		return 1;
	return splice_text(e, c, old->start, old->end, line);
}

static int edit_file(const char *path, const char *name, const struct forward *f, bool add)
{
	struct edit e = { .dir = -1 };
	struct config_file c = {};
	int ret = edit_begin(&e, path) || config_file_load(&c, path, false) ? -1 : 0;

	if (!ret)
		ret = change(&e, &c, name, f, add);
	config_file_free(&c);
	edit_end(&e);
	return ret;
}

int config_file_add(const char *path, const char *name, const struct forward *f)
{
	return edit_file(path, name, f, true);
}

int config_file_del(const char *path, const char *name, const struct forward *f)
{
	return edit_file(path, name, f, false);
}
