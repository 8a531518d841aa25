// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../err.h"

/* A setting of the whole machine, which the kernel shows in the initial namespace only. Comparing
 * with /proc/1/ns/net would need CAP_SYS_PTRACE, and process 1 of a container is not in it. */
#define INITIAL_ONLY "/proc/sys/net/core/netdev_budget"

int netns_current(struct netns *ns)
{
	struct stat self;

	if (stat("/proc/self/ns/net", &self))
		return err_sys(errno, "mount /proc", "cannot look at /proc/self/ns/net");
	ns->inode = self.st_ino;
	ns->initial = !access(INITIAL_ONLY, F_OK);
	return 0;
}

int netns_instance_id(const char *name, char id[NETNS_ID_MAX])
{
	struct netns ns;

	if (netns_current(&ns))
		return -1;
	if (ns.initial)
		snprintf(id, NETNS_ID_MAX, "%s", name);
	else
		snprintf(id, NETNS_ID_MAX, "%" PRIu64 "-%s", ns.inode, name);
	return 0;
}

/* A plain name may begin with digits too, even with digits and a dash ("2-home"). That is an
 * instance of the initial namespace all the same: inodes of namespaces are in the thousands of
 * millions, and no name of 11 characters holds one and more. */
bool netns_owns_id(const struct netns *ns, const char *id, const char **name)
{
	size_t digits = strspn(id, "0123456789");
	bool elsewhere = digits >= 10 && id[digits] == '-' && id[digits + 1];

	if (!elsewhere) {
		*name = id;
		return ns->initial;
	}
	*name = id + digits + 1;
	return !ns->initial && strtoull(id, NULL, 10) == ns->inode;
}
