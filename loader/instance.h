/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_INSTANCE_H
#define MAPE_LOADER_INSTANCE_H

#include <stdbool.h>

#include "cmd.h"
#include "journal.h"

/*
 * An instance as later commands find it: its journal, and its maps and control program by their
 * pins. Functions give 0, or -1 with err().
 */
struct instance {
	struct journal *journal;
	char *pins; /* directory */
};

/*
 * Finds the instance that the command is about: the one named WAN or NAME in the first positional
 * word, else the one of --name. Opens its journal; with lock, so that it may be changed.
 */
int instance_find(struct instance *instance, const struct cmd_call *call, bool lock);
void instance_close(struct instance *instance);

/* Attached, and its tunnel interface is there. */
bool instance_attached(const struct instance *instance);

/* For a command that needs a running instance: CMD_OK, or CMD_NOT_ATTACHED with err(). */
int instance_need(const struct instance *instance);

/* fd of a pinned map or program for close(). */
int instance_open_map(const struct instance *instance, const char *name);
int instance_open_control(const struct instance *instance);

/* Its name, which is the tunnel interface's too. */
const char *instance_name(const struct instance *instance);

/* Setting `key` of the attach as text; "" if there is none. */
const char *instance_setting(const struct instance *instance, const char *key);

#endif
