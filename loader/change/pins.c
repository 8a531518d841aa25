// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "change/change.h"
#include "err.h"
#include "fault.h"

#define BPFFS "/sys/fs/bpf"

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Machines without systemd may not have mounted it. Like any other user of it we leave it there. */
static int ensure_bpffs(const char *root)
{
	if (strncmp(root, BPFFS "/", strlen(BPFFS "/")) || is_bpffs(BPFFS))
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return err_sys(errno, "Mount it by hand: mount -t bpf bpf " BPFFS,
			       "there is no BPF file system at " BPFFS);
	return 0;
}

static int remove_pins(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *d = opendir(dir);

	if (!d)
		return errno == ENOENT ? 0 : err_sys(errno, NULL, "cannot open '%s'", dir);
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	closedir(d);
	if (rmdir(dir) && errno != ENOENT)
		return err_sys(errno, NULL, "cannot remove the pin directory '%s'", dir);
	return 0;
}

int change_pins(struct journal *j, const char *root, const char *id, const struct objects *objects)
{
	struct json_object *detail;
	char dir[PATH_MAX];

	if (ensure_bpffs(root))
		return -1;
	if (mkdir(root, 0700) && errno != EEXIST)
		return err_sys(errno, "--pin-root must lie on a mounted BPF file system.",
			       "cannot make the pin directory '%s'", root);
	if (!is_bpffs(root))
		return err("--pin-root must lie on a mounted BPF file system.",
			   "'%s' is not on one", root);
	snprintf(dir, sizeof(dir), "%s/%s", root, id);
	detail = json_object_new_object();
	json_object_object_add(detail, "dir", json_object_new_string(dir));
	json_object_object_add(detail, "root", json_object_new_string(root));
	if (journal_record(j, "pins", detail))
		return -1;
	/* No journal knows of an older directory, so nothing uses it. */
	if (remove_pins(dir))
		return -1;
	if (mkdir(dir, 0700))
		return err_sys(errno, NULL, "cannot make the pin directory '%s'", dir);
	if (fault_point("pin directory") || objects_pin(objects, dir))
		return -1;
	return fault_point("pins");
}

int undo_pins(struct json_object *detail, struct undo *undo)
{
	(void)undo;
	if (remove_pins(detail_str(detail, "dir")))
		return -1;
	rmdir(detail_str(detail, "root")); /* stays while other instances use it */
	return 0;
}
