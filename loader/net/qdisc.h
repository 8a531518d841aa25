/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_NET_QDISC_H
#define MAPE_LOADER_NET_QDISC_H

#include <stdbool.h>

/* The clsact queueing discipline, which carries the TC filters of an interface and is shared by
 * everybody who has one there. Functions that return int give 0, or -1 with err(). */

int clsact_exists(int ifindex, bool *exists);

/* Are there filters on it, in either direction? */
int clsact_in_use(int ifindex, bool *in_use);

int clsact_add(int ifindex);
int clsact_del(int ifindex); /* gone already is 0 */

#endif
