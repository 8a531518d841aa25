/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_CONFIG_FILE_H
#define MAPE_LOADER_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "forward.h"
#include "opt.h"

/*
 * What an instance keeps over a detach, or a restart of the machine:
 *
 *	# comment
 *	forward tcp 5123 192.168.1.10:22
 *
 *	[mape1]
 *	forward udp 1400 self:500
 *
 * One setting a line, by instance; lines before the first [NAME] are those of mape0. A '#' at the
 * begin of a word makes the rest of the line a comment.
 */

#define CONFIG_FILE_DEFAULT "/etc/mape-xdp.conf"

/* One setting, and where it is in the file. */
struct config_entry {
	char section[OPT_NAME_MAX + 1];
	struct forward forward;
	unsigned int line; /* from 1 */
	size_t start, end; /* bytes of the line with its newline */
};

struct config_file {
	char *path;
	char *text; /* as it is in the file; "" if there is none */
	size_t len;
	struct config_entry *entries;
	size_t n;
	struct config_section {
		char name[OPT_NAME_MAX + 1];
		size_t end; /* where its next setting goes */
	} *sections;	    /* those with a header */
	size_t n_sections;
};

/* Reads and checks the whole file. Where there is none: nothing to read, unless it must exist. 0,
 * or -1 with err(), which names file and line. Always config_file_free() it. */
int config_file_load(struct config_file *c, const char *path, bool must_exist);
void config_file_free(struct config_file *c);

/* The forward of this protocol and port of an instance, or NULL. */
const struct config_entry *config_file_find(const struct config_file *c, const char *name,
					    const struct forward *f);

/*
 * Adds a forward to the instance NAME, in place of one of the same protocol and port, or removes
 * it. The file is replaced at once, and all other lines stay as they are, byte for byte. 0, 1 if
 * nothing had to be changed, or -1 with err().
 */
int config_file_add(const char *path, const char *name, const struct forward *f);
int config_file_del(const char *path, const char *name, const struct forward *f);

/* Puts the forwards of an instance that is being attached into effect. Those that do not fit it
 * any more are warned of. 0, or -1 with err(). */
int forwards_restore(const struct instance *instance, const struct config_file *c);

#endif
