/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_NET_SYSCTL_H
#define MAPE_LOADER_NET_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * /proc/sys of the network namespace of the process. Keys are paths below /proc/sys with slashes,
 * "net/ipv4/conf/eth0.10/rp_filter": names of interfaces may contain dots.
 * Functions that return int give 0, or -1 with err().
 */

#define SYSCTL_VALUE_MAX 64

bool sysctl_exists(const char *key);

/* The value without the newline. */
int sysctl_read(const char *key, char *value, size_t size);
int sysctl_read_int(const char *key, long *value);

int sysctl_write(const char *key, const char *value);

#endif
