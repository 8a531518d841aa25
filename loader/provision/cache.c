// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "document.h"
#include "err.h"
#include "net/netns.h"

#define VERSION	 1
#define FILE_MAX (4 * PROV_DOCUMENT_MAX) /* the document is a string in it, with escapes */

static int make_path(char path[PATH_MAX], const char *dir, const char *wan, enum prov_source source,
		     const char *suffix)
{
	char id[NETNS_ID_MAX];

	if (netns_instance_id(wan, id))
		return -1;
	if (snprintf(path, PATH_MAX, "%s/%s.%s.json%s", dir, id, prov_source_name(source),
		     suffix) >= PATH_MAX)
		return err(NULL, "--state-dir: the path is too long");
	return 0;
}

static int copy_text(struct json_object *root, const char *key, char *buf, size_t size)
{
	struct json_object *value = document_get(root, key);
	const char *s = json_object_get_string(value);

	if (!json_object_is_type(value, json_type_string) || strlen(s) >= size)
		return -1;
	strcpy(buf, s);
	return 0;
}

static uint64_t number(struct json_object *root, const char *key)
{
	int64_t n = json_object_get_int64(document_get(root, key));

	return n > 0 ? n : 0;
}

/* 0, or -1 if the file says something else than we ever write. */
static int read_root(struct prov_cache *c, struct json_object *root)
{
	struct json_object *document = document_get(root, "document");

	if (!json_object_is_type(root, json_type_object) || number(root, "version") != VERSION ||
	    copy_text(root, "prefix", c->prefix, sizeof(c->prefix)) ||
	    copy_text(root, "token", c->token, sizeof(c->token)) ||
	    copy_text(root, "server", c->reply.server, sizeof(c->reply.server)))
		return -1;
	c->timing.next = number(root, "next");
	c->timing.failures = number(root, "failures");
	c->fetched = number(root, "fetched");
	c->reply.verified = json_object_get_boolean(document_get(root, "verified"));
	if (!json_object_is_type(document, json_type_string))
		return 0;
	c->reply.bytes = strdup(json_object_get_string(document));
	c->reply.len = c->reply.bytes ? strlen(c->reply.bytes) : 0;
	return 0;
}

int prov_cache_load(struct prov_cache *c, const char *dir, const char *wan, enum prov_source source)
{
	struct json_object *root;
	char path[PATH_MAX];
	struct stat st;

	memset(c, 0, sizeof(*c));
	if (make_path(path, dir, wan, source, ""))
		return -1;
	if (stat(path, &st) || access(path, R_OK))
		return errno == ENOENT || errno == EACCES || errno == ENOTDIR ?
			       0 :
			       err_sys(errno, NULL, "cannot read %s", path);
	root = st.st_size <= FILE_MAX ? json_object_from_file(path) : NULL;
	if (read_root(c, root)) {
		warn("%s is damaged and is not used", path);
		prov_cache_free(c);
	}
	json_object_put(root);
	return 0;
}

static struct json_object *make_root(const struct prov_cache *c, enum prov_source source)
{
	struct json_object *root = json_object_new_object();

	json_object_object_add(root, "version", json_object_new_int(VERSION));
	json_object_object_add(root, "source",
			       json_object_new_string(prov_source_name(source)));
	json_object_object_add(root, "prefix", json_object_new_string(c->prefix));
	json_object_object_add(root, "fetched", json_object_new_int64(c->fetched));
	json_object_object_add(root, "next", json_object_new_int64(c->timing.next));
	json_object_object_add(root, "failures", json_object_new_int64(c->timing.failures));
	json_object_object_add(root, "server", json_object_new_string(c->reply.server));
	json_object_object_add(root, "verified", json_object_new_boolean(c->reply.verified));
	json_object_object_add(root, "token", json_object_new_string(c->token));
	json_object_object_add(root, "document",
			       c->reply.bytes ? json_object_new_string_len(c->reply.bytes,
									   c->reply.len) :
						NULL);
	return root;
}

/* Two commands at a time each write a file of their own, the later rename stays. */
static int write_file(const char *path, char *temp, struct json_object *root)
{
	int fd = mkostemp(temp, O_CLOEXEC), ret;

	if (fd < 0)
		return err_sys(errno, "Name a directory with --state-dir.", "cannot write %s",
			       path);
	ret = json_object_to_fd(fd, root, JSON_C_TO_STRING_PLAIN) || fsync(fd);
	ret = close(fd) || ret || rename(temp, path);
	if (ret) {
		ret = err_sys(errno, "Make room on the file system.", "cannot write %s", path);
		unlink(temp);
	}
	return ret;
}

/* Makes the rename durable. */
static void sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

int prov_cache_save(const struct prov_cache *c, const char *dir, const char *wan,
		    enum prov_source source)
{
	char path[PATH_MAX], temp[PATH_MAX];
	struct json_object *root;
	int ret;

	if (make_path(path, dir, wan, source, "") || make_path(temp, dir, wan, source, ".XXXXXX"))
		return -1;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_sys(errno, "Name a directory with --state-dir.", "cannot make %s", dir);
	root = make_root(c, source);
	ret = root ? write_file(path, temp, root) : err(NULL, "out of memory");
	json_object_put(root);
	sync_dir(dir);
	return ret;
}

int prov_cache_remove(const char *dir, const char *wan, enum prov_source source)
{
	char path[PATH_MAX];

	if (make_path(path, dir, wan, source, ""))
		return -1;
	if (unlink(path) && errno != ENOENT && errno != ENOTDIR)
		return err_sys(errno, NULL, "cannot remove %s", path);
	return 0;
}

void prov_cache_drop(struct prov_cache *c)
{
	free(c->reply.bytes);
	c->reply.bytes = NULL;
	c->reply.len = 0;
}

void prov_cache_free(struct prov_cache *c)
{
	prov_cache_drop(c);
	memset(c, 0, sizeof(*c));
}
