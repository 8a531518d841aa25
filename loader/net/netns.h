/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_NET_NETNS_H
#define MAPE_LOADER_NET_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The network namespace of the process. */
struct netns {
	uint64_t inode;
	bool initial;	/* the one that the kernel started with */
};

/* 0, or -1 with err(). */
int netns_current(struct netns *ns);

#define NETNS_ID_MAX 48

/* Name of the directory of pins and of the journal of an instance: bpffs and /run are not per
 * namespace, so outside the initial one it is "<inode>-<name>". 0, or -1 with err(). */
int netns_instance_id(const char *name, char id[NETNS_ID_MAX]);

/* Whether an id made by netns_instance_id() belongs to the namespace; *name then points at the
 * name of the instance inside it. */
bool netns_owns_id(const struct netns *ns, const char *id, const char **name);

#endif
